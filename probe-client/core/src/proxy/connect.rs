//! HTTP CONNECT (RFC 9110 section 9.3.6): one request, and more of them where the proxy wants to know
//! who asks.

use proto::decoded::Decoded;
use proto::http_head::{Body, HttpHeadError, MAX_HEAD, ResponseHead, Version, request_head};

use super::account::{HttpRefusal, ProxyAuthentication, ProxyRefusal};
use super::authentication::{Authenticator, Challenge};
use super::{ProxyStep, account};
use crate::session::Quoted;

/// A dialogue by CONNECT.
#[derive(Debug)]
pub(super) struct Connect {
    /// `host:port`.
    target: String,
    authenticator: Option<Box<dyn Authenticator>>,
    authentication: ProxyAuthentication,
    /// Of the request that is to be made next, or was made last.
    authorization: Option<String>,
    requests: u32,
    received: Vec<u8>,
    /// Bytes of a refusal's body that are yet to come, and lead to nothing.
    skip: u64,
    interim: u32,
    refusal: Option<HttpRefusal>,
}

/// What one head asks for.
enum Answer {
    Incomplete,
    Interim,
    Step(ProxyStep),
    /// Authentication is wanted and can be given; where the body ends, and whether the connection
    /// may be used again.
    Again {
        body: Body,
        reusable: bool,
    },
}

impl Connect {
    pub(super) fn new(
        target: String,
        authenticator: Option<Box<dyn Authenticator>>,
        outgoing: &mut Vec<u8>,
    ) -> Self {
        let mut connect = Self {
            target,
            authenticator,
            authentication: ProxyAuthentication::default(),
            authorization: None,
            requests: 0,
            received: Vec::new(),
            skip: 0,
            interim: 0,
            refusal: None,
        };
        connect.request(outgoing);
        connect
    }

    pub(super) fn receive(&mut self, bytes: &[u8], outgoing: &mut Vec<u8>) -> ProxyStep {
        let skipped = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
        self.skip -= skipped as u64;
        self.received.extend_from_slice(&bytes[skipped..]);
        if skipped > 0 && self.skip == 0 {
            self.request(outgoing);
            return ProxyStep::Io;
        }
        loop {
            match self.answer() {
                Answer::Incomplete => return ProxyStep::Io,
                Answer::Interim => {}
                Answer::Step(step) => return step,
                Answer::Again { body, reusable } => return self.again(body, reusable, outgoing),
            }
        }
    }

    pub(super) fn closed(&mut self) -> Option<ProxyRefusal> {
        self.refusal.take().map(ProxyRefusal::Status)
    }

    pub(super) fn reconnected(&mut self, outgoing: &mut Vec<u8>) {
        self.received.clear();
        self.skip = 0;
        self.request(outgoing);
    }

    pub(super) fn authentication(&self) -> ProxyAuthentication {
        self.authentication.clone()
    }

    fn request(&mut self, outgoing: &mut Vec<u8>) {
        self.requests += 1;
        let mut headers = vec![("User-Agent", USER_AGENT)];
        if let Some(authorization) = &self.authorization {
            headers.push(("Proxy-Authorization", authorization));
        }
        // Never read by RFC 9110, but proxies that authenticate a connection keep it open for that.
        headers.push(("Proxy-Connection", "Keep-Alive"));
        let target = &self.target;
        if request_head(outgoing, "CONNECT", target, target, &headers, None).is_err() {
            // Only the authorization can be too long or hold what no header may.
            self.authentication.trouble = Some(TOO_LONG.to_owned());
            headers.remove(1);
            request_head(outgoing, "CONNECT", target, target, &headers, None)
                .expect("a host, a port and constants, far shorter than a head may be");
        }
    }

    /// Reads one head from the front of what was received.
    fn answer(&mut self) -> Answer {
        if self.received.is_empty() {
            return Answer::Incomplete;
        }
        let head = match ResponseHead::decode(&self.received) {
            Ok(Decoded::Incomplete { .. }) => return Answer::Incomplete,
            Ok(Decoded::Complete { value, consumed }) => (value, consumed),
            Err(HttpHeadError::TooLong | HttpHeadError::TooManyHeaders) => {
                return refused(ProxyRefusal::HeadTooLong { limit: MAX_HEAD });
            }
            Err(_) => {
                let quoted = Quoted::of(&self.received);
                return refused(ProxyRefusal::Foreign { quoted });
            }
        };
        let (head, consumed) = head;
        match head.status() {
            100..=199 if self.interim < MAX_INTERIM => {
                self.interim += 1;
                self.received.drain(..consumed);
                Answer::Interim
            }
            200..=299 => Answer::Step(ProxyStep::Connected {
                unread: self.received.split_off(consumed),
            }),
            AUTHENTICATION_REQUIRED => self.challenged(consumed),
            _ => {
                let refusal = HttpRefusal::of(&head, &self.received[consumed..]);
                refused(ProxyRefusal::Status(refusal))
            }
        }
    }

    /// A 407, of `consumed` bytes.
    fn challenged(&mut self, consumed: usize) -> Answer {
        let Ok(Decoded::Complete { value: head, .. }) = ResponseHead::decode(&self.received) else {
            return Answer::Incomplete;
        };
        let refusal = HttpRefusal::of(&head, &self.received[consumed..]);
        let values = head.values("Proxy-Authenticate").map(printable_or_empty);
        let challenges = Challenge::parse(values);
        let body = head.body("CONNECT").unwrap_or(Body::UntilClose);
        let reusable = reusable(&head);
        let answer = self.authorize(&challenges);
        self.refusal = Some(refusal.clone());
        if !answer {
            return refused(ProxyRefusal::Status(refusal));
        }
        self.received.drain(..consumed);
        Answer::Again { body, reusable }
    }

    /// Whether there is something else to be said to `challenges`.
    fn authorize(&mut self, challenges: &[Challenge]) -> bool {
        for challenge in challenges {
            add_once(&mut self.authentication.offered, &challenge.scheme);
        }
        let Some(authenticator) = self.authenticator.as_mut() else {
            return false;
        };
        if self.requests >= MAX_REQUESTS {
            return false;
        }
        match authenticator.answer(challenges, &self.target) {
            Ok(authorization) => {
                let scheme = authorization.split(' ').next().unwrap_or_default();
                add_once(&mut self.authentication.tried, scheme);
                self.authorization = Some(authorization);
                true
            }
            Err(trouble) => {
                // What was said before stands, where nothing else is said now.
                if trouble.is_some() {
                    self.authentication.trouble = trouble;
                }
                false
            }
        }
    }

    /// The next request: on this connection, if the answer before it has an end there.
    fn again(&mut self, body: Body, reusable: bool, outgoing: &mut Vec<u8>) -> ProxyStep {
        let length = match body {
            Body::None => 0,
            Body::Length(length) => length,
            Body::Chunked | Body::UntilClose => u64::MAX,
        };
        if !reusable || length > MAX_SKIPPED {
            if let Some(authenticator) = &mut self.authenticator {
                authenticator.reconnected();
            }
            return ProxyStep::Reconnect;
        }
        let here =
            usize::try_from(length).map_or(self.received.len(), |n| n.min(self.received.len()));
        self.received.drain(..here);
        self.skip = length - here as u64;
        if self.skip == 0 {
            self.request(outgoing);
        }
        ProxyStep::Io
    }
}

fn refused(refusal: ProxyRefusal) -> Answer {
    Answer::Step(ProxyStep::Refused(refusal))
}

/// RFC 9112 section 9.3, and the older field that proxies still use.
fn reusable(head: &ResponseHead<'_>) -> bool {
    let says = |word: &[u8]| {
        let mut values = head
            .values("Connection")
            .chain(head.values("Proxy-Connection"));
        values.any(|value| value.trim_ascii().eq_ignore_ascii_case(word))
    };
    match head.version() {
        Version::Http11 => !says(b"close"),
        Version::Http10 => says(b"keep-alive"),
    }
}

/// A challenge is made of printable ASCII; what is not is none.
fn printable_or_empty(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text)
            if text
                .bytes()
                .all(|b| b == b' ' || b == b'\t' || b.is_ascii_graphic()) =>
        {
            text.to_owned()
        }
        Ok(_) | Err(_) => String::new(),
    }
}

fn add_once(list: &mut Vec<String>, scheme: &str) {
    let known = list.iter().any(|s| s.eq_ignore_ascii_case(scheme));
    if !known && list.len() < MAX_SCHEMES {
        list.push(account::printable(scheme.as_bytes()));
    }
}

const AUTHENTICATION_REQUIRED: u16 = 407;

const USER_AGENT: &str = concat!("fwprobe/", env!("CARGO_PKG_VERSION"));

/// Of one dialogue: without credentials, three messages of the longest scheme, and a weaker scheme
/// after a stronger one, each begun anew.
const MAX_REQUESTS: u32 = 8;

/// Bytes of a body that are read only to get past it; what is longer costs a new connection.
const MAX_SKIPPED: u64 = 64 * 1024;

/// Interim answers (1xx) that are passed over.
const MAX_INTERIM: u32 = 4;

/// In a report.
const MAX_SCHEMES: usize = 16;

const TOO_LONG: &str = "the authorization does not fit into a request's head";
