//! Authenticates the user to a proxy with the strongest scheme that both sides can use, and with the next one if that
//! fails, as browsers do.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use probe_core::proxy::{Authorization, Challenge, Challenged, Unanswered};

#[cfg(not(windows))]
use super::negotiate as handshakes;
use super::password::{Basic, Digest, WITHHELD};
use super::scheme::{AuthenticationStart, Handshake, Request, Scheme};
use super::user::{NoToken, TokenUser};
#[cfg(windows)]
use super::windows as handshakes;

/// The authentication state of one dialogue. A password that was refused is not sent again, not even by a weaker
/// scheme: accounts are locked after a few wrong passwords.
#[derive(Debug)]
pub(crate) struct Identification {
    who: TokenUser,
    /// The proxy's host name or address.
    host: String,
    /// Time limit of each answer.
    idle_timeout: Duration,
    /// The scheme of the last answer.
    last: Option<&'static dyn Scheme>,
    /// The state of the current scheme, if it takes several messages.
    handshake: Option<Box<dyn Handshake>>,
    /// Whether the proxy has seen proof that the client knows the password.
    proven: bool,
    /// Whether the KDC has refused the password.
    wrong: bool,
    /// Whether the password must not be sent to the proxy in clear.
    guarded: bool,
    /// Whether the only scheme left would send the password in clear.
    withheld: bool,
    /// Whether the proxy closed a connection between two messages of one handshake.
    cut_off: bool,
    /// Whether a handshake failed on this connection. Squid accepts no other scheme there.
    spoiled: bool,
    /// The schemes that failed, by the names that reports show.
    over: Vec<&'static str>,
    /// The reasons why they failed.
    troubles: Vec<String>,
}

/// Returns every scheme, strongest first.
fn strongest_first() -> impl Iterator<Item = &'static dyn Scheme> {
    let passwords: [&dyn Scheme; 2] = [&Digest, &Basic];
    handshakes::STRONGEST_FIRST.into_iter().chain(passwords)
}

/// Returns the challenge of `scheme`, if there is one.
fn challenge_of<'c>(scheme: &dyn Scheme, challenges: &'c [Challenge]) -> Option<&'c Challenge> {
    let mut all = challenges.iter();
    all.find(|c| c.scheme.eq_ignore_ascii_case(scheme.name()))
}

impl Identification {
    /// Returns the state before the proxy's first challenge. If `guarded`, no method may send the password in clear.
    pub(crate) fn new(who: TokenUser, host: &str, idle_timeout: Duration, guarded: bool) -> Self {
        Self {
            who,
            guarded,
            withheld: false,
            cut_off: false,
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
    pub(crate) fn is_refused(&self) -> bool {
        self.proven || self.wrong
    }

    /// Returns whether the only scheme left would send the password in clear, which it must not.
    pub(crate) fn withholds(&self) -> bool {
        self.withheld
    }

    /// Returns whether the proxy closed a connection between two messages of one handshake.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Returns the next answer to the proxy's challenges; `target` is what the proxy is asked to connect to.
    pub(crate) async fn answer(
        &mut self,
        asked: &Challenged,
        target: &str,
    ) -> Result<Authorization, Unanswered> {
        let challenges = &asked.challenges;
        if let Some(last) = self.last
            && let Some(challenge) = challenge_of(last, challenges)
        {
            if let Some(handshake) = self.handshake.take() {
                if challenge.parameters.is_empty() {
                    self.refused(last);
                } else {
                    let same = asked.same_connection;
                    match self.go_on(last, handshake, challenge, same).await {
                        Ok(authorization) => return Ok(authorization),
                        Err(none) => self.led_nowhere(last, &none.why),
                    }
                }
                self.spoiled = true;
            } else if last.is_stale(challenge) {
                self.proven = false;
            } else {
                self.refused(last);
            }
        } else if let Some(last) = self.last
            && !self.proven
            && !self.over.contains(&last.shown())
        {
            self.led_nowhere(last, "the proxy does not continue with it");
        }
        if self.proven {
            return Err(None);
        }
        for scheme in strongest_first() {
            let Some(challenge) = challenge_of(scheme, challenges) else {
                continue;
            };
            if self.over.contains(&scheme.shown()) || !scheme.suits(&self.who) {
                continue;
            }
            match self.begin(scheme, challenge, target).await {
                Ok(authorization) => return Ok(authorization),
                Err(none) if none.wrong_password => {
                    self.wrong = true;
                    return Err(Some(none.why));
                }
                Err(none) => self.led_nowhere(scheme, &none.why),
            }
        }
        Err(self.troubles())
    }

    /// Returns the first message of `scheme`.
    async fn begin(
        &mut self,
        scheme: &'static dyn Scheme,
        challenge: &Challenge,
        target: &str,
    ) -> Result<Authorization, NoToken> {
        if self.guarded && scheme.is_in_clear() {
            self.withheld = true;
            return Err(NoToken::here(WITHHELD));
        }
        let request = Request {
            who: self.who.clone(),
            host: self.host.clone(),
            challenge: challenge.clone(),
            target: target.to_owned(),
        };
        let begun = self.apart(move |deadline| scheme.begin(&request, deadline));
        let begun = begun.await?;
        self.last = Some(scheme);
        match begun {
            AuthenticationStart::Proof(value) => {
                self.handshake = None;
                self.proven = true;
                Ok(self.message(scheme, value, true))
            }
            AuthenticationStart::Handshake(handshake, token) => {
                self.handshake = Some(handshake);
                let value = encoded(scheme, &token.bytes);
                Ok(self.message(scheme, value, token.is_kerberos))
            }
        }
    }

    /// Returns the next message of `scheme`, on the connection on which the first one was sent.
    async fn go_on(
        &mut self,
        scheme: &'static dyn Scheme,
        mut handshake: Box<dyn Handshake>,
        challenge: &Challenge,
        same_connection: bool,
    ) -> Result<Authorization, NoToken> {
        if !same_connection {
            self.cut_off = true;
            return Err(NoToken::here(
                "the proxy closes the connection that it is about to authenticate",
            ));
        }
        let token = BASE64_STANDARD
            .decode(&challenge.parameters)
            .map_err(|_| NoToken::here("the proxy's token is not base64"))?;
        let answering = self.apart(move |deadline| {
            let token = handshake.go_on(token, deadline)?;
            Ok((handshake, token))
        });
        let (handshake, token) = answering.await?;
        self.handshake = Some(handshake);
        self.proven = !token.is_kerberos;
        Ok(self.message(scheme, encoded(scheme, &token.bytes), true))
    }

    /// Runs `work` off the runtime's threads: it computes, reads the system's settings and may wait for a KDC.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Instant) -> Result<T, NoToken> + Send + 'static,
    ) -> Result<T, NoToken> {
        let deadline = Instant::now() + self.idle_timeout;
        let done = tokio::task::spawn_blocking(move || work(deadline));
        match tokio::time::timeout(self.idle_timeout + GRACE, done).await {
            Err(_elapsed) => Err(NoToken::here("no token could be made in time")),
            Ok(Err(_)) => Err(NoToken::here("no token can be made")),
            Ok(Ok(made)) => made,
        }
    }

    /// Wraps a message. `names` says whether it names the user.
    fn message(&mut self, scheme: &dyn Scheme, value: String, names: bool) -> Authorization {
        Authorization {
            method: names.then(|| scheme.shown().to_owned()),
            value,
            fresh: std::mem::take(&mut self.spoiled),
        }
    }

    fn refused(&mut self, scheme: &dyn Scheme) {
        if !self.proven {
            self.led_nowhere(scheme, "the proxy did not accept it");
        }
    }

    fn led_nowhere(&mut self, scheme: &dyn Scheme, why: &str) {
        self.over.push(scheme.shown());
        self.troubles.push(format!("{}: {why}", scheme.shown()));
    }

    fn troubles(&self) -> Unanswered {
        if self.troubles.is_empty() {
            return self.who.named().map(|_| NO_SCHEME.to_owned());
        }
        Some(self.troubles.join("; "))
    }
}

/// Returns a token as the value of Proxy-Authorization.
fn encoded(scheme: &dyn Scheme, token: &[u8]) -> String {
    format!("{} {}", scheme.name(), BASE64_STANDARD.encode(token))
}

/// Extra time, so that work that checks its own deadline can report that it has passed.
const GRACE: Duration = Duration::from_secs(1);

const NO_SCHEME: &str =
    "this version can use none of its schemes (it can use Negotiate, NTLM, Digest and Basic)";

// On Windows, Windows itself performs the handshakes.
#[cfg(all(test, not(windows)))]
mod tests;
