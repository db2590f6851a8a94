//! Decodes text files as Windows editors and shells write them: with a byte order mark, in UTF-16, or indented.

use zeroize::Zeroizing;

/// Returns text in UTF-16, or with a byte order mark, as plain UTF-8, and other bytes unchanged. Every copy may contain
/// a key, and so is wiped.
pub(super) fn plain(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, text @ ..] => Zeroizing::new(text.to_vec()),
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes).unwrap_or(bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes).unwrap_or(bytes),
        // UTF-16 without a byte order mark, recognised by two ASCII characters of two bytes each.
        [0x20..=0x7e, 0, 0x09..=0x7e, 0, ..] => utf16(&bytes, u16::from_le_bytes).unwrap_or(bytes),
        _ => bytes,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Zeroizing<Vec<u8>>> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let whole = bytes.len().is_multiple_of(2);
    let text: Zeroizing<String> = Zeroizing::new(
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .ok()
            .filter(|_| whole)?,
    );
    Some(Zeroizing::new(text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        plain(Zeroizing::new(bytes.to_vec())).to_vec()
    }

    #[test]
    fn marks_and_wide_characters_go() {
        let wide = |mark: &[u8], order: fn(u16) -> [u8; 2]| {
            let units = "-----é".encode_utf16().flat_map(order);
            [mark.to_vec(), units.collect()].concat()
        };
        for text in [
            "-----é".as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], "-----é".as_bytes()].concat(),
            wide(&[0xff, 0xfe], u16::to_le_bytes),
            wide(&[0xfe, 0xff], u16::to_be_bytes),
            wide(&[], u16::to_le_bytes),
        ] {
            assert_eq!(read(&text), "-----é".as_bytes());
        }
    }

    #[test]
    fn binary_files_stay_as_they_are() {
        for bytes in [&[0x30, 0x82, 0x01, 0x00][..], &[0xff, 0xfe, 0x41], &[]] {
            assert_eq!(read(bytes), bytes);
        }
    }
}
