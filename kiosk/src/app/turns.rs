//! When the idle rate screen tells news instead of asking: a pure function of how long nobody was
//! there.
//!
//! The question and the news take turns, so that whoever comes finds the question soon, and at once
//! when they touch the screen. Without news nothing turns and nothing wakes.

use crate::limits::{NEWS_AFTER_MS, NEWS_TURN_MS};

/// Which of `count` news is shown when nobody was there for `alone_ms`; `None`: the question.
#[must_use]
pub fn slide(alone_ms: u64, count: usize) -> Option<usize> {
    let turn = usize::try_from(alone_ms.checked_sub(NEWS_AFTER_MS)? / NEWS_TURN_MS).ok()?;
    // News first, then the question again.
    (count > 0 && turn.is_multiple_of(2)).then(|| turn / 2 % count)
}

/// How long until [`slide`] changes (milliseconds); `None`: it does not.
#[must_use]
pub fn until_turn_ms(alone_ms: u64, count: usize) -> Option<u64> {
    if count == 0 {
        return None;
    }
    Some(match alone_ms.checked_sub(NEWS_AFTER_MS) {
        None => NEWS_AFTER_MS - alone_ms,
        Some(shown_ms) => NEWS_TURN_MS - shown_ms % NEWS_TURN_MS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_news_before_the_terminal_was_alone_for_a_while() {
        assert_eq!(slide(0, 3), None);
        assert_eq!(slide(NEWS_AFTER_MS - 1, 3), None);
        assert_eq!(slide(NEWS_AFTER_MS, 3), Some(0));
    }

    #[test]
    fn news_and_the_question_take_turns_and_every_news_has_its_turn() {
        let turns: Vec<_> = (0..8)
            .map(|turn| slide(NEWS_AFTER_MS + turn * NEWS_TURN_MS, 3))
            .collect();
        let (question, news) = (None, Some);
        assert_eq!(
            turns,
            [
                news(0),
                question,
                news(1),
                question,
                news(2),
                question,
                news(0),
                question
            ]
        );
    }

    #[test]
    fn without_news_nothing_turns_and_nothing_wakes() {
        for alone_ms in [0, NEWS_AFTER_MS, 100 * NEWS_TURN_MS] {
            assert_eq!(slide(alone_ms, 0), None);
            assert_eq!(until_turn_ms(alone_ms, 0), None);
        }
    }

    #[test]
    fn the_terminal_wakes_exactly_when_something_turns_and_at_most_every_ten_seconds() {
        let mut alone_ms = 0;
        for _ in 0..20 {
            let wait_ms = until_turn_ms(alone_ms, 2).unwrap();
            assert!(wait_ms >= 10_000, "{wait_ms}");
            assert_eq!(slide(alone_ms + wait_ms - 1, 2), slide(alone_ms, 2));
            assert_ne!(slide(alone_ms + wait_ms, 2), slide(alone_ms, 2));
            alone_ms += wait_ms;
        }
    }

    #[test]
    fn no_time_is_too_long() {
        assert!(until_turn_ms(u64::MAX, usize::MAX).is_some());
        let _ = slide(u64::MAX, 1);
    }
}
