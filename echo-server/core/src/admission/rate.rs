//! Limits the rate of events, and allows bursts of as many events as the limit allows in one second.

use std::time::Duration;

/// The time at which the next event would be due if events came evenly (the generic cell rate algorithm, ITU-T I.371
/// annex A).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    due: Duration,
}

impl Pace {
    /// Counts one more event at `now`. Returns false, and does not count it, if that would exceed `per_second`.
    pub(super) fn allows(&mut self, now: Duration, per_second: u32) -> bool {
        let on_time = self.is_on_time(now);
        if on_time {
            self.due = self.due.max(now) + Duration::from_secs(1) / per_second.max(1);
        }
        on_time
    }

    /// Returns whether one more event would be allowed at `now`.
    pub(super) fn is_on_time(self, now: Duration) -> bool {
        self.due <= now + BURST
    }
}

const BURST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_at_once_and_then_as_time_passes() {
        let (mut pace, mut now) = (Pace::default(), Duration::from_secs(100));
        let mut allowed = |now| (0..1000).filter(|_| pace.allows(now, 10)).count();
        assert_eq!(allowed(now), 11);
        assert_eq!(allowed(now), 0);
        now += Duration::from_millis(500);
        assert_eq!(allowed(now), 5);
        now += Duration::from_secs(3600);
        assert_eq!(allowed(now), 11);
    }
}
