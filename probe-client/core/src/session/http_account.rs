//! The changes that devices made to the requests and responses of an HTTP session.

use proto::http_head::{Header, ResponseHead, response_head};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hex_bytes::HexBytes;
use super::testimony::Testimony;
use crate::escaped::escaped;

/// The rounds of an HTTP session.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAccount {
    /// Connections of this side that carried the requests.
    pub connections: u32,
    /// Requests begun, answered or not.
    pub requests: u32,
    /// Requests whose nonce the server did not know, and that were made again.
    pub nonce_unknown: u32,
    /// Names of the server's instances that answered, each once, the first one first.
    pub instances: Vec<String>,
    /// Ids of the server's connections on which requests were answered, each once, the first one first.
    pub connection_ids: Vec<HexBytes>,
    /// Responses whose head is not, byte for byte, what the server sends.
    pub altered_heads: u32,
    /// Interim responses (1xx), which the server does not send.
    pub interim_responses: u32,
    /// Headers that the server does not send, each name once, with the value that came first.
    pub foreign_headers: Vec<ForeignHeader>,
}

/// A header that a device on the way has added.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignHeader {
    pub name: String,
    /// The header's value, with escapes for everything that is not printable ASCII; cut to a length that
    /// can be read.
    pub value: String,
}

impl HttpAccount {
    pub(super) fn new() -> Self {
        Self {
            connections: 1,
            requests: 0,
            nonce_unknown: 0,
            instances: Vec::new(),
            connection_ids: Vec::new(),
            altered_heads: 0,
            interim_responses: 0,
            foreign_headers: Vec::new(),
        }
    }

    /// Returns whether there was one instance, one connection at either end, no unknown nonce, and no change to any
    /// response head.
    pub fn is_undisturbed(&self) -> bool {
        self.connections == 1
            && self.nonce_unknown == 0
            && self.instances.len() <= 1
            && self.connection_ids.len() <= 1
            && self.altered_heads == 0
            && self.interim_responses == 0
    }

    pub(super) fn answered_by(&mut self, testimony: &Testimony) {
        add_once(&mut self.instances, &testimony.instance);
        add_once(&mut self.connection_ids, &testimony.connection_id);
    }

    /// Records the head of a response whose status is the one the server sends.
    pub(super) fn response(&mut self, head: &ResponseHead<'_>, content_length: Option<u64>) {
        let mut sent = Vec::new();
        let as_sent = response_head(&mut sent, 200, &SERVER_HEADERS, content_length).is_ok();
        if as_sent && sent == head.raw() {
            return;
        }
        self.altered_heads += 1;
        for header in head.headers() {
            let foreign = ForeignHeader {
                name: escaped(header.name.as_bytes()),
                value: escaped(header.value),
            };
            let known = |earlier: &ForeignHeader| earlier.name == foreign.name;
            if !is_servers(header)
                && self.foreign_headers.len() < MAX_LISTED
                && !self.foreign_headers.iter().any(known)
            {
                self.foreign_headers.push(foreign);
            }
        }
    }
}

/// Returns whether the server sends this header; the case of the name does not matter.
fn is_servers(header: Header<'_>) -> bool {
    header.name.eq_ignore_ascii_case(CONTENT_LENGTH)
        || SERVER_HEADERS.iter().any(|(name, value)| {
            header.name.eq_ignore_ascii_case(name) && header.value == value.as_bytes()
        })
}

fn add_once<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if list.len() < MAX_LISTED && !list.contains(item) {
        list.push(item.clone());
    }
}

/// The maximum number of headers, of instances and of connections listed, so that a device cannot make a list grow
/// without limit.
const MAX_LISTED: usize = 16;

/// The headers of the echo server's responses before Content-Length, in order.
const SERVER_HEADERS: [(&str, &str); 2] = [
    ("Cache-Control", "no-store"),
    ("Content-Type", "application/octet-stream"),
];

const CONTENT_LENGTH: &str = "Content-Length";
