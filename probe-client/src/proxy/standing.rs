//! Whether a proxy takes the user's credentials. One dialogue of a run finds out before the others send
//! them: accounts are locked after a few wrong passwords, and a run has more dialogues than that.

use std::time::Duration;

use probe_core::proxy::ProxyAuthentication;
use tokio::sync::{Mutex, MutexGuard};

/// What is known of it; nothing, as long as the first dialogue is under way.
#[derive(Debug, Default)]
pub(super) struct Standing(Mutex<Option<Known>>);

#[derive(Debug)]
enum Known {
    Taken,
    /// With what the first dialogue came to.
    NotTaken(ProxyAuthentication),
}

/// Whether a dialogue may send them.
#[derive(Debug)]
pub(super) enum Leave<'a> {
    /// It is the first, and says what it came to.
    First(First<'a>),
    Given,
    Denied(ProxyAuthentication),
}

#[derive(Debug)]
pub(super) struct First<'a>(MutexGuard<'a, Option<Known>>);

impl Standing {
    /// Waits for the first dialogue, but no longer than `patience`: what it waits for itself may be the
    /// proxy's connection to the server, and then it has been let in.
    pub(super) async fn leave(&self, patience: Duration) -> Leave<'_> {
        let Ok(known) = tokio::time::timeout(patience, self.0.lock()).await else {
            return Leave::Given;
        };
        match &*known {
            Some(Known::Taken) => Leave::Given,
            Some(Known::NotTaken(authentication)) => Leave::Denied(authentication.clone()),
            None => Leave::First(First(known)),
        }
    }
}

impl First<'_> {
    pub(super) fn taken(mut self) {
        *self.0 = Some(Known::Taken);
    }

    pub(super) fn not_taken(mut self, authentication: &ProxyAuthentication) {
        *self.0 = Some(Known::NotTaken(authentication.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_follows_who_was_refused() {
        let standing = Standing::default();
        let Leave::First(first) = standing.leave(Duration::MAX).await else {
            panic!("nobody was before");
        };
        // As long as nothing is known, the others wait, and then go ahead.
        assert!(matches!(standing.leave(Duration::ZERO).await, Leave::Given));
        let authentication = ProxyAuthentication {
            tried: vec!["NTLM".to_owned()],
            ..ProxyAuthentication::default()
        };
        first.not_taken(&authentication);
        let Leave::Denied(told) = standing.leave(Duration::MAX).await else {
            panic!("the password is wrong");
        };
        assert_eq!(told, authentication);
    }

    #[tokio::test]
    async fn everybody_follows_who_was_let_in() {
        let standing = Standing::default();
        // One that came to nothing leaves it to the next to find out.
        drop(standing.leave(Duration::MAX).await);
        let Leave::First(first) = standing.leave(Duration::MAX).await else {
            panic!("nothing is known");
        };
        first.taken();
        assert!(matches!(standing.leave(Duration::MAX).await, Leave::Given));
    }
}
