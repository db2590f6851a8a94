//! Compares the times of many runs: medians with their intervals, judged by a rank test. A single run on
//! each side shows nothing about times.

use std::collections::BTreeMap;

use probe_core::catalogue::VerdictClass;
use serde::Serialize;

use super::matching::{Key, probes};
use crate::RunDocument;
use crate::subject::Subject;

/// The session times of several runs.
#[derive(Clone, Debug, Default)]
pub struct TimeSamples {
    runs: usize,
    times: BTreeMap<Key, Vec<u64>>,
}

/// The times of one rule, path and family in both groups of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeChange {
    #[serde(flatten)]
    pub subject: Subject,
    pub before: Median,
    pub after: Median,
    /// The probability that chance alone makes the groups differ at least this much.
    pub p: f64,
    pub judgement: Judgement,
}

/// The median of several times in microseconds, with the interval that contains the true median with a probability of
/// 95 percent, or less if there are too few times for that.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Median {
    pub median_us: u64,
    pub low_us: u64,
    pub high_us: u64,
    pub count: usize,
}

/// The result of the rank test.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// Chance explains the difference.
    Same,
    Slower,
    Faster,
}

impl TimeSamples {
    /// Adds the times of a run's sessions that ran whole.
    pub fn add(&mut self, document: &RunDocument) {
        self.runs += 1;
        for (key, probe) in probes(&document.probes) {
            if probe.verdict.id.entry().class == VerdictClass::Open {
                let times = self.times.entry(key).or_default();
                times.push(probe.timings.total_us);
            }
        }
    }

    /// Returns the number of runs.
    pub const fn runs(&self) -> usize {
        self.runs
    }
}

/// Compares all rules that have enough times on both sides.
pub(super) fn changes(before: &TimeSamples, after: &TimeSamples) -> Vec<TimeChange> {
    let enough = |times: &Vec<u64>| times.len() >= LEAST_RUNS;
    let old = before.times.iter().filter(|(_, times)| enough(times));
    let both: Vec<(&Key, &Vec<u64>, &Vec<u64>)> = old
        .filter_map(|(key, old)| {
            let new = after.times.get(key).filter(|times| enough(times))?;
            Some((key, old, new))
        })
        .collect();
    // If many rules are compared, one may look unusual by chance, so the limit is divided by their number.
    let limit = LIKELY_CHANCE / (both.len().max(1) as f64);
    both.into_iter()
        .map(|(key, old, new)| {
            let (before, after) = (Median::of(old), Median::of(new));
            let p = rank_test(old, new);
            let judgement = if p >= limit || before.median_us == after.median_us {
                Judgement::Same
            } else if after.median_us > before.median_us {
                Judgement::Slower
            } else {
                Judgement::Faster
            };
            TimeChange {
                subject: key.subject.clone(),
                before,
                after,
                p,
                judgement,
            }
        })
        .collect()
}

impl Median {
    fn of(times: &[u64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let count = sorted.len();
        let outside = order_statistic(count);
        Self {
            median_us: sorted[(count - 1) / 2].midpoint(sorted[count / 2]),
            low_us: sorted[outside],
            high_us: sorted[count - 1 - outside],
            count,
        }
    }
}

/// Returns how many of `count` sorted values can be left out at each end so that the rest contains the true median with
/// 95 percent probability.
fn order_statistic(count: usize) -> usize {
    // The number of values below the median has a binomial distribution.
    let (mut probability, mut below) = (0.5_f64.powf(count as f64), 0.0);
    let mut outside: usize = 0;
    for left in 0..count / 2 {
        below += probability;
        if 2.0 * below > LIKELY_CHANCE {
            break;
        }
        outside = left;
        probability *= (count - left) as f64 / (left + 1) as f64;
    }
    outside
}

/// Returns the two-sided p-value of the Mann-Whitney test, by the normal approximation with corrections for ties and
/// continuity.
fn rank_test(before: &[u64], after: &[u64]) -> f64 {
    let (n, m) = (before.len() as f64, after.len() as f64);
    let wins: f64 = after
        .iter()
        .map(|new| {
            let below = before.iter().filter(|old| *old < new).count();
            let equal = before.iter().filter(|old| *old == new).count();
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    for time in before.iter().chain(after) {
        *counts.entry(*time).or_default() += 1.0;
    }
    let ties: f64 = counts.values().map(|t| t * t * t - t).sum();
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((wins - n * m / 2.0).abs() - 0.5).max(0.0);
    both_tails(distance / variance.sqrt())
}

/// Returns the probability that a standard normal value is farther from 0 than `z`. Abramowitz and Stegun 7.1.26; the
/// error is below 2e-7.
fn both_tails(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ]
    .into_iter()
    .fold(0.0, |sum, c| sum * t + c);
    sum * t * (-x * x).exp()
}

/// The minimum number of runs on each side for which times are compared.
pub const LEAST_RUNS: usize = 5;

/// A difference is reported if the probability of chance is below this limit, divided by the number of comparisons.
const LIKELY_CHANCE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_tail_is_that_of_tables() {
        for (z, p) in [
            (0.0, 1.0),
            (1.0, 0.317_311),
            (1.959_964, 0.05),
            (3.0, 0.002_700),
        ] {
            assert!((both_tails(z) - p).abs() < 1e-6, "{z}: {}", both_tails(z));
        }
    }

    /// The expected figures are those of `scipy.stats.mannwhitneyu(method="asymptotic")`.
    #[test]
    fn the_rank_test_agrees_with_another_program() {
        let low = [10, 11, 12, 13, 14];
        for (after, p) in [
            ([20, 21, 22, 23, 24], 0.012_186),
            ([12, 12, 13, 14, 20], 0.287_333),
            ([10, 11, 12, 13, 14], 1.0),
        ] {
            let found = rank_test(&low, &after);
            assert!((found - p).abs() < 1e-5, "{after:?}: {found}");
        }
        assert!((rank_test(&[7; 5], &[7; 5]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_interval_of_the_median_narrows_with_the_number_of_values() {
        // For 9 values, the interval from the second to the eighth has 96.1 percent.
        for (count, outside) in [(5, 0), (6, 0), (9, 1), (20, 5)] {
            assert_eq!(order_statistic(count), outside, "{count}");
        }
        let median = Median::of(&[5, 1, 9, 3, 7]);
        assert_eq!((median.median_us, median.low_us, median.high_us), (5, 1, 9));
    }
}
