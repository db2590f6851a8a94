//! The stages of a session: the payload that was asked for, and the payload that arrived, each way.

use proto::key::KeySchedule;
use proto::payload::{Direction, PayloadSink, PayloadSource};
use proto::wire;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fault::Malformation;
use super::input::Input;
use super::parameters::Stage;

/// One stage, in both directions.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StageReport {
    /// The stage's number, counted from 0.
    pub stage: u32,
    pub up: UpReport,
    pub down: DownReport,
}

/// The payload from the client to the server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpReport {
    /// Payload bytes of the stage.
    pub asked: u32,
    /// The number of payload bytes that were given to the transport.
    pub handed_out: u32,
    /// The number of payload bytes that arrived, as the server reports it. Absent: the server has not
    /// reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<u32>,
    /// Offset of the first payload byte that arrived altered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered_at: Option<u32>,
    /// Whether the server's digest of the arrived bytes is that of the bytes that were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_matches: Option<bool>,
    /// All payload bytes arrived, unaltered or not.
    pub complete: bool,
}

/// The payload from the server to the client.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DownReport {
    /// Payload bytes of the stage.
    pub asked: u32,
    /// The number of payload bytes that arrived. Absent: the server had not begun to send them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u32>,
    /// Offset of the first payload byte that arrived altered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered_at: Option<u32>,
    /// All payload bytes arrived, unaltered or not.
    pub complete: bool,
}

impl StageReport {
    /// Returns whether all payload arrived unaltered, both ways.
    pub fn is_whole(&self) -> bool {
        self.up.complete
            && self.up.altered_at.is_none()
            && self.up.digest_matches == Some(true)
            && self.down.complete
            && self.down.altered_at.is_none()
    }
}

/// The account of all stages of a session.
#[derive(Debug)]
pub(super) struct Stages {
    accounts: Vec<Account>,
    /// The stage whose payload is arriving, and the check of this payload.
    arriving: Option<(usize, PayloadSink)>,
    left_out: u32,
}

#[derive(Debug)]
struct Account {
    asked: Stage,
    handed_out: u32,
    up: Option<Confirmed>,
    down: Option<Arrived>,
}

#[derive(Clone, Copy, Debug)]
struct Confirmed {
    bytes: u32,
    altered_at: Option<u32>,
    digest_matches: bool,
}

#[derive(Clone, Copy, Debug)]
struct Arrived {
    sha256: [u8; 32],
    altered_at: Option<u32>,
}

/// The meaning of a confirmation for the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Confirmation {
    /// The stage's payload follows.
    Whole,
    /// This many bytes reached the server, and nothing follows.
    CutShort(u32),
}

impl Stages {
    pub(super) fn new(stages: &[Stage]) -> Self {
        let account = |&asked| Account {
            asked,
            handed_out: 0,
            up: None,
            down: None,
        };
        Self {
            accounts: stages.iter().map(account).collect(),
            arriving: None,
            left_out: 0,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.accounts.len()
    }

    /// Shortens the session for a slow line.
    ///
    /// Of the stages from number `next` on, none of which has begun, the first large one becomes short, and the stages
    /// after it are left out.
    pub(super) fn shorten(&mut self, next: usize) {
        let is_large = |account: &Account| account.asked.up.max(account.asked.down) > SHORT;
        let later = self.accounts.iter().skip(next);
        let Some(first) = later.into_iter().position(is_large) else {
            return;
        };
        let first = next + first;
        let planned: u32 = self.accounts[first..].iter().map(|a| a.asked.up).sum();
        self.accounts.truncate(first + 1);
        let asked = &mut self.accounts[first].asked;
        asked.up = asked.up.min(SHORT);
        asked.down = asked.down.min(SHORT);
        self.left_out += planned - asked.up;
    }

    /// Returns the payload bytes to the server that were left out; `None` if there are none.
    pub(super) fn left_out(&self) -> Option<u32> {
        (self.left_out > 0).then_some(self.left_out)
    }

    /// Returns the payload bytes that a whole session receives.
    pub(super) fn down_total(&self) -> u64 {
        let down = self.accounts.iter().map(|account| account.asked.down);
        down.map(u64::from).sum()
    }

    /// Begins or repeats stage `index`, and returns the message that announces it.
    pub(super) fn begin(&mut self, index: usize) -> wire::Exchange {
        let account = &mut self.accounts[index];
        account.handed_out = 0;
        wire::Exchange {
            stage: number(index),
            up_bytes: account.asked.up,
            down_bytes: account.asked.down,
        }
    }

    pub(super) fn source(&self, index: usize, keys: &KeySchedule) -> PayloadSource {
        let up = self.accounts[index].asked.up;
        PayloadSource::new(keys, Direction::Up, number(index), up)
    }

    pub(super) fn handed_out(&mut self, index: usize, bytes: u32) {
        self.accounts[index].handed_out += bytes;
    }

    /// Takes the server's confirmation of stage `index`, and prepares for its payload.
    pub(super) fn confirm(
        &mut self,
        index: usize,
        message: wire::Confirmation,
        keys: &KeySchedule,
    ) -> Result<Confirmation, Malformation> {
        let account = &mut self.accounts[index];
        let received = message.received.ok_or(Malformation::Confirmation)?;
        let asked = account.asked;
        if received.stage != number(index) || received.bytes > asked.up {
            return Err(Malformation::Confirmation);
        }
        let own = digest(PayloadSource::new(
            keys,
            Direction::Up,
            number(index),
            received.bytes,
        ));
        account.up = Some(Confirmed {
            bytes: received.bytes,
            altered_at: received.altered_at,
            digest_matches: received.sha256 == own,
        });
        if received.bytes < asked.up {
            return Ok(Confirmation::CutShort(received.bytes));
        }
        let sink = PayloadSink::new(keys, Direction::Down, number(index), asked.down);
        self.arriving = Some((index, sink));
        Ok(Confirmation::Whole)
    }

    /// Takes the arriving stage's payload from `input`, and returns whether it is complete.
    pub(super) fn accept(&mut self, input: &mut Input<'_>) -> bool {
        let Some((index, sink)) = &mut self.arriving else {
            return true;
        };
        let taken = sink.accept(input.rest());
        input.take(taken);
        if !sink.complete() {
            return false;
        }
        let report = sink.report();
        self.accounts[*index].down = Some(Arrived {
            sha256: report
                .sha256
                .try_into()
                .expect("a sink reports a SHA-256 digest"),
            altered_at: report.altered_at,
        });
        self.arriving = None;
        true
    }

    /// Returns the receipt for the server: the payload that arrived in each completed stage.
    pub(super) fn receipt(&self) -> wire::Receipt {
        let received = self.accounts.iter().enumerate().filter_map(|(i, account)| {
            account.down.map(|down| wire::Received {
                stage: number(i),
                bytes: account.asked.down,
                sha256: down.sha256.to_vec(),
                altered_at: down.altered_at,
            })
        });
        wire::Receipt {
            received: received.collect(),
        }
    }

    pub(super) fn report(&self) -> Vec<StageReport> {
        let stages = self.accounts.iter().enumerate();
        stages
            .map(|(index, account)| StageReport {
                stage: number(index),
                up: account.up_report(),
                down: self.down_report(index, account),
            })
            .collect()
    }

    fn down_report(&self, index: usize, account: &Account) -> DownReport {
        let asked = account.asked.down;
        match (&account.down, &self.arriving) {
            (Some(down), _) => DownReport {
                asked,
                received: Some(asked),
                altered_at: down.altered_at,
                complete: true,
            },
            (None, Some((arriving, sink))) if *arriving == index => DownReport {
                asked,
                received: Some(sink.received()),
                altered_at: sink.altered_at(),
                complete: sink.complete(),
            },
            (None, _) => DownReport {
                asked,
                received: None,
                altered_at: None,
                complete: false,
            },
        }
    }
}

impl Account {
    fn up_report(&self) -> UpReport {
        let up = self.up.as_ref();
        UpReport {
            asked: self.asked.up,
            handed_out: self.handed_out,
            confirmed: up.map(|up| up.bytes),
            altered_at: up.and_then(|up| up.altered_at),
            digest_matches: up.map(|up| up.digest_matches),
            complete: up.is_some_and(|up| up.bytes == self.asked.up),
        }
    }
}

/// Computes the digest of a payload.
///
/// The payload is generated a second time for this instead of being kept: the digest is needed only at the end of a
/// stage.
fn digest(mut source: PayloadSource) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut piece = Vec::with_capacity(PIECE);
    while source.produce(&mut piece, PIECE) > 0 {
        digest.update(&piece);
        piece.clear();
    }
    digest.finalize().into()
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("at most MAX_STAGES")
}

const PIECE: usize = 1024;

/// Bytes of a short stage: more than two full segments.
const SHORT: u32 = 4096;

#[cfg(test)]
mod tests {
    use proto::key::Secret;

    use super::*;

    #[test]
    fn a_slow_line_is_asked_to_carry_less() {
        let asked = |stages: &Stages| {
            let all = stages.accounts.iter().map(|a| (a.asked.up, a.asked.down));
            all.collect::<Vec<_>>()
        };
        let planned = [1, 1024, 24 * 1024, 64 * 1024].map(Stage::both);
        let mut stages = Stages::new(&planned);
        stages.shorten(1);
        assert_eq!(asked(&stages), [(1, 1), (1024, 1024), (SHORT, SHORT)]);
        assert_eq!(stages.left_out(), Some(88 * 1024 - SHORT));
        stages.shorten(1);
        assert_eq!(stages.count(), 3);
        let mut begun = Stages::new(&planned);
        begun.shorten(3);
        assert_eq!(begun.count(), 4);
        assert_eq!(begun.left_out(), Some(64 * 1024 - SHORT));
        begun.shorten(4);
        assert_eq!(begun.count(), 4);
    }

    #[test]
    fn a_confirmation_of_something_else_is_refused() {
        let keys = Secret::new([1; 32]).for_session(&[2; 32], &[3; 32]);
        let confirm = |received: Option<(u32, u32)>| {
            let received = received.map(|(stage, bytes)| wire::Received {
                stage,
                bytes,
                ..wire::Received::default()
            });
            let mut stages = Stages::new(&[Stage::both(1), Stage::both(10)]);
            stages.confirm(1, wire::Confirmation { received }, &keys)
        };
        assert_eq!(confirm(Some((1, 10))), Ok(Confirmation::Whole));
        assert_eq!(confirm(Some((1, 9))), Ok(Confirmation::CutShort(9)));
        let refused = Err(Malformation::Confirmation);
        assert_eq!(confirm(Some((1, 11))), refused);
        assert_eq!(confirm(Some((0, 1))), refused);
        assert_eq!(confirm(None), refused);
    }
}
