//! The six session kinds, and what each is made of: preface, TLS, envelope.

use std::fmt;
use std::str::FromStr;

use crate::wire;

/// The shape of a session's bytes. The dialogue inside is the same for every shape.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(
    feature = "documents",
    derive(schemars::JsonSchema, serde::Deserialize, serde::Serialize),
    serde(rename_all = "lowercase")
)]
pub enum SessionKind {
    /// Raw bytes: TCP that is not HTTPS.
    Tcp,
    /// TLS around raw bytes: any TLS service.
    Tls,
    /// HTTP/1.1 in clear text.
    Http,
    /// HTTP/1.1 inside TLS.
    Https,
    /// RDP: the X.224 negotiation, then TLS ([MS-RDPBCGR] 2.2.1.1).
    Rdp,
    /// .NET net.tcp: an [MC-NMF] preamble that names a service (its Via), then TLS.
    Nettcp,
}

/// The parts of a session kind, in the order of the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionShape {
    /// The exchange in clear text before everything else.
    pub preface: Option<Preface>,
    /// The TLS parameters; `None` if the session stays in clear text.
    pub tls: Option<TlsShape>,
    /// The envelope of the dialogue.
    pub envelope: Envelope,
}

/// An exchange in clear text before a protocol's TLS handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preface {
    /// X.224 connection request with RDP_NEG_REQ, and its confirm.
    X224,
    /// MC-NMF version, mode, Via, encoding, and the upgrade to `application/ssl-tls`.
    NetTcpPreamble,
}

/// The contents of a session kind's ClientHello.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TlsShape {
    /// Whether the server's name is sent.
    pub sni: bool,
    /// The one ALPN protocol offered, if any.
    pub alpn: Option<&'static str>,
}

/// How the dialogue's messages are wrapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Envelope {
    /// Not wrapped.
    Raw,
    /// HTTP/1.1; every request is self-contained.
    Http1,
    /// MC-NMF sized envelopes.
    NetTcpSized,
}

/// A word that is not the name of a session kind.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no session kind of that name; use one of tcp, tls, http, https, rdp, nettcp")]
pub struct UnknownSessionKind;

/// The peer did not specify a session kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the peer left the session kind unspecified")]
pub struct UnspecifiedSessionKind;

impl SessionKind {
    /// Every kind, in the order in which lists show them.
    pub const ALL: [Self; 6] = [
        Self::Tcp,
        Self::Tls,
        Self::Http,
        Self::Https,
        Self::Rdp,
        Self::Nettcp,
    ];

    /// Returns the protocol's name for people: `HTTPS`, `plain TCP`.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Tcp => "plain TCP",
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Rdp => "RDP",
            Self::Nettcp => "net.tcp",
        }
    }

    /// Returns the kind's name in profiles, arguments and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Https => "https",
            Self::Rdp => "rdp",
            Self::Nettcp => "nettcp",
        }
    }

    /// Returns the parts in which the kind differs from others.
    pub const fn shape(self) -> SessionShape {
        let (preface, tls, envelope) = match self {
            Self::Tcp => (None, None, Envelope::Raw),
            Self::Tls => (None, Some(NAMED), Envelope::Raw),
            Self::Http => (None, None, Envelope::Http1),
            Self::Https => (None, Some(NAMED_HTTP), Envelope::Http1),
            Self::Rdp => (Some(Preface::X224), Some(NAMED), Envelope::Raw),
            Self::Nettcp => (
                Some(Preface::NetTcpPreamble),
                Some(NAMELESS),
                Envelope::NetTcpSized,
            ),
        };
        SessionShape {
            preface,
            tls,
            envelope,
        }
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SessionKind {
    type Err = UnknownSessionKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(UnknownSessionKind)
    }
}

impl From<SessionKind> for wire::SessionKind {
    fn from(kind: SessionKind) -> Self {
        match kind {
            SessionKind::Tcp => Self::Tcp,
            SessionKind::Tls => Self::Tls,
            SessionKind::Http => Self::Http,
            SessionKind::Https => Self::Https,
            SessionKind::Rdp => Self::Rdp,
            SessionKind::Nettcp => Self::Nettcp,
        }
    }
}

impl TryFrom<wire::SessionKind> for SessionKind {
    type Error = UnspecifiedSessionKind;

    fn try_from(kind: wire::SessionKind) -> Result<Self, Self::Error> {
        match kind {
            wire::SessionKind::Unspecified => Err(UnspecifiedSessionKind),
            wire::SessionKind::Tcp => Ok(Self::Tcp),
            wire::SessionKind::Tls => Ok(Self::Tls),
            wire::SessionKind::Http => Ok(Self::Http),
            wire::SessionKind::Https => Ok(Self::Https),
            wire::SessionKind::Rdp => Ok(Self::Rdp),
            wire::SessionKind::Nettcp => Ok(Self::Nettcp),
        }
    }
}

const NAMED: TlsShape = TlsShape {
    sni: true,
    alpn: None,
};
const NAMED_HTTP: TlsShape = TlsShape {
    sni: true,
    alpn: Some("http/1.1"),
};
/// WCF authenticates over TLS with an empty host name, so its ClientHello contains none.
const NAMELESS: TlsShape = TlsShape {
    sni: false,
    alpn: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name_everywhere() {
        for kind in SessionKind::ALL {
            assert_eq!(kind.to_string(), kind.name());
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("HTTPS".parse::<SessionKind>(), Err(UnknownSessionKind));
        let listed = SessionKind::ALL.map(SessionKind::name).join(", ");
        assert!(UnknownSessionKind.to_string().ends_with(&listed));
    }

    #[test]
    fn the_wire_carries_every_kind_there_and_back() {
        for kind in SessionKind::ALL {
            let wire = wire::SessionKind::from(kind);
            assert_eq!(
                wire.as_str_name(),
                format!("SESSION_KIND_{}", kind.name().to_uppercase())
            );
            assert_eq!(SessionKind::try_from(wire), Ok(kind));
        }
        assert_eq!(
            SessionKind::try_from(wire::SessionKind::Unspecified),
            Err(UnspecifiedSessionKind)
        );
    }

    #[test]
    fn the_six_rows() {
        let rows = SessionKind::ALL.map(|kind| {
            let shape = kind.shape();
            let tls = shape.tls.map(|tls| (tls.sni, tls.alpn));
            (kind.name(), shape.preface, tls, shape.envelope)
        });
        let named = Some((true, None));
        assert_eq!(
            rows,
            [
                ("tcp", None, None, Envelope::Raw),
                ("tls", None, named, Envelope::Raw),
                ("http", None, None, Envelope::Http1),
                (
                    "https",
                    None,
                    Some((true, Some("http/1.1"))),
                    Envelope::Http1
                ),
                ("rdp", Some(Preface::X224), named, Envelope::Raw),
                (
                    "nettcp",
                    Some(Preface::NetTcpPreamble),
                    Some((false, None)),
                    Envelope::NetTcpSized
                ),
            ]
        );
    }
}
