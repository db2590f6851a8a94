//! The two kinds of time that the shell passes in. Elapsed time since the server's start, a plain `Duration`, decides
//! deadlines. Wall time is only reported to others.

/// Milliseconds since 1970-01-01T00:00:00Z, by this server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);
