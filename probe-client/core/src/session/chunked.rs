//! The chunked transfer coding (RFC 9112 section 7.1). The echo server does not use it, but a device that relays the
//! server's responses may.

use super::input::Input;

/// A decoder of the chunked coding that takes its input in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// The number of bytes of the coding itself so far, without data.
    overhead: u32,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    SizeStart,
    Size(u32),
    Extension(u32),
    SizeEnd(u32),
    Data(u32),
    DataCr,
    DataLf,
    /// The decoder is in the trailers. `empty` says whether the current line is empty so far.
    Trailer {
        empty: bool,
    },
    Done,
}

/// The next piece of the body.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Data(Input<'a>),
    /// The end of the body.
    End,
    /// The input is used up before the body ends.
    Short,
    /// The input is not the chunked coding, or the coding takes more than [`MAX_OVERHEAD`] bytes.
    Invalid,
}

impl Chunked {
    pub(super) fn next<'a>(&mut self, input: &mut Input<'a>) -> Piece<'a> {
        loop {
            if self.state == State::Done {
                return Piece::End;
            }
            if let State::Data(left) = self.state
                && !input.is_empty()
            {
                let data = input.take(left as usize);
                let taken = u32::try_from(data.rest().len()).expect("at most `left`");
                self.state = if taken == left {
                    State::DataCr
                } else {
                    State::Data(left - taken)
                };
                return Piece::Data(data);
            }
            let &[byte] = input.take(1).rest() else {
                return Piece::Short;
            };
            self.overhead += 1;
            match self.state.after(byte) {
                Some(state) if self.overhead <= MAX_OVERHEAD => self.state = state,
                Some(_) | None => return Piece::Invalid,
            }
        }
    }
}

impl State {
    /// Returns the state after one byte of the coding; `None` if the byte is not allowed there.
    fn after(self, byte: u8) -> Option<Self> {
        let digit = char::from(byte).to_digit(16);
        Some(match (self, byte) {
            (Self::SizeStart, _) => Self::Size(digit?),
            (Self::Size(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(size), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), _) => Self::Size(size.checked_mul(16)?.checked_add(digit?)?),
            (Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer { empty: true },
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::SizeStart,
            (Self::Trailer { empty: true }, b'\n') => Self::Done,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { empty: true },
            (Self::Trailer { empty }, b'\r') => Self::Trailer { empty },
            (Self::Trailer { .. }, _) => Self::Trailer { empty: false },
            (Self::SizeEnd(_) | Self::DataCr | Self::DataLf | Self::Data(_) | Self::Done, _) => {
                return None;
            }
        })
    }
}

/// The maximum number of bytes that sizes, line ends and trailers of one body may take.
///
/// A relay that cuts the largest stage into chunks of 512 bytes stays below this limit.
const MAX_OVERHEAD: u32 = 32 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes a body and returns whether it ended; `None` if the coding is broken.
    fn decode(pieces: &[&[u8]]) -> Option<(Vec<u8>, bool)> {
        let (mut chunked, mut body) = (Chunked::default(), Vec::new());
        for piece in pieces {
            let mut input = Input::new(piece, 0);
            loop {
                match chunked.next(&mut input) {
                    Piece::Data(data) => body.extend_from_slice(data.rest()),
                    Piece::End => return Some((body, true)),
                    Piece::Short => break,
                    Piece::Invalid => return None,
                }
            }
        }
        Some((body, false))
    }

    #[test]
    fn sizes_extensions_and_trailers() {
        let body = b"5;x=y\r\nhello\r\nA\r\n, world 12\r\n0\r\nTrailer: z\r\n\r\nnext";
        assert_eq!(decode(&[body]), Some((b"hello, world 12".to_vec(), true)));
        assert_eq!(decode(&[b"0\r\n\r\n"]), Some((Vec::new(), true)));
    }

    #[test]
    fn what_is_not_the_coding_is_refused() {
        for broken in [
            &b"x\r\n"[..],
            b"\r\n",
            b"5\n",
            b"2\r\nabc",
            b"100000000\r\n",
            b"-1\r\n",
        ] {
            assert_eq!(decode(&[broken]), None, "{broken:?}");
        }
    }

    #[test]
    fn an_endless_extension_is_refused() {
        let endless = vec![b' '; MAX_OVERHEAD as usize];
        assert_eq!(decode(&[b"5", &endless]), None);
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_body(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..10),
            cuts in prop::collection::vec(0usize..20, 0..40),
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            let mut pieces = Vec::new();
            let mut rest = coded.as_slice();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(decode(&pieces), Some((chunks.concat(), true)));
        }
    }
}
