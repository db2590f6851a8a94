//! Bytes ready to be sent: frames as bytes, payload as a source that generates it when there is room.

use proto::nmf::Record;
use proto::payload::PayloadSource;

/// A queue of a few frames, followed by the payload of at most one stage.
#[derive(Debug)]
pub(super) struct Outbox {
    cut: Cut,
    pending: Vec<u8>,
    sent: usize,
    payload: Option<Payload>,
}

/// How the dialogue's bytes are cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cut {
    /// Not cut.
    Nowhere,
    /// Cut into MC-NMF sized envelopes.
    SizedEnvelopes,
}

#[derive(Debug)]
struct Payload {
    source: PayloadSource,
    /// Bytes left of the piece whose envelope is open.
    piece: usize,
}

impl Outbox {
    pub(super) const fn new(cut: Cut) -> Self {
        Self {
            cut,
            pending: Vec::new(),
            sent: 0,
            payload: None,
        }
    }

    /// Queues bytes of the dialogue, in an envelope of their own.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.open_envelope(bytes.len());
        self.pending.extend_from_slice(bytes);
    }

    /// Queues bytes that are not part of the dialogue, without an envelope.
    pub(super) fn push_bare(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Queues payload after everything else. No other payload may be waiting.
    pub(super) fn push_payload(&mut self, source: PayloadSource) {
        if source.remaining() > 0 {
            self.payload = Some(Payload { source, piece: 0 });
        }
    }

    /// Appends up to `limit` bytes to `out`, and returns how many of them are payload.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>, limit: usize) -> u32 {
        let end = out.len().saturating_add(limit);
        let mut produced = 0;
        while out.len() < end {
            let room = end - out.len();
            if !self.pending.is_empty() {
                self.drain_pending(out, room);
            } else if let Some(payload) = &mut self.payload {
                if payload.piece == 0 {
                    payload.piece = PIECE.min(payload.source.remaining() as usize);
                    let piece = payload.piece;
                    self.open_envelope(piece);
                    continue;
                }
                let n = payload.source.produce(out, room.min(payload.piece));
                payload.piece -= n;
                produced += u32::try_from(n).expect("at most PIECE");
                if payload.source.remaining() == 0 {
                    self.payload = None;
                }
            } else {
                break;
            }
        }
        produced
    }

    fn drain_pending(&mut self, out: &mut Vec<u8>, room: usize) {
        let rest = &self.pending[self.sent..];
        let n = room.min(rest.len());
        out.extend_from_slice(&rest[..n]);
        self.sent += n;
        if self.sent == self.pending.len() {
            // Frees the memory: most of the time, a session has nothing to send.
            self.pending = Vec::new();
            self.sent = 0;
        }
    }

    fn open_envelope(&mut self, bytes: usize) {
        if self.cut == Cut::SizedEnvelopes {
            let size = u32::try_from(bytes).expect("a frame, or at most PIECE");
            Record::SizedEnvelope { size }.encode(&mut self.pending);
        }
    }
}

/// Payload bytes generated at a time: one page, so that a running session needs no more memory than that.
const PIECE: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::key::Secret;
    use proto::payload::Direction;

    use super::*;

    fn filled(cut: Cut, payload: u32) -> Outbox {
        let keys = Secret::new([1; 32]).for_session(&[2; 32], &[3; 32]);
        let mut outbox = Outbox::new(cut);
        outbox.push(b"frame");
        outbox.push_payload(PayloadSource::new(&keys, Direction::Up, 0, payload));
        outbox
    }

    proptest! {
        #[test]
        fn any_limits_give_the_same_bytes(
            sized in any::<bool>(),
            payload in 0u32..10_000,
            limits in prop::collection::vec(0usize..3000, 0..30),
        ) {
            let cut = if sized { Cut::SizedEnvelopes } else { Cut::Nowhere };
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            prop_assert_eq!(filled(cut, payload).drain(&mut whole, usize::MAX), payload);

            let mut outbox = filled(cut, payload);
            let mut produced = 0;
            for limit in limits {
                let before = pieces.len();
                produced += outbox.drain(&mut pieces, limit);
                prop_assert!(pieces.len() - before <= limit);
            }
            produced += outbox.drain(&mut pieces, usize::MAX);
            prop_assert_eq!(produced, payload);
            prop_assert_eq!(pieces, whole);
        }
    }
}
