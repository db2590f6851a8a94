//! Windows' lists of proxies and of exceptions, in the forms that Microsoft documents (WINHTTP_PROXY_INFO, "Enabling
//! Internet Functionality": listing proxy servers, listing the proxy bypass).

use super::{Destination, ProxyList};
use crate::path::{InvalidPath, NetworkPath, ProxyScheme, ProxyUrl};

/// One entry of a list of proxies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry<'a> {
    /// The kind of traffic; `None` for all kinds.
    traffic: Option<&'a str>,
    proxy: &'a str,
}

impl ProxyList {
    /// Returns the path to `destination`, with notes for people.
    pub(super) fn choose(
        &self,
        destination: &Destination<'_>,
    ) -> Result<(NetworkPath, Vec<String>), InvalidPath> {
        if self.is_exception(destination) {
            return Ok((NetworkPath::Direct, Vec::new()));
        }
        let traffic = if destination.http { "http" } else { "https" };
        // The proxy for this kind of traffic comes first, then the one for all kinds, then SOCKS.
        let wanted = [Some(traffic), None, Some(SOCKS)];
        let found = wanted.into_iter().find_map(|traffic| {
            let mut these = entries(&self.proxies).filter(move |entry| entry.is_for(traffic));
            these.next().map(|first| (first, these))
        });
        let Some((first, others)) = found else {
            return Ok((NetworkPath::Direct, Vec::new()));
        };
        let mut notes = Vec::new();
        let bare = if first.is_for(Some(SOCKS)) {
            notes.push(OTHER_SOCKS.to_owned());
            ProxyScheme::Socks5
        } else {
            ProxyScheme::Http
        };
        for other in others.take(MAX_OTHERS) {
            // An entry that cannot be parsed is not shown.
            if let Ok(url) = ProxyUrl::parse(other.proxy, Some(bare)) {
                notes.push(format!(
                    "{} is also named, in case the first proxy does not answer; to test it, use \
                     --via {0}",
                    url.address
                ));
            }
        }
        let url = ProxyUrl::parse(first.proxy, Some(bare))?;
        Ok((NetworkPath::Proxy(url.address), notes))
    }

    fn is_exception(&self, destination: &Destination<'_>) -> bool {
        split(&self.exceptions).any(|entry| excepts(entry, destination))
    }
}

impl Entry<'_> {
    fn is_for(&self, traffic: Option<&str>) -> bool {
        match (self.traffic, traffic) {
            (Some(own), Some(wanted)) => own.eq_ignore_ascii_case(wanted),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// Parses `([<scheme>=][<scheme>"://"]<server>[":"<port>])`, separated by semicolons or white space.
fn entries(list: &str) -> impl Iterator<Item = Entry<'_>> {
    split(list).map(|entry| match entry.split_once('=') {
        Some((traffic, proxy)) => Entry {
            traffic: Some(traffic),
            proxy,
        },
        None => Entry {
            traffic: None,
            proxy: entry,
        },
    })
}

fn split(list: &str) -> impl Iterator<Item = &str> {
    let parts = list.split(|c: char| c == ';' || c.is_whitespace());
    parts.filter(|part| !part.is_empty()).take(MAX_ENTRIES)
}

/// Returns whether an exception covers `destination`.
///
/// `<local>` covers every name without a period. Other entries may begin with a scheme, end with a port, and contain
/// `*` for any number of characters.
fn excepts(entry: &str, destination: &Destination<'_>) -> bool {
    let host = destination.host;
    if entry.eq_ignore_ascii_case("<local>") {
        return !host.contains(['.', ':']);
    }
    let entry = match entry.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") != destination.http => {
            return false;
        }
        Some((_, rest)) => rest,
        None => entry,
    };
    let (pattern, port) = host_and_port(entry);
    port.is_none_or(|port| port == destination.port.to_string())
        && matches(
            pattern.to_ascii_lowercase().as_bytes(),
            host.to_ascii_lowercase().as_bytes(),
        )
}

/// Splits off the port. An IPv6 address with a port is in brackets.
fn host_and_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((host, behind)) = entry.strip_prefix('[').and_then(|e| e.split_once(']')) {
        return (host, behind.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (entry, None),
    }
}

/// Returns whether `text` matches `pattern`, in which `*` stands for any bytes.
///
/// It goes back only to the last `*`, so its time is at most the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            p = at + 1;
            t = from + 1;
            star = Some((at, t));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

const SOCKS: &str = "socks";

const OTHER_SOCKS: &str =
    "Windows' own programs use SOCKS version 4 (unconfirmed); fwprobe uses version 5";

/// The maximum number of entries read of a list; a script may return any number.
const MAX_ENTRIES: usize = 256;

/// The maximum number of other proxies that are named in addition to the first.
const MAX_OTHERS: usize = 3;
