//! The server's testimony about what reached it, in this crate's own types.

use std::net::SocketAddr;

use proto::wire;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Malformation;
use super::hex_bytes::{Digest, HexArray, HexBytes};
use crate::measurement::AgreedOptions;
use crate::session_kind::SessionKind;

mod later;

/// What the server says about a connection. Its MAC and its answer to the nonce have been checked. A
/// field is absent if the server did not see it or could not report it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Testimony {
    /// The version of the dialogue.
    pub version: u32,
    /// The name of the server process. Several processes may share one address.
    pub instance: String,
    /// The address and port at which the connection was accepted, as the server's own host has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<SocketAddr>,
    /// The address and port that the connection came from, as the server sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    /// The port that is dialled to reach `local`, as the server's admin configured it. Absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_port: Option<u16>,
    /// The server's clock, in Unix milliseconds.
    pub time_unix_ms: u64,
    /// The session kind that the server recognised from the bytes that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SessionKind>,
    /// The server's id of this connection. If the testimony for a later HTTP request has another id, a device spreads
    /// requests.
    pub connection_id: HexBytes,
    /// IP and TCP header of the SYN as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn: Option<HexBytes>,
    /// TCP options that the server's end found in the SYN and put into the SYN-ACK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_options: Option<AgreedOptions>,
    /// X.224 or MC-NMF bytes as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preface: Option<HexBytes>,
    /// The HTTP request head as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_head: Option<HexBytes>,
    /// Whether the preface or the request head was cut so that the message fits.
    pub truncated: bool,
    /// The TLS session as the server has it. Absent: no TLS reached the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsAtServer>,
}

/// The TLS session as the server has it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsAtServer {
    /// The version on the wire, 0x0304 for TLS 1.3.
    pub version: u16,
    /// IANA number of the cipher suite.
    pub cipher_suite: u16,
    /// IANA number of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// Whether both ends derive the same keying material. If not, TLS does not reach from end to end.
    pub exporter: Agreement,
    /// Whether the ClientHello messages arrived as they were sent.
    pub client_hello: Agreement,
    /// SHA-256 over the ClientHello messages as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_hello_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_sha256: Option<Digest>,
    /// The parameters that both ends have, with different values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differing: Vec<TlsParameter>,
}

/// A parameter that both ends of a TLS session know.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsParameter {
    Version,
    CipherSuite,
    Group,
    ServerName,
    Alpn,
    ClientCertificate,
}

/// Whether both ends have the same value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    Same,
    Different,
    /// At least one end does not have a value.
    NotMeasured,
}

/// The client's TLS session, as the shell passes it on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientTls {
    /// The version on the wire, 0x0304 for TLS 1.3.
    pub version: u16,
    /// IANA number of the cipher suite.
    pub suite: u16,
    /// IANA number of the group.
    pub group: Option<u16>,
    /// RFC 9266 `tls-exporter`; `None` for TLS 1.2 without the extended master secret.
    pub exporter: Option<[u8; 32]>,
    /// SHA-256 over the ClientHello handshake messages as sent.
    pub client_hello_sha256: Option<[u8; 32]>,
    /// The name in the ClientHello; `None` if it carried none.
    pub server_name: Option<String>,
    /// The agreed protocol; `None` if there is none.
    pub alpn: Option<String>,
    /// SHA-256 of the certificate that the client would send if the server asked; `None` if it has none.
    pub client_certificate_sha256: Option<[u8; 32]>,
}

impl Testimony {
    /// Converts the message. `own` is the client's TLS session, for comparison.
    pub(super) fn project(
        message: wire::Testimony,
        own: Option<&ClientTls>,
    ) -> Result<Self, Malformation> {
        let recognised = message.kind();
        // Every field is named, so that a new one cannot be overlooked here.
        let wire::Testimony {
            version,
            instance,
            // The reader has checked both nonces.
            client_nonce: _,
            server_nonce: _,
            local,
            peer,
            public_port,
            time_unix_ms,
            kind: _,
            connection_id,
            syn,
            preface,
            request_head,
            truncated,
            tls,
            agreed_options,
        } = message;
        let names_cut = truncated;
        Ok(Self {
            version,
            local: local.as_ref().map(SocketAddr::try_from).transpose()?,
            peer: peer.as_ref().map(SocketAddr::try_from).transpose()?,
            public_port: nonzero(public_port)?,
            time_unix_ms,
            kind: SessionKind::try_from(recognised).ok(),
            instance,
            connection_id: HexBytes(connection_id),
            syn: bytes(syn),
            agreed_options: agreed_options.map(AgreedOptions::from_bits),
            preface: bytes(preface),
            request_head: bytes(request_head),
            truncated,
            tls: tls
                .map(|tls| TlsAtServer::project(tls, own, names_cut))
                .transpose()?,
        })
    }
}

impl Agreement {
    fn or_worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            (Self::NotMeasured, _) | (_, Self::NotMeasured) => Self::NotMeasured,
            (Self::Same, Self::Same) => Self::Same,
        }
    }
}

impl TlsAtServer {
    /// Converts the TLS part. `names_cut` means that missing names may have been left out to make the message fit.
    fn project(
        message: wire::TlsTestimony,
        own: Option<&ClientTls>,
        names_cut: bool,
    ) -> Result<Self, Malformation> {
        let wire::TlsTestimony {
            version,
            cipher_suite,
            group,
            server_name,
            alpn,
            exporter,
            client_hello_sha256,
            client_certificate_sha256,
        } = message;
        let exporter = digest(&exporter)?;
        let client_hello_sha256 = digest(&client_hello_sha256)?;
        let mut at_server = Self {
            version: number(version)?,
            cipher_suite: number(cipher_suite)?,
            group: nonzero(group)?,
            server_name: text(server_name),
            alpn: text(alpn),
            exporter: agreement(own.and_then(|own| own.exporter), exporter),
            client_hello: agreement(
                own.and_then(|own| own.client_hello_sha256),
                client_hello_sha256,
            ),
            client_hello_sha256,
            client_certificate_sha256: digest(&client_certificate_sha256)?,
            differing: Vec::new(),
        };
        if let Some(own) = own {
            at_server.differing = at_server.differing_from(own, names_cut);
        }
        Ok(at_server)
    }

    fn differing_from(&self, own: &ClientTls, names_cut: bool) -> Vec<TlsParameter> {
        let ClientTls {
            version,
            suite,
            group,
            // These two have an agreement of their own.
            exporter: _,
            client_hello_sha256: _,
            server_name,
            alpn,
            client_certificate_sha256,
        } = own;
        let group_differs = group
            .zip(self.group)
            .is_some_and(|(own, there)| own != there);
        let cut = |there: &Option<String>| names_cut && there.is_none();
        let named = |name: &Option<String>| name.as_deref().map(as_a_name);
        let name_differs =
            !cut(&self.server_name) && named(server_name) != named(&self.server_name);
        let alpn_differs = !cut(&self.alpn) && *alpn != self.alpn;
        // A server need not ask for a certificate, but it cannot have received one that this client does not have.
        let certificate_differs = self
            .client_certificate_sha256
            .is_some_and(|HexArray(there)| *client_certificate_sha256 != Some(there));
        [
            (TlsParameter::Version, *version != self.version),
            (TlsParameter::CipherSuite, *suite != self.cipher_suite),
            (TlsParameter::Group, group_differs),
            (TlsParameter::ServerName, name_differs),
            (TlsParameter::Alpn, alpn_differs),
            (TlsParameter::ClientCertificate, certificate_differs),
        ]
        .into_iter()
        .filter_map(|(parameter, differs)| differs.then_some(parameter))
        .collect()
    }
}

/// Normalises a name: lower case, without the dot of the root (RFC 6066 section 3 sends none).
fn as_a_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn number(value: u32) -> Result<u16, Malformation> {
    u16::try_from(value).map_err(|_| Malformation::Value)
}

fn nonzero(value: u32) -> Result<Option<u16>, Malformation> {
    number(value).map(|value| (value != 0).then_some(value))
}

fn digest(bytes: &[u8]) -> Result<Option<Digest>, Malformation> {
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes
        .try_into()
        .map(|bytes| Some(HexArray(bytes)))
        .map_err(|_| Malformation::Value)
}

fn bytes(bytes: Vec<u8>) -> Option<HexBytes> {
    (!bytes.is_empty()).then_some(HexBytes(bytes))
}

fn text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn agreement(own: Option<[u8; 32]>, theirs: Option<Digest>) -> Agreement {
    match (own, theirs) {
        (Some(own), Some(HexArray(theirs))) if own == theirs => Agreement::Same,
        (Some(_), Some(_)) => Agreement::Different,
        (None, _) | (_, None) => Agreement::NotMeasured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(exporter: &[u8]) -> wire::Testimony {
        wire::Testimony {
            tls: Some(wire::TlsTestimony {
                version: 0x0304,
                exporter: exporter.to_vec(),
                ..wire::TlsTestimony::default()
            }),
            ..wire::Testimony::default()
        }
    }

    fn agreement_of(own: Option<[u8; 32]>, theirs: &[u8]) -> Agreement {
        let own = ClientTls {
            version: 0x0304,
            suite: 0x1301,
            group: None,
            exporter: own,
            client_hello_sha256: None,
            server_name: None,
            alpn: None,
            client_certificate_sha256: None,
        };
        let testimony = Testimony::project(tls(theirs), Some(&own)).unwrap();
        testimony.tls.unwrap().exporter
    }

    #[test]
    fn an_exporter_is_the_same_only_where_both_ends_have_it() {
        assert_eq!(agreement_of(Some([1; 32]), &[1; 32]), Agreement::Same);
        assert_eq!(agreement_of(Some([1; 32]), &[2; 32]), Agreement::Different);
        assert_eq!(agreement_of(Some([1; 32]), &[]), Agreement::NotMeasured);
        assert_eq!(agreement_of(None, &[1; 32]), Agreement::NotMeasured);
        assert_eq!(agreement_of(None, &[]), Agreement::NotMeasured);
        assert_eq!(
            Testimony::project(tls(&[1; 31]), None),
            Err(Malformation::Value)
        );
    }

    #[test]
    fn of_several_tls_sessions_the_worst_counts() {
        use Agreement::{Different, NotMeasured, Same};
        let testimony = |exporter: Option<Agreement>| {
            let mut testimony = Testimony::project(tls(&[]), None).unwrap();
            match (&mut testimony.tls, exporter) {
                (Some(tls), Some(exporter)) => tls.exporter = exporter,
                _ => testimony.tls = None,
            }
            testimony
        };
        for (first, later, both) in [
            (Same, Some(Same), Same),
            (Same, Some(NotMeasured), NotMeasured),
            (Same, Some(Different), Different),
            (Different, Some(Same), Different),
            (Same, None, Different),
        ] {
            let mut told = testimony(Some(first));
            told.add_disagreement(&testimony(later));
            assert_eq!(told.tls.unwrap().exporter, both, "{first:?} {later:?}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_that_it_is() {
        let mapped = |ip: Vec<u8>, port| wire::Testimony {
            peer: Some(wire::SocketAddress { ip, port }),
            ..wire::Testimony::default()
        };
        let mut ip = vec![0; 10];
        ip.extend([0xff, 0xff, 192, 0, 2, 1]);
        let testimony = Testimony::project(mapped(ip, 80), None).unwrap();
        assert_eq!(testimony.peer, Some("192.0.2.1:80".parse().unwrap()));
        for (ip, port) in [(vec![0; 5], 80), (vec![0; 4], 70_000), (vec![], 0)] {
            let refused = Testimony::project(mapped(ip, port), None);
            assert_eq!(refused, Err(Malformation::Address));
        }
    }

    #[test]
    fn what_the_server_leaves_out_is_absent() {
        let testimony = Testimony::project(wire::Testimony::default(), None).unwrap();
        let json = serde_json::to_value(&testimony).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "version": 0, "instance": "", "time_unix_ms": 0, "connection_id": "",
                "truncated": false
            })
        );
    }
}
