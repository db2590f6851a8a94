//! Builds heads for our own peers, byte for byte: no header is added, re-cased or reordered.

use thiserror::Error;

use super::{CONTENT_LENGTH, HOST, MAX_HEAD, MAX_HEADERS, TRANSFER_ENCODING};

/// The error for a part that cannot be put into a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HttpBuildError {
    #[error("the method is not a token")]
    Method,
    #[error("the target is empty, or not printable ASCII without spaces")]
    Target,
    #[error("the host is empty, or not printable ASCII without spaces")]
    Host,
    #[error("the status code does not have three digits")]
    Status,
    #[error("a header's name is not a token, or one that the builder writes itself")]
    HeaderName,
    #[error("a header's value is not printable ASCII, or has white space around it")]
    HeaderValue,
    #[error("the head has too many bytes, or more than {MAX_HEADERS} headers")]
    TooLong,
}

/// Appends a request head to `out`: the request line, Host, `headers` in their order, and last Content-Length if there
/// is one.
///
/// # Errors
/// A part would break the head, or [`RequestHead`](super::RequestHead) would not accept it. `out` is then unchanged.
pub fn request_head(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    host: &str,
    headers: &[(&str, &str)],
    content_length: Option<u64>,
) -> Result<(), HttpBuildError> {
    if !is_token(method) {
        return Err(HttpBuildError::Method);
    }
    if !is_graphic(target) {
        return Err(HttpBuildError::Target);
    }
    if !is_graphic(host) {
        return Err(HttpBuildError::Host);
    }
    let first = format!("{method} {target} HTTP/1.1\r\n{HOST}: {host}\r\n");
    append(out, &first, headers, content_length, MAX_HEAD)
}

/// Appends the head of a request to a proxy for a tunnel to `target`, `host:port` (RFC 9110 section 9.3.6). It is sent
/// only to proxies, and may be longer than other heads.
///
/// # Errors
/// A part would break the head, or make it longer than [`MAX_CONNECT_HEAD`]. `out` is then unchanged.
pub fn connect_head(
    out: &mut Vec<u8>,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<(), HttpBuildError> {
    if !is_graphic(target) {
        return Err(HttpBuildError::Target);
    }
    let first = format!("CONNECT {target} HTTP/1.1\r\n{HOST}: {target}\r\n");
    append(out, &first, headers, None, MAX_CONNECT_HEAD)
}

/// Appends a response head to `out`: the status line without a reason, `headers` in their order, and last
/// Content-Length if there is one.
///
/// The grammar requires the space after the status code even if no reason follows (RFC 9112 section 4).
///
/// # Errors
/// A part would break the head, or make it longer than [`MAX_HEAD`]. `out` is then unchanged.
pub fn response_head(
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&str, &str)],
    content_length: Option<u64>,
) -> Result<(), HttpBuildError> {
    if !(100..1000).contains(&status) {
        return Err(HttpBuildError::Status);
    }
    append(
        out,
        &format!("HTTP/1.1 {status} \r\n"),
        headers,
        content_length,
        MAX_HEAD,
    )
}

fn append(
    out: &mut Vec<u8>,
    first: &str,
    headers: &[(&str, &str)],
    content_length: Option<u64>,
    limit: usize,
) -> Result<(), HttpBuildError> {
    // Host and Content-Length are headers too.
    if headers.len() > MAX_HEADERS - 2 {
        return Err(HttpBuildError::TooLong);
    }
    let mut head = first.to_owned();
    for (name, value) in headers {
        let ours = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING]
            .iter()
            .any(|reserved| reserved.eq_ignore_ascii_case(name));
        if ours || !is_token(name) {
            return Err(HttpBuildError::HeaderName);
        }
        if !is_field_value(value) {
            return Err(HttpBuildError::HeaderValue);
        }
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    if let Some(length) = content_length {
        head.push_str(&format!("{CONTENT_LENGTH}: {length}\r\n"));
    }
    head.push_str("\r\n");
    if head.len() > limit {
        return Err(HttpBuildError::TooLong);
    }
    out.extend_from_slice(head.as_bytes());
    Ok(())
}

/// Returns whether `text` is a token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns whether `text` is a field value (RFC 9110 section 5.5), without the obsolete bytes above ASCII.
fn is_field_value(text: &str) -> bool {
    text.trim_ascii() == text
        && text
            .bytes()
            .all(|byte| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic())
}

/// The maximum length of a tunnel's request in bytes. Windows makes Kerberos tokens of up to 48,000 bytes ([MS-KILE],
/// MaxTokenSize), which base64 makes longer by a third.
pub const MAX_CONNECT_HEAD: usize = 68 * 1024;
