//! Reads forwards through a buffer that may end before the value does.

use crate::decoded::Decoded;

/// A position in a buffer. Nothing is copied, and a length that the other side claims is only compared with the bytes
/// present.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Short> {
        let rest = self.rest();
        let Some(taken) = rest.get(..count) else {
            return Err(Short {
                by: count - rest.len(),
            });
        };
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("take gives exactly N bytes"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Short> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16_be(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }
}

/// The error for a buffer that ends `by` bytes too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) by: usize,
}

/// The reason why a value could not be read.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    Short(Short),
    Invalid(E),
}

impl<E> From<Short> for Stop<E> {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// Reads one value from the front of `bytes`. A buffer that is too short becomes [`Decoded::Incomplete`].
pub(crate) fn decode_front<'a, T, E>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Stop<E>>,
) -> Result<Decoded<T>, E> {
    let mut cursor = Cursor::new(bytes);
    match read(&mut cursor) {
        Ok(value) => Ok(Decoded::Complete {
            value,
            consumed: cursor.at,
        }),
        Err(Stop::Short(Short { by })) => Ok(Decoded::Incomplete { at_least: by }),
        Err(Stop::Invalid(error)) => Err(error),
    }
}
