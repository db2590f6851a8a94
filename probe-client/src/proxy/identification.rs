//! Authenticates the user to a proxy with the strongest scheme that both sides can use, and with the next one if that
//! fails, as browsers do.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use probe_core::proxy::{Authorization, Challenge, Challenged, Unanswered};

use super::handshake::{Handshake, Package};
use super::password;
use super::token::{NoToken, Who};

/// The authentication state of one dialogue. A password that was refused is not sent again, not even by a weaker
/// scheme: accounts are locked after a few wrong passwords.
#[derive(Debug)]
pub(super) struct Identification {
    who: Who,
    /// The proxy's host name or address.
    host: String,
    /// Time limit of each answer.
    idle_timeout: Duration,
    /// The method answered last.
    last: Option<Method>,
    /// The state of the current method, if it takes several messages.
    handshake: Option<Handshake>,
    /// Whether the proxy has seen proof that the client knows the password.
    proven: bool,
    /// Whether the KDC has refused the password.
    wrong: bool,
    /// Whether the password must not be sent to the proxy in clear.
    guarded: bool,
    /// Whether the only scheme left would send the password in clear.
    withheld: bool,
    /// Whether a handshake failed on this connection. Squid accepts no other scheme there.
    spoiled: bool,
    over: Vec<Method>,
    /// The reasons why the methods that were tried failed.
    troubles: Vec<String>,
}

/// A method of authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Handshake(Package),
    Digest,
    Basic,
}

impl Method {
    fn strongest_first() -> impl Iterator<Item = Self> {
        let handshakes = Package::STRONGEST_FIRST.into_iter().map(Self::Handshake);
        handshakes.chain([Self::Digest, Self::Basic])
    }

    /// Returns the scheme's name in a challenge.
    fn scheme(self) -> &'static str {
        match self {
            Self::Handshake(package) => package.scheme(),
            Self::Digest => "Digest",
            Self::Basic => "Basic",
        }
    }

    /// Returns the name in a report.
    fn shown(self) -> &'static str {
        match self {
            Self::Handshake(package) => package.shown(),
            Self::Digest | Self::Basic => self.scheme(),
        }
    }

    /// Returns whether this method works for `who`. If no password was given, the system authenticates the logged-on
    /// account, which only handshakes can do.
    fn suits(self, who: &Who) -> bool {
        matches!(self, Self::Handshake(_)) || who.named().is_some()
    }

    fn challenge(self, challenges: &[Challenge]) -> Option<&Challenge> {
        let mut all = challenges.iter();
        all.find(|c| c.scheme.eq_ignore_ascii_case(self.scheme()))
    }
}

impl Identification {
    /// Returns the state before the proxy's first challenge. If `guarded`, no method may send the password in clear.
    pub(super) fn new(who: Who, host: &str, idle_timeout: Duration, guarded: bool) -> Self {
        Self {
            who,
            guarded,
            withheld: false,
            host: host.to_owned(),
            idle_timeout,
            last: None,
            handshake: None,
            proven: false,
            wrong: false,
            spoiled: false,
            over: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// Returns whether the password has been refused, given that the proxy asks once more.
    pub(super) fn is_refused(&self) -> bool {
        self.proven || self.wrong
    }

    /// Returns whether the only scheme left would send the password in clear, which it must not.
    pub(super) fn withholds(&self) -> bool {
        self.withheld
    }

    /// Returns the next answer to the proxy's challenges; `target` is what the proxy is asked to connect to.
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
        } else if let Some(last) = self.last
            && !self.proven
            && !self.over.contains(&last)
        {
            self.led_nowhere(last, "the proxy does not continue with it");
        }
        if self.proven {
            return Err(None);
        }
        for method in Method::strongest_first() {
            let Some(challenge) = method.challenge(challenges) else {
                continue;
            };
            if self.over.contains(&method) || !method.suits(&self.who) {
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

    /// Returns the first message of `method`.
    async fn begin(
        &mut self,
        method: Method,
        challenge: &Challenge,
        target: &str,
    ) -> Result<Authorization, NoToken> {
        let nobody = || NoToken::here("no password was given");
        let package = match method {
            Method::Handshake(package) => package,
            Method::Digest => {
                let credentials = self.who.named().ok_or_else(nobody)?;
                let value = password::digest(credentials, challenge, target);
                return self.proof(method, value);
            }
            Method::Basic if self.guarded => {
                self.withheld = true;
                return Err(NoToken::here(password::WITHHELD));
            }
            Method::Basic => {
                let credentials = self.who.named().ok_or_else(nobody)?;
                return self.proof(method, password::basic(credentials));
            }
        };
        let (who, host) = (self.who.clone(), self.host.clone());
        let (handshake, token) = self
            .apart(move |deadline| Handshake::begin(package, &who, &host, deadline))
            .await?;
        let names = package.is_kerberos(&token);
        Ok(self.message(method, handshake, &token, names))
    }

    /// Returns the next message of `method`, on the connection on which the first one was sent.
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
        self.proven = !matches!(method, Method::Handshake(package) if package.is_kerberos(&token));
        Ok(self.message(method, handshake, &token, true))
    }

    /// Runs `work` off the runtime's threads: it computes, reads the system's settings and may wait for a KDC.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Instant) -> Result<T, NoToken> + Send + 'static,
    ) -> Result<T, NoToken> {
        let deadline = Instant::now() + self.idle_timeout;
        let done = tokio::task::spawn_blocking(move || work(deadline));
        match tokio::time::timeout(self.idle_timeout + GRACE, done).await {
            Err(_elapsed) => Err(NoToken::here("it takes too long to make a token")),
            Ok(Err(_)) => Err(NoToken::here("no token can be made")),
            Ok(Ok(made)) => made,
        }
    }

    /// Wraps a token of a handshake. `names` says whether the token names the user.
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

    /// Wraps the only message of `method`.
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
            self.led_nowhere(method, "the proxy did not accept it");
        }
    }

    fn led_nowhere(&mut self, method: Method, why: &str) {
        self.over.push(method);
        self.troubles.push(format!("{}: {why}", method.shown()));
    }

    fn troubles(&self) -> Unanswered {
        if self.troubles.is_empty() {
            return self.who.named().map(|_| NO_SCHEME.to_owned());
        }
        Some(self.troubles.join("; "))
    }
}

/// Extra time, so that work that checks its own deadline can report that it has passed.
const GRACE: Duration = Duration::from_secs(1);

const NO_SCHEME: &str =
    "this version can use none of its schemes (it can use Negotiate, NTLM, Digest and Basic)";

// On Windows, Windows itself performs the handshakes.
#[cfg(all(test, not(windows)))]
mod tests;
