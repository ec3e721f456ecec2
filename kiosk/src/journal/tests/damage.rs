//! Damage of every kind, at random: no panic, nothing invented, nothing lost that could be read.

use std::fs;

use super::*;

/// What happens to the files.
#[derive(Debug, Clone)]
enum Damage {
    FlipBits(Vec<(u32, u8)>),
    ZeroPage(u32),
    SwapPages(u32, u32),
    Truncate(u32),
    RandomBytes(u32, Vec<u8>),
    FlipBitsOfLog(Vec<(u32, u8)>),
    TruncateLog(u32),
    LoseLog,
    LoseSpareKey,
}

fn damage() -> impl Strategy<Value = Damage> {
    let flips = || prop::collection::vec((any::<u32>(), 0_u8..8), 1..6);
    prop_oneof![
        3 => flips().prop_map(Damage::FlipBits),
        2 => any::<u32>().prop_map(Damage::ZeroPage),
        1 => any::<(u32, u32)>().prop_map(|(a, b)| Damage::SwapPages(a, b)),
        1 => any::<u32>().prop_map(Damage::Truncate),
        2 => (any::<u32>(), prop::collection::vec(any::<u8>(), 1..600)).prop_map(|(at, bytes)| Damage::RandomBytes(at, bytes)),
        2 => flips().prop_map(Damage::FlipBitsOfLog),
        1 => any::<u32>().prop_map(Damage::TruncateLog),
        1 => Just(Damage::LoseLog),
        1 => Just(Damage::LoseSpareKey),
    ]
}

fn flip(bytes: &mut [u8], flips: &[(u32, u8)]) {
    for (at, bit) in flips {
        if !bytes.is_empty() {
            let at = *at as usize % bytes.len();
            bytes[at] ^= 1 << bit;
        }
    }
}

/// A killed terminal's files.
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    fn apply(&mut self, damage: &Damage, desk: &Desk) {
        let pages = (self.database.len() / 4096).max(1);
        let page = |number: u32| number as usize % pages * 4096;
        match damage {
            Damage::FlipBits(flips) => flip(&mut self.database, flips),
            Damage::ZeroPage(number) if self.database.len() >= 4096 => {
                self.database[page(*number)..][..4096].fill(0);
            }
            Damage::SwapPages(a, b) if self.database.len() >= 4096 => {
                for offset in 0..4096 {
                    self.database.swap(page(*a) + offset, page(*b) + offset);
                }
            }
            Damage::Truncate(at) => self
                .database
                .truncate(*at as usize % (self.database.len() + 1)),
            Damage::RandomBytes(at, bytes) if self.database.len() > bytes.len() => {
                let at = *at as usize % (self.database.len() - bytes.len());
                self.database[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Damage::FlipBitsOfLog(flips) => flip(&mut self.log, flips),
            Damage::TruncateLog(at) => self.log.truncate(*at as usize % (self.log.len() + 1)),
            Damage::LoseLog => self.log.clear(),
            Damage::LoseSpareKey => {
                let _ = fs::remove_file(desk.dir.path().join("spare-key.json"));
            }
            _ => {}
        }
    }

    /// The pages that are as they were, of the database and of the log if that is asked for, as
    /// text.
    fn intact(&self, before: &Self, with_log: bool) -> String {
        let pages = self.database.chunks(4096).zip(before.database.chunks(4096));
        let pages = pages.filter(|(now, then)| now == then);
        let frames = |files: &Self| files.log.get(32..).unwrap_or_default().to_vec();
        let (now, then) = (frames(self), frames(before));
        let frames = now.chunks(4120).zip(then.chunks(4120));
        let frames = frames.filter(|(now, then)| with_log && now.len() == 4120 && now == then);
        pages
            .chain(frames)
            .map(|(now, _)| String::from_utf8_lossy(now))
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("PIKIR_DAMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
    ))]

    #[test]
    fn whatever_happens_to_the_files_the_terminal_goes_on_and_invents_nothing(
        (settled, fresh) in (0_u64..120, 0_u64..25),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let desk = Desk::new();
        desk.kept(settled).close();
        let mut keeper = desk.keeper();
        for _ in 0..fresh {
            keeper.append(desk.rating()).unwrap();
        }
        let before = all(&mut keeper);
        let log = desk.dir.path().join("journal.db-wal");
        let whole = Files { database: fs::read(desk.path()).unwrap(), log: fs::read(&log).unwrap_or_default() };
        drop(keeper);
        let mut files = Files { database: whole.database.clone(), log: whole.log.clone() };
        damages.iter().for_each(|damage| files.apply(damage, &desk));
        fs::write(desk.path(), &files.database).unwrap();
        fs::write(&log, &files.log).unwrap();
        let _ = fs::remove_file(desk.dir.path().join("journal.db-shm"));

        let mut keeper = desk.keeper();
        let rating = desk.rating();
        let own = rating.id.to_string();
        let taken = keeper.append(rating);
        // Damage may show only when a row is read; it is then mended, and asked again.
        let mut waiting = || {
            keeper.is_confirmed = true;
            keeper.batch(100_000, usize::MAX)
        };
        let after = waiting().or_else(|_| waiting()).unwrap().events;
        let recovered = keeper.published().recovered.is_some();
        let lost_spare = damages.iter().any(|damage| matches!(damage, Damage::LoseSpareKey));
        // That an end is missing altogether only the portal can tell, and damage to the last
        // transaction looks like a power cut.
        let forgotten = damages.iter().any(|damage| {
            matches!(damage, Damage::LoseLog | Damage::TruncateLog(_) | Damage::FlipBitsOfLog(_))
        });
        if !lost_spare {
            prop_assert!(taken.is_ok(), "{:?}", taken);
        }
        for event in &after {
            let key = SealKey::from_bytes(FIRST_KEY).advance(event.seq.min(5_000) - 1);
            let sealed = key.verify(event.seq, &event.kind, &event.body, &event.seal).unwrap();
            let known = before.contains(event);
            let new = event.body["what"] == "journal-recovered" || event.body["id"] == own;
            // A changed digit cannot be seen here; its seal gives it away to the portal.
            prop_assert!(known || !sealed || new, "invented: {:?}", event);
        }
        if recovered {
            let intact = files.intact(&whole, !forgotten);
            for event in &before {
                let whole_page = intact.contains(&format!("\"id\":{}", event.body["id"]));
                prop_assert!(!whole_page || after.contains(event), "seq {} was readable and is lost", event.seq);
            }
            if let (Ok(taken), Some(last)) = (&taken, before.last())
                && !lost_spare
                && !forgotten
            {
                prop_assert!(taken.seq > last.seq, "seq {} was given twice", taken.seq);
            }
        }
    }
}
