//! HTTP CONNECT (RFC 9110 section 9.3.6): one request, or more if the proxy asks for authentication.

use proto::decoded::Decoded;
use proto::http_head::{
    Body, HttpBuildError, HttpHeadError, MAX_HEAD, ResponseHead, Version, connect_head,
};

use super::ProxyStep;
use super::account::{AUTHENTICATION_REQUIRED, HttpRefusal, ProxyAuthentication, ProxyRefusal};
use super::authentication::{Authorization, Challenge, Challenged, Unanswered};
use crate::escaped::escaped;
use crate::session::Quoted;

/// A dialogue by CONNECT.
#[derive(Debug)]
pub(super) struct Connect {
    /// `host:port`.
    target: String,
    authentication: ProxyAuthentication,
    /// The request to be made next, or the one made last.
    request: Vec<u8>,
    requests: u32,
    received: Vec<u8>,
    /// Bytes of a refusal's body that have yet to arrive and are ignored.
    skip: u64,
    interim: u32,
    refusal: Option<HttpRefusal>,
    /// The bytes that follow the head of the current challenge, until the challenge is answered.
    rest: Option<Rest>,
}

/// The next step after a head was read.
enum Head {
    Incomplete,
    Interim,
    Step(Box<ProxyStep>),
}

/// The bytes that follow the head of a challenge.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// A body of this many bytes, after which the connection can be used again.
    Skipped(u64),
    /// A body that ends only with the connection, or is too long to skip.
    Abandoned,
}

impl Connect {
    pub(super) fn new(target: String, outgoing: &mut Vec<u8>) -> Self {
        let mut connect = Self {
            request: request(&target, None)
                .expect("a host, a port and constants, far shorter than a head may be"),
            target,
            authentication: ProxyAuthentication::default(),
            requests: 0,
            received: Vec::new(),
            skip: 0,
            interim: 0,
            refusal: None,
            rest: None,
        };
        connect.ask(outgoing);
        connect
    }

    pub(super) fn receive(&mut self, bytes: &[u8], outgoing: &mut Vec<u8>) -> ProxyStep {
        let skipped = usize::try_from(self.skip).map_or(bytes.len(), |n| n.min(bytes.len()));
        self.skip -= skipped as u64;
        self.received.extend_from_slice(&bytes[skipped..]);
        if skipped > 0 && self.skip == 0 {
            self.ask(outgoing);
            return ProxyStep::Io;
        }
        loop {
            match self.head() {
                Head::Incomplete => return ProxyStep::Io,
                Head::Interim => {}
                Head::Step(step) => return *step,
            }
        }
    }

    /// Answers the last challenge.
    pub(super) fn answer(
        &mut self,
        answer: Result<Authorization, Unanswered>,
        outgoing: &mut Vec<u8>,
    ) -> ProxyStep {
        let Some(rest) = self.rest.take() else {
            return ProxyStep::Io;
        };
        let trouble = match answer {
            Ok(said) => match request(&self.target, Some(&said.value)) {
                Ok(request) => {
                    if let Some(method) = &said.method {
                        add_once(&mut self.authentication.tried, method);
                    }
                    self.request = request;
                    let rest = if said.fresh { Rest::Abandoned } else { rest };
                    return self.again(rest, outgoing);
                }
                // Only the authorization can be too long, or contain bytes that no header may contain.
                Err(_) => Some(TOO_LONG.to_owned()),
            },
            Err(trouble) => trouble,
        };
        // An earlier reason remains if there is no new one.
        if trouble.is_some() {
            self.authentication.trouble = trouble;
        }
        let refusal = self.refusal.clone().unwrap_or_default();
        ProxyStep::Refused(ProxyRefusal::Status(refusal))
    }

    pub(super) fn spoke(&self) -> bool {
        self.refusal.is_some() || self.requests > 1
    }

    /// Returns [`ProxyStep::Reconnect`] if the next request was waiting for the rest of a body that will not come.
    ///
    /// If the request has already been made, its own answer is missing, and the result is `None`.
    pub(super) fn closed(&self) -> Option<ProxyStep> {
        (self.skip > 0).then_some(ProxyStep::Reconnect)
    }

    pub(super) fn reconnected(&mut self, outgoing: &mut Vec<u8>) {
        self.received.clear();
        self.skip = 0;
        self.ask(outgoing);
    }

    pub(super) fn authentication(&self) -> ProxyAuthentication {
        self.authentication.clone()
    }

    fn ask(&mut self, outgoing: &mut Vec<u8>) {
        self.requests += 1;
        outgoing.extend_from_slice(&self.request);
    }

    /// Reads one head from the beginning of the received bytes.
    fn head(&mut self) -> Head {
        if self.received.is_empty() {
            return Head::Incomplete;
        }
        let head = match ResponseHead::decode(&self.received) {
            Ok(Decoded::Incomplete { .. }) => return Head::Incomplete,
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
                Head::Interim
            }
            200..=299 => step(ProxyStep::Connected {
                unread: self.received.split_off(consumed),
            }),
            AUTHENTICATION_REQUIRED => self.challenged(consumed),
            _ => {
                let refusal = HttpRefusal::of(&head, &self.received[consumed..]);
                refused(ProxyRefusal::Status(refusal))
            }
        }
    }

    /// Handles the head of a 407 response that is `consumed` bytes long.
    fn challenged(&mut self, consumed: usize) -> Head {
        let Ok(Decoded::Complete { value: head, .. }) = ResponseHead::decode(&self.received) else {
            return Head::Incomplete;
        };
        let refusal = HttpRefusal::of(&head, &self.received[consumed..]);
        let values = head.values("Proxy-Authenticate").map(printable_or_empty);
        let challenges = Challenge::parse(values);
        let rest = rest(&head);
        self.refusal = Some(refusal.clone());
        for challenge in &challenges {
            add_once(&mut self.authentication.offered, &challenge.scheme);
        }
        if self.requests >= MAX_REQUESTS {
            let asked = format!("it still asks for authentication after {MAX_REQUESTS} requests");
            self.authentication.trouble.get_or_insert(asked);
            return refused(ProxyRefusal::Status(refusal));
        }
        self.received.drain(..consumed);
        self.rest = Some(rest);
        step(ProxyStep::Challenged(Challenged {
            challenges,
            same_connection: matches!(rest, Rest::Skipped(_)),
        }))
    }

    /// Prepares the next request: on this connection, if the previous answer ends before the connection does.
    fn again(&mut self, rest: Rest, outgoing: &mut Vec<u8>) -> ProxyStep {
        let Rest::Skipped(length) = rest else {
            return ProxyStep::Reconnect;
        };
        let here =
            usize::try_from(length).map_or(self.received.len(), |n| n.min(self.received.len()));
        self.received.drain(..here);
        self.skip = length - here as u64;
        if self.skip == 0 {
            self.ask(outgoing);
        }
        ProxyStep::Io
    }
}

fn request(target: &str, authorization: Option<&str>) -> Result<Vec<u8>, HttpBuildError> {
    let mut headers = vec![("User-Agent", USER_AGENT)];
    headers.extend(authorization.map(|value| ("Proxy-Authorization", value)));
    // By RFC 9110 no proxy reads this header, but proxies that authenticate a connection keep it open if this header is
    // there.
    headers.push(("Proxy-Connection", "Keep-Alive"));
    let mut head = Vec::new();
    connect_head(&mut head, target, &headers)?;
    Ok(head)
}

fn rest(head: &ResponseHead<'_>) -> Rest {
    let length = match head.body("CONNECT").unwrap_or(Body::UntilClose) {
        Body::None => 0,
        Body::Length(length) => length,
        Body::Chunked | Body::UntilClose => return Rest::Abandoned,
    };
    if reusable(head) && length <= MAX_SKIPPED {
        Rest::Skipped(length)
    } else {
        Rest::Abandoned
    }
}

fn refused(refusal: ProxyRefusal) -> Head {
    step(ProxyStep::Refused(refusal))
}

fn step(step: ProxyStep) -> Head {
    Head::Step(Box::new(step))
}

/// Returns whether the connection can be used again: by RFC 9112 section 9.3, or by the older field that proxies still
/// use.
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

/// Returns a challenge as text; empty if it is not printable ASCII, because then it is not a challenge.
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
        list.push(escaped(scheme.as_bytes()));
    }
}

const USER_AGENT: &str = concat!("fwprobe/", env!("CARGO_PKG_VERSION"));

/// The maximum number of requests of one dialogue: one without credentials, one for each scheme that fails, and the
/// messages of the longest scheme.
const MAX_REQUESTS: u32 = 8;

/// The maximum number of bytes of a body that are read only to skip it; a longer body costs a new connection.
const MAX_SKIPPED: u64 = 64 * 1024;

/// The maximum number of interim answers (1xx) that are ignored.
const MAX_INTERIM: u32 = 4;

/// The maximum number of schemes listed in a report.
const MAX_SCHEMES: usize = 16;

const TOO_LONG: &str = "the authorization does not fit into a request's head";
