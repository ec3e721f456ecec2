//! A panel that touches itself, as far as the visit knows of it.

use super::doubt::{Phantom, Point};
use super::{Effect, Visit};

impl Visit {
    /// Nobody's input until it is a rating, so it neither wakes the terminal nor keeps a language.
    pub(super) fn panel_touched(&mut self, point: Point, now_ms: u64) -> Option<Effect> {
        if !self.suspects(point) {
            self.stirred_ms = now_ms;
        }
        let phantom = self.doubt.touch(point, now_ms)?;
        let detail = format!("phantom touch at {phantom}; ratings from there are flagged");
        Some(Effect::Maintenance(detail))
    }

    pub(super) fn trust_quiet_points(&mut self, now_ms: u64) -> Vec<Effect> {
        let quiet = self.doubt.let_time_pass(now_ms).into_iter();
        quiet
            .map(|Phantom { point, .. }| {
                let Point { x, y } = point;
                Effect::Maintenance(format!(
                    "phantom touch at {x},{y} (per mille) has stopped; ratings from there count again"
                ))
            })
            .collect()
    }

    /// Where the panel touches itself, as far as is known.
    #[must_use]
    pub fn phantoms(&self) -> &[Phantom] {
        self.doubt.phantoms()
    }

    /// Whether a touch here is taken for the panel's own.
    #[must_use]
    pub fn suspects(&self, point: Point) -> bool {
        self.doubt.suspects(point)
    }
}
