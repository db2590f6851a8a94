//! Reads the proxies that the environment names, by the rules that curl, Python and Go share: HTTPS_PROXY and
//! HTTP_PROXY by the kind of traffic, ALL_PROXY for other traffic, NO_PROXY for hosts without a proxy.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use probe_core::path::{NetworkPath, ProxyScheme, ProxyUrl};
use probe_core::plan::PathScope;
use probe_core::proxy::ProxyCredentials;
use probe_core::session_kind::SessionKind;

use super::problems::Problems;
use crate::environment::Environment;

/// The environment's setting for one kind of traffic to one host.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) scope: PathScope,
    pub(super) credentials: Option<ProxyCredentials>,
}

/// Returns the paths for each of `hosts` and each session kind.
pub(super) fn paths(
    hosts: &[String],
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Vec<Named> {
    // Each variable is read once, in both spellings, so that each problem is reported once.
    let plain = variable(environment, &["http_proxy", "HTTP_PROXY"], problems);
    let tls = variable(environment, &["https_proxy", "HTTPS_PROXY"], problems);
    let rest = variable(environment, &["all_proxy", "ALL_PROXY"], problems);
    let exempt = value(environment, &["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let mut all = Vec::new();
    for host in hosts {
        let straight = is_exempt(host, &exempt);
        for (proxy, http) in [(&plain, true), (&tls, false)] {
            let proxy = proxy.as_ref().or(rest.as_ref()).filter(|_| !straight);
            let path = proxy.map_or(NetworkPath::Direct, |p| p.0.clone());
            all.push(Named {
                scope: PathScope {
                    path,
                    host: host.clone(),
                    sessions: sessions(http),
                    ports: Vec::new(),
                    named_by: None,
                },
                credentials: proxy.and_then(|p| p.1.clone()),
            });
        }
    }
    all
}

/// Returns the session kinds that are plain HTTP; if `http` is false, all others.
pub(super) fn sessions(http: bool) -> Vec<SessionKind> {
    SessionKind::ALL
        .into_iter()
        .filter(|kind| (*kind == SessionKind::Http) == http)
        .collect()
}

type Proxy = (NetworkPath, Option<ProxyCredentials>);

fn value(environment: Environment<'_>, names: &[&str; 2]) -> Option<String> {
    let mut values = names.iter().filter_map(|name| environment(name));
    values.find(|value| !value.trim().is_empty())
}

fn variable(
    environment: Environment<'_>,
    names: &[&str; 2],
    problems: &mut Problems,
) -> Option<Proxy> {
    let text = value(environment, names)?;
    match ProxyUrl::parse(text.trim(), Some(ProxyScheme::Http)) {
        Ok(url) => Some((
            NetworkPath::Proxy(url.address),
            url.user_information.map(credentials),
        )),
        Err(error) => {
            problems.add(format!("--via env: the variable {}: {error}", names[1]));
            None
        }
    }
}

/// Decodes percent-encoding (RFC 3986 section 2.1). Bytes that are not UTF-8 become U+FFFD.
fn credentials(user_information: &str) -> ProxyCredentials {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = user_information
        .split_once(':')
        .unwrap_or((user_information, ""));
    ProxyCredentials {
        user: decoded(user),
        password: decoded(password),
    }
}

/// Returns whether NO_PROXY exempts `host`. A name matches itself and its subdomains; with `*.` before it, its
/// subdomains alone. An address, without brackets, matches itself, and a prefix such as 10.0.0.0/8 matches its
/// addresses. `*` matches all hosts. A dot at the end of a name is ignored.
fn is_exempt(host: &str, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    list.split([',', ' ', '\t'])
        .map(str::trim)
        .filter(|e| !e.is_empty())
        .any(|entry| {
            let entry = entry.to_ascii_lowercase();
            if entry == "*" {
                return true;
            }
            if let Ok(ip) = host.parse::<IpAddr>() {
                return covers(&entry, ip);
            }
            let name = entry.trim_end_matches('.');
            let below = |name: &str| host.ends_with(&format!(".{name}"));
            match name.strip_prefix("*.") {
                Some(name) => below(name),
                None => {
                    let name = name.trim_start_matches('.');
                    host == name || below(name)
                }
            }
        })
}

fn covers(entry: &str, ip: IpAddr) -> bool {
    let (network, length) = match entry.split_once('/') {
        Some((network, length)) => match length.parse::<u32>() {
            Ok(length) => (network, Some(length)),
            Err(_) => return false,
        },
        None => (entry, None),
    };
    let Ok(network) = network.parse::<IpAddr>() else {
        return false;
    };
    let (mine, theirs, bits) = match (ip, network) {
        (IpAddr::V4(mine), IpAddr::V4(theirs)) => (
            u128::from(mine.to_bits()),
            u128::from(theirs.to_bits()),
            32_u32,
        ),
        (IpAddr::V6(mine), IpAddr::V6(theirs)) => (mine.to_bits(), theirs.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let Some(free) = bits.checked_sub(length.unwrap_or(bits)) else {
        return false;
    };
    mine.checked_shr(free).unwrap_or(0) == theirs.checked_shr(free).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], host: &str) -> (String, String, Problems) {
        let environment = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut problems = Problems::default();
        let all = paths(&[host.to_owned()], &environment, &mut problems);
        let of = |kind| {
            let named = all
                .iter()
                .find(|n| n.scope.sessions.contains(&kind))
                .unwrap();
            named.scope.path.to_string()
        };
        (of(SessionKind::Http), of(SessionKind::Tls), problems)
    }

    #[test]
    fn by_the_kind_of_traffic() {
        let variables = [
            ("HTTP_PROXY", "plain.example:3128"),
            ("https_proxy", "https://tls.example"),
            ("ALL_PROXY", "socks5h://rest.example"),
        ];
        let (http, tls, problems) = of(&variables, "echo.example");
        assert_eq!(http, "http://plain.example:3128");
        assert_eq!(tls, "https://tls.example:443");
        assert_eq!(problems, Problems::default());
        let (http, tls, _) = of(&variables[2..], "echo.example");
        assert_eq!([http, tls], ["socks5h://rest.example:1080"; 2]);
        let (http, tls, _) = of(&[], "echo.example");
        assert_eq!([http, tls], ["direct"; 2]);
    }

    /// Compares with curl (lib/noproxy.c), Go (net/http/httpproxy) and Python's requests (utils.py,
    /// should_bypass_proxies). Where they disagree, a comment names the program that fwprobe follows.
    #[test]
    fn who_is_exempt() {
        for (list, host, exempt) in [
            // All three agree.
            ("a.example", "a.example", true),
            ("a.example", "x.a.example", true),
            ("*.a.example", "a.example", false),
            ("[2001:db8::7]", "2001:db8::7", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("2001:db8::/129", "2001:db8::", false),
            // As Go does; curl and requests do not know this form.
            ("*.a.example", "x.a.example", true),
            // As curl does: a name with a dot at its end is the same name (RFC 1034 section 3.1).
            ("a.example.", "a.example", true),
            ("a.example", "a.example.", true),
            // As curl does, which treats blanks as commas.
            ("b.example\ta.example", "a.example", true),
            ("b.example a.example", "a.example", true),
            // As curl does; Go and requests exempt this port.
            ("a.example:443", "a.example", false),
            ("*", "echo.example", true),
            ("echo.example", "ECHO.example", true),
            (".example", "echo.example", true),
            ("*.example", "echo.example", true),
            ("ample", "echo.example", false),
            ("localhost, 10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.9.8.7", false),
            ("0.0.0.0/0", "11.9.8.7", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.11", false),
            ("2001:db8::/32", "2001:db8::7", true),
            ("2001:db8::7", "2001:db8::7", true),
            ("10.0.0.0/99", "10.0.0.0", false),
            ("10.0.0.0/x", "10.0.0.0", false),
        ] {
            assert_eq!(is_exempt(host, list), exempt, "{host} in {list}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_problems_tell_none() {
        let c = credentials("DOM%5Cuser:p%40ss%3aw%C3%B6rd");
        assert_eq!(
            (c.user.as_str(), c.password.as_str()),
            ("DOM\\user", "p@ss:w\u{f6}rd")
        );
        let (_, _, problems) = of(&[("HTTPS_PROXY", "http://user:sesame@:x")], "h");
        assert!(!problems.to_string().contains("sesame"), "{problems}");
        assert!(problems.to_string().contains("HTTPS_PROXY"));
    }
}
