//! The odds that a pattern among repeated trials is chance. Claims that rest on trials state them.

/// The odds above which a claim is not made, because chance explains it: one in a hundred.
pub const THRESHOLD: f64 = 0.01;

/// The share of packets that every network loses now and then. A pattern that such loss explains does not show a fault.
pub const ORDINARY_LOSS: f64 = 0.01;

/// A number of trials, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trials {
    pub failed: usize,
    pub all: usize,
}

impl Trials {
    /// Returns the sum of these trials and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            failed: self.failed + other.failed,
            all: self.all + other.all,
        }
    }

    const fn passed(self) -> usize {
        self.all.saturating_sub(self.failed)
    }
}

/// Returns the probability that at least this many of all failures fall among `suspects`, if failures hit trials at
/// random (Fisher's exact test, one-sided).
pub fn by_chance(suspects: Trials, others: Trials) -> f64 {
    let together = suspects.and(others);
    let most = suspects.all.min(together.failed);
    let all = ln_choose(together.all, together.failed);
    let tail = (suspects.failed..=most).filter_map(|failed| {
        let elsewhere = together.failed.checked_sub(failed)?;
        (elsewhere <= others.all).then(|| {
            (ln_choose(suspects.all, failed) + ln_choose(others.all, elsewhere) - all).exp()
        })
    });
    tail.sum::<f64>().min(1.0)
}

/// Returns the probability of at least this many failures, if each trial fails independently with `probability`.
pub fn at_a_rate(trials: Trials, probability: f64) -> f64 {
    let term = |failed: usize| {
        let passed = trials.all - failed;
        let powers = power(probability, failed) * power(1.0 - probability, passed);
        ln_choose(trials.all, failed).exp() * powers
    };
    (trials.failed..=trials.all).map(term).sum::<f64>().min(1.0)
}

/// Returns the odds that `points`, placed at random on a line, all lie within this `share` of its length.
pub fn of_falling_together(points: usize, share: f64) -> f64 {
    if points < 2 {
        return 1.0;
    }
    let within = share.clamp(0.0, 1.0);
    let count = number(points);
    let odds = count * power(within, points - 1) - (count - 1.0) * power(within, points);
    odds.clamp(0.0, 1.0)
}

/// Returns the smallest and the largest share of failing trials that fit this count in more than 5 of 100 cases (the
/// exact interval of Clopper and Pearson).
pub fn likely_shares(trials: Trials) -> (f64, f64) {
    let at_most = Trials {
        failed: trials.passed(),
        ..trials
    };
    (least_share(trials), 1.0 - least_share(at_most))
}

/// Returns the share of failing trials at which at least this many failures have the probability [`TAIL`].
fn least_share(trials: Trials) -> f64 {
    if trials.failed == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if at_a_rate(trials, middle) < TAIL {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns [`likely_shares`] as text: `between 1 % and 81 %`.
pub fn shares_in_words(trials: Trials) -> String {
    let (least, greatest) = likely_shares(trials);
    format!(
        "between {:.0} % and {:.0} %",
        least * 100.0,
        greatest * 100.0
    )
}

/// The probability left out on each side by [`likely_shares`].
const TAIL: f64 = 0.025;

/// Enough bisection steps for much less than a percent.
const HALVINGS: usize = 30;

/// Returns the probability that `trials` meet a fault that affects `share` of them at least once.
pub fn of_meeting(share: f64, trials: usize) -> f64 {
    1.0 - power(1.0 - share, trials)
}

/// Returns odds as text: `1 in 210`, `1 in 4`.
pub fn in_words(probability: f64) -> String {
    if probability >= 0.5 {
        return format!("{:.0} in 100", probability * 100.0);
    }
    let once_in = 1.0 / probability;
    if once_in >= 1_000_000.0 {
        return "less than 1 in 1,000,000".to_owned();
    }
    format!("1 in {once_in:.0}")
}

/// Writes the number of failures and of trials: `2 of 6`.
impl std::fmt::Display for Trials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.failed, self.all)
    }
}

impl Trials {
    /// Counts trials by whether each failed.
    pub fn count(failed: impl Iterator<Item = bool>) -> Self {
        failed.fold(Self::default(), |trials, failed| {
            trials.and(Self {
                failed: usize::from(failed),
                all: 1,
            })
        })
    }

    /// Returns whether there was at least one trial, and none failed.
    pub const fn all_passed(self) -> bool {
        self.all > 0 && self.passed() == self.all
    }
}

fn power(base: f64, exponent: usize) -> f64 {
    base.powi(i32::try_from(exponent).unwrap_or(i32::MAX))
}

fn ln_choose(all: usize, chosen: usize) -> f64 {
    let factors = (1..=chosen.min(all - chosen.min(all))).map(|i| {
        let (over, under) = (number(all - i + 1), number(i));
        (over / under).ln()
    });
    factors.sum()
}

/// Returns `part` as a share of `whole`, at most 1.
pub fn ratio(part: u64, whole: u64) -> f64 {
    let small = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if part >= whole {
        return 1.0;
    }
    small(part) / small(whole)
}

/// Converts a count of trials, which is small.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-6
    }

    const fn trials(failed: usize, all: usize) -> Trials {
        Trials { failed, all }
    }

    #[test]
    fn six_lost_of_six_against_four_answered_is_one_of_all_orders() {
        // 10 choose 6 is 210.
        let odds = by_chance(trials(6, 6), trials(0, 4));
        assert!(is(odds, 1.0 / 210.0), "{odds}");
        assert!(is(by_chance(trials(0, 6), trials(4, 4)), 1.0));
        // One lost SYN and two that pass: one of three orders.
        assert!(is(by_chance(trials(1, 1), trials(0, 2)), 1.0 / 3.0));
    }

    #[test]
    fn a_fault_of_one_flow_in_four_is_met_by_twelve() {
        assert!(
            is(of_meeting(0.25, 12), 0.968_323_6),
            "{}",
            of_meeting(0.25, 12)
        );
        assert!(of_meeting(0.25, 11) > 0.95);
        assert!(of_meeting(0.25, 10) < 0.95);
    }

    #[test]
    fn two_lost_of_twelve_are_more_than_ordinary_loss() {
        assert!(at_a_rate(trials(2, 12), ORDINARY_LOSS) < THRESHOLD);
        assert!(at_a_rate(trials(1, 12), ORDINARY_LOSS) > THRESHOLD);
        assert!(is(at_a_rate(trials(0, 12), ORDINARY_LOSS), 1.0));
        assert!(is(at_a_rate(trials(1, 1), 0.25), 0.25));
    }

    #[test]
    fn points_that_fall_together_are_chance_the_less_the_more_there_are() {
        assert!(is(of_falling_together(1, 0.1), 1.0));
        // Two points lie within a tenth of each other in 19 of 100 cases.
        assert!(is(of_falling_together(2, 0.1), 0.19));
        assert!(of_falling_together(3, 0.1) > THRESHOLD);
        assert!(of_falling_together(4, 0.1) < THRESHOLD);
        assert!(is(of_falling_together(5, 1.0), 1.0));
    }

    #[test]
    fn few_trials_leave_a_wide_range_of_rates() {
        let (least, greatest) = likely_shares(trials(1, 4));
        assert!((least - 0.0063).abs() < 1e-4, "{least}");
        assert!((greatest - 0.8059).abs() < 1e-4, "{greatest}");
        assert!(is(likely_shares(trials(0, 12)).0, 0.0));
        assert_eq!(shares_in_words(trials(3, 12)), "between 5 % and 57 %");
    }

    #[test]
    fn odds_are_told_in_words() {
        assert_eq!(in_words(1.0 / 210.0), "1 in 210");
        assert_eq!(in_words(1.0), "100 in 100");
        assert_eq!(in_words(1e-9), "less than 1 in 1,000,000");
    }
}
