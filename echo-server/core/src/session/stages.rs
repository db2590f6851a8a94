//! Counts the stages of the exchange that a session was granted so far.

use proto::limits::{MAX_STAGE_BYTES, MAX_STAGES};
use proto::wire::Exchange;

/// The stages and bytes granted. An HTTP session carries these counts from one connection to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageBook {
    count: usize,
    last: Option<u32>,
    bytes: u64,
}

impl StageBook {
    /// Grants one more stage, or returns `None` if it exceeds a limit. Stage numbers must rise, because each is the
    /// nonce of its payload.
    pub(super) fn grant(&mut self, exchange: &Exchange, session_bytes: u64) -> Option<()> {
        let bytes = self.bytes + u64::from(exchange.up_bytes) + u64::from(exchange.down_bytes);
        let granted = self.count < MAX_STAGES
            && exchange.up_bytes <= MAX_STAGE_BYTES
            && exchange.down_bytes <= MAX_STAGE_BYTES
            && bytes <= session_bytes
            && self.last.is_none_or(|last| exchange.stage > last);
        granted.then(|| {
            self.count += 1;
            self.last = Some(exchange.stage);
            self.bytes = bytes;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(stage: u32, up_bytes: u32, down_bytes: u32) -> Exchange {
        Exchange {
            stage,
            up_bytes,
            down_bytes,
        }
    }

    fn grants(stages: &[Exchange], session_bytes: u64) -> usize {
        let mut book = StageBook::default();
        stages
            .iter()
            .take_while(|stage| book.grant(stage, session_bytes).is_some())
            .count()
    }

    #[test]
    fn each_limit_counts() {
        let nine: Vec<_> = (0..9).map(|i| exchange(i, 1, 1)).collect();
        assert_eq!(grants(&nine, u64::MAX), MAX_STAGES);
        let largest = exchange(0, MAX_STAGE_BYTES, MAX_STAGE_BYTES);
        assert_eq!(grants(&[largest], u64::MAX), 1);
        assert_eq!(grants(&[exchange(0, MAX_STAGE_BYTES + 1, 0)], u64::MAX), 0);
        assert_eq!(grants(&[exchange(0, 0, u32::MAX)], u64::MAX), 0);
        let halves = [exchange(0, 30, 20), exchange(1, 25, 25), exchange(2, 1, 0)];
        assert_eq!(grants(&halves, 100), 2);
    }

    #[test]
    fn a_stage_number_is_used_once_and_they_rise() {
        assert_eq!(grants(&[exchange(3, 1, 1), exchange(3, 1, 1)], 100), 1);
        assert_eq!(grants(&[exchange(3, 1, 1), exchange(2, 1, 1)], 100), 1);
        assert_eq!(grants(&[exchange(3, 1, 1), exchange(9, 1, 1)], 100), 2);
    }
}
