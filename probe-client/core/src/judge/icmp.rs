//! The meaning of ICMP errors.

/// Returns the meaning of an ICMP error in words: RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1.
pub(super) fn meaning(v6: bool, icmp_type: u8, code: u8) -> String {
    let known = match (v6, icmp_type, code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) => "host unreachable",
        (false, 3, 3) => "port unreachable",
        (false, 3, 9 | 10 | 13) => "administratively prohibited",
        (true, 1, 0) => "no route to destination",
        (true, 1, 1) => "administratively prohibited",
        (true, 1, 3) => "address unreachable",
        (true, 1, 4) => "port unreachable",
        (true, 1, 5 | 6) => "rejected by policy",
        (false, 11, _) | (true, 3, _) => {
            "hop limit exceeded: a routing loop, or a path of over 100 hops"
        }
        _ => return format!("type {icmp_type} code {code}"),
    };
    format!("{known}, type {icmp_type} code {code}")
}
