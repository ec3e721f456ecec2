//! What terminals took against what is here, in words.

use super::Locale;
use crate::domain::reconciliation::{Reconciliation, Times, ranges};

/// Parts of the missing numbers that are written out.
const SHOWN_RANGES: usize = 6;

/// How well the times of these ratings are known; `None` without ratings.
pub fn times(l: Locale, times: Times) -> Option<String> {
    let right_to = times.right_to_ms.map(|ms| written_span(l, ms));
    Some(match (times.estimated, times.unbounded, right_to) {
        (0, 0, None) => return None,
        (0, 0, Some(span)) => l.with("times accurate to {span}", "span", span),
        (estimated, 0, Some(span)) => l.with2(
            "estimated times: {count}, all accurate to {span}",
            "count",
            l.number(&estimated),
            "span",
            span,
        ),
        (estimated, ..) => l.with(
            "estimated times: {count}, the error of some is not known",
            "count",
            l.number(&estimated),
        ),
    })
}

/// How well the time of one rating is known.
pub fn time(l: Locale, measured: bool, uncertainty_ms: Option<i64>) -> String {
    match (measured, uncertainty_ms.map(|ms| written_span(l, ms))) {
        (true, Some(span)) => l.with("accurate to {span}", "span", span),
        (false, Some(span)) => l.with("estimated, accurate to {span}", "span", span),
        (_, None) => l.t("estimated").to_owned(),
    }
}

/// A span in its largest unit of which there are two or more, rounded up.
fn written_span(l: Locale, ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (24 * 60 * 60 * 1000, "{count} d"),
        (60 * 60 * 1000, "{count} h"),
        (60 * 1000, "{count} min"),
        (1000, "{count} s"),
    ];
    let (unit, text) = UNITS
        .into_iter()
        .find(|(unit, _)| ms >= 2 * unit)
        .unwrap_or(UNITS[UNITS.len() - 1]);
    l.with(text, "count", ms.saturating_add(unit - 1) / unit)
        .replace(' ', "\u{a0}")
}

/// What the figures do not explain by themselves, in words.
pub fn differences(l: Locale, found: &Reconciliation) -> Vec<String> {
    let mut words = Vec::new();
    let total = found.total();
    if !total.missing.is_empty() {
        words.push(l.with2(
            "{count} entries are missing ({ranges}): later ones are here, so they are still on the terminal or were lost there.",
            "count",
            l.number(&total.missing_count()),
            "ranges",
            ranges(&total.missing, SHOWN_RANGES),
        ));
    }
    if !total.skipped.is_empty() {
        words.push(l.with2(
            "{count} numbers ({ranges}) were never given or were lost when the terminal recovered its journal, as it states itself. They are not counted as taken.",
            "count",
            l.number(&total.skipped_count()),
            "ranges",
            ranges(&total.skipped, SHOWN_RANGES),
        ));
    }
    for recovery in &found.recoveries {
        words.push(l.with2(
            "Entry {seq}: the terminal reported a damaged journal: {detail}",
            "seq",
            recovery.seq,
            "detail",
            &recovery.detail,
        ));
    }
    if let Some(waiting) = found.waiting.filter(|waiting| waiting.outstanding() > 0) {
        words.push(l.with2(
            "{count} entries were still waiting on the terminal when it last reported ({when}).",
            "count",
            l.number(&waiting.outstanding()),
            "when",
            l.minute(waiting.reported_at, &found.timezone),
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn a_span_is_rounded_up_and_never_said_in_ones() {
        for (ms, expected) in [
            (1, "1\u{a0}s"),
            (5_000, "5\u{a0}s"),
            (90_000, "90\u{a0}s"),
            (120_001, "3\u{a0}min"),
            (5_400_000, "90\u{a0}min"),
            (172_800_000, "2\u{a0}d"),
        ] {
            assert_eq!(written_span(Locale(Lang::En), ms), expected);
        }
    }

    #[test]
    fn what_is_not_known_of_times_is_said() {
        let words = |estimated, unbounded, right_to_ms| {
            times(
                Locale(Lang::En),
                Times {
                    estimated,
                    unbounded,
                    right_to_ms,
                },
            )
        };
        assert_eq!(words(0, 0, None), None);
        for (found, expected) in [
            (words(0, 0, Some(1_000)), "times accurate to 1\u{a0}s"),
            (
                words(2, 0, Some(7_200_000)),
                "estimated times: 2, all accurate to 2\u{a0}h",
            ),
            (
                words(2, 1, Some(1_000)),
                "estimated times: 2, the error of some is not known",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(expected));
        }
    }
}
