//! Limits how often the kernel is queried. A look makes the kernel walk its table of connections, which is long after a
//! flood, so looks get a fixed share of the processor's time.

use std::time::Duration;

/// The time of the last look, and what it cost. Each look is at all ports.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// `None` before the first look.
    last: Option<Duration>,
    /// The time before which another look would exceed the share.
    rest_until: Duration,
}

/// The answer to a request for a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Due,
    /// The last look serves this caller too.
    Fresh,
    /// The look has to wait, and connections that came after the last look may be gone before the next.
    Overdue,
}

impl Looks {
    pub(super) fn turn(&self, now: Duration) -> Turn {
        let age = self.last.map(|last| now.saturating_sub(last));
        if age.is_some_and(|age| age < BETWEEN_LOOKS) {
            Turn::Fresh
        } else if now >= self.rest_until {
            Turn::Due
        } else if age.is_some_and(|age| age < FORGETS_AFTER) {
            Turn::Fresh
        } else {
            Turn::Overdue
        }
    }

    /// Records that a look ended at `now` and kept a processor busy for `took`.
    pub(super) fn looked(&mut self, took: Duration, now: Duration) {
        self.rest_until = now + took * REST;
        self.last = Some(now);
    }
}

/// The time for which one look serves all callers.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// The pause after a look, as a multiple of its time on a processor: looks take at most a fifth of one core.
const REST: u32 = 4;
/// The greatest age of a look while the next one has to wait. A host that sends no answer keeps a half-open connection
/// for a second, and callers ask every quarter of a second.
const FORGETS_AFTER: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_serves_all_callers_for_a_while() {
        let start = Duration::from_secs(5);
        let mut looks = Looks::default();
        assert_eq!(looks.turn(start), Turn::Due);
        looks.looked(Duration::from_millis(60), start);
        assert_eq!(looks.turn(start + BETWEEN_LOOKS / 2), Turn::Fresh);
        // The next look has to wait, and nothing that came meanwhile is forgotten yet.
        assert_eq!(looks.turn(start + BETWEEN_LOOKS), Turn::Fresh);
        assert_eq!(looks.turn(start + Duration::from_millis(240)), Turn::Due);
    }

    /// Simulates callers that ask every millisecond for 30 s, on a host whose kernel takes `millis` for each look.
    #[test]
    fn looks_take_a_fifth_of_the_time_however_long_each_is() {
        for millis in [1, 50, 100, 400] {
            let mut looks = Looks::default();
            let (mut now, mut spent, mut overdue) = (Duration::ZERO, Duration::ZERO, false);
            let (end, cost) = (Duration::from_secs(30), Duration::from_millis(millis));
            while now < end {
                let turn = looks.turn(now);
                if turn == Turn::Due {
                    now += cost;
                    spent += cost;
                    looks.looked(cost, now);
                }
                overdue |= turn == Turn::Overdue;
                now += Duration::from_millis(1);
            }
            assert!(spent <= end / 5 + cost, "{millis} ms: {spent:?}");
            // A look that may have missed something is reported.
            assert_eq!(overdue, millis == 400, "{millis} ms");
        }
    }
}
