//! The checks of a head node: the question of each, the source that says that it matters, and how well founded it is.

use probe_core::id_table;
use probe_core::profile::Sourcing::{self, FromMemory, Inferred, Verified};

use crate::check_status::CheckStatus::{self, Fail, Pass, Skipped, Warn};

/// One check's row.
#[derive(Clone, Copy, Debug)]
pub struct CheckEntry {
    pub id: CheckId,
    /// A headline, without a full stop.
    pub title: &'static str,
    /// The requirement that the check covers, in one sentence.
    pub meaning: &'static str,
    /// The source of the rule.
    pub source: &'static str,
    /// How well founded the rule is; an individual answer may be less well founded.
    pub sourcing: Sourcing,
    /// The statuses that the check can end with.
    pub statuses: &'static [CheckStatus],
    /// Markdown, at most 78 columns wide.
    pub page: &'static str,
}

/// A word that is not the id of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no check has this id")]
pub struct UnknownCheckId;

impl CheckId {
    /// Ids from earlier versions. They are never used again for anything.
    pub const RETIRED: &'static [&'static str] = &[];
}

id_table! {
    /// A question that is asked about a head node. The ids are stable; a retired one is never used again.
    CheckId => CheckEntry, unknown UnknownCheckId, pages in "checks", document "docs/reference/checks.md";

    Sources = "sources" {
        title: "The sources that were given could be read",
        meaning: "Registry exports and assumptions are readable and agree.",
        source: "this program",
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    HpcPack = "hpc-pack" {
        title: "HPC Pack is installed",
        meaning: "The registry has the key of HPC Pack.",
        source: "Azure/hpcpack, configuration scripts",
        sourcing: Verified,
        statuses: &[Pass, Fail, Skipped],
    }
    HeadNodeRole = "head-node-role" {
        title: "This computer is a head node",
        meaning: "HPC Pack is installed here in the role of a head node.",
        source: "Azure/hpcpack, configuration scripts",
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    ServicePack = "service-pack" {
        title: "The service pack supports Azure nodes",
        meaning: "Azure nodes need HPC Pack 2008 R2 with SP1 or a later version.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    NodeType = "node-type" {
        title: "The planned type of node is supported",
        meaning: "Worker nodes need SP1, VM nodes SP2 of HPC Pack 2008 R2.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    PortsMode = "ports-mode" {
        title: "The ports that this head node uses",
        meaning: "Version and UseSp2AzurePorts decide which profile of ports applies.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    UseSp2AzurePorts = "use-sp2-azure-ports" {
        title: "The registry value UseSp2AzurePorts",
        meaning: "A DWORD above 0 brings back the seven ports, from SP3 of 2008 R2 on.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Skipped],
    }
    FileStagingCalls = "file-staging-calls" {
        title: "Concurrent file staging calls fit the nodes",
        meaning: "FileStagingMaxConcurrentCalls should be 50 to 100 % of the planned nodes.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Skipped],
    }
    NettcpOver443 = "nettcp-over-443" {
        title: "What runs over port 443",
        meaning: "The cluster property NettcpOver443 chooses net.tcp or HTTPS on port 443.",
        source: "Microsoft, Set-HpcClusterProperty; Azure/Telepathy source code",
        sourcing: Verified,
        statuses: &[Pass, Warn, Skipped],
    }
    NetworkTopology = "network-topology" {
        title: "The cluster's network topology",
        meaning: "The head node needs a network that leads to the Internet.",
        source: "Azure/Telepathy source code, HpcConstants",
        sourcing: Inferred,
        statuses: &[Pass, Skipped],
    }
    ProxySettings = "proxy-settings" {
        title: "Proxy settings on the head node",
        meaning: "HTTP calls may follow a proxy setting, net.tcp follows none.",
        source: ".NET Framework and WinHTTP, no document at hand",
        sourcing: FromMemory,
        statuses: &[Pass, Warn, Skipped],
    }
    DefaultRoute = "default-route" {
        title: "A route towards the Internet",
        meaning: "This host has a route to public addresses; HPC Pack uses IPv4 alone.",
        source: "Azure/Telepathy source code (AddressFamily.InterNetwork)",
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    NameResolution = "name-resolution" {
        title: "Names are resolved",
        meaning: "The names that are dialled have addresses.",
        source: "this program",
        sourcing: Verified,
        statuses: &[Pass, Fail, Skipped],
    }
    Clock = "clock" {
        title: "The clock is right",
        meaning: "This host's clock and the echo server's agree within 5 seconds.",
        source: "this program",
        sourcing: Verified,
        statuses: &[Pass, Warn, Skipped],
    }
    CertificateFile = "certificate-file" {
        title: "The certificate file can be read",
        meaning: "The file is a certificate in DER, PEM, PKCS#12 or PKCS#7.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Fail, Skipped],
    }
    CertificateForm = "certificate-form" {
        title: "An X.509 version 3 end certificate",
        meaning: "Azure takes X.509 version 3; an authority's certificate is out of place.",
        source: CLOUD_SERVICES,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail],
    }
    CertificateKey = "certificate-key" {
        title: "An RSA key of 2048 bits or more",
        meaning: "The public key is RSA and has at least 2048 bits.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Fail],
    }
    CertificatePrivateKey = "certificate-private-key" {
        title: "The private key is there and fits",
        meaning: "The head node needs the certificate with its private key.",
        source: STORES,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail, Skipped],
    }
    CertificateValidity = "certificate-validity" {
        title: "The certificate is valid today",
        meaning: "Today lies between its dates, with 30 days or more left.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail],
    }
    CertificateSignature = "certificate-signature" {
        title: "A sound signature algorithm",
        meaning: "The certificate is signed with SHA-256 or better.",
        source: "common practice, no document at hand",
        sourcing: FromMemory,
        statuses: &[Pass, Warn, Fail],
    }
    CertificateUsage = "certificate-usage" {
        title: "The key may be used for this",
        meaning: "Key usage and extended key usage, where present, allow TLS clients.",
        source: "common practice, no document at hand",
        sourcing: FromMemory,
        statuses: &[Pass, Warn],
    }
    CertificateThumbprint = "certificate-thumbprint" {
        title: "The thumbprint that the cluster is given",
        meaning: "The thumbprint is entered as 40 hexadecimal digits without spaces.",
        source: "TechNet, jj899624",
        sourcing: Verified,
        statuses: &[Pass, Warn, Fail],
    }
    CertificateIssuer = "certificate-issuer" {
        title: "The certificate's issuer",
        meaning: "The certificate that HPC Pack makes by default is for testing only.",
        source: REQUIREMENTS,
        sourcing: Verified,
        statuses: &[Pass, Warn],
    }
    CertificateChain = "certificate-chain" {
        title: "The other certificates in the file",
        meaning: "No certificate of the chain has expired, and no subject appears twice.",
        source: "common practice, no document at hand",
        sourcing: FromMemory,
        statuses: &[Pass, Warn],
    }
    CertificateStores = "certificate-stores" {
        title: "The certificate is in the right stores",
        meaning: "Which stores need it depends on the version of HPC Pack.",
        source: STORES,
        sourcing: Verified,
        statuses: &[Pass, Fail, Skipped],
    }
}

/// The document on which this tool is based.
const REQUIREMENTS: &str =
    "TechNet, Requirements for Windows Azure Nodes in Windows HPC Server 2008 R2";
const CLOUD_SERVICES: &str = "MicrosoftDocs/azure-docs, cloud-services-certs-create, 2020-10";
const STORES: &str = "TechNet, gg481759, Options to Configure the Azure Management Certificate";
