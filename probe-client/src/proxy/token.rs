//! What the makers of tokens and those who send them speak of, in every build.

use probe_core::proxy::ProxyCredentials;

/// As whom.
#[derive(Clone, Debug)]
pub(super) enum Who {
    Named(ProxyCredentials),
    /// The account that runs this, where the system answers for it.
    #[cfg(windows)]
    LoggedOn,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct NoToken {
    /// For people.
    pub(super) why: String,
    /// The password itself was not accepted. Accounts are locked after a few wrong ones.
    pub(super) wrong_password: bool,
}

impl Who {
    /// Whoever is named; on Windows, nobody named is the account that is logged on.
    #[cfg(windows)]
    pub(super) fn of(credentials: Option<ProxyCredentials>) -> Option<Self> {
        Some(credentials.map_or(Self::LoggedOn, Self::Named))
    }

    /// Whoever is named.
    #[cfg(not(windows))]
    pub(super) fn of(credentials: Option<ProxyCredentials>) -> Option<Self> {
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
