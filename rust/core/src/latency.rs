//! Latency histograms: always on, a few nanoseconds a record, three significant digits.

use hdrhistogram::Histogram;

/// The longest latency that is told apart, 60 s in nanoseconds; longer ones count as it.
pub const MAX_NS: u64 = 60_000_000_000;

/// HdrHistogram of nanoseconds from 1 ns to 60 s. All memory is taken at the start.
#[derive(Debug, Clone)]
pub struct LatencyHistogram {
    counts: Histogram<u64>,
    /// As recorded, where the histogram has the upper edge of its bucket.
    max: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl LatencyHistogram {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: the bounds are constants that the histogram accepts.
    #[must_use]
    pub fn new() -> Self {
        let counts = Histogram::new_with_bounds(1, MAX_NS, 3).expect("constant bounds");
        Self { counts, max: 0 }
    }

    /// Counts a latency, clamped to 1 ns to 60 s.
    #[inline]
    pub fn record(&mut self, ns: i64) {
        let ns = u64::try_from(ns).unwrap_or(0).clamp(1, MAX_NS);
        self.max = self.max.max(ns);
        self.counts.saturating_record(ns);
    }

    /// The latency that `percent` of the records do not exceed, within 0.1 %; 0 without records.
    /// `percent` is clamped to 0 to 100.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> u64 {
        if self.counts.is_empty() {
            return 0;
        }
        self.counts.value_at_percentile(percent).min(self.max)
    }

    /// Number of records.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// The largest record, exactly; 0 without records.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Adds all records of another.
    ///
    /// # Panics
    /// Never: all have the same bounds.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts).expect("same bounds");
        self.max = self.max.max(other.max);
    }

    /// Forgets all records and keeps the memory.
    pub fn reset(&mut self) {
        self.counts.reset();
        self.max = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_empty_at_first_and_after_a_reset() {
        let mut histogram = LatencyHistogram::new();
        for _ in 0..2 {
            assert_eq!(
                (
                    histogram.count(),
                    histogram.max(),
                    histogram.percentile(99.0)
                ),
                (0, 0, 0)
            );
            histogram.record(5);
            assert_eq!(
                (
                    histogram.count(),
                    histogram.max(),
                    histogram.percentile(99.0)
                ),
                (1, 5, 5)
            );
            histogram.reset();
        }
    }

    #[test]
    fn clamps_what_is_out_of_bounds() {
        let mut histogram = LatencyHistogram::new();
        for ns in [-7, i64::MIN, 0] {
            histogram.record(ns);
        }
        assert_eq!((histogram.count(), histogram.max()), (3, 1));
        histogram.record(i64::MAX);
        assert_eq!(histogram.max(), MAX_NS);
        assert_eq!(histogram.percentile(100.0), MAX_NS);
        assert_eq!(histogram.percentile(f64::INFINITY), MAX_NS);
        assert_eq!(histogram.percentile(-1.0), 1);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth(
            values in prop::collection::vec(1_i64..60_000_000_000, 1..300), percent in 0.0_f64..=100.0,
            at in 0_usize..300,
        ) {
            let mut histogram = LatencyHistogram::new();
            let mut second = LatencyHistogram::new();
            for (i, value) in values.iter().enumerate() {
                if i < at { histogram.record(*value) } else { second.record(*value) }
            }
            histogram.merge(&second);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((percent / 100.0 * values.len() as f64).ceil() as usize).max(1);
            let got = histogram.percentile(percent) as f64;
            // A rank on the edge may round either way.
            let near = |rank: usize| {
                let want = sorted[rank.clamp(1, sorted.len()) - 1] as f64;
                (got - want).abs() <= want / 1000.0
            };
            prop_assert!(near(rank) || near(rank - 1) || near(rank + 1));
            prop_assert_eq!(histogram.count(), values.len() as u64);
            prop_assert_eq!(histogram.max(), sorted[sorted.len() - 1] as u64);
        }
    }
}
