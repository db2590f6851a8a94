//! Limits how often the kernel is asked. A look makes it walk its table of connections, which is long after a
//! flood, so looks get a fixed share of the processor's time.

use std::collections::BTreeMap;
use std::time::Duration;

/// When each port was looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: BTreeMap<u16, Duration>,
    /// Before that, another look would cost more than its share.
    rest_until: Duration,
}

/// What is to become of a look that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Due,
    /// The last one serves this caller, too.
    Fresh,
    /// It has to wait, and what has come since the last one may be gone before the next.
    Overdue,
}

impl Looks {
    pub(super) fn turn(&self, now: Duration, port: u16) -> Turn {
        let age = self.last.get(&port).map(|last| now.saturating_sub(*last));
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

    /// A look at `ports` has taken from `began` to `now`.
    pub(super) fn looked(
        &mut self,
        began: Duration,
        now: Duration,
        ports: impl Iterator<Item = u16>,
    ) {
        self.rest_until = now + now.saturating_sub(began) * REST;
        self.last.extend(ports.map(|port| (port, now)));
    }
}

/// One look serves all callers for a moment.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// Times as long as a look takes: a fifth of one core at most is spent.
const REST: u32 = 4;
/// A host that lets no answer out keeps a half-open connection for a second; who asks comes back in a quarter of that.
const FORGETS_AFTER: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 443;

    #[test]
    fn a_port_is_looked_at_once_in_a_while_for_all_callers() {
        let start = Duration::from_secs(5);
        let mut looks = Looks::default();
        assert_eq!(looks.turn(start, PORT), Turn::Due);
        looks.looked(start, start, [PORT].into_iter());
        assert_eq!(looks.turn(start + BETWEEN_LOOKS / 2, PORT), Turn::Fresh);
        assert_eq!(looks.turn(start + BETWEEN_LOOKS / 2, PORT + 1), Turn::Due);
        assert_eq!(looks.turn(start + BETWEEN_LOOKS, PORT), Turn::Due);
    }

    /// By callers who ask every millisecond for 30 s, on a host whose kernel takes so long.
    #[test]
    fn looks_take_a_fifth_of_the_time_however_long_each_is() {
        for millis in [1, 50, 100, 400] {
            let mut looks = Looks::default();
            let (mut now, mut spent, mut overdue) = (Duration::ZERO, Duration::ZERO, false);
            let (end, cost) = (Duration::from_secs(30), Duration::from_millis(millis));
            while now < end {
                let began = now;
                let turn = looks.turn(now, PORT);
                if turn == Turn::Due {
                    now += cost;
                    spent += cost;
                    looks.looked(began, now, [PORT].into_iter());
                }
                overdue |= turn == Turn::Overdue;
                now += Duration::from_millis(1);
            }
            assert!(spent <= end / 5 + cost, "{millis} ms: {spent:?}");
            // What may have been missed is told.
            assert_eq!(overdue, millis == 400, "{millis} ms");
        }
    }
}
