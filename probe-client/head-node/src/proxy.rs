//! Proxy settings that programs on the head node may use.

/// A proxy setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The name of the setting: a variable, `WinHTTP`, `the user's Internet settings`.
    pub setting: String,
    /// The setting's value without credentials.
    pub value: String,
}

/// Returns the proxy in the value `WinHttpSettings`; `None` if it says to connect directly, or has another form.
///
/// The form was never published: header, a counter, flags at offset 8 (2: proxy), then the length of the proxy's text
/// and the text (unconfirmed, from memory).
pub(super) fn of_winhttp(blob: &[u8]) -> Option<String> {
    let number = |at: usize| -> Option<u32> {
        let bytes = blob.get(at..at.checked_add(4)?)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    };
    let flags = number(8)?;
    let length = usize::try_from(number(12)?).ok()?;
    let text = blob.get(16..16usize.checked_add(length)?)?;
    (flags & 2 != 0 && !text.is_empty() && text.iter().all(u8::is_ascii_graphic))
        .then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winhttp_blob_of_any_length_is_read_within_its_bounds() {
        let mut blob = vec![0x28, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 0];
        blob.extend(b"proxy:8080\0\0\0\0");
        assert_eq!(of_winhttp(&blob).as_deref(), Some("proxy:8080"));
        blob[8] = 1;
        assert_eq!(of_winhttp(&blob), None);
        blob[8] = 3;
        for cut in 0..26 {
            assert_eq!(of_winhttp(&blob[..cut]), None, "{cut}");
        }
        blob[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(of_winhttp(&blob), None);
    }
}
