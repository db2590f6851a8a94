//! Who the user is to a proxy, said by the strongest scheme that both sides can use, and by the next one
//! where that leads to nothing, as browsers do.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use probe_core::proxy::{Authorization, Challenge, Challenged, ProxyCredentials, Unanswered};

use super::handshake::Handshake;
use super::password;
use super::token::{NoToken, Package};

/// Of one dialogue. What was refused is not sent again, nor by a weaker scheme: accounts are locked after
/// a few wrong passwords.
#[derive(Debug)]
pub(super) struct Identification {
    credentials: ProxyCredentials,
    /// Of the proxy.
    host: String,
    /// For each answer.
    patience: Duration,
    /// What was answered last.
    last: Option<Method>,
    /// Its state, where it takes several messages.
    handshake: Option<Handshake>,
    /// The proxy has seen proof that the password is known.
    proven: bool,
    /// The KDC has refused it.
    wrong: bool,
    /// A handshake came to nothing on this connection. Squid takes no other scheme there.
    spoiled: bool,
    over: Vec<Method>,
    /// Why they led to nothing.
    troubles: Vec<String>,
}

/// A way to authenticate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Handshake(Package),
    Digest,
    Basic,
}

impl Method {
    /// As it stands in a challenge.
    fn scheme(self) -> &'static str {
        match self {
            Self::Handshake(Package::NegotiateKerberos | Package::NegotiateNtlm) => "Negotiate",
            Self::Handshake(Package::Ntlm) => "NTLM",
            Self::Digest => "Digest",
            Self::Basic => "Basic",
        }
    }

    /// In a report.
    fn shown(self) -> &'static str {
        match self {
            Self::Handshake(Package::NegotiateKerberos) => "Negotiate with Kerberos",
            Self::Handshake(Package::NegotiateNtlm) => "Negotiate with NTLM",
            Self::Handshake(Package::Ntlm) | Self::Digest | Self::Basic => self.scheme(),
        }
    }

    fn challenge(self, challenges: &[Challenge]) -> Option<&Challenge> {
        let mut all = challenges.iter();
        all.find(|c| c.scheme.eq_ignore_ascii_case(self.scheme()))
    }
}

impl Identification {
    pub(super) fn new(credentials: ProxyCredentials, host: &str, patience: Duration) -> Self {
        Self {
            credentials,
            host: host.to_owned(),
            patience,
            last: None,
            handshake: None,
            proven: false,
            wrong: false,
            spoiled: false,
            over: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// Whether the password has been refused, where the proxy asks once more.
    pub(super) fn is_refused(&self) -> bool {
        self.proven || self.wrong
    }

    /// What is said next to the proxy, which is asked for `target`.
    pub(super) async fn answer(
        &mut self,
        asked: &Challenged,
        target: &str,
    ) -> Result<Authorization, Unanswered> {
        let challenges = &asked.challenges;
        if let Some(last) = self.last
            && let Some(challenge) = last.challenge(challenges)
        {
            match (last, self.handshake.take()) {
                (Method::Handshake(_), Some(handshake)) if !challenge.parameters.is_empty() => {
                    match self
                        .go_on(last, handshake, challenge, asked.same_connection)
                        .await
                    {
                        Ok(authorization) => return Ok(authorization),
                        Err(none) => self.led_nowhere(last, &none.why),
                    }
                }
                (Method::Digest, _) if password::is_stale(challenge) => self.proven = false,
                (Method::Handshake(_) | Method::Digest | Method::Basic, _) => self.refused(last),
            }
            self.spoiled = matches!(last, Method::Handshake(_));
        }
        if self.proven {
            return Err(None);
        }
        for method in STRONGEST_FIRST {
            let Some(challenge) = method.challenge(challenges) else {
                continue;
            };
            if self.over.contains(&method) {
                continue;
            }
            match self.begin(method, challenge, target).await {
                Ok(authorization) => return Ok(authorization),
                Err(none) if none.wrong_password => {
                    self.wrong = true;
                    return Err(Some(none.why));
                }
                Err(none) => self.led_nowhere(method, &none.why),
            }
        }
        Err(self.troubles())
    }

    /// The first message of `method`.
    async fn begin(
        &mut self,
        method: Method,
        challenge: &Challenge,
        target: &str,
    ) -> Result<Authorization, NoToken> {
        let package = match method {
            Method::Handshake(package) => package,
            Method::Digest => {
                let value = password::digest(&self.credentials, challenge, target);
                return self.proof(method, value);
            }
            Method::Basic => return self.proof(method, password::basic(&self.credentials)),
        };
        let (credentials, host) = (self.credentials.clone(), self.host.clone());
        let (handshake, token) = self
            .apart(move |deadline| Handshake::begin(package, &credentials, &host, deadline))
            .await?;
        // A ticket names the user; NTLM's first message names nobody.
        let names = package == Package::NegotiateKerberos;
        Ok(self.message(method, handshake, &token, names))
    }

    /// The message of `method` behind the first one, on the connection on which that was sent.
    async fn go_on(
        &mut self,
        method: Method,
        mut handshake: Handshake,
        challenge: &Challenge,
        same_connection: bool,
    ) -> Result<Authorization, NoToken> {
        if !same_connection {
            return Err(NoToken::here(
                "the proxy closes the connection that it is about to authenticate",
            ));
        }
        let token = BASE64_STANDARD
            .decode(&challenge.parameters)
            .map_err(|_| NoToken::here("the proxy's token is not base64"))?;
        let (handshake, token) = self
            .apart(move |deadline| {
                let token = handshake.go_on(token, deadline)?;
                Ok((handshake, token))
            })
            .await?;
        // Where Kerberos goes on, the KDC has seen the proof, and the proxy sees tickets alone.
        self.proven = method != Method::Handshake(Package::NegotiateKerberos);
        Ok(self.message(method, handshake, &token, true))
    }

    /// Off the runtime's threads: it computes, reads the system's settings and may wait for a KDC.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Instant) -> Result<T, NoToken> + Send + 'static,
    ) -> Result<T, NoToken> {
        let deadline = Instant::now() + self.patience;
        let done = tokio::task::spawn_blocking(move || work(deadline));
        match tokio::time::timeout(self.patience + GRACE, done).await {
            Err(_elapsed) => Err(NoToken::here("it takes too long to make a token")),
            Ok(Err(_)) => Err(NoToken::here("no token can be made")),
            Ok(Ok(made)) => made,
        }
    }

    /// `names`: whether it says who the user is.
    fn message(
        &mut self,
        method: Method,
        handshake: Handshake,
        token: &[u8],
        names: bool,
    ) -> Authorization {
        self.last = Some(method);
        self.handshake = Some(handshake);
        Authorization {
            method: names.then(|| method.shown().to_owned()),
            value: format!("{} {}", method.scheme(), BASE64_STANDARD.encode(token)),
            fresh: std::mem::take(&mut self.spoiled),
        }
    }

    /// The only message of `method`.
    fn proof(
        &mut self,
        method: Method,
        value: Result<String, String>,
    ) -> Result<Authorization, NoToken> {
        let value = value.map_err(|why| NoToken::here(&why))?;
        self.last = Some(method);
        self.proven = true;
        Ok(Authorization {
            method: Some(method.shown().to_owned()),
            value,
            fresh: std::mem::take(&mut self.spoiled),
        })
    }

    fn refused(&mut self, method: Method) {
        if !self.proven {
            self.led_nowhere(method, "the proxy does not take it up");
        }
    }

    fn led_nowhere(&mut self, method: Method, why: &str) {
        self.over.push(method);
        self.troubles.push(format!("{}: {why}", method.shown()));
    }

    fn troubles(&self) -> Unanswered {
        Some(if self.troubles.is_empty() {
            NO_SCHEME.to_owned()
        } else {
            self.troubles.join("; ")
        })
    }
}

/// For what knows its deadline to say by itself that it has passed.
const GRACE: Duration = Duration::from_secs(1);

const STRONGEST_FIRST: [Method; 5] = [
    Method::Handshake(Package::NegotiateKerberos),
    Method::Handshake(Package::NegotiateNtlm),
    Method::Handshake(Package::Ntlm),
    Method::Digest,
    Method::Basic,
];

const NO_SCHEME: &str =
    "of its schemes this version can use none (it can use Negotiate, NTLM, Digest and Basic)";

// The build for Windows 7 makes no handshakes.
#[cfg(all(test, not(target_vendor = "win7")))]
mod tests;
