//! The words in braces that pages use in tickets and commands; the reader replaces them.

/// A word in braces, and what to write in its place.
#[derive(Clone, Copy, Debug)]
pub struct Placeholder {
    /// The word without the braces.
    pub name: &'static str,
    pub meaning: &'static str,
}

/// All placeholders that occur in pages, in alphabetical order.
pub const PLACEHOLDERS: &[Placeholder] = &[
    of("address", "the server's address as dialled"),
    of("addresses", "all addresses that the report lists"),
    of("bytes", "a number of bytes, from the report"),
    of("destination", "the real service that the rule names"),
    of("direction", "to the server, or from the server"),
    of("distance", "a number of hops, from the report"),
    of("egress", "this host's address as the server saw it"),
    of("group", "an Azure resource group of yours"),
    of("hop", "the address of a device on the way"),
    of("host", "the server's name"),
    of("interface", "the name of a network interface"),
    of("key_id", "the id of the client key, never its secret"),
    of(
        "kind",
        "the session kind: tcp, tls, http, https, rdp or nettcp",
    ),
    of("lb", "an Azure load balancer of yours"),
    of("limit", "a number, from the report"),
    of("needed", "the number that your workload needs"),
    of("nic", "the network interface of the server's VM"),
    of("nsg", "the network security group of the server"),
    of("observed", "what the report quotes or counts"),
    of(
        "offset",
        "a position in the data, in bytes, from the report",
    ),
    of("other_port", "the port on which the server accepted"),
    of("port", "the port as dialled"),
    of("ports", "all ports of the profile"),
    of("private", "the private address of the server's VM"),
    of("proxy", "the proxy, as host:port"),
    of("received", "the value as it arrived, from the report"),
    of("resolver", "the address of another DNS server"),
    of("rule", "the name of a rule of yours"),
    of("seconds", "a time in seconds, from the report"),
    of("sent", "the value as it was sent, from the report"),
    of("source", "this host's own address"),
    of("time", "the time of the probe, in UTC"),
    of("vm", "the server's VM"),
];

const fn of(name: &'static str, meaning: &'static str) -> Placeholder {
    Placeholder { name, meaning }
}
