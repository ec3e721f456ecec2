//! Whole histories of one terminal and its portal, in virtual time, repeatable by their seed.
//!
//! The journal ([`Keeper`](pikir_kiosk::journal::Keeper)) and the uploader are the terminal's own
//! code; the disk ([`crate::disk`]), the clocks, the network and the portal are simulated, all in
//! one thread. A history is a few lives of the terminal, in which visitors rate while the power is
//! cut between any two steps of the disk, writes are torn and lost, answers are lost, late, doubled
//! or somebody else's, clocks jump, the journal is damaged, and the portal is restored from a
//! backup. In the end everything is well for a while, and then [`check`] must hold.
//!
//! | file | what it is |
//! | --- | --- |
//! | [`history`] | what happens, drawn from the seed |
//! | [`tally`] | what is remembered of it, and counted |
//! | [`enrolled`] | what it begins with |
//! | [`machine`] | the terminal: its journal without a thread, its uploader, its deaths |
//! | [`road`] | the network |
//! | [`portal`] | a portal written from the contract alone |
//! | [`clock`] | virtual time, and clocks that are wrong |
//! | [`damage`] | what happens to files |
//! | [`check`] | what must hold in the end |

pub mod check;
pub mod clock;
pub mod damage;
pub mod enrolled;
pub mod history;
pub mod machine;
pub mod portal;
pub mod road;
pub mod tally;

use anyhow::{Context, Result};
use history::History;
use tally::Tally;

/// Lives one history; returns its figures and its story. The same seed gives the same one.
///
/// # Errors
/// Something that must hold does not; the error tells the story.
pub fn run(seed: u64) -> Result<(Tally, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let mut history = History::begin(seed)?;
        let outcome = history.unfold().await;
        let tally = outcome.with_context(|| format!("seed {seed}:\n{}", history.story()))?;
        Ok((tally, history.story().to_owned()))
    })
}
