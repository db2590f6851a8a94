//! A port number that can be dialled.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A TCP or UDP port, 1 to 65535.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Port(NonZeroU16);

/// A number or text that is not a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a port is a number from 1 to 65535")]
pub struct InvalidPort;

impl Port {
    /// Returns `None` for 0, on which no peer can listen.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.get()
    }
}

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The standard parser accepts a plus sign, which a port in a file or an argument never has.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().map_err(|_| InvalidPort)?;
        digits
            .then_some(number)
            .and_then(Self::new)
            .ok_or(InvalidPort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_65535() {
        assert_eq!("1".parse(), Ok(Port::new(1).unwrap()));
        assert_eq!("65535".parse::<Port>().unwrap().get(), 65535);
        for bad in ["", "0", "65536", "-1", "+80", "80 ", "http"] {
            assert_eq!(bad.parse::<Port>(), Err(InvalidPort), "{bad}");
        }
        assert_eq!(Port::new(0), None);
    }

    #[test]
    fn a_report_holds_a_plain_number() {
        let port = Port::new(443).unwrap();
        assert_eq!(serde_json::to_value(port).unwrap(), 443);
        serde_json::from_str::<Port>("0").unwrap_err();
    }
}
