//! Removes credentials from proxy settings.

/// Returns `text` without the user and password that a proxy's URL may contain.
///
/// Everything before the last `@` is removed except the scheme. A password may contain a `;`, so not even Windows'
/// lists can safely be split first.
pub fn redacted(text: &str) -> String {
    let Some(end) = text.rfind('@') else {
        return text.to_owned();
    };
    let scheme = text[..end].find("://");
    let start = scheme
        .filter(|at| text[..*at].bytes().all(before_scheme))
        .map_or(0, |at| at + "://".len());
    format!("{}…@{}", &text[..start], &text[end + 1..])
}

/// Returns whether a byte may be part of a scheme (RFC 3986 section 3.1), or precede it in a list (`https=http`) or in
/// a report (`script http`).
fn before_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.= ".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out() {
        let cases = [
            ("http://u:p@proxy:3128/", "http://…@proxy:3128/"),
            ("http://u:Se;cret@proxy:3128", "http://…@proxy:3128"),
            ("http://u:p@;/://w@proxy:1", "http://…@proxy:1"),
            ("u:p://w@proxy:1", "…@proxy:1"),
            ("script http://u:p@web/a.pac", "script http://…@web/a.pac"),
            ("proxy:8080", "proxy:8080"),
            // Lists of proxies.
            ("http=proxy:1;https=proxy:2", "http=proxy:1;https=proxy:2"),
            ("a:b@proxy:1;https=proxy:2", "…@proxy:1;https=proxy:2"),
            ("https=http://u:Se;cret@proxy:1", "https=http://…@proxy:1"),
            ("a:b@proxy:1;u:Se;cret@proxy:2", "…@proxy:2"),
        ];
        for (text, left) in cases {
            assert_eq!(redacted(text), left);
        }
    }
}
