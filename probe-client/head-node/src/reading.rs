//! A value with its origin, or the reason why it is missing.

use std::fmt;

/// The result of looking for a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reading<T> {
    /// No source was read that could show the value.
    #[default]
    NotRead,
    /// The value was looked for, and is certainly missing.
    Absent(Origin),
    /// The value has an unusable form, described in words.
    Unusable(Origin, String),
    Found(Origin, T),
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The registry of this machine, with the account that read it.
    LiveRegistry(String),
    /// The certificate stores of this machine, with the account that opened them.
    LiveStores(String),
    /// A program file on this machine, by name.
    Program(String),
    /// A file that `reg export` wrote, by name.
    ExportedFile(String),
    /// `--assume`, or another flag.
    Flag,
    /// An environment variable of this process.
    Environment,
    /// This operating system, on request.
    System,
    /// A measurement in this run.
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

    /// Replaces this reading by `other` if this one found nothing and `other` says more.
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
