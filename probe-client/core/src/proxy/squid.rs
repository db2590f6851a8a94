//! The meaning of Squid's error names, which Squid sends as `X-Squid-Error` (squid, src/error/forward.h).

/// The action of Squid on a request that it did not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SquidError {
    /// Squid's own connection to the server failed, with the error number of the proxy's system, if it names one.
    ConnectionFailed(Option<u32>),
    /// Squid knows neither an address nor a parent proxy that it could try.
    NoWay,
    /// Squid could not resolve the name.
    Unresolved,
    /// Squid's rules forbid the request.
    Forbidden,
    /// Squid does not accept a request of this form.
    NotServed,
    /// Something at the proxy itself is wrong, and it tried nothing.
    OwnTrouble(&'static str),
}

impl SquidError {
    /// Returns the meaning of the field's value, or `None` for a name that is not Squid's own: the page of an
    /// administrator (`deny_info`), whose meaning the status shows.
    pub fn of(field: &str) -> Option<Self> {
        let mut words = field.split_ascii_whitespace();
        let name = words.next()?;
        let number = words.next().and_then(|word| word.parse().ok());
        Some(match name {
            "ERR_CONNECT_FAIL"
            | "ERR_SECURE_CONNECT_FAIL"
            | "ERR_GATEWAY_FAILURE"
            | "ERR_READ_TIMEOUT"
            | "ERR_READ_ERROR"
            | "ERR_WRITE_ERROR"
            | "ERR_LIFETIME_EXP"
            | "ERR_ZERO_SIZE_OBJECT" => Self::ConnectionFailed(number.filter(|n| *n != 0)),
            "ERR_CANNOT_FORWARD" => Self::NoWay,
            "ERR_DNS_FAIL" => Self::Unresolved,
            "ERR_ACCESS_DENIED" | "ERR_CACHE_ACCESS_DENIED" | "ERR_FORWARDING_DENIED" => {
                Self::Forbidden
            }
            "ERR_UNSUP_REQ"
            | "ERR_UNSUP_HTTPVERSION"
            | "ERR_INVALID_REQ"
            | "ERR_INVALID_URL"
            | "ERR_TOO_BIG"
            | "ERR_CONFLICT_HOST"
            | "ERR_PROTOCOL_UNKNOWN" => Self::NotServed,
            "ERR_SOCKET_FAILURE" => Self::OwnTrouble("it has no socket left"),
            "ERR_ICAP_FAILURE" => Self::OwnTrouble("its content scanner does not answer"),
            "ERR_SHUTTING_DOWN" => Self::OwnTrouble("it is shutting down"),
            _ => return None,
        })
    }

    /// Returns whether the error is about the proxy's own connection to the server.
    pub const fn is_about_the_way_on(self) -> bool {
        matches!(
            self,
            Self::ConnectionFailed(_) | Self::NoWay | Self::Unresolved
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_numbers_belong_to_connections() {
        for (field, error) in [
            (
                "ERR_CONNECT_FAIL 111",
                Some(SquidError::ConnectionFailed(Some(111))),
            ),
            ("ERR_CONNECT_FAIL", Some(SquidError::ConnectionFailed(None))),
            (
                "ERR_READ_TIMEOUT 0",
                Some(SquidError::ConnectionFailed(None)),
            ),
            ("ERR_CANNOT_FORWARD 0", Some(SquidError::NoWay)),
            ("ERR_ACCESS_DENIED 0", Some(SquidError::Forbidden)),
            ("ERR_CANNOT_FORWARD_TODAY 0", None),
            ("ERR_HOUSE_RULES 0", None),
            ("", None),
        ] {
            assert_eq!(SquidError::of(field), error, "{field}");
        }
    }
}
