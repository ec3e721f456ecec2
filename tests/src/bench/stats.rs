//! Percentiles, and how far repetitions lie apart.

/// The value below or at which the share `q` (0.0..=1.0) of `values` lies (nearest rank); 0 when
/// there are none.
pub fn percentile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

/// Half of the values lie at or below it.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// A ratio and how far its repetitions lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The figure itself.
    pub value: f64,
    /// Smallest of the repetitions.
    pub least: f64,
    /// Largest of the repetitions.
    pub most: f64,
    /// How many repetitions there were.
    pub repetitions: usize,
}

impl Ratio {
    /// `value` (from all repetitions together) with the spread of the single ones.
    pub fn new(value: f64, repetitions: &[f64]) -> Self {
        Self {
            value,
            least: repetitions.iter().copied().fold(f64::INFINITY, f64::min),
            most: repetitions
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max),
            repetitions: repetitions.len(),
        }
    }

    /// The median of the repetitions, with their spread.
    pub fn of(repetitions: &[f64]) -> Self {
        Self::new(median(repetitions), repetitions)
    }

    /// A figure that is the same however often it is taken.
    pub fn exact(value: f64) -> Self {
        Self::new(value, &[value])
    }
}

/// One repetition's samples of two that were measured in turns, `ours` and the one beside it.
#[derive(Debug, Clone, Default)]
pub struct Pair {
    /// Samples of what is measured.
    pub ours: Vec<f64>,
    /// Samples of what it is measured against.
    pub beside: Vec<f64>,
}

/// The ratio of a percentile over all repetitions together, with the spread of the single
/// repetitions.
pub fn ratio_at(pairs: &[Pair], q: f64) -> Ratio {
    let all = |side: fn(&Pair) -> &Vec<f64>| -> Vec<f64> {
        pairs.iter().flat_map(|pair| side(pair).clone()).collect()
    };
    let value = percentile(&all(|pair| &pair.ours), q) / percentile(&all(|pair| &pair.beside), q);
    let single: Vec<f64> = pairs
        .iter()
        .map(|pair| percentile(&pair.ours, q) / percentile(&pair.beside, q))
        .collect();
    Ratio::new(value, &single)
}

/// `0.5`, `20`, `1,000,000`.
pub fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        let rounded = (value * 1_000.0).round() / 1_000.0;
        return format!("{rounded}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_written_in_groups_of_three() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(
            (number(0.5), number(20.0), number(1_000.0)),
            ("0.5".into(), "20".into(), "1,000".into())
        );
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_whatever_the_order() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&values, 1.0), 100.0);
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_ratio_pools_the_samples_and_keeps_the_spread_of_the_repetitions() {
        let pair = |ours: &[f64], beside: &[f64]| Pair {
            ours: ours.to_vec(),
            beside: beside.to_vec(),
        };
        let pairs = [
            pair(&[2.0, 2.0, 2.0], &[2.0, 2.0, 2.0]),
            pair(&[6.0, 6.0, 6.0, 6.0], &[2.0, 2.0, 2.0, 2.0]),
        ];
        let ratio = ratio_at(&pairs, 0.5);
        assert_eq!(ratio.value, 3.0);
        assert_eq!((ratio.least, ratio.most, ratio.repetitions), (1.0, 3.0, 2));
    }
}
