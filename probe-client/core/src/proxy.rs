//! The dialogue with a proxy without its sockets: what to send until it has connected to the server,
//! what its answers mean, and what a report keeps of them.

mod account;
mod authentication;
mod connect;
mod socks5;

use crate::path::{ProxyScheme, authority};
use connect::Connect;
use socks5::Socks5;

pub use account::{HttpRefusal, ProxyAccount, ProxyAuthentication, ProxyRefusal};
pub use authentication::{Authorization, Challenge, Challenged, ProxyCredentials, Unanswered};

/// What a proxy is asked to connect to.
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

/// What is to be done next.
#[derive(Debug, Eq, PartialEq)]
pub enum ProxyStep {
    /// Send what there is to send, and receive.
    Io,
    /// The proxy wants to know who asks: [`ProxyDialogue::answer`] goes on.
    Challenged(Challenged),
    /// Its user name and password are what a SOCKS proxy wants next: [`ProxyDialogue::leave`] goes on.
    AskForLeave,
    /// The proxy ends this connection, but not the dialogue: it goes on over another one.
    Reconnect,
    /// The proxy says that it is connected. What it sent behind that is the server's already.
    Connected { unread: Vec<u8> },
    /// It does not connect.
    Refused(ProxyRefusal),
}

#[derive(Debug)]
enum Kind {
    Connect(Box<Connect>),
    Socks5(Box<Socks5>),
}

impl ProxyDialogue {
    /// A dialogue on a connection to a proxy that has just been established. SOCKS takes its
    /// `credentials` from here; HTTP proxies ask for them ([`ProxyStep::Challenged`]).
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

    /// What is to be sent now; each byte is given once.
    pub fn transmit(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes in what the proxy sent.
    pub fn receive(&mut self, bytes: &[u8]) -> ProxyStep {
        match &mut self.kind {
            Kind::Connect(connect) => connect.receive(bytes, &mut self.outgoing),
            Kind::Socks5(socks) => socks.receive(bytes, &mut self.outgoing),
        }
    }

    /// What is said to a challenge; without one, nothing happens.
    pub fn answer(&mut self, answer: Result<Authorization, Unanswered>) -> ProxyStep {
        match &mut self.kind {
            Kind::Connect(connect) => connect.answer(answer, &mut self.outgoing),
            Kind::Socks5(_) => ProxyStep::Io,
        }
    }

    /// Whether the credentials may be sent; where nobody asked, nothing happens.
    pub fn leave(&mut self, given: bool) -> ProxyStep {
        match &mut self.kind {
            Kind::Socks5(socks) => socks.leave(given, &mut self.outgoing),
            Kind::Connect(_) => ProxyStep::Io,
        }
    }

    /// Whether the proxy has accepted the credentials, whatever becomes of the connection to the server: SOCKS says
    /// so before it connects.
    pub fn let_in(&self) -> bool {
        match &self.kind {
            Kind::Socks5(socks) => socks.let_in(),
            Kind::Connect(_) => false,
        }
    }

    /// Whether the proxy has said something in its protocol before it was asked to connect: HTTP's challenge, or which
    /// SOCKS method it wants.
    pub fn spoke(&self) -> bool {
        match &self.kind {
            Kind::Connect(connect) => connect.spoke(),
            Kind::Socks5(socks) => socks.spoke(),
        }
    }

    /// The proxy has closed the connection; `None`: too early.
    pub fn closed(&self) -> Option<ProxyStep> {
        match &self.kind {
            Kind::Connect(connect) => connect.closed(),
            Kind::Socks5(socks) => socks.closed(),
        }
    }

    /// After [`ProxyStep::Reconnect`]: there is another connection.
    pub fn reconnected(&mut self) {
        self.outgoing.clear();
        if let Kind::Connect(connect) = &mut self.kind {
            connect.reconnected(&mut self.outgoing);
        }
    }

    /// What was asked for and used to authenticate, as far as it came.
    pub fn authentication(&self) -> ProxyAuthentication {
        match &self.kind {
            Kind::Connect(connect) => connect.authentication(),
            Kind::Socks5(socks) => socks.authentication(),
        }
    }
}

#[cfg(test)]
mod tests;
