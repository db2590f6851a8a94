//! The queue for everything that a session sends, with one gate: until the peer has answered the server's own nonce, no
//! more bytes leave than have arrived. Payload is generated as the socket drains.

use std::collections::VecDeque;

use proto::nmf::Record;
use proto::payload::PayloadSource;

/// The error for bytes that would exceed what the peer has sent, while the gate is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// How the dialogue's bytes are cut when they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Raw,
    /// The bytes are cut into MC-NMF sized envelopes.
    Sized,
}

#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Item>,
    /// The part of the queue that is ready to be sent; `gone` bytes of it have been sent.
    piece: Vec<u8>,
    gone: usize,
    framing: Framing,
    gate: Gate,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            piece: Vec::new(),
            gone: 0,
            framing: Framing::Raw,
            gate: Gate {
                received: 0,
                queued: 0,
                open: false,
            },
        }
    }

    /// Puts frames and payload into MC-NMF sized envelopes from now on.
    pub(super) fn use_envelopes(&mut self) {
        self.framing = Framing::Sized;
    }

    /// Counts bytes that the peer has sent and a layer has used. Bytes that merely arrived may still turn out to be
    /// something else, and must not open the gate.
    pub(super) fn credit(&mut self, received: usize) {
        self.gate.received += received as u64;
    }

    /// Shuts the gate for a new request, about which nothing has been proved yet. Its head had `received` bytes.
    pub(super) fn shut(&mut self, received: usize) {
        self.gate = Gate {
            received: received as u64,
            queued: 0,
            open: false,
        };
    }

    /// Lifts the limit, because the peer has proved itself and its freshness.
    pub(super) fn open(&mut self) {
        self.gate.open = true;
    }

    /// Returns the length in bytes of the longest run of frames that the gate would let through now.
    pub(super) fn allowance(&self) -> usize {
        let header = match self.framing {
            Framing::Raw => 0,
            Framing::Sized => MAX_ENVELOPE_HEADER as u64,
        };
        let bytes = self.gate.allowance().saturating_sub(header);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Queues bytes of an outer protocol without an envelope.
    pub(super) fn push_plain(&mut self, bytes: Vec<u8>) -> Result<(), TooMuch> {
        self.gate.pass(bytes.len() as u64)?;
        self.queue.push_back(Item::Bytes(bytes));
        Ok(())
    }

    /// Queues whole frames of the dialogue.
    pub(super) fn push_frames(&mut self, frames: Vec<u8>) -> Result<(), TooMuch> {
        match self.framing {
            Framing::Raw => self.push_plain(frames),
            Framing::Sized => {
                let mut wrapped = Vec::with_capacity(frames.len() + MAX_ENVELOPE_HEADER);
                envelope_header(&mut wrapped, frames.len());
                wrapped.extend_from_slice(&frames);
                self.push_plain(wrapped)
            }
        }
    }

    /// Queues the payload of one stage. Fails unless the gate is open.
    pub(super) fn push_payload(&mut self, source: PayloadSource) -> Result<(), TooMuch> {
        if source.remaining() == 0 {
            return Ok(());
        }
        if !self.gate.open {
            return Err(TooMuch);
        }
        self.queue.push_back(Item::Payload(source));
        Ok(())
    }

    /// Moves up to `limit` bytes to `out` and returns their number.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>, limit: usize) -> usize {
        let start = out.len();
        loop {
            let room = limit - (out.len() - start);
            let ready = &self.piece[self.gone..];
            let n = room.min(ready.len());
            out.extend_from_slice(&ready[..n]);
            self.gone += n;
            if room == n || !self.next_piece() {
                break;
            }
        }
        out.len() - start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.gone == self.piece.len()
    }

    /// Returns whether the queue is long enough that the peer should read from it before it asks for more.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= MAX_WAITING
    }

    /// Prepares the next piece once the last one has been sent. Returns false if there is none. The memory is freed
    /// when nothing is left, since sessions are idle for most of their lives.
    fn next_piece(&mut self) -> bool {
        if self.gone < self.piece.len() {
            return true;
        }
        self.gone = 0;
        self.piece.clear();
        match self.queue.front_mut() {
            None => {
                self.piece = Vec::new();
                self.queue = VecDeque::new();
                false
            }
            Some(Item::Bytes(bytes)) => {
                self.piece = std::mem::take(bytes);
                self.queue.pop_front();
                true
            }
            Some(Item::Payload(source)) => {
                let n = PIECE.min(source.remaining() as usize);
                if self.framing == Framing::Sized {
                    envelope_header(&mut self.piece, n);
                }
                source.produce(&mut self.piece, n);
                if source.remaining() == 0 {
                    self.queue.pop_front();
                }
                true
            }
        }
    }
}

#[derive(Debug)]
enum Item {
    Bytes(Vec<u8>),
    Payload(PayloadSource),
}

#[derive(Debug)]
struct Gate {
    received: u64,
    queued: u64,
    open: bool,
}

impl Gate {
    fn allowance(&self) -> u64 {
        if self.open {
            u64::MAX
        } else {
            self.received.saturating_sub(self.queued)
        }
    }

    fn pass(&mut self, bytes: u64) -> Result<(), TooMuch> {
        if bytes > self.allowance() {
            return Err(TooMuch);
        }
        self.queued += bytes;
        Ok(())
    }
}

fn envelope_header(out: &mut Vec<u8>, size: usize) {
    let size = u32::try_from(size).expect("frames and pieces are a few KiB");
    Record::SizedEnvelope { size }.encode(out);
}

/// The number of payload bytes generated at a time: enough work for a socket buffer, and all that is ever kept of a
/// stage.
const PIECE: usize = 4096;
/// The number of frames, responses and payloads that may wait for a peer that does not read. All stages need fewer;
/// keep-alives come on top.
const MAX_WAITING: usize = 4 * proto::limits::MAX_STAGES;
/// The length of an envelope's header: the record type, and a size of at most 5 bytes.
const MAX_ENVELOPE_HEADER: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::key::Secret;
    use proto::payload::Direction;

    use super::*;

    fn payload(bytes: u32) -> PayloadSource {
        let keys = Secret::new([1; 32]).for_session(&[2; 32], &[3; 32]);
        PayloadSource::new(&keys, Direction::Down, 0, bytes)
    }

    #[test]
    fn a_shut_gate_lets_out_what_came_in_and_no_more() {
        let mut outbox = Outbox::new();
        outbox.credit(10);
        assert_eq!(outbox.push_plain(vec![0; 6]), Ok(()));
        assert_eq!(outbox.push_plain(vec![0; 5]), Err(TooMuch));
        assert_eq!(outbox.push_payload(payload(1)), Err(TooMuch));
        assert_eq!(outbox.push_frames(vec![0; 4]), Ok(()));
        outbox.credit(3);
        outbox.shut(2);
        assert_eq!(outbox.allowance(), 2);
        assert_eq!(outbox.drain(&mut Vec::new(), 100), 10);
    }

    #[test]
    fn envelopes_count_at_the_gate() {
        let mut outbox = Outbox::new();
        outbox.use_envelopes();
        outbox.credit(10);
        assert_eq!(outbox.push_frames(vec![0; 9]), Err(TooMuch));
        assert_eq!(outbox.push_frames(vec![0; 8]), Ok(()));
    }

    #[test]
    fn an_empty_outbox_holds_no_memory() {
        let mut outbox = Outbox::new();
        outbox.open();
        outbox.push_plain(vec![0; 100]).unwrap();
        outbox.push_payload(payload(10_000)).unwrap();
        assert_eq!(outbox.drain(&mut Vec::new(), usize::MAX), 10_100);
        assert!(outbox.is_empty());
        assert_eq!((outbox.piece.capacity(), outbox.queue.capacity()), (0, 0));
    }

    proptest! {
        #[test]
        fn how_it_is_drained_changes_nothing(sized: bool, bytes in 0u32..10_000, limits in prop::collection::vec(1usize..5000, 1..8)) {
            let fill = || {
                let mut outbox = Outbox::new();
                outbox.open();
                if sized {
                    outbox.use_envelopes();
                }
                outbox.push_frames(b"frame".to_vec()).unwrap();
                outbox.push_payload(payload(bytes)).unwrap();
                outbox.push_frames(b"last".to_vec()).unwrap();
                outbox
            };
            let mut at_once = Vec::new();
            fill().drain(&mut at_once, usize::MAX);
            let (mut outbox, mut in_pieces) = (fill(), Vec::new());
            for limit in limits.iter().cycle() {
                let before = in_pieces.len();
                let moved = outbox.drain(&mut in_pieces, *limit);
                prop_assert!(moved <= *limit && in_pieces.len() == before + moved);
                if moved == 0 {
                    break;
                }
            }
            prop_assert_eq!(in_pieces, at_once);
            prop_assert!(outbox.is_empty());
        }
    }
}
