//! Ranges of missing numbers.

/// The parts of `gaps` that `known` does not cover.
pub(super) fn without(gaps: &[(u64, u64)], known: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut known = known.to_vec();
    known.sort_unstable();
    let mut rest = Vec::new();
    for &(first, last) in gaps {
        let mut from = first;
        for &(begin, end) in known.iter().filter(|(_, end)| *end >= first) {
            if begin > last {
                break;
            }
            if begin > from {
                rest.push((from, begin - 1));
            }
            from = from.max(end + 1);
        }
        if from <= last {
            rest.push((from, last));
        }
    }
    rest
}
