//! URLs that permit an upload, such as a SAS URL of Azure or a presigned URL of S3. The query contains the signature, a
//! secret: nothing shows it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

/// A URL to send a report to. It is shown without its query.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct SignedUrl {
    /// The host and the port, as the URL has them.
    authority: String,
    /// The host without brackets.
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

/// A text that is not such a URL.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum InvalidUrl {
    #[error("expected https://, since the URL contains a secret")]
    InClear,
    #[error("expected a URL without a user name")]
    User,
    #[error("expected a port from 1 to 65535")]
    Port,
    #[error("expected a URL such as https://storage.example/runs/?SIGNATURE")]
    Form,
}

impl SignedUrl {
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the path ends in a slash, so that each run gets a name of its own.
    pub(crate) fn is_folder(&self) -> bool {
        self.path.ends_with('/')
    }

    /// Returns the ending of the path's last part.
    pub(crate) fn extension(&self) -> Option<&str> {
        Path::new(&self.path).extension()?.to_str()
    }

    /// Returns the URL of the file `name` in this folder.
    pub(crate) fn with_name(&self, name: &str) -> Self {
        Self {
            path: format!("{}{name}", self.path),
            ..self.clone()
        }
    }

    /// Returns the path with the query, which only the host may see.
    pub(crate) fn expose_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

impl FromStr for SignedUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let url: Uri = text.parse().map_err(|_| InvalidUrl::Form)?;
        if url.scheme_str() != Some("https") {
            return Err(InvalidUrl::InClear);
        }
        let authority = url.authority().ok_or(InvalidUrl::Form)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::User);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() {
            return Err(InvalidUrl::Form);
        }
        Ok(Self {
            authority: authority.to_string(),
            host: host.to_owned(),
            port: port(authority.as_str(), authority.host())?,
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
        })
    }
}

impl fmt::Display for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)?;
        match self.query {
            Some(_) => f.write_str(HIDDEN),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedUrl({self})")
    }
}

/// Returns the two parts of `[FORMAT=]URL`; `None` if `text` names no URL.
pub(crate) fn split(text: &str) -> Option<(Option<&str>, &str)> {
    if is_of_the_web(text) {
        return Some((None, text));
    }
    // A template's file and the query may contain `=` too.
    let mut parts = text.match_indices('=');
    let (at, _) = parts.find(|(at, _)| is_of_the_web(&text[at + 1..]))?;
    // The query of a mistyped URL may contain a URL.
    if authority_of(text).is_some_and(|start| start <= at) {
        return None;
    }
    Some((Some(&text[..at]), &text[at + 1..]))
}

/// Returns whether `text` is `[FORMAT=]URL` with a mistake in the scheme, such as `https:/host/` or `htps://host/`.
pub(crate) fn is_mistyped(text: &str) -> bool {
    split(text).is_none() && authority_of(text).is_some()
}

/// Returns whether `text` is meant as `[FORMAT=]URL`, with a mistake in the scheme or without.
pub(crate) fn is_meant(text: &str) -> bool {
    split(text).is_some() || is_mistyped(text)
}

/// Returns the path of a report as errors show it: without what may be the query of a URL.
pub(crate) fn path_without_secrets(path: &Path) -> String {
    without_secrets(&path.to_string_lossy())
}

/// Returns `text` as it may be shown: without a query, and without the user name of a URL. The URL may be mistyped.
pub(crate) fn without_secrets(text: &str) -> String {
    let start = authority_of(text);
    // A file's name may contain `#`, but the part of a URL after it is hidden like the query.
    let marks: &[char] = if start.is_some() { &['?', '#'] } else { &['?'] };
    let mut cuts = text.match_indices(marks).map(|(at, _)| at);
    let cut = cuts.find(|at| !is_of_a_windows_path(text, *at));
    let (shown, hidden) = match cut {
        Some(cut) => (&text[..cut], HIDDEN),
        None => (text, ""),
    };
    let (before, rest) = shown.split_at(start.unwrap_or_default().min(shown.len()));
    let end = match start {
        Some(_) => rest.find('/').unwrap_or(rest.len()),
        None => 0,
    };
    let user = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{before}{}{hidden}", &rest[user..])
}

/// Returns whether the `?` at `at` is that of the prefix `\\?\`, with which long paths of Windows begin.
fn is_of_a_windows_path(text: &str, at: usize) -> bool {
    text[..at].ends_with(r"\\") && text[at..].starts_with(r"?\")
}

/// Returns the position after the scheme of a URL in `[FORMAT=]URL`, also if the scheme is mistyped.
fn authority_of(text: &str) -> Option<usize> {
    let starts = text.match_indices('=').map(|(at, _)| at + 1);
    let mut starts = std::iter::once(0).chain(starts);
    starts.find_map(|start| Some(start + scheme_length(&text[start..])?))
}

/// Returns the length of the scheme at the beginning of `text`, with the marks after it: `https://`, `https:/`,
/// `https//`, `htps://`. The letter of a drive is not a scheme.
fn scheme_length(text: &str) -> Option<usize> {
    let is_of_the_word = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let rest = text.trim_start_matches(is_of_the_word);
    let word = &text[..text.len() - rest.len()];
    let is_web = ["https", "http"]
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(word));
    let is_scheme = word.len() > 1 && rest.starts_with("://");
    let is_near = is_web && (rest.starts_with(':') || rest.starts_with("//"));
    let after = rest.trim_start_matches([':', '/', '\\']);
    (is_scheme || is_near).then(|| text.len() - after.len())
}

/// Returns the port in `authority`, which begins with `host`: 443 if it names none.
fn port(authority: &str, host: &str) -> Result<u16, InvalidUrl> {
    let after = authority.get(host.len()..);
    match after.and_then(|after| after.strip_prefix(':')) {
        None | Some("") => Ok(HTTPS),
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => Err(InvalidUrl::Port),
            Ok(port) => Ok(port),
        },
    }
}

fn is_of_the_web(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        let begin = text.get(..scheme.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    })
}

/// The text in place of a query.
const HIDDEN: &str = "?…";
const HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_query() {
        let url: SignedUrl = "https://storage.example:8443/runs/?sv=1&sig=abc%3D"
            .parse()
            .unwrap();
        assert_eq!((url.host(), url.port()), ("storage.example", 8443));
        assert!(url.is_folder());
        let named = url.with_name("run.json");
        assert_eq!(named.expose_target(), "/runs/run.json?sv=1&sig=abc%3D");
        assert_eq!(named.extension(), Some("json"));
        let shown = "https://storage.example:8443/runs/run.json?…";
        assert_eq!(named.to_string(), shown);
        assert_eq!(format!("{named:?}"), format!("SignedUrl({shown})"));
        let plain: SignedUrl = "https://[::1]/a.html".parse().unwrap();
        assert_eq!((plain.host(), plain.port()), ("::1", 443));
        assert_eq!(plain.authority(), "[::1]");
        assert_eq!(plain.to_string(), "https://[::1]/a.html");
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, reason) in [
            ("http://storage.example/?sig=abc", InvalidUrl::InClear),
            ("https://user:word@storage.example/", InvalidUrl::User),
            ("https://", InvalidUrl::Form),
            ("https://storage.example/a b", InvalidUrl::Form),
            ("https://storage.example:99999/a", InvalidUrl::Port),
            ("https://[::1]:0/a", InvalidUrl::Port),
        ] {
            assert_eq!(text.parse::<SignedUrl>(), Err(reason), "{text}");
        }
    }

    #[test]
    fn the_format_is_before_the_url() {
        let url = "https://x/?sig=http://y";
        assert_eq!(split(url), Some((None, url)));
        assert_eq!(
            split("html=https://x/?a=b"),
            Some((Some("html"), "https://x/?a=b"))
        );
        let template = "template=own.txt=https://x/";
        assert_eq!(
            split(template),
            Some((Some("template=own.txt"), "https://x/"))
        );
        for file in ["run.json", "html=report.html", "https", "runs/"] {
            assert_eq!(split(file), None, "{file}");
        }
    }

    #[test]
    fn no_secret_of_a_wrong_url_is_shown() {
        for (text, shown) in [
            ("https://x/runs/?sig=abc", "https://x/runs/?…"),
            ("html=http://x/?sig=abc", "html=http://x/?…"),
            ("https://user:word@x/a@b?sig", "https://x/a@b?…"),
            ("https://user:word@x", "https://x"),
            ("https://x/#sig=abc", "https://x/?…"),
            ("run.json?sig", "run.json?…"),
            ("json=storage.example/a?sig=abc", "json=storage.example/a?…"),
            ("runs#1/run.json", "runs#1/run.json"),
            (r"\\?\C:\runs\run.json", r"\\?\C:\runs\run.json"),
            (r"\\?\C:\a?sig=abc", r"\\?\C:\a?…"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn a_mistyped_url_is_recognised_and_shown_without_its_secrets() {
        for (text, shown) in [
            ("https:/x/a.json?sig=abc", "https:/x/a.json?…"),
            ("https:x/a.json?sig=abc", "https:x/a.json?…"),
            ("https//x/a.json?sig=abc", "https//x/a.json?…"),
            ("json=https//x/a.json?sig=abc", "json=https//x/a.json?…"),
            (r"HTTPS:\\x\a?sig=abc", r"HTTPS:\\x\a?…"),
            ("htps://x/a.json?sig=abc", "htps://x/a.json?…"),
            ("htps://x/?sig=abc&u=https://y", "htps://x/?…"),
            ("ftp://user:abc@x/a.json", "ftp://x/a.json"),
            (
                "template=a.txt=s3://x/a#sig=abc",
                "template=a.txt=s3://x/a?…",
            ),
        ] {
            assert!(is_mistyped(text), "{text}");
            assert_eq!(without_secrets(text), shown);
        }
        let right = ["https://x/?a=htps://y", "html=http://x/"];
        let files = ["run.json", "C://runs/", "http.json", "https/run.json"];
        for text in right.into_iter().chain(files) {
            assert!(!is_mistyped(text), "{text}");
        }
    }
}
