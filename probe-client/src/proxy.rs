//! Opens connections through a proxy: connects to it, with TLS if its scheme is `https`, and carries the dialogue until
//! the proxy says that it is connected to the server.

use std::net::{IpAddr, SocketAddr};

use probe_core::measurement::PresentedCertificate;
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use probe_core::path::{ProxyAddress, ProxyScheme};
use probe_core::proxy::{
    Authorization, Challenged, ProxyAccount, ProxyCredentials, ProxyDialogue, ProxyRefusal,
    ProxyStep, ProxyTarget, Unanswered,
};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::certificate;
use crate::connect::connect;
use crate::context::RunContext;
use crate::link::{Link, Opened};
use crate::observe::{Pending, stream_failure, timed_out};
use crate::proxy_authentication::{Identification, TokenUser, is_of_a_domain};
use crate::resolve::Family;
use crate::tls::{SystemTrust, server_name, shaken_within};

mod credential_gate;
mod outcome;

use credential_gate::{CredentialGate, Leave, Turn};
use outcome::may_send;

/// A proxy whose name has been resolved.
#[derive(Debug)]
pub(crate) struct ProxyWay {
    pub(crate) address: ProxyAddress,
    addresses: Vec<IpAddr>,
    resolved: Observation,
    credentials: Option<ProxyCredentials>,
    /// Whether the credentials belong to a domain account, and must not be sent where the password could be read on the
    /// way.
    guarded: bool,
    gate: CredentialGate,
    /// The certificates to trust; `None` if the proxy is used without TLS.
    trust: Option<Result<SystemTrust, rustls::Error>>,
}

/// How to use proxies, the same for the whole run.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProxyAccess {
    /// Credentials for every proxy that has none of its own.
    pub(crate) credentials: Option<ProxyCredentials>,
    /// Credentials of individual proxies, from the environment's URLs.
    pub(crate) own: Vec<(ProxyAddress, ProxyCredentials)>,
    /// Whether the password of a domain account may be sent to a proxy in clear.
    pub(crate) password_in_clear: bool,
    /// Certificate authorities to trust in addition to the system's, for proxies with TLS.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
}

impl ProxyAccess {
    fn credentials_for(&self, address: &ProxyAddress) -> Option<&ProxyCredentials> {
        let own = self.own.iter().find(|(proxy, _)| proxy == address);
        if let Some((_, credentials)) = own {
            return Some(credentials);
        }
        self.credentials.as_ref()
    }
}

impl ProxyWay {
    /// Resolves the proxy's name, once for all probes.
    pub(crate) async fn prepare(
        address: &ProxyAddress,
        access: &ProxyAccess,
        context: &RunContext,
    ) -> Self {
        let (addresses, observation) = context.resolve(&address.host, Family::Both).await;
        let resolved = Observation {
            operation: Operation::ProxyResolve,
            ..observation
        };
        let credentials = access.credentials_for(address).cloned();
        let in_clear = address.scheme != ProxyScheme::Https && !access.password_in_clear;
        Self {
            address: address.clone(),
            addresses,
            resolved,
            guarded: in_clear && credentials.as_ref().is_some_and(is_of_a_domain),
            credentials,
            gate: CredentialGate::default(),
            trust: (address.scheme == ProxyScheme::Https)
                .then(|| SystemTrust::new(&access.authorities)),
        }
    }

    /// Opens a connection to `target` through the proxy.
    pub(crate) async fn open(&self, target: ProxyTarget, context: &RunContext) -> Opened {
        let mut opening = Opening {
            way: self,
            observations: vec![self.resolved.clone()],
            account: ProxyAccount {
                address: None,
                host_asked: target.host.clone(),
                port_asked: target.port,
                certificate: None,
                authentication: probe_core::proxy::ProxyAuthentication::default(),
                refusal: None,
                spoke: false,
            },
            identification: TokenUser::of(self.credentials.clone()).map(|who| {
                let idle_timeout = context.options.idle_timeout;
                Identification::new(who, &self.address.host, idle_timeout, self.guarded)
            }),
            leave: None,
            turn: self.gate.turn(target.port),
            context,
            ends: Instant::now() + context.longest_session,
        };
        let connected = opening.run(&target).await;
        let (link, unread) = match connected {
            Ok((link, unread)) => (Ok(link), unread),
            Err(failure) => (Err(failure), Vec::new()),
        };
        Opened {
            link,
            observations: opening.observations,
            proxy: Some(opening.account),
            redial: None,
            unread,
        }
    }
}

/// One connection through the proxy that is being opened.
struct Opening<'a> {
    way: &'a ProxyWay,
    observations: Vec<Observation>,
    account: ProxyAccount,
    identification: Option<Identification>,
    /// The permission to send credentials; `None` until the proxy has asked for them.
    leave: Option<Leave<'a>>,
    turn: Turn<'a>,
    context: &'a RunContext,
    /// The proxy's deadline, which holds even while its bytes still arrive.
    ends: Instant,
}

impl Opening<'_> {
    async fn run(&mut self, target: &ProxyTarget) -> Result<(Link, Vec<u8>), Failure> {
        if let Some(failure) = &self.way.resolved.failure {
            return Err(failure.clone());
        }
        let mut link = self.link().await?;
        let shown = format!("{} for {}", self.way.address.authority(), shown(target));
        let pending = Pending::start(self.context.clock, Operation::ProxyNegotiation, shown);
        let scheme = self.way.address.scheme;
        let credentials = self.way.credentials.as_ref();
        // SOCKS can send a password only in clear.
        let credentials = credentials.filter(|_| scheme.is_http() || !self.way.guarded);
        let mut dialogue = ProxyDialogue::new(scheme, target, credentials);
        let talked = self.negotiate(&mut dialogue, &mut link, target).await;
        self.account.authentication = dialogue.authentication();
        self.account.spoke = dialogue.spoke();
        self.record_hindrances();
        self.tell_others(&dialogue, talked.as_ref().err()).await;
        self.observations.push(match &talked {
            Ok(_) => pending.succeeded(),
            Err(failure) => pending.failed(failure.clone()),
        });
        talked.map(|unread| (link, unread))
    }

    /// Carries the dialogue to its end, over further connections if needed.
    async fn negotiate(
        &mut self,
        dialogue: &mut ProxyDialogue,
        link: &mut Link,
        target: &ProxyTarget,
    ) -> Result<Vec<u8>, Failure> {
        let mut step = ProxyStep::Io;
        loop {
            step = match step {
                ProxyStep::Io => {
                    let talking = self.talk(dialogue, link);
                    self.context.unless_cancelled(talking).await?
                }
                ProxyStep::Challenged(asked) => {
                    dialogue.answer(self.identify(&asked, target).await?)
                }
                ProxyStep::AskForLeave => {
                    let asked = Instant::now();
                    let asking = may_send(&mut self.leave, self.way, &self.turn);
                    let may = self.context.unless_cancelled(asking).await?;
                    self.ends += asked.elapsed();
                    dialogue.leave(may)
                }
                ProxyStep::Reconnect => {
                    // The observations of the new connection belong to this step, so they are not listed separately.
                    let steps = self.observations.len();
                    let again = timeout_at(self.ends, self.link()).await;
                    let again = again.unwrap_or_else(|_elapsed| Err(timed_out()));
                    self.observations.truncate(steps);
                    *link = again?;
                    dialogue.reconnected();
                    ProxyStep::Io
                }
                ProxyStep::Connected { unread } => return Ok(unread),
                ProxyStep::Refused(refusal) => return Err(self.refused(refusal)),
            }
        }
    }

    async fn identify(
        &mut self,
        asked: &Challenged,
        target: &ProxyTarget,
    ) -> Result<Result<Authorization, Unanswered>, Failure> {
        let Self {
            way,
            identification: Some(identification),
            leave,
            turn,
            context,
            ends,
            ..
        } = self
        else {
            return Ok(Err(None));
        };
        let target = shown(target);
        let answering = async {
            let began = Instant::now();
            let answer = match may_send(leave, way, turn).await? {
                true => identification.answer(asked, &target).await,
                false => Err(None),
            };
            // The proxy is not responsible for the time that other dialogues or a KDC take.
            *ends += began.elapsed();
            Ok(answer)
        };
        context.unless_cancelled(answering).await
    }

    fn refused(&mut self, refusal: ProxyRefusal) -> Failure {
        let foreign = matches!(
            refusal,
            ProxyRefusal::Foreign { .. } | ProxyRefusal::HeadTooLong { .. }
        );
        self.account.refusal = Some(refusal);
        let kind = if foreign {
            FailureKind::Foreign
        } else {
            FailureKind::ProxyRefused
        };
        Failure::new(kind, Origin::Peer)
    }

    /// Opens a connection to the proxy on which the dialogue can begin.
    async fn link(&mut self) -> Result<Link, Failure> {
        let tcp = self.tcp().await?;
        let Some(trust) = &self.way.trust else {
            return Ok(Link::Tcp(tcp));
        };
        let host = &self.way.address.host;
        let pending = Pending::start(self.context.clock, Operation::ProxyTls, host.as_str());
        let (config, presented) = match trust {
            Ok(trust) => trust.client_config(),
            Err(error) => {
                let failure = Failure::new(FailureKind::Other, Origin::ThisHost);
                let failure = failure.with_text(error.to_string());
                self.observations.push(pending.failed(failure.clone()));
                return Err(failure);
            }
        };
        let connecting = TlsConnector::from(config).connect(server_name(host), tcp);
        let idle_timeout = self.context.options.idle_timeout;
        let shaken = self
            .context
            .unless_cancelled(shaken_within(idle_timeout, connecting))
            .await;
        self.account.certificate = presented.leaf().map(|leaf| described(&leaf));
        match shaken {
            Ok(tls) => {
                self.observations.push(pending.succeeded());
                Ok(Link::Tls(Box::new(tls)))
            }
            Err(failure) => {
                self.observations.push(pending.failed(failure.clone()));
                Err(failure)
            }
        }
    }

    /// Connects to the first of the proxy's addresses that accepts the connection.
    async fn tcp(&mut self) -> Result<TcpStream, Failure> {
        let port = self.way.address.port;
        let pending = Pending::start(
            self.context.clock,
            Operation::ProxyConnect,
            self.way.address.authority(),
        );
        let mut last = timed_out();
        for ip in self.way.addresses.iter().take(MAX_ADDRESSES) {
            let address = SocketAddr::new(*ip, port);
            self.account.address = Some(address);
            let connecting = connect(address, &self.context.options);
            match self.context.unless_cancelled(connecting).await {
                Ok(tcp) => {
                    self.observations.push(pending.succeeded());
                    return Ok(tcp.stream);
                }
                Err(failure) => last = failure,
            }
        }
        self.observations.push(pending.failed(last.clone()));
        Err(last)
    }

    /// Carries the dialogue over one connection until it needs another step.
    async fn talk(
        &self,
        dialogue: &mut ProxyDialogue,
        link: &mut Link,
    ) -> Result<ProxyStep, Failure> {
        let deadline = Instant::now() + self.context.options.idle_timeout;
        timeout_at(deadline.min(self.ends), exchange(dialogue, link))
            .await
            .unwrap_or_else(|_elapsed| Err(timed_out()))
    }
}

async fn exchange(dialogue: &mut ProxyDialogue, link: &mut Link) -> Result<ProxyStep, Failure> {
    let mut incoming = [0; READ];
    loop {
        let outgoing = dialogue.transmit();
        let sent = async {
            link.write_all(&outgoing).await?;
            link.flush().await
        };
        // Data that the proxy sent before its reset may still be readable.
        let unsent = sent.await.err();
        match link.read(&mut incoming).await {
            Err(error) => return Err(stream_failure(&unsent.unwrap_or(error))),
            Ok(0) => {
                let closed = Failure::new(FailureKind::Closed, Origin::Peer);
                return dialogue.closed().ok_or(closed);
            }
            Ok(n) => {
                let step = dialogue.receive(&incoming[..n]);
                if step != ProxyStep::Io {
                    return Ok(step);
                }
            }
        }
    }
}

/// Describes the proxy's certificate, which has no pin in a connection string.
fn described(leaf: &[u8]) -> PresentedCertificate {
    certificate::describe(leaf, &[])
}

fn shown(target: &ProxyTarget) -> String {
    probe_core::path::authority(&target.host, target.port)
}

/// Read size in bytes; a proxy's answer is short.
const READ: usize = 4096;

/// Maximum number of the proxy's addresses that are tried.
const MAX_ADDRESSES: usize = 4;

#[cfg(test)]
mod tests;
