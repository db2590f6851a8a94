//! A registry value, and its form in an export.

/// A value by type. The numbers of the types are in the Windows SDK, winnt.h.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `REG_SZ` and `REG_EXPAND_SZ`.
    Text(String),
    /// `REG_MULTI_SZ`.
    Texts(Vec<String>),
    /// `REG_DWORD` and `REG_DWORD_BIG_ENDIAN`.
    Dword(u32),
    Qword(u64),
    Binary(Vec<u8>),
    /// A type that no check needs, or bytes that do not fit their type.
    Other {
        kind: u32,
        bytes: usize,
    },
}

impl Value {
    /// Makes a value from the number of its type and its bytes, as the registry stores them or as `hex(KIND):` writes
    /// them.
    ///
    /// `wide` means that texts are UTF-16, which is the case except in old exports.
    pub fn of_bytes(kind: u32, bytes: Vec<u8>, wide: bool) -> Self {
        let other = Self::Other {
            kind,
            bytes: bytes.len(),
        };
        match kind {
            // UTF-16 has two bytes per code unit, so an odd number of bytes is text in another encoding.
            1 | 2 | 7 if wide && bytes.len() % 2 == 1 => other,
            1 | 2 => Self::Text(one_text(&bytes, wide)),
            3 => Self::Binary(bytes),
            4 => <[u8; 4]>::try_from(bytes).map_or(other, |b| Self::Dword(u32::from_le_bytes(b))),
            5 => <[u8; 4]>::try_from(bytes).map_or(other, |b| Self::Dword(u32::from_be_bytes(b))),
            7 => Self::Texts(
                decoded(&bytes, wide)
                    .split('\0')
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            11 => <[u8; 8]>::try_from(bytes).map_or(other, |b| Self::Qword(u64::from_le_bytes(b))),
            _ => other,
        }
    }

    /// Returns the type and the value in short form, for a message.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Text(text) => format!("the string `{}` (REG_SZ)", shortened(text)),
            Self::Texts(texts) => {
                format!(
                    "a list of {} (REG_MULTI_SZ)",
                    counted(texts.len(), "string")
                )
            }
            Self::Dword(number) => format!("the number {number} (REG_DWORD)"),
            Self::Qword(number) => format!("the number {number} (REG_QWORD)"),
            Self::Binary(bytes) => format!("{} (REG_BINARY)", counted(bytes.len(), "byte")),
            Self::Other { kind, bytes } => format!("{} of type {kind}", counted(*bytes, "byte")),
        }
    }
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn one_text(bytes: &[u8], wide: bool) -> String {
    let text = decoded(bytes, wide);
    text.split('\0').next().unwrap_or_default().to_owned()
}

fn decoded(bytes: &[u8], wide: bool) -> String {
    if !wide {
        return super::text::narrow(bytes);
    }
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Shortens a text to fit on one line of a report.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let described = |kind, bytes: &[u8]| Value::of_bytes(kind, bytes.into(), false).described();
        assert_eq!(described(3, &[0]), "1 byte (REG_BINARY)");
        assert_eq!(described(3, &[]), "0 bytes (REG_BINARY)");
        assert_eq!(described(7, b"a\0\0"), "a list of 1 string (REG_MULTI_SZ)");
        assert_eq!(described(9, &[0, 0]), "2 bytes of type 9");
    }
}
