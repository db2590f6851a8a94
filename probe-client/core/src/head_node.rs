//! What is known of a head node: values, each with where it comes from. The shell fills them in from a
//! registry, certificate files, flags and the system; [`crate::check`] judges them.

use std::net::IpAddr;

mod assumption;
pub mod certificate;
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
pub use proxy::{Proxy, redacted};
pub use reading::{Origin, Reading};
pub use version::{AzurePorts, InvalidVersion, Release, Version};

use registry::Registry;

/// The head node. What nothing told is [`Reading::NotRead`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadNode {
    /// What was read, and what was wrong with it.
    pub sources: Vec<SourceRead>,
    /// Values that only 32-bit programs see, and that were not taken: where each stands.
    pub ignored_values: Vec<String>,
    /// The key of HPC Pack is there.
    pub installed: Reading<()>,
    pub version: Reading<ProductVersion>,
    /// `HN`, `CN`, `BN` and the like.
    pub roles: Reading<Vec<String>>,
    pub use_sp2_azure_ports: Reading<u32>,
    pub file_staging_calls: Reading<u32>,
    pub nettcp_over_443: Reading<bool>,
    pub network_topology: Reading<String>,
    /// Every proxy setting found; empty: looked for, and none.
    pub proxies: Reading<Vec<Proxy>>,
    pub stores: Reading<CertificateStores>,
    /// The thumbprint that the cluster is given, as somebody typed it.
    pub thumbprint: Reading<String>,
    pub certificates: Vec<CertificateFile>,
    pub planned: Planned,
    /// Addresses that this host would leave from towards the Internet; empty: it has no route.
    pub routes: Reading<Vec<IpAddr>>,
    pub names: Vec<NameLookup>,
    pub clock: Reading<ClockState>,
}

/// Something that values were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRead {
    pub origin: Origin,
    pub state: SourceState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// How much of it was taken.
    Read { keys: usize, values: usize },
    /// Parts of it could not be read; what it seems to lack is then not known to be absent.
    Partly { problems: Vec<String> },
    /// It could not be used at all.
    Unreadable { why: String },
}

/// A version, and whether service packs are sure to show in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductVersion {
    pub version: Version,
    /// False: from the list of installed programs, where service packs may leave the version as it is.
    pub shows_service_pack: bool,
}

/// What stands in the certificate stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateStores {
    /// Those that were read; of others nothing is known.
    pub read: Vec<Store>,
    pub certificates: Vec<StoredCertificate>,
}

/// A certificate in a store, by its SHA-1 thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    pub store: Store,
    /// 40 hexadecimal digits in capitals.
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
    /// The addresses, or why there are none.
    pub result: Result<Vec<IpAddr>, String>,
}

/// This host's clock against the echo server's, from a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// No probe noted a difference.
    Agrees,
    /// In words, with the figure.
    Differs(String),
}

impl HeadNode {
    /// Takes in what `registry` holds. Values that were found before stay.
    pub fn read_registry(&mut self, registry: &Registry, origin: &Origin) {
        registry_values::read(self, registry, origin);
    }

    /// Fills in what nothing else told. Where something did and says otherwise, that stays, and the
    /// contradiction is noted.
    pub fn assume(&mut self, assumption: Assumption) {
        assumption::apply(self, assumption);
    }

    /// The row of the version table for this head node.
    pub fn release(&self) -> Option<&'static Release> {
        let known = self.version.value()?;
        known.shows_service_pack.then(|| known.version.release())?
    }
}
