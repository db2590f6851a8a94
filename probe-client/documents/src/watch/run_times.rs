//! Decides when the next run begins: at an interval, with a short random delay, less often while the server cannot be
//! reached, and never while a run is under way.

use std::time::Duration;

use super::Moment;

/// The interval and the jitter of repeated runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rhythm {
    /// The time from the start of one run to the start of the next.
    pub interval: Duration,
    /// The longest random delay of a start, so that many hosts do not start together.
    pub jitter: Duration,
}

/// Whether a run decided anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunDecision {
    /// At least one rule was decided.
    Decided,
    /// Nothing was decided: the server was not reached, or the run could not be carried out.
    Undecided,
}

/// The decision after a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Next {
    /// The time until the next run, if no clock is set and the host does not sleep.
    pub pause: Duration,
    /// The time that the run took, if that was more than the interval.
    pub overlong: Option<Duration>,
    /// Whether the interval is doubled, because runs in a row decided nothing.
    pub backed_off: bool,
}

/// Decides when runs begin. Its caller carries out one run after the other, so that they never overlap.
#[derive(Clone, Debug)]
pub struct RunTimes {
    rhythm: Rhythm,
    /// The time at which the run begins, or began, without the random delay.
    nominal: Duration,
    due: Moment,
    began: Moment,
    undecided_in_a_row: u32,
}

impl RunTimes {
    /// Returns the times of runs whose first one begins `now`.
    pub fn new(rhythm: Rhythm, now: Moment) -> Self {
        Self {
            rhythm,
            nominal: now.running,
            due: now,
            began: now,
            undecided_in_a_row: 0,
        }
    }

    /// Returns how long to wait before calling this again; `None` if the run begins now.
    ///
    /// A run is due as soon as either clock says so. The running clock is right if the date is set back, and
    /// the date is right if the host slept.
    pub fn wait(&self, now: Moment) -> Option<Duration> {
        let left = self.due.since(now);
        (!left.is_zero()).then(|| left.min(LOOK))
    }

    /// Records that a run begins.
    pub fn begins(&mut self, now: Moment) {
        // After a sleep, or with a clock set forward, the interval counts from now, and missed runs are not caught up.
        let late = now.running.saturating_sub(self.due.running);
        if now.running < self.due.running || late >= self.rhythm.interval {
            self.nominal = now.running;
        }
        self.began = now;
    }

    /// Decides when the next run begins, after a run that ends `now`. `chance` is random, from 0 to 1.
    pub fn ended(&mut self, decision: RunDecision, now: Moment, chance: f64) -> Next {
        self.undecided_in_a_row = match decision {
            RunDecision::Decided => 0,
            RunDecision::Undecided => self.undecided_in_a_row.saturating_add(1),
        };
        let Rhythm { interval, jitter } = self.rhythm;
        let backed_off = self.undecided_in_a_row >= PATIENCE;
        let step = interval * if backed_off { BACK_OFF } else { 1 };
        let rested = now.running.saturating_add(interval / REST);
        self.nominal = self.nominal.saturating_add(step).max(rested);
        let delayed = self.nominal + jitter.mul_f64(chance.clamp(0.0, 1.0));
        let pause = delayed.saturating_sub(now.running);
        self.due = now.after(pause);
        let took = now.running.saturating_sub(self.began.running);
        Next {
            pause,
            overlong: (took > interval).then_some(took),
            backed_off,
        }
    }
}

/// The longest wait until the clocks are compared again. A host that slept begins its run within that time.
const LOOK: Duration = Duration::from_secs(15);
/// The number of undecided runs in a row after which the interval grows.
const PATIENCE: u32 = 2;
/// The factor by which the interval grows. It is below three, because three intervals
/// without a finished run are an alert.
const BACK_OFF: u32 = 2;
/// The divisor of the interval that gives the least pause after a run, however long the run took.
const REST: u32 = 4;
