//! Decides whether to send the user's credentials to a proxy. One dialogue of a run finds out whether the proxy accepts
//! them before the others send them: accounts are locked after a few wrong passwords, and a run has more dialogues than
//! that.

use probe_core::observation::{Failure, FailureKind};
use probe_core::proxy::ProxyAuthentication;
use tokio::sync::{Mutex, MutexGuard, watch};

/// The facts known about the credentials. The dialogue that tries them first holds the lock.
#[derive(Debug, Default)]
pub(super) struct CredentialGate {
    known: Mutex<Known>,
    /// Number of dialogues in progress that are likely to find out whether the proxy accepts the credentials.
    likely: watch::Sender<usize>,
}

#[derive(Debug)]
enum Known {
    Nothing {
        /// Number of dialogues that sent the credentials and whose end does not show whether they were accepted: each
        /// may have been a wrong password.
        undecided: u32,
    },
    Taken,
    /// The proxy refused the credentials; this is the result of the refused dialogue.
    NotTaken(ProxyAuthentication),
    /// Nothing is known, and no dialogue asks any more, since the last one ended without an answer.
    Unanswered(Failure),
    /// Nothing is known, and no dialogue asks any more, since the last answer says nothing about the credentials. The
    /// text is for the report.
    Unsettled(String),
}

/// Whether a dialogue may send the credentials.
#[derive(Debug)]
pub(super) enum Leave<'a> {
    /// The dialogue may send them: it is the first, and reports the result.
    First(First<'a>),
    Given,
    Denied(ProxyAuthentication),
    /// The dialogue may not send them: earlier ones that sent them got no answer.
    Unanswered(Failure),
    /// The dialogue may not send them: the answers so far do not show whether the credentials were accepted.
    Unsettled(String),
}

#[derive(Debug)]
pub(super) struct First<'a>(MutexGuard<'a, Known>);

/// A dialogue's place in the order in which dialogues try the credentials, held as long as the dialogue lasts.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    /// The counter of dialogues that go first, if this is one of them.
    likely: Option<&'a watch::Sender<usize>>,
}

impl CredentialGate {
    /// Returns the turn of a dialogue about `port`. Dialogues about the HTTPS port go first: a proxy that allows only
    /// one port allows that one, and its answer for any other port may say nothing about the credentials.
    pub(super) fn turn(&self, port: u16) -> Turn<'_> {
        let likely = (port == HTTPS).then_some(&self.likely);
        if let Some(likely) = likely {
            likely.send_modify(|dialogues| *dialogues += 1);
        }
        Turn { likely }
    }

    /// Waits for the first dialogue, which has a time limit of its own, and for at most [`MOST_UNDECIDED`] dialogues
    /// that end without a result.
    pub(super) async fn leave(&self, turn: &Turn<'_>) -> Leave<'_> {
        if turn.likely.is_none() && self.is_open() {
            // This gate holds the sender, so the sender outlives the wait.
            let _ = self.likely.subscribe().wait_for(|n| *n == 0).await;
        }
        let known = self.known.lock().await;
        match &*known {
            Known::Taken => Leave::Given,
            Known::NotTaken(authentication) => Leave::Denied(authentication.clone()),
            Known::Unanswered(failure) => Leave::Unanswered(failure.clone()),
            Known::Unsettled(why) => Leave::Unsettled(why.clone()),
            Known::Nothing { .. } => Leave::First(First(known)),
        }
    }

    /// Records that a dialogue was refused although another was accepted.
    pub(super) async fn not_taken(&self, authentication: &ProxyAuthentication) {
        *self.known.lock().await = Known::NotTaken(authentication.clone());
    }

    /// Returns whether nothing is known yet, as far as it can be determined without waiting.
    fn is_open(&self) -> bool {
        let known = self.known.try_lock();
        known.is_ok_and(|known| matches!(*known, Known::Nothing { .. }))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(likely) = self.likely {
            likely.send_modify(|dialogues| *dialogues -= 1);
        }
    }
}

impl First<'_> {
    pub(super) fn taken(mut self) {
        *self.0 = Known::Taken;
    }

    pub(super) fn not_taken(mut self, authentication: &ProxyAuthentication) {
        *self.0 = Known::NotTaken(authentication.clone());
    }

    /// Records a dialogue that sent the credentials and ended with `failure`, or with an `answer` that does not show
    /// whether they were accepted. If there was no answer, the proxy may still have been checking them, or have been
    /// waiting for the server.
    pub(super) fn undecided(mut self, failure: &Failure, answer: Option<String>) {
        if let Known::Nothing { undecided } = &mut *self.0
            && failure.kind != FailureKind::Interrupted
        {
            *undecided += 1;
            if *undecided == MOST_UNDECIDED {
                *self.0 = match answer {
                    Some(answer) => Known::Unsettled(format!(
                        "credentials were sent twice and answered with \"{answer}\", which does \
                         not show whether they were accepted; they are not sent again, {LOCKED}; a \
                         run of this rule alone sends them"
                    )),
                    None => {
                        let failure = Failure::new(failure.kind, failure.origin);
                        Known::Unanswered(failure.with_text(format!(
                            "credentials were sent twice without an answer and are not sent again, \
                             {LOCKED}; allow more time with --timeout"
                        )))
                    }
                };
            }
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::Nothing { undecided: 0 }
    }
}

/// Number of undecided dialogues after which no more are tried. It is less than the number of wrong passwords after
/// which the strictest usual policy locks an account (three). It is more than one, since the proxy may just have been
/// waiting for a port that is blocked beyond it.
const MOST_UNDECIDED: u32 = 2;

const LOCKED: &str = "since accounts are locked after a few wrong passwords";

const HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use probe_core::observation::Origin;

    use super::*;

    #[tokio::test]
    async fn nobody_follows_who_was_refused() {
        let gate = CredentialGate::default();
        let first = first(&gate).await;
        // The others wait as long as nothing is known, however long that is.
        assert!(gate.leave(&turn(&gate)).now_or_never().is_none());
        first.not_taken(&refused());
        assert_denied(&gate).await;
    }

    #[tokio::test]
    async fn everybody_follows_who_was_let_in() {
        let gate = CredentialGate::default();
        // If a dialogue ends without a result, the next one tries the credentials.
        drop(gate.leave(&turn(&gate)).await);
        first(&gate).await.taken();
        assert!(matches!(gate.leave(&turn(&gate)).await, Leave::Given));
        gate.not_taken(&refused()).await;
        assert_denied(&gate).await;
    }

    #[tokio::test]
    async fn what_gets_no_answer_is_sent_twice() {
        let gate = CredentialGate::default();
        let silence = Failure::new(FailureKind::TimedOut, Origin::Unknown);
        for _ in 0..MOST_UNDECIDED {
            first(&gate).await.undecided(&silence, None);
        }
        let Leave::Unanswered(failure) = gate.leave(&turn(&gate)).await else {
            panic!("it has been sent often enough");
        };
        assert_eq!(failure.kind, FailureKind::TimedOut);
    }

    #[tokio::test]
    async fn what_gets_an_answer_of_another_kind_is_sent_twice() {
        let gate = CredentialGate::default();
        let refused = Failure::new(FailureKind::ProxyRefused, Origin::Peer);
        for _ in 0..MOST_UNDECIDED {
            let first = first(&gate).await;
            first.undecided(&refused, Some("403 Forbidden".to_owned()));
        }
        let Leave::Unsettled(why) = gate.leave(&turn(&gate)).await else {
            panic!("it has been sent often enough");
        };
        assert!(why.contains("\"403 Forbidden\""), "{why}");
    }

    #[tokio::test]
    async fn the_port_of_https_finds_out_before_others() {
        let gate = CredentialGate::default();
        let likely = gate.turn(HTTPS);
        let other = turn(&gate);
        let mut waiting = Box::pin(gate.leave(&other));
        assert!(waiting.as_mut().now_or_never().is_none());
        let Leave::First(first) = gate.leave(&likely).await else {
            panic!("nothing is known");
        };
        first.taken();
        drop(likely);
        assert!(matches!(waiting.await, Leave::Given));
    }

    fn turn(gate: &CredentialGate) -> Turn<'_> {
        gate.turn(5901)
    }

    async fn first(gate: &CredentialGate) -> First<'_> {
        let Leave::First(first) = gate.leave(&turn(gate)).await else {
            panic!("nothing is known");
        };
        first
    }

    async fn assert_denied(gate: &CredentialGate) {
        let Leave::Denied(told) = gate.leave(&turn(gate)).await else {
            panic!("the password is wrong");
        };
        assert_eq!(told, refused());
    }

    fn refused() -> ProxyAuthentication {
        ProxyAuthentication {
            tried: vec!["NTLM".to_owned()],
            ..ProxyAuthentication::default()
        }
    }
}
