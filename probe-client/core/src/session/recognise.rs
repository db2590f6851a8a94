//! Recognises a stranger by its first bytes. The result is evidence for a person to act on; no verdict depends on it.

use proto::decoded::Decoded;
use proto::nmf::Record;
use proto::x224::{ConnectionConfirm, Negotiation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::first_sent::Start;
use crate::excerpt::printable;

/// The kind of foreign bytes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Recognised {
    /// Our own bytes, sent back: a plain echo service, or a device that reflects.
    OwnBytes,
    HttpResponse(HttpStranger),
    /// A TLS alert in clear text (RFC 8446 section 6), from something that expected TLS.
    TlsAlert {
        level: u8,
        description: u8,
    },
    /// A TLS record with a handshake message, where the protocol expects none.
    TlsHandshake,
    SshBanner {
        line: String,
    },
    SmtpBanner {
        line: String,
    },
    /// An RDP negotiation failure ([MS-RDPBCGR] 2.2.1.2.2).
    RdpNegotiationFailure {
        code: u32,
    },
    /// A net.tcp service that turned the preamble down ([MC-NMF] 2.2.3).
    NetTcpFault {
        uri: String,
    },
}

/// An HTTP response that is not the server's testimony.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpStranger {
    pub status_line: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Status 404 without any header. The genuine server answers like this if it does not accept a greeting, and hardly
    /// any other server does. It proves nothing.
    pub bare_not_found: bool,
}

/// Recognises `received`; `own` are the bytes that the client had sent, in the clear and inside TLS.
pub(super) fn recognise(received: &[u8], own: [&Start; 2]) -> Option<Recognised> {
    if own.iter().any(|start| start.echoed_by(received)) {
        return Some(Recognised::OwnBytes);
    }
    match received {
        [0x15, 0x03, _, 0x00, 0x02, level, description, ..] => Some(Recognised::TlsAlert {
            level: *level,
            description: *description,
        }),
        [0x16, 0x03, _, _, _, ..] => Some(Recognised::TlsHandshake),
        [0x03, 0x00, ..] => rdp_failure(received),
        [0x08, ..] => net_tcp_fault(received),
        _ => text(received),
    }
}

fn rdp_failure(received: &[u8]) -> Option<Recognised> {
    match ConnectionConfirm::decode(received) {
        Ok(Decoded::Complete { value, .. }) => match value.negotiation {
            Some(Negotiation::Failed(failure)) => Some(Recognised::RdpNegotiationFailure {
                code: failure.code(),
            }),
            Some(Negotiation::Selected { .. }) | None => None,
        },
        Ok(Decoded::Incomplete { .. }) | Err(_) => None,
    }
}

fn net_tcp_fault(received: &[u8]) -> Option<Recognised> {
    if let Ok(Decoded::Complete {
        value: Record::Fault(fault),
        ..
    }) = Record::decode(received)
    {
        Some(Recognised::NetTcpFault {
            uri: printable(&fault.uri()).into_owned(),
        })
    } else {
        None
    }
}

fn text(received: &[u8]) -> Option<Recognised> {
    let end = received.iter().position(|&byte| byte == b'\n');
    let first = line(&received[..end.unwrap_or(received.len())]);
    let rest = end.map_or(&[][..], |end| &received[end + 1..]);
    if received.starts_with(b"HTTP/") {
        return Some(Recognised::HttpResponse(http(first, rest)));
    }
    if received.starts_with(b"SSH-") {
        return Some(Recognised::SshBanner { line: first });
    }
    let greets = received.starts_with(b"220 ") || received.starts_with(b"220-");
    if greets && first.to_ascii_uppercase().contains("SMTP") {
        return Some(Recognised::SmtpBanner { line: first });
    }
    None
}

/// Reads the head line by line instead of with a parser, because it may be cut anywhere or broken.
fn http(status_line: String, headers: &[u8]) -> HttpStranger {
    let status = status_line
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok());
    let mut stranger = HttpStranger {
        status_line,
        status,
        server: None,
        via: None,
        location: None,
        bare_not_found: status == Some(404) && headers.starts_with(b"\r\n"),
    };
    for header in headers.split(|&byte| byte == b'\n').map(line) {
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else {
            continue;
        };
        let slot = match name.to_ascii_lowercase().as_str() {
            "server" => &mut stranger.server,
            "via" => &mut stranger.via,
            "location" => &mut stranger.location,
            _ => continue,
        };
        slot.get_or_insert_with(|| value.trim().to_owned());
    }
    stranger
}

/// Returns a line for a report: without its line end, limited in length, and without control characters.
fn line(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    bytes[..bytes.len().min(MAX_LINE)]
        .escape_ascii()
        .to_string()
}

/// The maximum number of bytes kept of a line, for example of a redirect's address. A person will not read more.
const MAX_LINE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(received: &[u8]) -> Option<Recognised> {
        let own = Start::new();
        recognise(received, [&own, &own])
    }

    #[test]
    fn a_captive_portal() {
        let found = of(b"HTTP/1.1 302 Found\r\nServer: portal/2\r\nlocation: \
                         http://login.example/\r\nVia: 1.1 corp\r\n\r\nbody: no");
        assert_eq!(
            found,
            Some(Recognised::HttpResponse(HttpStranger {
                status_line: "HTTP/1.1 302 Found".into(),
                status: Some(302),
                server: Some("portal/2".into()),
                via: Some("1.1 corp".into()),
                location: Some("http://login.example/".into()),
                bare_not_found: false,
            }))
        );
    }

    #[test]
    fn a_404_is_bare_only_without_any_header() {
        let bare = |bytes| match of(bytes) {
            Some(Recognised::HttpResponse(stranger)) => stranger.bare_not_found,
            other => panic!("{other:?}"),
        };
        assert!(bare(b"HTTP/1.1 404 \r\n\r\n"));
        assert!(!bare(b"HTTP/1.1 404 \r\n"));
        assert!(!bare(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n"));
        assert!(!bare(b"HTTP/1.1 403 \r\n\r\n"));
    }

    #[test]
    fn banners_alerts_and_refusals() {
        assert_eq!(
            of(b"SSH-2.0-OpenSSH_9.2\x1b[2J\r\n"),
            Some(Recognised::SshBanner {
                line: "SSH-2.0-OpenSSH_9.2\\x1b[2J".into()
            })
        );
        assert_eq!(
            of(b"220 mx.example ESMTP\r\n"),
            Some(Recognised::SmtpBanner {
                line: "220 mx.example ESMTP".into()
            })
        );
        assert_eq!(of(b"220 ftp.example\r\n"), None);
        assert_eq!(
            of(&[0x15, 3, 1, 0, 2, 2, 70]),
            Some(Recognised::TlsAlert {
                level: 2,
                description: 70
            })
        );
        assert_eq!(of(&[0x16, 3, 3, 0, 80, 2]), Some(Recognised::TlsHandshake));
        let rdp = [
            3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, 5, 0, 0, 0,
        ];
        assert_eq!(
            of(&rdp),
            Some(Recognised::RdpNegotiationFailure { code: 5 })
        );
        assert_eq!(of(&rdp[..18]), None);
        assert_eq!(
            of(b"\x08\x07urn:any"),
            Some(Recognised::NetTcpFault {
                uri: "urn:any".into()
            })
        );
        assert_eq!(of(b""), None);
    }
}
