//! The Via of a net.tcp rule: the URI of the service that the preamble asks for, as a template.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::port::Port;

/// A `net.tcp://` URI with placeholders for values that are only known when a probe is made.
///
/// `{host}` is the name that the user gave, `{address}` the IP address that is dialled, `{port}` the port; each may
/// appear once. HPC Pack's file staging names the service by its address, the other services by name: a firewall that
/// reads the preamble sees the difference.
#[derive(
    Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(try_from = "String")]
#[schemars(!try_from)]
pub struct ViaTemplate(String);

/// A text that is not a Via template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidVia {
    /// The URI is longer than [`MAX_VIA_BYTES`].
    #[error("it is longer than {MAX_VIA_BYTES} characters")]
    TooLong,
    /// The URI does not begin with `net.tcp://`.
    #[error("it must begin with net.tcp://")]
    Scheme,
    /// The URI contains a space, a control character or one outside ASCII, which no URI may contain.
    #[error("it may contain only printable ASCII without spaces")]
    Character,
    /// The URI contains a brace without its partner.
    #[error("a brace is missing its partner; a placeholder is {PLACEHOLDERS}")]
    Brace,
    /// The URI contains braces around something other than a known name.
    #[error("{{{0}}} is not a placeholder; use {PLACEHOLDERS}")]
    Placeholder(String),
    /// The URI contains the same placeholder twice.
    #[error("{{{0}}} appears twice")]
    Repeated(&'static str),
}

impl ViaTemplate {
    /// Returns the template as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the Via for one probe.
    ///
    /// An IPv6 address is put in brackets, as a URI requires (RFC 3986 section 3.2.2). With a host name of at most 255
    /// bytes, the Via stays below the 2048 bytes that Windows accepts. If only a proxy knows the address, the host name
    /// replaces it.
    pub fn render(&self, host: &str, address: Option<IpAddr>, port: Port) -> String {
        let mut via = String::with_capacity(self.0.len() + host.len());
        for piece in Pieces(&self.0) {
            match piece {
                Piece::Text(text) => via.push_str(text),
                Piece::Braces("port") => via.push_str(&port.to_string()),
                Piece::Braces(name) => via.push_str(&match address.filter(|_| name == "address") {
                    Some(address) => literal(address),
                    None if host.parse::<Ipv6Addr>().is_ok() => format!("[{host}]"),
                    None => host.to_owned(),
                }),
                Piece::Lone => {}
            }
        }
        via
    }
}

impl fmt::Display for ViaTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ViaTemplate {
    type Err = InvalidVia;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl TryFrom<String> for ViaTemplate {
    type Error = InvalidVia;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        check(&text).map(|()| Self(text))
    }
}

/// A piece of a template, cut at its braces.
enum Piece<'a> {
    Text(&'a str),
    Braces(&'a str),
    /// A brace without its partner, which ends the cutting.
    Lone,
}

struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.0;
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('{') {
            let closed = inner
                .split_once('}')
                .filter(|(name, _)| !name.contains('{'));
            self.0 = closed.map_or("", |(_, after)| after);
            return Some(closed.map_or(Piece::Lone, |(name, _)| Piece::Braces(name)));
        }
        let (text, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        self.0 = after;
        if text.is_empty() {
            self.0 = "";
            return Some(Piece::Lone);
        }
        Some(Piece::Text(text))
    }
}

fn check(text: &str) -> Result<(), InvalidVia> {
    if text.len() > MAX_VIA_BYTES {
        return Err(InvalidVia::TooLong);
    }
    if !text.starts_with("net.tcp://") {
        return Err(InvalidVia::Scheme);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidVia::Character);
    }
    let mut seen = Vec::new();
    for piece in Pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Lone => return Err(InvalidVia::Brace),
            Piece::Braces(name) => {
                let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
                    return Err(InvalidVia::Placeholder(name.to_owned()));
                };
                if seen.contains(&known) {
                    return Err(InvalidVia::Repeated(known));
                }
                seen.push(known);
            }
        }
    }
    Ok(())
}

fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The longest template. The placeholders add a host name, an address and a port, and the result must stay below 2048
/// bytes, the longest Via that Windows accepts ([MC-NMF], appendix).
pub const MAX_VIA_BYTES: usize = 1024;

const NAMES: [&str; 3] = ["host", "address", "port"];
const PLACEHOLDERS: &str = "{host}, {address} or {port}";

#[cfg(test)]
mod tests;
