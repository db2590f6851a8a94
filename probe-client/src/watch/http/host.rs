//! The name by which a browser reached the page. A foreign web page can give its own name the address of this host; the
//! browser would then let that page read what is meant for this host alone.

use std::net::IpAddr;

/// Returns whether `Host: …` names this host itself: by an address, or as `localhost`.
pub(super) fn is_of_this_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused() {
        for host in [
            "127.0.0.1:9844",
            "[::1]:9844",
            "localhost",
            "LOCALHOST:1",
            "10.0.0.4",
        ] {
            assert!(is_of_this_host(host), "{host}");
        }
        for host in [
            "evil.example:9844",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_of_this_host(host), "{host}");
        }
    }
}
