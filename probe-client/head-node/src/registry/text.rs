//! The encodings of registry exports.

/// The encoding of a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The encoding in which `reg export` and regedit write since Windows 2000.
    Utf16LittleEndian,
    Utf16BigEndian,
    Utf8,
    /// The ANSI code page of some Windows system; characters outside ASCII are read as Latin-1, which is a guess.
    Ansi,
}

/// Decodes the text. The returned flag says whether the file ends within a character.
pub(super) fn decode(bytes: &[u8]) -> (String, Encoding, bool) {
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes, Encoding::Utf16LittleEndian),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes, Encoding::Utf16BigEndian),
        // UTF-16 without a byte order mark: an export always begins with ASCII characters.
        [_, 0, _, 0, ..] => wide(bytes, u16::from_le_bytes, Encoding::Utf16LittleEndian),
        [0xef, 0xbb, 0xbf, rest @ ..] => unmarked(rest),
        _ => unmarked(bytes),
    }
}

/// Decodes valid UTF-8; otherwise takes each byte as one character.
pub(super) fn narrow(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

fn unmarked(bytes: &[u8]) -> (String, Encoding, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), Encoding::Utf8, false),
        Err(_) => (narrow(bytes), Encoding::Ansi, false),
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16, encoding: Encoding) -> (String, Encoding, bool) {
    let pairs = bytes.chunks_exact(2);
    let cut = !pairs.remainder().is_empty();
    let text = char::decode_utf16(pairs.map(|pair| unit([pair[0], pair[1]])))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    (text, encoding, cut)
}
