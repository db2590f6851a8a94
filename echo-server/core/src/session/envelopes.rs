//! Reads MC-NMF after its preamble: sized envelopes, which may cut the dialogue's bytes at any point, and the end
//! record.

use proto::decoded::Decoded;
use proto::nmf::{Record, RecordType};

use super::dialogue::{Dialogue, Progress};
use super::link::{Link, Stop};
use super::{End, Env};

#[derive(Debug)]
pub(super) struct Envelopes {
    pub(super) dialogue: Dialogue,
    /// The header of an unfinished record.
    header: Vec<u8>,
    /// The number of bytes that are still to come in the current envelope.
    left: usize,
}

impl Envelopes {
    pub(super) fn new() -> Self {
        Self {
            dialogue: Dialogue::new(),
            header: Vec::new(),
            left: 0,
        }
    }

    pub(super) fn receive(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        input: &mut &[u8],
    ) -> Result<(), Stop> {
        while let Some((&byte, rest)) = input.split_first() {
            if self.left == 0 {
                *input = rest;
                self.read_header(link, byte)?;
                continue;
            }
            let (mut payload, rest) = input.split_at(self.left.min(input.len()));
            self.left -= payload.len();
            *input = rest;
            match self.dialogue.receive(env, link, &mut payload)? {
                Progress::Over if !payload.is_empty() => return Err(link.stop(End::Violation)),
                Progress::Over | Progress::More => {}
            }
        }
        Ok(())
    }

    fn read_header(&mut self, link: &mut Link, byte: u8) -> Result<(), Stop> {
        link.outbox.credit(1);
        self.header.push(byte);
        match self.header[0] {
            SIZED_ENVELOPE => {}
            END => return Err(Self::end(link)),
            // Other records may be long, and none of them is valid here.
            _ => return Err(link.stop(End::NotAuthenticated)),
        }
        match Record::decode(&self.header) {
            Ok(Decoded::Incomplete { .. }) => Ok(()),
            Ok(Decoded::Complete {
                value: Record::SizedEnvelope { size },
                ..
            }) => {
                self.left = size as usize;
                self.header = Vec::new();
                Ok(())
            }
            Ok(Decoded::Complete { .. }) | Err(_) => Err(link.stop(End::NotAuthenticated)),
        }
    }

    /// Handles the end record, and answers it with another one if the peer has proved its key.
    fn end(link: &mut Link) -> Stop {
        if !link.clock.is_fresh() {
            return link.stop(End::PeerClosed);
        }
        let mut out = Vec::new();
        Record::End.encode(&mut out);
        let refused = link.refused_by_gate();
        if let Err(too_much) = link.outbox.push_plain(out) {
            return refused(too_much);
        }
        Stop::Close(if link.completed {
            End::Completed
        } else {
            End::PeerClosed
        })
    }
}

const SIZED_ENVELOPE: u8 = RecordType::SizedEnvelope as u8;
const END: u8 = RecordType::End as u8;
