//! The same rating button again too soon is the same press, for hands that tremble: what the screen
//! does with keys.

use pikir_contract::Score;

/// Remembers the last press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleStrike {
    /// 0: every press counts (milliseconds).
    within_ms: u64,
    /// What was pressed, and at what uptime (milliseconds).
    last: Option<(Score, u64)>,
}

impl DoubleStrike {
    /// Presses of the same button within this time (milliseconds) are one.
    #[must_use]
    pub fn new(within_ms: u16) -> Self {
        Self {
            within_ms: within_ms.into(),
            last: None,
        }
    }

    /// Whether this press is the last one again. If not, it is the last one from now on.
    pub fn is_same(&mut self, score: Score, now_ms: u64) -> bool {
        let same = self
            .last
            .is_some_and(|(last, at_ms)| last == score && now_ms < at_ms + self.within_ms);
        if !same {
            self.last = Some((score, now_ms));
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_button_again_within_the_time_is_the_same_press_and_another_one_is_not() {
        let [one, two, ..] = Score::ALL;
        let mut strikes = DoubleStrike::new(500);
        assert!(!strikes.is_same(one, 1_000));
        assert!(strikes.is_same(one, 1_499));
        assert!(
            !strikes.is_same(one, 1_500),
            "counted from the press that was taken"
        );
        assert!(!strikes.is_same(two, 1_600));
        assert!(!strikes.is_same(one, 1_700));
    }

    #[test]
    fn without_a_time_every_press_counts() {
        let mut strikes = DoubleStrike::new(0);
        for _ in 0..3 {
            assert!(!strikes.is_same(Score::ALL[0], 1_000));
        }
    }
}
