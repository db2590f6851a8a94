//! The user to authenticate, and the reason why no message could be made.

use probe_core::proxy::ProxyCredentials;

/// The user that a token is for.
#[derive(Clone, Debug)]
pub(crate) enum TokenUser {
    Named(ProxyCredentials),
    /// The account that runs this program, which the system authenticates.
    #[cfg(windows)]
    LoggedOn,
}

/// The reason why no token could be made.
#[derive(Debug)]
pub(super) struct NoToken {
    /// The reason, for the report.
    pub(super) why: String,
    /// Whether the password itself was refused. Accounts are locked after a few wrong passwords.
    pub(super) wrong_password: bool,
}

impl TokenUser {
    /// Returns the user of `credentials`; on Windows, the logged-on account if there are none.
    #[cfg(windows)]
    pub(crate) fn of(credentials: Option<ProxyCredentials>) -> Option<Self> {
        Some(credentials.map_or(Self::LoggedOn, Self::Named))
    }

    /// Returns the user of `credentials`, if there are any.
    #[cfg(not(windows))]
    pub(crate) fn of(credentials: Option<ProxyCredentials>) -> Option<Self> {
        credentials.map(Self::Named)
    }

    pub(super) fn named(&self) -> Option<&ProxyCredentials> {
        match self {
            Self::Named(credentials) => Some(credentials),
            #[cfg(windows)]
            Self::LoggedOn => None,
        }
    }
}

impl NoToken {
    pub(super) fn here(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            wrong_password: false,
        }
    }
}
