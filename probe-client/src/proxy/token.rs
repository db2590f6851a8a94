//! What the makers of tokens and those who send them speak of, in every build.

/// What is spoken inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Package {
    NegotiateKerberos,
    NegotiateNtlm,
    Ntlm,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct NoToken {
    /// For people.
    pub(super) why: String,
    /// The password itself was not accepted. Accounts are locked after a few wrong ones.
    pub(super) wrong_password: bool,
}

impl NoToken {
    pub(super) fn here(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            wrong_password: false,
        }
    }
}
