//! Finds how the server's testimonies differ from the session that the client sent: port, kind, preface, TLS and
//! certificate.

use super::Measurement;
use crate::session::{
    Agreement, HeadComparison, SessionReport, Testimony, TlsAtServer, TlsParameter,
};
use crate::session_kind::{Envelope, SessionKind};

/// One respect in which a session did not reach the server as it was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Departure {
    /// Whether only a later HTTP request of the session shows this, and the first request arrived as it was sent.
    pub later: bool,
    pub respect: Respect,
}

/// The respect in which a session differs from the one that was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Respect {
    /// The server accepted the session on a port other than the one dialled; `None` if it does not say on which.
    Port {
        reached: Option<u16>,
    },
    /// The server recognised another session kind; `None` for one that this version does not know.
    Kind {
        arrived: Option<SessionKind>,
    },
    /// The preface that was sent did not arrive.
    PrefaceLost,
    /// A preface arrived that was not sent.
    PrefaceAdded,
    PrefaceAltered,
    /// The HTTP request's head did not arrive.
    HeadLost,
    /// An HTTP request's head arrived, but none was sent.
    HeadAdded,
    /// TLS was sent, but plain bytes arrived.
    TlsLost,
    /// Plain bytes were sent, but arrived inside TLS.
    TlsAdded,
    /// The two ends derive different keying material.
    Exporter,
    /// The server does not report its keying material, although this version of TLS provides it.
    ExporterUntold,
    /// Another ClientHello arrived.
    ClientHello,
    Parameter(TlsParameter),
    /// The certificate presented is not one of the pinned ones.
    Certificate,
}

impl Measurement {
    /// Returns how the session differs from the one that was sent, according to all its testimonies; empty without a
    /// testimony.
    pub fn departures(&self) -> Vec<Departure> {
        let Some(session) = &self.session else {
            return Vec::new();
        };
        let Some(first) = &session.testimony else {
            return Vec::new();
        };
        let mut respects = self.compared_with(session, first);
        if matches!(session.preface, Some(HeadComparison::Different { .. })) {
            respects.push(Respect::PrefaceAltered);
        }
        let unpinned = self.certificate.as_ref().is_none_or(|c| !c.pinned);
        if session.kind.shape().tls.is_some() && unpinned {
            respects.push(Respect::Certificate);
        }
        let departure = |later| move |respect| Departure { later, respect };
        let mut departures: Vec<Departure> = respects.into_iter().map(departure(false)).collect();
        for testimony in &session.other_testimonies {
            for departs in self
                .compared_with(session, testimony)
                .into_iter()
                .map(departure(true))
            {
                if !departures.iter().any(|d| d.respect == departs.respect) {
                    departures.push(departs);
                }
            }
        }
        departures
    }

    /// Returns the digest of the key or certificate, if TLS reaches from end to end but the certificate is not pinned.
    ///
    /// The testimony came from the genuine server, or from a peer that holds the same key.
    pub fn unpinned_key(&self) -> Option<&str> {
        let tls = self.session.as_ref()?.testimony.as_ref()?.tls.as_ref()?;
        let certificate = self.certificate.as_ref().filter(|c| !c.pinned)?;
        (tls.exporter == Agreement::Same).then(|| {
            let key = certificate.spki_sha256.as_deref();
            key.unwrap_or(&certificate.sha256)
        })
    }

    /// Returns whether the session is in TLS, and its certificate is a pinned one.
    pub fn shows_pinned_key(&self) -> bool {
        let tls = self.session.as_ref().is_some_and(|s| s.tls.is_some());
        tls && self.certificate.as_ref().is_some_and(|c| c.pinned)
    }

    /// Compares a testimony with the session that was sent. Every field is named, so that a new one must be compared
    /// too, or be listed among those that may differ.
    fn compared_with(&self, session: &SessionReport, testimony: &Testimony) -> Vec<Respect> {
        let Testimony {
            // Another version ends the session as soon as it is reported.
            version: _,
            // Any of the server's instances may answer.
            instance: _,
            local,
            // Networks translate addresses, and choose their own routes.
            peer: _,
            public_port,
            // The difference between the clocks is a finding.
            time_unix_ms: _,
            kind,
            // The server chooses this value.
            connection_id: _,
            // Signs of devices on the path are a finding; many platforms save no SYN.
            syn: _,
            agreed_options: _,
            preface,
            request_head,
            truncated,
            tls,
        } = testimony;
        let shape = session.kind.shape();
        let mut respects = Vec::new();
        let mut differs = |differs: bool, respect| {
            if differs {
                respects.push(respect);
            }
        };
        let reached = local.map(|local| public_port.unwrap_or_else(|| local.port()));
        let meant = reached.is_some_and(|reached| self.is_meant(reached));
        differs(!meant, Respect::Port { reached });
        let arrived = *kind;
        differs(arrived != Some(session.kind), Respect::Kind { arrived });
        let (sent, came) = (shape.preface.is_some(), preface.is_some());
        differs(sent && !came && !truncated, Respect::PrefaceLost);
        differs(!sent && came, Respect::PrefaceAdded);
        let (sent, came) = (shape.envelope == Envelope::Http1, request_head.is_some());
        differs(sent && !came && !truncated, Respect::HeadLost);
        differs(!sent && came, Respect::HeadAdded);
        differs(shape.tls.is_some() && tls.is_none(), Respect::TlsLost);
        differs(shape.tls.is_none() && tls.is_some(), Respect::TlsAdded);
        if let Some(tls) = tls {
            respects.extend(tls_respects(tls));
            let untold = tls.exporter == Agreement::NotMeasured;
            if untold && session.tls.is_some_and(|here| here.version == TLS_1_3) {
                respects.push(Respect::ExporterUntold);
            }
        }
        respects
    }

    /// Returns whether the server may accept the connection dialled here on `port`.
    ///
    /// That is the port dialled, or the rule's own port if `--map` dials another one for it.
    fn is_meant(&self, port: u16) -> bool {
        self.ports_meant().any(|meant| meant == port)
    }

    /// Returns the ports on which the server may accept the connection, without duplicates, the one dialled first.
    pub fn ports_meant(&self) -> impl Iterator<Item = u16> + use<> {
        let (dialled, rules) = (self.port_dialled(), self.rule.port.get());
        std::iter::once(dialled).chain((rules != dialled).then_some(rules))
    }
}

fn tls_respects(tls: &TlsAtServer) -> Vec<Respect> {
    let TlsAtServer {
        // The session has listed any difference in these five in `differing`.
        version: _,
        cipher_suite: _,
        group: _,
        server_name: _,
        alpn: _,
        exporter,
        client_hello,
        // These two were compared when the testimony arrived.
        client_hello_sha256: _,
        client_certificate_sha256: _,
        differing,
    } = tls;
    let mut respects = Vec::new();
    if *exporter == Agreement::Different {
        respects.push(Respect::Exporter);
    }
    if *client_hello == Agreement::Different {
        respects.push(Respect::ClientHello);
    }
    respects.extend(differing.iter().map(|p| Respect::Parameter(*p)));
    respects
}

/// TLS 1.3 as on the wire. From this version on, both ends have an exporter (RFC 8446 section 7.5).
const TLS_1_3: u16 = 0x0304;
