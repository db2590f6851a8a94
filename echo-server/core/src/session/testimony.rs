//! Makes the testimony: what this server saw of the client's connection, cut to fit. It is never longer than the
//! greeting it answers, so a forged or replayed greeting does not amplify traffic.

use prost::Message as _;
use proto::DIALOGUE_VERSION;
use proto::frame::OVERHEAD;
use proto::key::Nonce;
use proto::limits::MAX_FRAME_BODY;
use proto::wire;
use proto::wire::{Testimony, TlsTestimony};

use super::Env;
use super::link::{KeptBytes, Link};

/// The greeting that a testimony answers, and the server's nonce.
pub(super) struct Answer<'a> {
    pub(super) client_nonce: &'a Nonce,
    pub(super) server_nonce: &'a Nonce,
    pub(super) request_head: &'a KeptBytes,
}

/// Returns a testimony whose frame is at most `room` bytes long, or `None` if not even the required part fits.
pub(super) fn testify(
    env: &Env<'_>,
    link: &Link,
    answer: &Answer<'_>,
    room: usize,
) -> Option<Testimony> {
    let room = room.min(OVERHEAD + MAX_FRAME_BODY).checked_sub(OVERHEAD)?;
    let mut testimony = complete(env, link, answer);
    // The fields that the client needs least are cut first.
    for shorten in [cut_head, cut_preface, drop_syn, drop_names] {
        let excess = testimony.encoded_len().saturating_sub(room);
        if excess == 0 {
            break;
        }
        shorten(&mut testimony, excess);
    }
    (testimony.encoded_len() <= room).then_some(testimony)
}

fn complete(env: &Env<'_>, link: &Link, answer: &Answer<'_>) -> Testimony {
    let facts = &link.facts;
    let kind = link
        .kind
        .map_or(wire::SessionKind::Unspecified, wire::SessionKind::from);
    Testimony {
        version: DIALOGUE_VERSION,
        instance: env.instance.to_owned(),
        client_nonce: answer.client_nonce.to_vec(),
        server_nonce: answer.server_nonce.to_vec(),
        local: Some(facts.local.into()),
        peer: Some(facts.peer.into()),
        public_port: facts.public_port.map_or(0, u32::from),
        time_unix_ms: env.wall.0,
        kind: kind.into(),
        connection_id: facts.connection_id.0.to_vec(),
        syn: facts.syn.as_deref().unwrap_or_default().to_vec(),
        preface: link.preface.bytes.clone(),
        request_head: answer.request_head.bytes.clone(),
        truncated: link.preface.cut || answer.request_head.cut,
        tls: link.tls.is_some().then(|| tls_testimony(link)),
        agreed_options: facts.agreed_options.map(u32::from),
    }
}

fn tls_testimony(link: &Link) -> TlsTestimony {
    let mut testimony = TlsTestimony {
        client_hello_sha256: bytes(link.arrivals.client_hello_sha256()),
        ..TlsTestimony::default()
    };
    if let Some(tls) = &link.tls {
        testimony.version = tls.version.into();
        testimony.cipher_suite = tls.cipher_suite.into();
        testimony.group = tls.group.map_or(0, u32::from);
        testimony.server_name = tls.server_name.clone().unwrap_or_default();
        let alpn = tls.alpn.as_deref().unwrap_or_default();
        testimony.alpn = String::from_utf8_lossy(alpn).into_owned();
        testimony.exporter = bytes(tls.exporter);
        testimony.client_certificate_sha256 = bytes(tls.client_certificate_sha256);
    }
    testimony
}

fn bytes(value: Option<[u8; 32]>) -> Vec<u8> {
    value.map(Vec::from).unwrap_or_default()
}

fn cut_head(testimony: &mut Testimony, excess: usize) {
    cut(
        &mut testimony.request_head,
        excess,
        &mut testimony.truncated,
    );
}

fn cut_preface(testimony: &mut Testimony, excess: usize) {
    cut(&mut testimony.preface, excess, &mut testimony.truncated);
}

fn cut(bytes: &mut Vec<u8>, excess: usize, truncated: &mut bool) {
    if !bytes.is_empty() {
        bytes.truncate(bytes.len().saturating_sub(excess + TRUNCATED_FLAG));
        *truncated = true;
    }
}

/// Leaves out the whole SYN, because the client could not distinguish a cut SYN from a changed one.
fn drop_syn(testimony: &mut Testimony, _: usize) {
    testimony.syn.clear();
}

/// Leaves out the server name and the ALPN protocol. The client's ClientHello contained both, and its digest stays in
/// the testimony.
fn drop_names(testimony: &mut Testimony, _: usize) {
    if let Some(tls) = &mut testimony.tls {
        tls.server_name.clear();
        tls.alpn.clear();
        testimony.truncated = true;
    }
}

/// The number of bytes that the flag `truncated` adds to a testimony when it is set.
const TRUNCATED_FLAG: usize = 2;
