//! Ratings without end, through the kiosk's own journal.

use std::io::Write;

use anyhow::{Result, anyhow};
use pikir_contract::{EventsAnswer, InputKind, Score, Time};
use pikir_kiosk::journal::{Content, Keeper, NewEvent};
use pikir_kiosk::platform::clock::{Clock, SystemClock};
use pikir_kiosk::platform::entropy::{Entropy, SystemEntropy};

use crate::Port;

/// One rating in so many is followed by an acknowledgement of the portal.
const ACKNOWLEDGED_EVERY: f64 = 16.0;
/// One rating in so many is followed by what the journal does when it is quiet: its log is emptied.
const QUIET_EVERY: f64 = 48.0;
/// Events that the portal takes at once.
const BATCH_EVENTS: usize = 500;
/// Bytes that the portal takes at once.
const BATCH_BYTES: usize = 1024 * 1024;

/// Appends and acknowledges until the power fails.
pub fn rate(port: &mut Port, mut keeper: Keeper, clock: &SystemClock) -> Result<()> {
    loop {
        let appended = keeper
            .append(rating(clock))
            .map_err(|fault| anyhow!("a rating was not taken: {}", fault.detail))?;
        writeln!(port, "ACK {} {}", appended.seq, appended.id)?;
        if one_in(ACKNOWLEDGED_EVERY) {
            acknowledge(port, &mut keeper, clock)?;
        }
        if one_in(QUIET_EVERY) {
            keeper.idle();
        }
    }
}

/// A rating of this moment, as the visit makes it.
pub fn rating(clock: &SystemClock) -> NewEvent {
    let at = clock.reading();
    let touched = SystemEntropy.fraction() * 1000.0;
    NewEvent {
        id: SystemEntropy.id(clock.wall_ms()),
        content: Content::Rating {
            score: Score::ALL[at.up_ms as usize % Score::ALL.len()],
            lang: "ky".into(),
            input: InputKind::Touch,
            gap_ms: None,
            flags: Vec::new(),
            touched: Some((touched as u16, 700)),
        },
        at,
    }
}

/// Hands the pending events to a portal that takes them all, and takes its answer.
fn acknowledge(port: &mut Port, keeper: &mut Keeper, clock: &SystemClock) -> Result<()> {
    let batch = keeper.batch(BATCH_EVENTS, BATCH_BYTES)?;
    let Some(newest) = batch.events.last() else {
        return Ok(());
    };
    let answer = EventsAnswer {
        received_through: newest.seq,
        results: Vec::new(),
        time: Time::from_unix_ms(clock.wall_ms())?,
    };
    keeper.acknowledge(answer)?;
    writeln!(port, "TOOK {}", newest.seq)?;
    Ok(())
}

fn one_in(times: f64) -> bool {
    SystemEntropy.fraction() < 1.0 / times
}
