//! The facts known about a head node: values, each with its origin. The shell fills them in from a registry,
//! certificate files, flags and the system; [`check`] judges them.

use std::net::IpAddr;

pub mod answer;
mod assumption;
pub mod catalogue;
pub mod certificate;
pub mod check;
mod check_status;
mod file_version;
mod planned;
mod ports;
mod proxy;
mod reading;
pub mod registry;
mod registry_values;
mod version;

pub use assumption::{Assumption, InvalidAssumption};
pub use certificate::{CertificateContents, CertificateFacts, CertificateFile};
pub use file_version::file_version;
pub use planned::{NodeType, Planned};
pub use ports::{PortsMode, PortsUndecided, SwitchEffect};
pub use proxy::Proxy;
pub use reading::{Origin, Reading};
pub use version::{AzurePorts, InvalidVersion, Release, Version};

use registry::{Registry, parse_export};

/// The head node. A value that no source provided is [`Reading::NotRead`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadNode {
    /// The sources that were read, and their defects.
    pub sources: Vec<SourceRead>,
    /// The places of values that only 32-bit programs see, and that were therefore not used.
    pub ignored_values: Vec<String>,
    /// Whether HPC Pack's key exists.
    pub installed: Reading<()>,
    pub version: Reading<ProductVersion>,
    /// The installed roles: `HN`, `CN`, `BN` and so on.
    pub roles: Reading<Vec<String>>,
    pub use_sp2_azure_ports: Reading<u32>,
    pub file_staging_calls: Reading<u32>,
    pub nettcp_over_443: Reading<bool>,
    pub network_topology: Reading<String>,
    /// Every proxy setting found; empty if there are none.
    pub proxies: Reading<Vec<Proxy>>,
    pub stores: Reading<CertificateStores>,
    /// The thumbprint that was entered into the cluster, exactly as typed.
    pub thumbprint: Reading<String>,
    pub certificates: Vec<CertificateFile>,
    pub planned: Planned,
    /// The local addresses that this host would use towards the Internet; empty if it has no route.
    pub routes: Reading<Vec<IpAddr>>,
    pub names: Vec<NameLookup>,
    pub clock: Reading<ClockState>,
}

/// A source from which values were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRead {
    pub origin: Origin,
    pub state: SourceState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// The part of the source that was used.
    Read { keys: usize, values: usize },
    /// Parts of the source could not be read, so a value that seems to be missing may exist.
    Partly { problems: Vec<String> },
    /// The source could not be used at all.
    Unreadable { why: String },
}

/// A version, and whether it certainly shows service packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductVersion {
    pub version: Version,
    /// Whether the version certainly shows service packs; `false` for a version from the list of installed programs,
    /// which a service pack may leave unchanged.
    pub shows_service_pack: bool,
}

/// The contents of the certificate stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateStores {
    /// The stores that were read; nothing is known about others.
    pub read: Vec<Store>,
    pub certificates: Vec<StoredCertificate>,
}

/// A certificate in a store, identified by its SHA-1 thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    pub store: Store,
    /// The thumbprint: 40 hexadecimal digits, in capitals.
    pub thumbprint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    MachinePersonal,
    MachineRoot,
    UserPersonal,
}

impl Store {
    pub const fn name(self) -> &'static str {
        match self {
            Self::MachinePersonal => r"LocalMachine\My",
            Self::MachineRoot => r"LocalMachine\Root",
            Self::UserPersonal => r"CurrentUser\My",
        }
    }
}

/// A name that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameLookup {
    pub name: String,
    /// The addresses, or the reason why there are none.
    pub result: Result<Vec<IpAddr>, String>,
}

/// This host's clock compared with the echo server's, from a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// No probe noted a difference.
    Agrees,
    /// The difference as text, with the figure.
    Differs(String),
}

impl HeadNode {
    /// Adds the contents of `registry`. Values found before are kept.
    pub fn read_registry(&mut self, registry: &Registry, origin: &Origin) {
        registry_values::read(self, registry, origin);
    }

    /// Adds the registry export in `bytes`, and records which parts of it could be read.
    pub fn read_export(&mut self, bytes: &[u8], origin: Origin) {
        let state = match parse_export(bytes) {
            Err(error) => SourceState::Unreadable {
                why: error.to_string(),
            },
            Ok(export) => {
                self.read_registry(&export.registry, &origin);
                export.state()
            }
        };
        self.sources.push(SourceRead { origin, state });
    }

    /// Fills in values that no other source provided. If another source contradicts `assumption`, its value is kept and
    /// the contradiction is noted.
    pub fn assume(&mut self, assumption: Assumption) {
        assumption::apply(self, assumption);
    }

    /// Returns the row of the version table for this head node, if only one is possible.
    pub fn release(&self) -> Option<&'static Release> {
        match self.releases() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns every row of the version table that is possible for this head node, oldest first. If the version may not
    /// show service packs, later service packs of the same product are possible too.
    pub fn releases(&self) -> &'static [Release] {
        match self.version.value() {
            Some(known) if known.shows_service_pack => known.version.row(),
            Some(known) => known.version.row_and_later_service_packs(),
            None => &[],
        }
    }
}
