//! A decoder of the MC-NMF sized envelopes around the server's frames, and of the end record after them (MC-NMF section
//! 2.2.4). The input may be cut anywhere.

use proto::decoded::Decoded;
use proto::nmf::{Record, RecordType};

use super::fault::Stop;
use super::input::Input;

/// The decoder's position in the envelopes.
#[derive(Debug, Default)]
pub(super) struct Envelopes {
    /// The header of a record that has arrived only in part.
    header: Vec<u8>,
    header_at: u64,
    /// Bytes left in the open envelope.
    left: usize,
}

/// The next piece of the stream.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Dialogue(Input<'a>),
    /// The end record.
    End,
    /// The input is used up.
    Short,
}

impl Envelopes {
    /// Returns the next piece of the stream.
    ///
    /// # Errors
    /// Returns an error if a record is neither a sized envelope nor the end record.
    pub(super) fn next<'a>(&mut self, input: &mut Input<'a>) -> Result<Piece<'a>, Stop> {
        while !input.is_empty() {
            if self.left > 0 {
                let piece = input.take(self.left);
                self.left -= piece.rest().len();
                return Ok(Piece::Dialogue(piece));
            }
            if self.header.is_empty() {
                self.header_at = input.at();
            }
            self.header.extend_from_slice(input.take(1).rest());
            // Other records may be long, so they are rejected by their first byte.
            let belongs = [RecordType::SizedEnvelope, RecordType::End]
                .iter()
                .any(|record| self.header.first() == Some(&(*record as u8)));
            match Record::decode(&self.header) {
                Ok(Decoded::Incomplete { .. }) if belongs => {}
                Ok(Decoded::Complete {
                    value: Record::SizedEnvelope { size },
                    ..
                }) => {
                    self.left = size as usize;
                    self.header = Vec::new();
                }
                Ok(Decoded::Complete {
                    value: Record::End, ..
                }) => {
                    self.header = Vec::new();
                    return Ok(Piece::End);
                }
                Ok(_) | Err(_) => return Err(input.foreign(&self.header, self.header_at)),
            }
        }
        Ok(Piece::Short)
    }
}
