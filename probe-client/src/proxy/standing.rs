//! Whether a proxy takes the user's credentials. One dialogue of a run finds out before the others send
//! them: accounts are locked after a few wrong passwords, and a run has more dialogues than that.

use probe_core::observation::{Failure, FailureKind};
use probe_core::proxy::ProxyAuthentication;
use tokio::sync::{Mutex, MutexGuard};

/// What is known of it. Whoever finds out holds the lock.
#[derive(Debug, Default)]
pub(super) struct Standing(Mutex<Known>);

#[derive(Debug)]
enum Known {
    Nothing {
        /// Dialogues that sent them and got no answer: each may have been a wrong password.
        unanswered: u32,
    },
    Taken,
    /// With what the dialogue came to that was refused.
    NotTaken(ProxyAuthentication),
    /// Nothing, and nobody asks any more: this is how the last dialogue ended.
    GivenUp(Failure),
}

/// Whether a dialogue may send them.
#[derive(Debug)]
pub(super) enum Leave<'a> {
    /// It is the first, and says what it came to.
    First(First<'a>),
    Given,
    Denied(ProxyAuthentication),
    /// It may not: those before it got no answer.
    Unanswered(Failure),
}

#[derive(Debug)]
pub(super) struct First<'a>(MutexGuard<'a, Known>);

impl Standing {
    /// Waits for the first dialogue, which has a limit of its own, and for no more than [`MOST_UNANSWERED`]
    /// that come to nothing.
    pub(super) async fn leave(&self) -> Leave<'_> {
        let known = self.0.lock().await;
        match &*known {
            Known::Taken => Leave::Given,
            Known::NotTaken(authentication) => Leave::Denied(authentication.clone()),
            Known::GivenUp(failure) => Leave::Unanswered(failure.clone()),
            Known::Nothing { .. } => Leave::First(First(known)),
        }
    }

    /// A dialogue was refused although another had been let in.
    pub(super) async fn not_taken(&self, authentication: &ProxyAuthentication) {
        *self.0.lock().await = Known::NotTaken(authentication.clone());
    }
}

impl First<'_> {
    pub(super) fn taken(mut self) {
        *self.0 = Known::Taken;
    }

    pub(super) fn not_taken(mut self, authentication: &ProxyAuthentication) {
        *self.0 = Known::NotTaken(authentication.clone());
    }

    /// It sent them and ended with `failure` instead of an answer: the proxy may have been looking them up still, or
    /// have been waiting for the server.
    pub(super) fn unanswered(mut self, failure: &Failure) {
        if let Known::Nothing { unanswered } = &mut *self.0
            && failure.kind != FailureKind::Interrupted
        {
            *unanswered += 1;
            if *unanswered == MOST_UNANSWERED {
                let failure = Failure::new(failure.kind, failure.origin);
                *self.0 = Known::GivenUp(failure.with_text(NOT_SENT));
            }
        }
    }
}

impl Default for Known {
    fn default() -> Self {
        Self::Nothing { unanswered: 0 }
    }
}

/// Fewer than the wrong passwords after which the strictest usual policy locks an account (three); more than one,
/// since the proxy may just have been waiting for a port that is blocked behind it.
const MOST_UNANSWERED: u32 = 2;

const NOT_SENT: &str = "credentials were sent twice without an answer and are not sent again, since accounts are locked \
                        after a few wrong passwords; allow more time with --timeout";

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use probe_core::observation::Origin;

    use super::*;

    #[tokio::test]
    async fn nobody_follows_who_was_refused() {
        let standing = Standing::default();
        let first = first(&standing).await;
        // As long as nothing is known, the others wait, however long that may be.
        assert!(standing.leave().now_or_never().is_none());
        first.not_taken(&refused());
        assert_denied(&standing).await;
    }

    #[tokio::test]
    async fn everybody_follows_who_was_let_in() {
        let standing = Standing::default();
        // One that came to nothing leaves it to the next to find out.
        drop(standing.leave().await);
        first(&standing).await.taken();
        assert!(matches!(standing.leave().await, Leave::Given));
        standing.not_taken(&refused()).await;
        assert_denied(&standing).await;
    }

    #[tokio::test]
    async fn what_gets_no_answer_is_sent_twice() {
        let standing = Standing::default();
        let silence = Failure::new(FailureKind::TimedOut, Origin::Unknown);
        for _ in 0..MOST_UNANSWERED {
            first(&standing).await.unanswered(&silence);
        }
        let Leave::Unanswered(failure) = standing.leave().await else {
            panic!("it has been sent often enough");
        };
        assert_eq!(failure.kind, FailureKind::TimedOut);
    }

    async fn first(standing: &Standing) -> First<'_> {
        let Leave::First(first) = standing.leave().await else {
            panic!("nothing is known");
        };
        first
    }

    async fn assert_denied(standing: &Standing) {
        let Leave::Denied(told) = standing.leave().await else {
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
