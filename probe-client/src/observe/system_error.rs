//! Maps the error numbers of each operating system to kinds of failure, one row per kind. Linux numbers are those of
//! errno(3), Windows' those of Winsock ("Windows Sockets Error Codes").

use probe_core::observation::FailureKind;

/// The system that an error number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Linux,
    Windows,
}

impl System {
    pub(super) const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };

    /// Returns the kind of failure; `None` for a number without a row.
    pub(super) fn failure(self, code: i32) -> Option<FailureKind> {
        let row = ROWS.iter().find(|row| match self {
            Self::Linux => row.linux.contains(&code),
            Self::Windows => row.windows.contains(&code),
        })?;
        Some(row.kind)
    }

    /// Returns whether only this host itself can make a connect fail in this way. Linux also returns `EACCES` for an
    /// ICMPv6 prohibition, while Windows returns `WSAEACCES` only for its own filters.
    pub(super) fn is_always_local(self, kind: FailureKind) -> bool {
        kind == FailureKind::LocalResource
            || (self == Self::Windows && kind == FailureKind::PermissionDenied)
    }
}

struct Row {
    kind: FailureKind,
    linux: &'static [i32],
    windows: &'static [i32],
}

static ROWS: &[Row] = &[
    Row {
        kind: FailureKind::Refused,
        linux: &[111],     // ECONNREFUSED
        windows: &[10061], // WSAECONNREFUSED
    },
    Row {
        kind: FailureKind::Reset,
        linux: &[32, 103, 104],          // EPIPE, ECONNABORTED, ECONNRESET
        windows: &[10052, 10053, 10054], // WSAENETRESET, WSAECONNABORTED, WSAECONNRESET
    },
    Row {
        kind: FailureKind::TimedOut,
        linux: &[110],     // ETIMEDOUT
        windows: &[10060], // WSAETIMEDOUT
    },
    Row {
        kind: FailureKind::Closed,
        linux: &[107],            // ENOTCONN
        windows: &[10057, 10058], // WSAENOTCONN, WSAESHUTDOWN
    },
    Row {
        kind: FailureKind::PermissionDenied,
        linux: &[1, 13],   // EPERM, EACCES
        windows: &[10013], // WSAEACCES
    },
    Row {
        kind: FailureKind::NetworkUnreachable,
        // EINVAL: a blackhole route; ENETDOWN, ENETUNREACH
        linux: &[22, 100, 101],
        windows: &[10050, 10051], // WSAENETDOWN, WSAENETUNREACH
    },
    Row {
        kind: FailureKind::HostUnreachable,
        linux: &[112, 113],       // EHOSTDOWN, EHOSTUNREACH
        windows: &[10064, 10065], // WSAEHOSTDOWN, WSAEHOSTUNREACH
    },
    Row {
        kind: FailureKind::LocalResource,
        linux: &[12, 23, 24, 99, 105], // ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL, ENOBUFS
        // WSA_NOT_ENOUGH_MEMORY, WSAEMFILE, WSAEADDRINUSE (no port left), WSAEADDRNOTAVAIL, WSAENOBUFS
        windows: &[8, 10024, 10048, 10049, 10055],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_has_the_same_kind_on_both_systems() {
        for (linux, windows, kind) in [
            (111, 10061, FailureKind::Refused),
            (104, 10054, FailureKind::Reset),
            (103, 10053, FailureKind::Reset),
            (110, 10060, FailureKind::TimedOut),
            (107, 10057, FailureKind::Closed),
            (13, 10013, FailureKind::PermissionDenied),
            (101, 10051, FailureKind::NetworkUnreachable),
            (100, 10050, FailureKind::NetworkUnreachable),
            (113, 10065, FailureKind::HostUnreachable),
            (24, 10024, FailureKind::LocalResource),
            (99, 10049, FailureKind::LocalResource),
            (105, 10055, FailureKind::LocalResource),
        ] {
            assert_eq!(System::Linux.failure(linux), Some(kind), "{linux}");
            assert_eq!(System::Windows.failure(windows), Some(kind), "{windows}");
        }
    }

    #[test]
    fn no_number_has_two_rows_and_unknown_ones_have_none() {
        for numbers in [|row: &Row| row.linux, |row: &Row| row.windows] {
            let mut all: Vec<i32> = ROWS.iter().flat_map(numbers).copied().collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
        // One system's numbers mean nothing on the other, and numbers that do not concern connections have no row.
        assert_eq!(System::Linux.failure(10061), None);
        assert_eq!(System::Windows.failure(111), None);
        assert_eq!(System::Windows.failure(10022), None);
    }

    #[test]
    fn this_systems_numbers_agree_with_the_standard_librarys_kinds() {
        use std::io::{Error, ErrorKind};
        for (expected, kind) in [
            (ErrorKind::ConnectionRefused, FailureKind::Refused),
            (ErrorKind::TimedOut, FailureKind::TimedOut),
            (ErrorKind::PermissionDenied, FailureKind::PermissionDenied),
        ] {
            let row = ROWS.iter().find(|row| row.kind == kind).unwrap();
            let here = match System::HERE {
                System::Linux => row.linux,
                System::Windows => row.windows,
            };
            for code in here {
                assert_eq!(Error::from_raw_os_error(*code).kind(), expected, "{code}");
            }
        }
    }

    #[test]
    fn a_refused_permission_is_local_on_windows_alone() {
        let denied = FailureKind::PermissionDenied;
        assert!(System::Windows.is_always_local(denied));
        assert!(!System::Linux.is_always_local(denied));
        assert!(!System::Windows.is_always_local(FailureKind::HostUnreachable));
    }
}
