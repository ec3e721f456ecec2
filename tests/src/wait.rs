//! Waiting for a condition, with a deadline: the only place here where time passes on purpose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take before a test gives up; generous, for a loaded machine with two
/// cores.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(50);

static ENDED: AtomicBool = AtomicBool::new(false);

/// Waits for a moment, where the moment itself is what is tested: something that happens at a fixed
/// period.
pub fn for_moment(moment: Instant) {
    std::thread::sleep(moment.saturating_duration_since(Instant::now()));
}

/// Looks at `probe` until it answers `Some`, for at most [`DEADLINE`].
///
/// An error of the probe means "not yet"; the last one is named when the deadline passes.
pub fn until<T>(what: &str, probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_every(PERIOD, what, probe)
}

/// [`until`], looking as often as every `period`: where many short waits follow each other.
pub fn until_every<T>(
    period: Duration,
    what: &str,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let last = match probe() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => String::from("the condition does not hold"),
            Err(error) => format!("{error:#}"),
        };
        if started.elapsed() > DEADLINE {
            bail!(
                "waited {} s for {what}; at last: {last}",
                DEADLINE.as_secs()
            );
        }
        if !pass(period) {
            bail!("interrupted while waiting for {what}");
        }
    }
}

/// Lets a moment pass; `false` once [`end`] was called.
pub fn a_moment() -> bool {
    pass(PERIOD)
}

/// Lets this much time pass, for whoever strikes at a random instant; `false` once [`end`] was
/// called.
pub fn pass(time: Duration) -> bool {
    std::thread::sleep(time);
    !ENDED.load(Ordering::SeqCst)
}

/// Ends every wait of this process, now and from now on.
pub fn end() {
    ENDED.store(true, Ordering::SeqCst);
}
