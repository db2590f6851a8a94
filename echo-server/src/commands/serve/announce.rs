//! Prints the addresses on which the server listens, and the next step for the operator.

use std::io::Write;

use crate::bind::Bound;
use crate::config::DEFAULT_PORTS;

pub(super) fn announce(
    bound: &Bound,
    control_port: u16,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "fwprobe-echo {version} listens on")?;
    for listener in bound.listeners() {
        let (address, public_port) = (listener.address(), listener.public_port());
        if address.port() == public_port {
            writeln!(out, "  {address}")?;
        } else {
            writeln!(out, "  {address}, which clients dial as port {public_port}")?;
        }
    }
    for (what, address) in bound.private_listeners() {
        writeln!(out, "  {address}, for {what}")?;
    }
    let public_ports: Vec<_> = bound.listeners().iter().map(|l| l.public_port()).collect();
    if !public_ports.contains(&control_port) {
        writeln!(
            out,
            "The connection strings name control port {control_port}, but the server has no \
             listener for it."
        )?;
    }
    writeln!(
        out,
        "Next, on the head node, with a line that `fwprobe-echo identity` printed in FILE:\n  {}",
        next_command(&public_ports, control_port)
    )?;
    out.flush()
}

fn next_command(public_ports: &[u16], control_port: u16) -> String {
    let what = if DEFAULT_PORTS.iter().all(|port| public_ports.contains(port)) {
        DEFAULT_PROFILE.to_owned()
    } else {
        let mut ports: Vec<_> = public_ports
            .iter()
            .filter(|port| **port != control_port || public_ports.len() == 1)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<_> = ports.iter().map(|port| format!("--port {port}")).collect();
        ports.join(" ")
    };
    format!("fwprobe run {what} --connection-file FILE")
}

/// The profile whose ports are the default ones.
const DEFAULT_PROFILE: &str = "hpc-2008r2-sp1";
