//! The dialogue with a proxy, without sockets: the bytes to send until the proxy has connected to the server, the
//! meaning of its answers, and the account that a report keeps of them.

mod account;
mod authentication;
mod connect;
mod socks5;
mod squid;

use crate::path::{ProxyScheme, authority};
use connect::Connect;
use socks5::Socks5;

pub use account::{HttpRefusal, ProxyAccount, ProxyAuthentication, ProxyRefusal};
pub use authentication::{Authorization, Challenge, Challenged, ProxyCredentials, Unanswered};
pub use squid::SquidError;

/// The destination that a proxy is asked to connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxyTarget {
    /// A name, or an address (IPv6 without brackets).
    pub host: String,
    pub port: u16,
}

/// The client's side of a dialogue with a proxy.
#[derive(Debug)]
pub struct ProxyDialogue {
    kind: Kind,
    outgoing: Vec<u8>,
}

/// The next step of the shell.
#[derive(Debug, Eq, PartialEq)]
pub enum ProxyStep {
    /// The shell sends the bytes that `transmit` returns, and receives the proxy's answer.
    Io,
    /// The proxy asks the client to authenticate; continue with [`ProxyDialogue::answer`].
    Challenged(Challenged),
    /// A SOCKS proxy asks for the user name and password; continue with [`ProxyDialogue::leave`].
    AskForLeave,
    /// The proxy ends this connection; continue the dialogue over another one.
    Reconnect,
    /// The proxy reports that it is connected. The bytes in `unread` already came from the server.
    Connected { unread: Vec<u8> },
    /// The proxy does not connect.
    Refused(ProxyRefusal),
}

#[derive(Debug)]
enum Kind {
    Connect(Box<Connect>),
    Socks5(Box<Socks5>),
}

impl ProxyDialogue {
    /// Starts a dialogue on a newly established connection to a proxy.
    ///
    /// A SOCKS proxy gets these `credentials`; an HTTP proxy asks for them ([`ProxyStep::Challenged`]).
    pub fn new(
        scheme: ProxyScheme,
        target: &ProxyTarget,
        credentials: Option<&ProxyCredentials>,
    ) -> Self {
        let mut outgoing = Vec::new();
        let kind = if scheme.is_http() {
            let target = authority(&target.host, target.port);
            Kind::Connect(Box::new(Connect::new(target, &mut outgoing)))
        } else {
            let socks = Socks5::new(target.clone(), credentials.cloned(), &mut outgoing);
            Kind::Socks5(Box::new(socks))
        };
        Self { kind, outgoing }
    }

    /// Returns the bytes to send now; each byte is returned once.
    pub fn transmit(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes bytes received from the proxy.
    pub fn receive(&mut self, bytes: &[u8]) -> ProxyStep {
        match &mut self.kind {
            Kind::Connect(connect) => connect.receive(bytes, &mut self.outgoing),
            Kind::Socks5(socks) => socks.receive(bytes, &mut self.outgoing),
        }
    }

    /// Answers a challenge; does nothing if there is none.
    pub fn answer(&mut self, answer: Result<Authorization, Unanswered>) -> ProxyStep {
        match &mut self.kind {
            Kind::Connect(connect) => connect.answer(answer, &mut self.outgoing),
            Kind::Socks5(_) => ProxyStep::Io,
        }
    }

    /// Tells the dialogue whether the credentials may be sent; does nothing if the proxy has not asked for them.
    pub fn leave(&mut self, given: bool) -> ProxyStep {
        match &mut self.kind {
            Kind::Socks5(socks) => socks.leave(given, &mut self.outgoing),
            Kind::Connect(_) => ProxyStep::Io,
        }
    }

    /// Returns whether the proxy has accepted the credentials, even if it cannot connect to the server.
    ///
    /// Only a SOCKS proxy says so before it connects; for an HTTP proxy, the result is always false.
    pub fn let_in(&self) -> bool {
        match &self.kind {
            Kind::Socks5(socks) => socks.let_in(),
            Kind::Connect(_) => false,
        }
    }

    /// Returns whether the proxy has said anything in its protocol before it was asked to connect.
    ///
    /// An HTTP proxy does so by a challenge, a SOCKS proxy by the method that it chooses.
    pub fn spoke(&self) -> bool {
        match &self.kind {
            Kind::Connect(connect) => connect.spoke(),
            Kind::Socks5(socks) => socks.spoke(),
        }
    }

    /// Notifies the dialogue that the proxy has closed the connection; returns `None` if the proxy's answer is missing.
    pub fn closed(&self) -> Option<ProxyStep> {
        match &self.kind {
            Kind::Connect(connect) => connect.closed(),
            Kind::Socks5(socks) => socks.closed(),
        }
    }

    /// Notifies the dialogue that there is another connection, after [`ProxyStep::Reconnect`].
    pub fn reconnected(&mut self) {
        self.outgoing.clear();
        if let Kind::Connect(connect) = &mut self.kind {
            connect.reconnected(&mut self.outgoing);
        }
    }

    /// Returns which authentication methods were offered and tried so far.
    pub fn authentication(&self) -> ProxyAuthentication {
        match &self.kind {
            Kind::Connect(connect) => connect.authentication(),
            Kind::Socks5(socks) => socks.authentication(),
        }
    }
}

#[cfg(test)]
mod tests;
