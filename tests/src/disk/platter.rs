//! What one file holds for certain, what was written to it since, and what a power cut makes of it.

use crate::dice::Dice;

/// The unit that a disk writes whole or not at all (bytes).
pub const SECTOR: usize = 512;

/// A file whose every change is remembered until it is on the platter.
#[derive(Debug, Default)]
pub struct Platter {
    /// What survives any power cut.
    durable: Vec<u8>,
    /// Whether the file's name survives a power cut.
    named: bool,
    /// Changes since, oldest first.
    pending: Vec<Pending>,
}

#[derive(Debug, Clone)]
struct Pending {
    change: Change,
    /// The sync that a lying disk confirmed without having done it.
    claimed: Option<u64>,
    /// A sync after it failed: the system forgets that it still has to be written.
    forgotten: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Size(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Size(size) => content.resize(*size, 0),
        }
    }

    /// The parts of it that reach the platter independently of each other.
    fn sectors(&self) -> Vec<Self> {
        let Self::Write { offset, bytes } = self else {
            return vec![self.clone()];
        };
        let (mut parts, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let end = bytes.len().min(at + SECTOR - (offset + at) % SECTOR);
            parts.push(Self::Write {
                offset: offset + at,
                bytes: bytes[at..end].to_vec(),
            });
            at = end;
        }
        parts
    }
}

impl Platter {
    /// A file that was there when the power came on.
    #[must_use]
    pub fn found(content: Vec<u8>) -> Self {
        Self {
            durable: content,
            named: true,
            pending: Vec::new(),
        }
    }

    /// A file that was just made: its name is gone after a power cut, until it is synced.
    #[must_use]
    pub fn made() -> Self {
        Self::default()
    }

    /// Bytes were written.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.change(Change::Write { offset, bytes });
    }

    /// The file was cut off or extended to this size.
    pub fn resize(&mut self, size: usize) {
        self.change(Change::Size(size));
    }

    fn change(&mut self, change: Change) {
        self.pending.push(Pending {
            change,
            claimed: None,
            forgotten: false,
        });
    }

    /// Sync number `round` of the disk: everything up to now is on the platter, unless the disk
    /// lies about its last `lies` syncs.
    pub fn sync(&mut self, round: u64, lies: u64, dice: &mut Dice) {
        self.named = true;
        for pending in &mut self.pending {
            pending.claimed.get_or_insert(round);
        }
        self.settle(round, lies, dice);
    }

    /// Another sync of the disk took place: what a lying disk confirmed long ago is written by now.
    pub fn settle(&mut self, round: u64, lies: u64, dice: &mut Dice) {
        let settled = self
            .pending
            .iter()
            .take_while(|pending| {
                pending
                    .claimed
                    .is_some_and(|claimed| claimed + lies <= round)
            })
            .count();
        for pending in self.pending.drain(..settled) {
            // What a failed sync made the system forget may or may not have been written before.
            if !pending.forgotten || dice.percent(50) {
                pending.change.apply(&mut self.durable);
            }
        }
    }

    /// A sync failed: Linux reports that once and never tries those writes again.
    pub fn sync_failed(&mut self) {
        for pending in &mut self.pending {
            pending.forgotten = true;
        }
    }

    /// The oldest sync that was confirmed and of which something is not on the platter: a power cut
    /// now breaks that promise. `None`: there is none.
    #[must_use]
    pub fn broken_promise(&self) -> Option<u64> {
        self.pending
            .iter()
            .filter_map(|pending| pending.claimed)
            .min()
    }

    /// Whether its name survives a power cut.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Whether everything is on the platter.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.named && self.pending.is_empty()
    }

    /// What is there after a power cut now: each change since the last sync kept, dropped or torn
    /// at sectors, in any order. `None`: not even the name.
    #[must_use]
    pub fn after_cut(&self, dice: &mut Dice) -> Option<Vec<u8>> {
        if !self.named && dice.percent(50) {
            return None;
        }
        let mut content = self.durable.clone();
        for change in self.surviving(dice) {
            change.apply(&mut content);
        }
        Some(content)
    }

    fn surviving(&self, dice: &mut Dice) -> Vec<Change> {
        // All or nothing are the cases that a real disk shows most often.
        match dice.below(4) {
            0 => return Vec::new(),
            1 => {
                return self
                    .pending
                    .iter()
                    .map(|pending| pending.change.clone())
                    .collect();
            }
            _ => {}
        }
        let mut survivors = Vec::new();
        for pending in &self.pending {
            match dice.below(3) {
                0 => {}
                1 => survivors.push(pending.change.clone()),
                _ => survivors.extend(
                    pending
                        .change
                        .sectors()
                        .into_iter()
                        .filter(|_| dice.percent(50)),
                ),
            }
        }
        if dice.percent(50) {
            dice.shuffle(&mut survivors);
        }
        survivors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every content that 400 power cuts show.
    fn shown(platter: &Platter) -> Vec<Option<Vec<u8>>> {
        let mut all: Vec<_> = (0..400)
            .map(|seed| platter.after_cut(&mut Dice::new(seed)))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    #[test]
    fn what_was_synced_is_all_that_is_ever_shown() {
        let mut platter = Platter::made();
        platter.write(0, &[7; 3 * SECTOR]);
        platter.resize(2 * SECTOR);
        platter.sync(1, 0, &mut Dice::new(1));
        assert_eq!(shown(&platter), [Some(vec![7; 2 * SECTOR])]);
        assert!(platter.is_settled());
        assert_eq!(platter.broken_promise(), None);
    }

    #[test]
    fn what_was_not_synced_is_kept_dropped_or_torn_at_sectors() {
        let mut platter = Platter::found(vec![0; 2 * SECTOR]);
        platter.write(SECTOR - 10, &[1; 20]);
        let shown: Vec<_> = shown(&platter).into_iter().map(Option::unwrap).collect();
        let ones = |content: &Vec<u8>| content.iter().filter(|byte| **byte == 1).count();
        let mut counts: Vec<_> = shown.iter().map(ones).collect();
        counts.sort_unstable();
        assert_eq!(
            counts,
            [0, 10, 10, 20],
            "nothing, either sector, and the whole"
        );
    }

    #[test]
    fn a_write_may_reach_the_platter_before_an_earlier_one() {
        let mut platter = Platter::found(vec![0; SECTOR]);
        platter.write(0, &[1]);
        platter.write(1, &[2]);
        platter.write(0, &[3]);
        let shown = shown(&platter);
        let first_two = |a, b| shown.iter().flatten().any(|content| content[..2] == [a, b]);
        assert!(first_two(0, 2), "the later without the earlier");
        assert!(first_two(1, 0), "the first, without what came over it");
    }

    #[test]
    fn a_new_file_may_be_gone_until_it_is_synced() {
        let mut platter = Platter::made();
        assert!(shown(&platter).contains(&None));
        platter.sync(1, 0, &mut Dice::new(1));
        assert_eq!(shown(&platter), [Some(Vec::new())]);
    }

    #[test]
    fn a_lying_disk_loses_what_it_confirmed_last_and_keeps_what_is_older() {
        let mut dice = Dice::new(1);
        let mut platter = Platter::found(vec![0; 3]);
        for round in 1..=3 {
            platter.write(round as usize - 1, &[round as u8]);
            platter.sync(round, 2, &mut dice);
        }
        assert_eq!(
            platter.broken_promise(),
            Some(2),
            "the first is kept by now"
        );
        let shown = shown(&platter);
        assert!(shown.contains(&Some(vec![1, 0, 0])), "{shown:?}");
        assert!(
            shown.iter().flatten().all(|content| content[0] == 1),
            "{shown:?}"
        );
    }

    #[test]
    fn after_a_failed_sync_the_next_one_does_not_vouch_for_what_came_before() {
        let after = |seed| {
            let mut platter = Platter::found(vec![0; 2]);
            platter.write(0, &[1]);
            platter.sync_failed();
            platter.write(1, &[2]);
            platter.sync(1, 0, &mut Dice::new(seed));
            platter.after_cut(&mut Dice::new(1)).unwrap()
        };
        let all: Vec<_> = (0..50).map(after).collect();
        assert!(all.contains(&vec![0, 2]) && all.contains(&vec![1, 2]));
    }
}
