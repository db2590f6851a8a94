//! SOCKS version 5 (RFC 1928), with user name and password (RFC 1929) if there are any.

use std::net::IpAddr;

use super::account::{ProxyAuthentication, ProxyRefusal};
use super::{ProxyCredentials, ProxyStep, ProxyTarget};
use crate::session::Quoted;

/// A dialogue in SOCKS.
#[derive(Debug)]
pub(super) struct Socks5 {
    target: ProxyTarget,
    credentials: Option<ProxyCredentials>,
    state: State,
    received: Vec<u8>,
    authentication: ProxyAuthentication,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Methods,
    /// The proxy wants user name and password, and the caller has yet to say whether they may be sent.
    Asking,
    Password,
    Reply,
}

impl Socks5 {
    pub(super) fn new(
        target: ProxyTarget,
        credentials: Option<ProxyCredentials>,
        outgoing: &mut Vec<u8>,
    ) -> Self {
        // One byte holds the length of the user name, and another that of the password.
        let fits = |text: &str| (1..=usize::from(u8::MAX)).contains(&text.len());
        let usable = credentials.filter(|c| fits(&c.user) && fits(&c.password));
        let methods: &[u8] = if usable.is_some() {
            &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD]
        } else {
            &[VERSION, 1, NO_AUTHENTICATION]
        };
        outgoing.extend(methods);
        Self {
            target,
            credentials: usable,
            state: State::Methods,
            received: Vec::new(),
            authentication: ProxyAuthentication::default(),
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8], outgoing: &mut Vec<u8>) -> ProxyStep {
        self.received.extend_from_slice(bytes);
        loop {
            let step = match self.state {
                State::Methods => self.methods(outgoing),
                State::Asking => Some(ProxyStep::AskForLeave),
                State::Password => self.password(outgoing),
                State::Reply => self.reply(),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Sends user name and password (RFC 1929 section 2), or ends the dialogue if they may not be sent.
    pub(super) fn leave(&mut self, given: bool, outgoing: &mut Vec<u8>) -> ProxyStep {
        let (State::Asking, Some(credentials)) = (self.state, &self.credentials) else {
            return ProxyStep::Io;
        };
        if !given {
            return ProxyStep::Refused(ProxyRefusal::SocksCredentials);
        }
        outgoing.push(PASSWORD_VERSION);
        for text in [&credentials.user, &credentials.password] {
            outgoing.push(u8::try_from(text.len()).expect("only such are kept"));
            outgoing.extend(text.as_bytes());
        }
        self.authentication.tried = vec![PASSWORD_METHOD.to_owned()];
        self.state = State::Password;
        ProxyStep::Io
    }

    pub(super) fn let_in(&self) -> bool {
        matches!(self.state, State::Reply) && !self.authentication.tried.is_empty()
    }

    pub(super) fn spoke(&self) -> bool {
        !matches!(self.state, State::Methods)
    }

    /// Returns the refusal if a refusing reply arrived. The end of the reply may be missing, because it means nothing.
    pub(super) fn closed(&self) -> Option<ProxyStep> {
        match (self.state, self.received.as_slice()) {
            (State::Reply, [VERSION, code, ..]) if *code != 0 => {
                let code = *code;
                Some(ProxyStep::Refused(ProxyRefusal::SocksReply { code }))
            }
            _ => None,
        }
    }

    pub(super) fn authentication(&self) -> ProxyAuthentication {
        self.authentication.clone()
    }

    /// Handles the answer to the offered methods; returns `None` if the next message can be read.
    fn methods(&mut self, outgoing: &mut Vec<u8>) -> Option<ProxyStep> {
        let method = match self.received.as_slice() {
            [] | [VERSION] => return Some(ProxyStep::Io),
            [VERSION, method, ..] => *method,
            _ => return Some(self.foreign()),
        };
        match (method, &self.credentials) {
            (NO_AUTHENTICATION, _) => self.request(outgoing),
            (USER_AND_PASSWORD, Some(_)) => {
                self.authentication.offered = vec![PASSWORD_METHOD.to_owned()];
                self.state = State::Asking;
            }
            // 0xff, or a method that was not offered, means that the proxy accepts none.
            (_, _) => return Some(ProxyStep::Refused(ProxyRefusal::SocksMethods)),
        }
        self.received.drain(..2);
        None
    }

    fn password(&mut self, outgoing: &mut Vec<u8>) -> Option<ProxyStep> {
        match self.received.as_slice() {
            [] | [_] => return Some(ProxyStep::Io),
            [_, 0, ..] => {}
            [_, _, ..] => return Some(ProxyStep::Refused(ProxyRefusal::SocksCredentials)),
        }
        self.received.drain(..2);
        self.request(outgoing);
        None
    }

    fn request(&mut self, outgoing: &mut Vec<u8>) {
        outgoing.extend([VERSION, CONNECT, 0]);
        match self.target.host.parse() {
            Ok(IpAddr::V4(ip)) => {
                outgoing.push(IPV4);
                outgoing.extend(ip.octets());
            }
            Ok(IpAddr::V6(ip)) => {
                outgoing.push(IPV6);
                outgoing.extend(ip.octets());
            }
            Err(_) => {
                let name = self.target.host.as_bytes();
                let name = &name[..name.len().min(usize::from(u8::MAX))];
                outgoing.push(NAME);
                outgoing.push(u8::try_from(name.len()).expect("cut to what a byte counts"));
                outgoing.extend(name);
            }
        }
        outgoing.extend(self.target.port.to_be_bytes());
        self.state = State::Reply;
    }

    fn reply(&mut self) -> Option<ProxyStep> {
        let length = match self.received.as_slice() {
            [] | [VERSION] | [VERSION, _] | [VERSION, _, _] | [VERSION, _, _, NAME] => {
                return Some(ProxyStep::Io);
            }
            [VERSION, _, _, IPV4, ..] => 4 + 4 + 2,
            [VERSION, _, _, IPV6, ..] => 4 + 16 + 2,
            [VERSION, _, _, NAME, length, ..] => 4 + 1 + usize::from(*length) + 2,
            // In a refusal, the address type means nothing.
            [VERSION, code, _, _, ..] if *code != 0 => 4,
            _ => return Some(self.foreign()),
        };
        let code = self.received[1];
        Some(if code != 0 {
            ProxyStep::Refused(ProxyRefusal::SocksReply { code })
        } else if self.received.len() < length {
            ProxyStep::Io
        } else {
            ProxyStep::Connected {
                unread: self.received.split_off(length),
            }
        })
    }

    fn foreign(&self) -> ProxyStep {
        ProxyStep::Refused(ProxyRefusal::Foreign {
            quoted: Quoted::of(&self.received),
        })
    }
}

const VERSION: u8 = 5;
const PASSWORD_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The name of method 2 in a report.
const PASSWORD_METHOD: &str = "username/password";
