//! Turns the result of an operation into an observation. Errors of the operating system become kinds of failure only
//! here.

use std::io;

use probe_core::excerpt::Excerpt;
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use socket_facts::{ErrorOrigin, SocketError};

use crate::clock::RunClock;
use crate::tls_words;

mod system_error;

use system_error::System;

/// An operation in progress.
#[derive(Debug)]
pub(crate) struct Pending {
    operation: Operation,
    target: String,
    start_us: u64,
    clock: RunClock,
}

impl Pending {
    pub(crate) fn start(clock: RunClock, operation: Operation, target: impl Into<String>) -> Self {
        Self {
            operation,
            target: target.into(),
            start_us: clock.now_us(),
            clock,
        }
    }

    pub(crate) fn succeeded(self) -> Observation {
        self.end(None)
    }

    pub(crate) fn failed(self, failure: Failure) -> Observation {
        self.end(Some(failure))
    }

    fn end(self, failure: Option<Failure>) -> Observation {
        Observation {
            operation: self.operation,
            target: self.target,
            start_us: self.start_us,
            duration_us: self.clock.now_us().saturating_sub(self.start_us),
            failure,
        }
    }
}

/// Classifies a failed connect by its error and by the network's errors that the socket queued. `queue` is `None` if
/// the platform queues none and a packet may have left already. An ICMP error decides which device reported the
/// failure. Without one, an error that only the kernel can have made comes from this host.
pub(crate) fn connect_failure(error: &io::Error, queue: Option<&[SocketError]>) -> Failure {
    let kind = kind_of(error);
    let icmp = queue.unwrap_or_default().iter().rev().find_map(icmp_origin);
    let own = System::HERE.is_always_local(kind)
        || queue.is_some_and(|queue| {
            queue.is_empty() || queue.iter().any(|e| e.origin == ErrorOrigin::Local)
        });
    let origin = match (icmp, kind) {
        (Some(origin), _) => origin,
        (None, FailureKind::Refused | FailureKind::Reset) => Origin::Peer,
        (
            None,
            FailureKind::NetworkUnreachable
            | FailureKind::HostUnreachable
            | FailureKind::PermissionDenied
            | FailureKind::LocalResource,
        ) if own => Origin::ThisHost,
        (None, _) => Origin::Unknown,
    };
    Failure::new(kind, origin)
        .with_code(error.raw_os_error())
        .with_text(error.to_string())
}

/// Returns the failure of what did not end in time.
pub(crate) fn timed_out() -> Failure {
    Failure::new(FailureKind::TimedOut, Origin::Unknown)
}

/// Classifies a failed read or write on an established connection.
pub(crate) fn stream_failure(error: &io::Error) -> Failure {
    let kind = kind_of(error);
    let by_peer = matches!(
        kind,
        FailureKind::Reset | FailureKind::Closed | FailureKind::TlsFailed
    );
    let origin = if by_peer {
        Origin::Peer
    } else {
        Origin::Unknown
    };
    // TLS errors repeat text from the other end's certificate.
    let text = Excerpt::cut(&tls_words::of(error), MAX_TEXT);
    Failure::new(kind, origin)
        .with_code(error.raw_os_error())
        .with_text(text)
}

/// Returns whether TLS itself found the error, rather than the connection below it.
pub(crate) fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "io::ErrorKind is open; what is not listed keeps its text as `other`"
)]
fn kind_of(error: &io::Error) -> FailureKind {
    if is_tls(error) {
        return FailureKind::TlsFailed;
    }
    if let Some(kind) = error
        .raw_os_error()
        .and_then(|code| System::HERE.failure(code))
    {
        return kind;
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => FailureKind::Reset,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => FailureKind::Closed,
        io::ErrorKind::PermissionDenied => FailureKind::PermissionDenied,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            FailureKind::NetworkUnreachable
        }
        io::ErrorKind::HostUnreachable => FailureKind::HostUnreachable,
        io::ErrorKind::OutOfMemory => FailureKind::LocalResource,
        _ => FailureKind::Other,
    }
}

fn icmp_origin(error: &SocketError) -> Option<Origin> {
    let (ErrorOrigin::Icmp { kind, code } | ErrorOrigin::Icmp6 { kind, code }) = error.origin
    else {
        return None;
    };
    Some(Origin::Icmp {
        sender: error.offender?,
        icmp_type: kind,
        code,
    })
}

/// Maximum number of characters of an error's text; a certificate may have many names.
const MAX_TEXT: usize = 512;
