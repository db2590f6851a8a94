//! What the server's testimonies say otherwise than this side sent it: port, kind, preface, TLS and certificate.

use super::Measurement;
use crate::session::{
    Agreement, HeadComparison, SessionReport, Testimony, TlsAtServer, TlsParameter,
};
use crate::session_kind::{Envelope, SessionKind};

/// One respect in which a session did not reach the server as it was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Departure {
    /// Only a later HTTP request of the session tells of it; the first one was as it should be.
    pub later: bool,
    pub respect: Respect,
}

/// What is not as it was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Respect {
    /// Accepted on a port that is not the one dialled; absent: the server does not say where.
    Port {
        reached: Option<u16>,
    },
    /// Recognised as another kind of session; absent: as none that this version knows.
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
    /// An HTTP request's head arrived, and none was sent.
    HeadAdded,
    /// TLS was sent, and plain bytes arrived.
    TlsLost,
    /// Plain bytes were sent, and arrived inside TLS.
    TlsAdded,
    /// The two ends do not derive the same keying material.
    Exporter,
    /// The server does not say which keying material it derived, although this version of TLS gives some.
    ExporterUntold,
    /// Another ClientHello arrived.
    ClientHello,
    Parameter(TlsParameter),
    /// The certificate presented is none of the pinned ones.
    Certificate,
}

impl Measurement {
    /// How the session departs from what was sent, by all of its testimonies; none where there is no testimony.
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

    /// The genuine server testified, or someone who holds the same key, in a TLS session that reaches from end to
    /// end; and the certificate there is none of the pinned ones.
    pub fn unpinned_key(&self) -> Option<&str> {
        let tls = self.session.as_ref()?.testimony.as_ref()?.tls.as_ref()?;
        let certificate = self.certificate.as_ref().filter(|c| !c.pinned)?;
        (tls.exporter == Agreement::Same).then(|| {
            let key = certificate.spki_sha256.as_deref();
            key.unwrap_or(&certificate.sha256)
        })
    }

    /// The session is in TLS, and the certificate in it is a pinned one.
    pub fn shows_pinned_key(&self) -> bool {
        let tls = self.session.as_ref().is_some_and(|s| s.tls.is_some());
        tls && self.certificate.as_ref().is_some_and(|c| c.pinned)
    }

    /// Every field of a testimony stands here by name: one that is added has to be compared too, or to be named
    /// among those that may differ.
    fn compared_with(&self, session: &SessionReport, testimony: &Testimony) -> Vec<Respect> {
        let Testimony {
            // Another one ends the session as soon as it is told.
            version: _,
            // Any process of the server's may answer.
            instance: _,
            local,
            // Networks translate addresses, and route by ways of their own.
            peer: _,
            public_port,
            // How far the clocks differ is a finding.
            time_unix_ms: _,
            kind,
            // The server's own choice.
            connection_id: _,
            // What it shows of devices on the way are findings; many platforms keep none.
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

    /// Whether the server may accept on `port` what was dialled here: there itself, or on the rule's own port where
    /// `--map` says that another one is dialled for it.
    fn is_meant(&self, port: u16) -> bool {
        self.ports_meant().any(|meant| meant == port)
    }

    /// Each once, the one dialled first.
    pub fn ports_meant(&self) -> impl Iterator<Item = u16> + use<> {
        let (dialled, rules) = (self.port_dialled(), self.rule.port.get());
        std::iter::once(dialled).chain((rules != dialled).then_some(rules))
    }
}

fn tls_respects(tls: &TlsAtServer) -> Vec<Respect> {
    let TlsAtServer {
        // What the session found to differ of these five stands in `differing`.
        version: _,
        cipher_suite: _,
        group: _,
        server_name: _,
        alpn: _,
        exporter,
        client_hello,
        // Compared when it came.
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

/// As on the wire. Both ends have an exporter from this version on (RFC 8446 section 7.5).
const TLS_1_3: u16 = 0x0304;
