//! A value with where it comes from, and the ways not to have one.

use std::fmt;

/// What came of looking for a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reading<T> {
    /// Nothing that was read could tell.
    #[default]
    NotRead,
    /// Looked for, and sure not to be there.
    Absent(Origin),
    /// Something is there that is no such value; what, in words.
    Unusable(Origin, String),
    Found(Origin, T),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The registry of this machine; the account that read it.
    LiveRegistry(String),
    /// The certificate stores of this machine; the account that opened them.
    LiveStores(String),
    /// A program file on this machine; its name.
    Program(String),
    /// A file that `reg export` wrote; its name.
    ExportedFile(String),
    /// `--assume`, or another flag.
    Flag,
    /// An environment variable of this process.
    Environment,
    /// Asked of this operating system.
    System,
    /// Measured in this run.
    Run,
}

impl<T> Reading<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Found(_, value) => Some(value),
            Self::NotRead | Self::Absent(_) | Self::Unusable(..) => None,
        }
    }

    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::NotRead => None,
            Self::Absent(origin) | Self::Unusable(origin, _) | Self::Found(origin, _) => {
                Some(origin)
            }
        }
    }

    /// Takes `other` where this one told nothing or only that there is nothing.
    pub(super) fn or_take(&mut self, other: Self) {
        let nothing_yet = match (&*self, &other) {
            (Self::NotRead, _) => true,
            (Self::Absent(_), Self::Unusable(..) | Self::Found(..)) => true,
            (Self::Absent(_) | Self::Unusable(..) | Self::Found(..), _) => false,
        };
        if nothing_yet {
            *self = other;
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LiveRegistry(account) => {
                write!(f, "the registry of this machine, read as {account}")
            }
            Self::LiveStores(account) => {
                write!(
                    f,
                    "the certificate stores of this machine, opened as {account}"
                )
            }
            Self::Program(name) | Self::ExportedFile(name) => f.write_str(name),
            Self::Flag => f.write_str("--assume"),
            Self::Environment => f.write_str("the environment"),
            Self::System => f.write_str("this system"),
            Self::Run => f.write_str("this run"),
        }
    }
}
