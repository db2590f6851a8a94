//! Maps each byte of a raw dialogue to its frame, or to the payload of its stage.

use proto::frame::FrameType;
use proto::limits::DEFAULT_STAGES;

use crate::middlebox::Direction;

/// A part of the dialogue in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The magic bytes with which the client begins.
    Magic,
    /// The `nth` frame of this type, from 0.
    Frame(FrameType, usize),
    /// The payload of the `nth` stage, from 0.
    Payload(usize),
}

/// Follows one direction of a dialogue with the default stages.
#[derive(Debug)]
pub struct DialogueMap {
    place: Place,
    /// The number of bytes already seen of `place`.
    offset: usize,
    /// The length of `place`; `None` until a frame's header is complete.
    length: Option<usize>,
    header: Vec<u8>,
    seen: Vec<FrameType>,
    lost: bool,
}

impl DialogueMap {
    pub fn new(direction: Direction) -> Self {
        let (place, length) = match direction {
            Direction::Up => (Place::Magic, Some(MAGIC)),
            Direction::Down => (Place::Frame(FrameType::Testimony, 0), None),
        };
        Self {
            place,
            offset: 0,
            length,
            header: Vec::new(),
            seen: Vec::new(),
            lost: false,
        }
    }

    /// Returns the place of the next byte, `byte`, and its offset in that place; `None` once the stream is not a
    /// dialogue.
    pub fn next(&mut self, byte: u8) -> Option<(Place, usize)> {
        if self.lost {
            return None;
        }
        if self.length == Some(self.offset) {
            self.begin_next();
        }
        if self.length.is_none() {
            self.read_header(byte)?;
        }
        self.offset += 1;
        Some((self.place, self.offset - 1))
    }

    fn begin_next(&mut self) {
        self.offset = 0;
        self.header.clear();
        let stage = |carrier: FrameType| self.seen.iter().filter(|t| **t == carrier).count() - 1;
        let payload = match self.place {
            Place::Frame(carrier @ (FrameType::Exchange | FrameType::Confirmation), _) => {
                Some(stage(carrier))
            }
            Place::Magic | Place::Frame(..) | Place::Payload(_) => None,
        };
        if let Some(nth) = payload {
            self.place = Place::Payload(nth);
            self.length = DEFAULT_STAGES.get(nth).map(|bytes| *bytes as usize);
        } else {
            self.length = None;
        }
    }

    /// Reads a byte of a frame's header; the first byte gives the frame type.
    fn read_header(&mut self, byte: u8) -> Option<()> {
        if self.header.is_empty() {
            let Some(frame_type) = FrameType::from_byte(byte) else {
                self.lost = true;
                return None;
            };
            let nth = self.seen.iter().filter(|t| **t == frame_type).count();
            self.place = Place::Frame(frame_type, nth);
            self.seen.push(frame_type);
        }
        self.header.push(byte);
        if let Some(length) = self.header.get(1..HEADER) {
            let body = length
                .iter()
                .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
            self.length = Some(HEADER + body + MAC);
        }
        Some(())
    }
}

/// The lengths in bytes of the magic, of a frame's header and of a frame's MAC.
const MAGIC: usize = 8;
const HEADER: usize = 5;
const MAC: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(frame_type: FrameType, body: usize) -> Vec<u8> {
        let mut bytes = vec![frame_type as u8];
        bytes.extend(u32::try_from(body).unwrap().to_be_bytes());
        bytes.resize(HEADER + body + MAC, 0);
        bytes
    }

    fn places(direction: Direction, bytes: &[u8]) -> Vec<Option<(Place, usize)>> {
        let mut map = DialogueMap::new(direction);
        bytes.iter().map(|byte| map.next(*byte)).collect()
    }

    #[test]
    fn the_way_up_is_magic_greeting_and_stages() {
        let mut bytes = vec![0xf7; MAGIC];
        bytes.extend(frame(FrameType::Greeting, 300));
        bytes.extend(frame(FrameType::Exchange, 4));
        bytes.push(0xaa);
        bytes.extend(frame(FrameType::Exchange, 6));
        bytes.extend([9; 1024]);
        bytes.push(FrameType::Receipt as u8);
        let places = places(Direction::Up, &bytes);
        assert_eq!(places[0], Some((Place::Magic, 0)));
        assert_eq!(places[8], Some((Place::Frame(FrameType::Greeting, 0), 0)));
        assert_eq!(
            places[344],
            Some((Place::Frame(FrameType::Greeting, 0), 336))
        );
        assert_eq!(places[345], Some((Place::Frame(FrameType::Exchange, 0), 0)));
        assert_eq!(places[386], Some((Place::Payload(0), 0)));
        assert_eq!(places[387], Some((Place::Frame(FrameType::Exchange, 1), 0)));
        assert_eq!(places[387 + 43 + 1023], Some((Place::Payload(1), 1023)));
        assert_eq!(
            places.last(),
            Some(&Some((Place::Frame(FrameType::Receipt, 0), 0)))
        );
    }

    #[test]
    fn the_way_down_begins_with_a_frame() {
        let mut bytes = frame(FrameType::Testimony, 200);
        bytes.extend(frame(FrameType::Confirmation, 50));
        bytes.push(1);
        bytes.push(FrameType::Confirmation as u8);
        let places = places(Direction::Down, &bytes);
        assert_eq!(places[3], Some((Place::Frame(FrameType::Testimony, 0), 3)));
        assert_eq!(places[237 + 87], Some((Place::Payload(0), 0)));
        let last = Some((Place::Frame(FrameType::Confirmation, 1), 0));
        assert_eq!(places.last(), Some(&last));
    }

    #[test]
    fn what_is_no_dialogue_has_no_place() {
        assert_eq!(places(Direction::Down, b"HT"), [None, None]);
    }
}
