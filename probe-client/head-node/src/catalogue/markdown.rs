//! Writes docs/reference/checks.md: which check covers which requirement, the table of checks, and every page.

use probe_core::catalogue::{FindingId, VerdictId, append_page};

use super::CheckId;

/// Returns the text of docs/reference/checks.md.
pub fn markdown() -> String {
    let mut out = String::from(INTRODUCTION);
    out.push_str("\n## Requirements and checks\n\n| requirement | checks |\n|---|---|\n");
    for (requirement, checks) in REQUIREMENTS {
        let links: Vec<String> = checks.iter().map(|id| link(id.name())).collect();
        out.push_str(&format!("| {requirement} | {} |\n", links.join(", ")));
    }
    out.push_str("\n## What no check asks\n\n| what | instead |\n|---|---|\n");
    for (what, instead) in ELSEWHERE {
        out.push_str(&format!("| {what} | {instead} |\n"));
    }
    out.push_str("\n## Checks\n\n| id | meaning | can end with | source |\n|---|---|---|---|\n");
    for id in CheckId::ALL {
        let entry = id.entry();
        let statuses: Vec<&str> = entry.statuses.iter().map(|s| s.name()).collect();
        let caveat = entry.sourcing.caveat();
        let caveat = caveat.map_or_else(String::new, |c| format!(" ({c})"));
        out.push_str(&format!(
            "| {} | {} | {} | {}{caveat} |\n",
            link(id.name()),
            entry.meaning,
            statuses.join(", "),
            entry.source
        ));
    }
    for id in CheckId::ALL {
        let entry = id.entry();
        append_page(&mut out, id, entry.title, entry.page, link);
    }
    out
}

/// Returns a link to a page: a check's in this document, a verdict's or a finding's in the other one.
fn link(id: &str) -> String {
    let elsewhere = id.parse::<VerdictId>().is_ok() || id.parse::<FindingId>().is_ok();
    let document = if elsewhere { "verdicts.md" } else { "" };
    format!("[`{id}`]({document}#{id})")
}

/// The requirements for Azure nodes in their original order, in our words, with the checks that cover each.
pub(super) const REQUIREMENTS: &[(&str, &[CheckId])] = &[
    (
        "a head node with HPC Pack",
        &[CheckId::HpcPack, CheckId::HeadNodeRole],
    ),
    (
        "SP1 for worker nodes, SP2 for VM nodes",
        &[CheckId::ServicePack, CheckId::NodeType],
    ),
    (
        "outbound ports, by service pack (probed by `fwprobe run`)",
        &[CheckId::PortsMode],
    ),
    (
        "UseSp2AzurePorts, with restart and new deployment after a change",
        &[CheckId::UseSp2AzurePorts, CheckId::PortsMode],
    ),
    ("net.tcp or HTTPS on port 443", &[CheckId::NettcpOver443]),
    (
        "the network leads to the Internet, directly or through a proxy client",
        &[
            CheckId::NetworkTopology,
            CheckId::DefaultRoute,
            CheckId::NameResolution,
            CheckId::ProxySettings,
        ],
    ),
    (
        "a valid X.509 certificate",
        &[
            CheckId::CertificateFile,
            CheckId::CertificateForm,
            CheckId::CertificateValidity,
            CheckId::CertificateSignature,
            CheckId::CertificateUsage,
            CheckId::CertificateChain,
            CheckId::Clock,
        ],
    ),
    (
        "with a key of 2048 bits or more",
        &[CheckId::CertificateKey],
    ),
    (
        "with its private key, in the right stores of the head node and of other computers",
        &[CheckId::CertificatePrivateKey, CheckId::CertificateStores],
    ),
    (
        "its thumbprint in the node template",
        &[CheckId::CertificateThumbprint],
    ),
    (
        "the default management certificate for testing only",
        &[CheckId::CertificateIssuer],
    ),
    (
        "FileStagingMaxConcurrentCalls for large deployments",
        &[CheckId::FileStagingCalls],
    ),
    (
        "two proxy role instances per deployment, their cost, charges while deployed (notes of the \
         profile, printed below the checks)",
        &[CheckId::PortsMode],
    ),
];

/// The facts about Azure nodes that no check covers, and the parts of the tool that cover them instead.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "the test of HPC Pack itself, in HPC Cluster Manager",
        "[`fwprobe hpc-test`](../../deploy/hpc-pack/README.md)",
    ),
    (
        "what each service sends on its port: HTTP, RDP, net.tcp with its Via, TLS without a \
         server name",
        "the session kinds of the profiles, [docs/develop/wire.md](../develop/wire.md)",
    ),
    (
        "certificates on both sides of net.tcp",
        "`fwprobe run --client-certificate`, finding \
         [`client-certificate-lost`](verdicts.md#client-certificate-lost)",
    ),
    (
        "a keep-alive every 25 s, and load balancers that forget after 4 minutes",
        "`fwprobe idle`",
    ),
    (
        "ports towards a cluster in the cloud",
        "the profile `hpc-2019-iaas`",
    ),
    (
        "names of the cloud's own services, in this cloud or another (`AzureServiceDomain` and its \
         like)",
        "not asked; finding [`destination-not-tested`](verdicts.md#destination-not-tested)",
    ),
    (
        "ports between the nodes of the cluster",
        "not asked: none of them leaves the site",
    ),
    (
        "a proxy of a service's own account; a proxy client that sends single programs elsewhere",
        "not read; a report names program and account",
    ),
    (
        "the certificate between nodes from HPC Pack 2016 on (`SSLThumbprint`)",
        "not asked: it is not the management certificate",
    ),
    (
        "what .NET and Windows themselves can negotiate (TLS 1.2 on Server 2008 R2)",
        "not asked: fwprobe brings its own TLS, and tests the path",
    ),
    (
        "that the subscription accepts the certificate",
        "not asked: the service that did was retired on 2024-08-31",
    ),
];

/// The checks that concern only the program's own input.
#[cfg(test)]
pub(super) const OF_NO_REQUIREMENT: &[CheckId] = &[CheckId::Sources];

const INTRODUCTION: &str = "\
# Checks of the head node

Written from the pages in `probe-client/head-node/pages/checks` and the table in
`probe-client/head-node/src/catalogue/check.rs` by `fwprobe explain --checks`; change those.
`fwprobe explain ID` prints a page.

`fwprobe check` runs these checks alone; `fwprobe run` reports those that it could run, and its
exit code does not depend on them. Statements that are unconfirmed say so.
";
