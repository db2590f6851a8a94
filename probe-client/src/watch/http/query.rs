//! The query of a URL.

use percent_encoding::percent_decode_str;

/// The pairs of a query.
#[derive(Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the first value of `name`; `None` if there is none, or if it is not UTF-8.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        let spaced = value.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
        Some(decoded.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let query = Query::of("target=echo.example%3A80&profile=a+b&empty=&broken=%ff");
        assert_eq!(query.value("target").as_deref(), Some("echo.example:80"));
        assert_eq!(query.value("profile").as_deref(), Some("a b"));
        assert_eq!(query.value("empty").as_deref(), Some(""));
        assert_eq!(query.value("broken"), None);
        assert_eq!(query.value("other"), None);
    }
}
