//! What must hold when everything is well again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pikir_contract::{Event, Id, Notice, OffsetQuality};
use pikir_kiosk::limits::MAX_REQUESTS_PER_MINUTE;

use super::history::History;
use super::machine::Life;
use super::portal::Books;
use super::tally::Tap;

/// How far a known time may be off (milliseconds): half of the longest round trip that is believed,
/// and the way.
const TOLERANCE_MS: u64 = 6_000;
/// Requests in an hour in which there is nothing to send.
const QUIET: usize = 20;

/// Whether nothing is left to be sent.
pub(super) fn is_at_rest(history: &History, life: &Life) -> bool {
    let published = life.published();
    let through = history
        .hardware
        .road
        .portal(|portal| portal.books().accepted.keys().next_back().copied());
    published.fault.is_none()
        && published.state.pending == 0
        && through.is_some_and(|through| through >= published.state.last_seq)
}

/// Whether the terminal has set events aside that nobody rejected for good: the next start offers
/// them again.
pub(super) fn is_set_aside(history: &History, life: &Life) -> bool {
    let rejected = history
        .hardware
        .road
        .portal(|portal| portal.books().rejected.len());
    life.published().state.rejected > rejected as u64
}

/// Nothing to send is nothing sent, and no minute of the whole history saw more than the pace
/// allows.
pub(super) fn rests_quietly(history: &History, before: usize) -> Result<()> {
    let sent = history.hardware.road.sent();
    ensure!(
        sent.len() - before <= QUIET,
        "{} requests in an hour at rest",
        sent.len() - before
    );
    // Each start begins a pace of its own.
    let minute = MAX_REQUESTS_PER_MINUTE * 2;
    let busy = sent
        .windows(minute + 1)
        .any(|window| window[minute] - window[0] < Duration::from_secs(60));
    ensure!(
        !busy,
        "a busy loop: more than {minute} requests in a minute"
    );
    Ok(())
}

/// Everything else.
pub(super) fn everything(history: &mut History, life: &Life) -> Result<()> {
    let (books, complaints, conflicts) = history.hardware.road.portal(|portal| {
        (
            portal.books().clone(),
            portal.complaints.clone(),
            portal.conflicts,
        )
    });
    ensure!(
        complaints.is_empty(),
        "against the contract: {complaints:?}"
    );
    history.tally.conflicts = conflicts;
    let held = by_id(history, &books)?;
    let (destroyed, collided) = missing(history, &held, &books)?;
    (history.tally.destroyed, history.tally.collided) = (destroyed, collided);
    ensure!(
        collided == 0 || conflicts > 0,
        "{collided} numbers were given twice, and the portal does not name it"
    );
    ensure!(
        destroyed == 0 || is_stated(history, life, &books),
        "{destroyed} acknowledged events are gone, and nobody says so"
    );
    strangers(history, &books)?;
    ensure!(
        books.rejected.is_empty() || history.temper.damage,
        "rejected: {:?}",
        books.rejected.keys()
    );
    if !history.temper.may_renumber() {
        let recovered = life.published().recovered;
        ensure!(
            recovered.is_none(),
            "nothing was damaged, but {recovered:?}"
        );
        gapless(history, &books)?;
    }
    in_order(history, &held)?;
    // Guesses come from what is known of other boots. Where the disk forgot some of that, the
    // portal was told it before: guesses from what is left then stand beside what they do not know
    // of.
    let temper = history.temper;
    if !temper.lying_disk && !temper.damage && !temper.wrong_portal_clock {
        dated_in_order(history, &books, &held)?;
    }
    times(history, &books, &held)
}

/// Where each event is held: exactly once. Only a disk that forgot an answer of the portal makes
/// the terminal take events that the portal holds for others, and give them new numbers
/// (`lost_end.rs` of the journal says why nobody can tell): the same body, which counts once by its
/// id.
fn by_id(history: &History, books: &Books) -> Result<HashMap<Id, u64>> {
    let mut held: HashMap<Id, u64> = HashMap::new();
    for event in books.accepted.values() {
        let id = id_of(event)?;
        let Some(other) = held.insert(id, event.seq) else {
            continue;
        };
        ensure!(
            history.disk_forgot && books.accepted[&other].body == event.body,
            "{id} is held twice: {other} and {}",
            event.seq
        );
    }
    Ok(held)
}

fn id_of(event: &Event) -> Result<Id> {
    event.body["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .with_context(|| format!("event {} has no id", event.seq))
}

/// How many acknowledged events are not at the portal. Only what lay on a disk that lied or was
/// damaged may be, and what took the number of an event that the disk forgot while the request with
/// it was still under way: it came when the life had begun in which the terminal asked, and the
/// portal answers `duplicate` to both and names the conflict; or the portal holds another one there
/// behind a gap, where its answer to that question does not reach. How many of those there are is
/// the second figure.
fn missing(history: &History, held: &HashMap<Id, u64>, books: &Books) -> Result<(u64, u64)> {
    let (mut destroyed, mut collided) = (0, 0);
    for tap in &history.taps {
        let Some(seq) = tap.seq.filter(|_| !held.contains_key(&tap.id)) else {
            continue;
        };
        let is_taken = !tap.at_risk && history.disk_forgot && books.known(seq).is_some();
        let came_late = is_taken
            && books
                .late
                .get(&seq)
                .is_some_and(|at_ms| *at_ms >= tap.life_ms);
        // Behind a gap that nobody can fill, the portal's answers do not tell what else it holds.
        let behind_a_gap = is_taken && books.through() + 1 < seq;
        ensure!(
            tap.at_risk || came_late || behind_a_gap,
            "event {seq} ({}) was acknowledged and is not at the portal, which holds {:?} there; rejected: {:?}",
            tap.id,
            books.accepted.get(&seq).map(|event| &event.body["id"]),
            books.rejected.keys()
        );
        destroyed += u64::from(tap.at_risk);
        collided += u64::from(came_late || behind_a_gap);
    }
    Ok((destroyed, collided))
}

/// Whether the terminal or the portal says that something was lost. What a disk forgot in order and
/// the portal never held, nobody can miss; nor what [`History::unseen_damage`] names.
fn is_stated(history: &History, life: &Life, books: &Books) -> bool {
    history.broke_promises
        || history.unseen_damage
        || life.published().recovered.is_some()
        || !books.rejected.is_empty()
        || books
            .accepted
            .values()
            .any(|event| event.body["what"] == Notice::JOURNAL_RECOVERED)
}

/// Nothing is held that nobody did, except what the terminal notices by itself.
fn strangers(history: &History, books: &Books) -> Result<()> {
    let known: HashSet<Id> = history.taps.iter().map(|tap| tap.id).collect();
    for event in books.accepted.values() {
        ensure!(
            known.contains(&id_of(event)?) || event.kind == "notice",
            "event {} was never appended",
            event.seq
        );
    }
    Ok(())
}

fn gapless(history: &History, books: &Books) -> Result<()> {
    let last = books.accepted.keys().next_back().copied().unwrap_or(0);
    ensure!(
        books.through() == last,
        "the portal is through to {}, but holds {last}",
        books.through()
    );
    for tap in history.taps.iter().filter(|tap| tap.seq.is_some()) {
        let event = tap.seq.and_then(|seq| books.accepted.get(&seq));
        ensure!(
            event.is_some_and(|event| event.body["id"] == tap.id.to_string()),
            "{tap:?} is not where it was acknowledged"
        );
    }
    Ok(())
}

/// The order of numbers is the order of taps: of those that kept theirs, and of those that were
/// given new ones. (The keys of the numbers behind those that were lost are used up, so what has
/// one of them keeps it.)
fn in_order(history: &History, held: &HashMap<Id, u64>) -> Result<()> {
    let (mut last_kept, mut last_moved) = (0, 0);
    for tap in &history.taps {
        let Some(seq) = held.get(&tap.id) else {
            continue;
        };
        let last = match tap.seq {
            Some(acknowledged) if acknowledged != *seq => &mut last_moved,
            Some(_) => &mut last_kept,
            // Which number it had first, nobody was told.
            None if history.temper.may_renumber() => continue,
            None => &mut last_kept,
        };
        ensure!(*seq > *last, "{tap:?} is event {seq}, after {last}");
        *last = *seq;
    }
    Ok(())
}

/// The true time of every event, as the portal computes it; what the terminal knows from the portal
/// is as wrong as its clock.
fn times(history: &History, books: &Books, held: &HashMap<Id, u64>) -> Result<()> {
    let ahead_ms = history
        .hardware
        .road
        .portal(|portal| portal.ever_ahead_ms().to_vec());
    for tap in &history.taps {
        let Some(event) = held.get(&tap.id).and_then(|seq| books.accepted.get(seq)) else {
            continue;
        };
        let up_ms = event.body["up_ms"].as_i64().context("up_ms")?;
        let told = books.told.get(&tap.boot);
        if let Some(offset) = told.filter(|told| told.quality != OffsetQuality::Estimated) {
            let off_by = |ahead_ms: &i64| (up_ms + offset.offset_ms).abs_diff(tap.at_ms + ahead_ms);
            let ahead_ms: &[i64] = match offset.quality {
                OffsetQuality::Synced => &[0],
                _ => &ahead_ms,
            };
            ensure!(
                ahead_ms
                    .iter()
                    .any(|ahead_ms| off_by(ahead_ms) <= TOLERANCE_MS),
                "{tap:?}: the terminal thinks that it was {} ms off ({offset:?}, {ahead_ms:?})",
                off_by(&0)
            );
        }
        if let Some(offset_ms) = books.seen.get(&tap.boot) {
            ensure!(
                up_ms + offset_ms + 1 >= tap.at_ms,
                "{tap:?}: it arrived before it happened ({offset_ms})"
            );
        }
    }
    Ok(())
}

/// What the terminal tells of its clocks, guesses included, leaves the order of taps as it was.
fn dated_in_order(history: &History, books: &Books, held: &HashMap<Id, u64>) -> Result<()> {
    let mut last: Option<(i64, &Tap)> = None;
    for tap in &history.taps {
        let event = held.get(&tap.id).and_then(|seq| books.accepted.get(seq));
        let (Some(event), Some(told)) = (event, books.told.get(&tap.boot)) else {
            continue;
        };
        let at_ms = event.body["up_ms"].as_i64().context("up_ms")? + told.offset_ms;
        if let Some((before_ms, before)) = last {
            ensure!(
                before_ms <= at_ms + TOLERANCE_MS as i64,
                "{before:?} is dated {before_ms}, {tap:?} is dated {at_ms} ({told:?})"
            );
        }
        last = Some((at_ms, tap));
    }
    Ok(())
}
