//! Sized text: the Via, content types, upgrades and faults.

use super::NmfError;
use super::size::{encode_size, read_size};
use crate::cursor::{Cursor, Stop};

/// UTF-8 text of at most `MAX` bytes. The decoder checks no other rule: a Via need not be a URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text<const MAX: u32>(String);

impl<const MAX: u32> Text<MAX> {
    /// Creates a text.
    ///
    /// # Errors
    /// The text has more than `MAX` bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, NmfError> {
        let text = text.into();
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if size > MAX {
            return Err(NmfError::TooLong { size, limit: MAX });
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        let size = read_size(cursor, MAX)?;
        let bytes = cursor.take(size as usize)?;
        let text = str::from_utf8(bytes).map_err(|_| Stop::Invalid(NmfError::NotUtf8))?;
        Ok(Self(text.to_owned()))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_text(&self.0, out);
    }
}

/// Appends text that is known to be within its limit.
pub(super) fn encode_text(text: &str, out: &mut Vec<u8>) {
    let size = u32::try_from(text.len()).expect("every limit on text is far below 4 GiB");
    encode_size(size, out);
    out.extend_from_slice(text.as_bytes());
}
