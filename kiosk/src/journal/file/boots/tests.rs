//! Boots whose clock nobody knew, between boots whose clock was known.

use pikir_contract::{ClockReading, SealKey, Time};
use proptest::prelude::*;

use super::*;
use crate::journal::{Content, Journal, NewEvent};
use crate::platform::entropy::{Entropy, TestEntropy};

const HOUR: i64 = 3_600_000;
/// When the first boot of a test begins.
const DAY_ONE: i64 = 1_800_000_000_000;

fn boot_id(number: usize) -> BootId {
    format!("7c1d6f0e-1111-4222-8333-{number:012}")
        .parse()
        .unwrap()
}

fn journal(dir: &tempfile::TempDir) -> Journal {
    Journal::create(
        &dir.path().join("journal.db"),
        &SealKey::from_bytes([1; 32]),
    )
    .unwrap()
}

fn append(journal: &mut Journal, boot: BootId, up_ms: i64) {
    let at = ClockReading {
        boot,
        up_ms: up_ms as u64,
        // A clock that is wrong in every boot.
        wall: Time::from_unix_ms(0).unwrap(),
        synced: false,
    };
    let content = Content::Notice {
        what: "boot",
        detail: None,
    };
    let id = TestEntropy::new(journal.state().last_seq).id(0);
    journal.append(NewEvent { id, at, content }).unwrap();
}

fn learn(journal: &mut Journal, boot: BootId, offset_ms: i64) {
    let quality = OffsetQuality::Portal;
    journal
        .learn_offset(&BootOffset {
            boot,
            offset_ms,
            quality,
        })
        .unwrap();
}

fn known(journal: &Journal, boot: BootId) -> Option<(i64, OffsetQuality)> {
    let known = journal.offset_of(&boot.to_string()).unwrap()?;
    Some((known.offset_ms, known.quality))
}

#[test]
fn a_boot_between_two_known_ones_is_put_in_the_middle_of_its_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(&dir);
    let [first, lost, last] = [0, 1, 2].map(boot_id);
    append(&mut journal, first, HOUR);
    learn(&mut journal, first, DAY_ONE);
    append(&mut journal, lost, 0);
    append(&mut journal, lost, 2 * HOUR);
    append(&mut journal, last, 0);
    assert_eq!(known(&journal, lost), None, "nothing bounds it yet");
    learn(&mut journal, last, DAY_ONE + 11 * HOUR);
    // It began between hour 1 and hour 9.
    let middle = DAY_ONE + 5 * HOUR;
    assert_eq!(
        known(&journal, lost),
        Some((middle, OffsetQuality::Estimated))
    );
    let told = journal.batch(1, 1).unwrap().boots;
    assert!(
        told.iter()
            .any(|known| known.boot == lost && known.offset_ms == middle),
        "a batch tells of it, whoever's events are in it"
    );
}

#[test]
fn a_boot_before_every_known_one_is_put_as_late_as_it_can_have_been() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(&dir);
    append(&mut journal, boot_id(0), 2 * HOUR);
    learn(&mut journal, boot_id(1), DAY_ONE);
    assert_eq!(
        known(&journal, boot_id(0)),
        Some((DAY_ONE - 2 * HOUR, OffsetQuality::Estimated)),
        "although the known boot has no event yet"
    );
}

#[test]
fn a_measured_clock_replaces_an_estimate_and_never_the_reverse() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(&dir);
    append(&mut journal, boot_id(0), HOUR);
    append(&mut journal, boot_id(1), 0);
    learn(&mut journal, boot_id(1), DAY_ONE);
    learn(&mut journal, boot_id(0), DAY_ONE - 9 * HOUR);
    learn(&mut journal, boot_id(1), DAY_ONE + 1_500);
    assert_eq!(
        known(&journal, boot_id(0)),
        Some((DAY_ONE - 9 * HOUR, OffsetQuality::Portal))
    );
}

#[test]
fn an_estimate_stays_when_the_events_it_was_made_with_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(&dir);
    append(&mut journal, boot_id(0), 4 * HOUR);
    learn(&mut journal, boot_id(0), DAY_ONE);
    append(&mut journal, boot_id(1), 0);
    append(&mut journal, boot_id(2), 0);
    learn(&mut journal, boot_id(2), DAY_ONE + 10 * HOUR);
    let estimate = Some((DAY_ONE + 7 * HOUR, OffsetQuality::Estimated));
    assert_eq!(known(&journal, boot_id(1)), estimate);
    let gone = "DELETE FROM events WHERE seq = 1";
    journal.connection().execute(gone, []).unwrap();
    learn(&mut journal, boot_id(2), DAY_ONE + 10 * HOUR + 1_200);
    assert_eq!(known(&journal, boot_id(1)), estimate);
}

#[test]
fn clocks_that_contradict_each_other_make_estimates_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = journal(&dir);
    append(&mut journal, boot_id(0), 5 * HOUR);
    learn(&mut journal, boot_id(0), DAY_ONE);
    append(&mut journal, boot_id(1), HOUR);
    append(&mut journal, boot_id(2), 0);
    learn(&mut journal, boot_id(2), i64::MIN);
    learn(&mut journal, boot_id(2), DAY_ONE - 100 * HOUR);
    assert_eq!(
        known(&journal, boot_id(1)),
        Some((DAY_ONE - 101 * HOUR, OffsetQuality::Estimated))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Boots as (pause before, time at work, whether its clock became known); the last is always
    /// known.
    #[test]
    fn every_estimate_lies_within_half_its_window_and_no_two_boots_overlap(
        boots in proptest::collection::vec((0..20 * HOUR, 0..20 * HOUR, any::<bool>()), 2..12)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(&dir);
        let (mut now, mut truth) = (DAY_ONE, Vec::new());
        for (number, (pause, work, is_known)) in boots.iter().enumerate() {
            let is_known = number == 0 || *is_known || number + 1 == boots.len();
            now += pause;
            truth.push((now, now + work, is_known));
            append(&mut journal, boot_id(number), 0);
            append(&mut journal, boot_id(number), *work);
            if is_known {
                learn(&mut journal, boot_id(number), now);
            }
            now += work;
        }
        let mut ended = i64::MIN;
        for (number, (began, end, is_known)) in truth.iter().enumerate() {
            let (estimate, quality) = known(&journal, boot_id(number)).unwrap();
            prop_assert_eq!(quality == OffsetQuality::Estimated, !is_known);
            let before = truth[..number].iter().rev().find(|boot| boot.2).map(|boot| boot.1);
            let after = truth[number..].iter().find(|boot| boot.2).map(|boot| boot.0);
            let window = after.zip(before).map_or(0, |(after, before)| after - before);
            prop_assert!((estimate - began).abs() <= window / 2 + 1 || *is_known && estimate == *began);
            prop_assert!(estimate >= ended, "it begins before the one before it ended");
            ended = estimate + (end - began);
        }
    }
}
