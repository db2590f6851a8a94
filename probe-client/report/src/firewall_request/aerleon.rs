//! Writes a firewall request as terms to include in an Aerleon policy of the site. It never writes a whole policy,
//! since Aerleon replaces all rules of a device with those of a policy. One file is for one address family: in a filter
//! for the other family, Aerleon leaves the addresses out and makes a rule that allows the port from everywhere.

use std::io::{self, Write};

use minijinja::context;

use crate::rows::Report;
use crate::templating;

pub(crate) fn write_ipv4(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write("IPv4", report, out)
}

pub(crate) fn write_ipv6(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write("IPv6", report, out)
}

fn write(family: &str, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let values = context! { report => templating::value(report), family };
    super::render("firewall-request.yaml", TEMPLATE, &values, out)
}

const TEMPLATE: &str = include_str!("../../templates/firewall-request.yaml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn rendered(family: &str, run: &recorded::Recorded) -> String {
        recorded::written(|out| write(family, &Report::of(&run.read()), out))
    }

    #[test]
    fn three_faults_as_terms() {
        insta::assert_snapshot!(rendered("IPv4", recorded::THREE_FAULTS));
    }

    #[test]
    fn no_term_is_for_another_family() {
        let two_families = recorded::BLOCKED_ON_THIS_HOST;
        for (family, other) in [("IPv4", "ipv6"), ("IPv6", "ipv4")] {
            let text = rendered(family, two_families);
            assert!(text.contains("  - name: fwprobe-"), "{text}");
            assert!(!text.contains(&format!("-{other}-")), "{text}");
        }
    }

    #[test]
    fn a_file_without_terms_defines_nothing() {
        for (family, run) in [
            ("IPv4", recorded::BOTH_FAMILIES),
            ("IPv4", recorded::THROUGH_PROXIES),
            ("IPv6", recorded::THREE_FAULTS),
        ] {
            let text = rendered(family, run);
            let comment = |line: &str| line.is_empty() || line.starts_with('#');
            assert!(text.lines().all(comment), "{text}");
        }
    }
}
