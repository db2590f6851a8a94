//! `--assume KEY=VALUE`: facts that the user states about a head node that fwprobe cannot read.

use std::str::FromStr;

use super::{HeadNode, Origin, ProductVersion, Reading, SourceRead, SourceState, Version};

/// A fact that the user states about the head node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assumption {
    /// The version of HPC Pack; `sp=N` gives a service pack of 2008 R2.
    Version(Version),
    Roles(Vec<String>),
    UseSp2AzurePorts(u32),
    FileStagingCalls(u32),
    NettcpOver443(bool),
    Topology(String),
    Thumbprint(String),
}

/// An assumption that is not valid, with the form that is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--assume {text}: {wanted}")]
pub struct InvalidAssumption {
    text: String,
    wanted: &'static str,
}

impl FromStr for Assumption {
    type Err = InvalidAssumption;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |wanted| InvalidAssumption {
            text: text.to_owned(),
            wanted,
        };
        let (key, value) = text.split_once('=').ok_or_else(|| wrong(KEYS))?;
        if value.is_empty() || value.len() > MAX_VALUE_BYTES {
            return Err(wrong("expected a value of 1 to 200 bytes after `=`"));
        }
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| wrong("expected a whole number from 0 to 4294967295"))
        };
        match key {
            "sp" => match value.parse::<u16>() {
                Ok(pack @ 0..=4) => Ok(Self::Version(Version::new(3, pack))),
                Ok(_) | Err(_) => Err(wrong("expected a service pack of 2008 R2, 0 to 4")),
            },
            "version" => value
                .parse()
                .map(Self::Version)
                .map_err(|_| wrong("expected two to four numbers, as in 3.3 or 6.2.7756.0")),
            "role" => Ok(Self::Roles(
                value.split(',').map(|r| r.trim().to_owned()).collect(),
            )),
            "use-sp2-azure-ports" => number().map(Self::UseSp2AzurePorts),
            "file-staging-calls" => number().map(Self::FileStagingCalls),
            "nettcp-over-443" => value
                .parse()
                .map(Self::NettcpOver443)
                .map_err(|_| wrong("expected true or false")),
            "topology" => Ok(Self::Topology(value.to_owned())),
            "thumbprint" => Ok(Self::Thumbprint(value.to_owned())),
            _ => Err(wrong(KEYS)),
        }
    }
}

pub(super) fn apply(node: &mut HeadNode, assumption: Assumption) {
    match assumption {
        Assumption::Version(version) => version_of(node, version),
        Assumption::Roles(roles) => put(&mut node.roles, roles, &mut node.sources, "role"),
        Assumption::UseSp2AzurePorts(n) => put(
            &mut node.use_sp2_azure_ports,
            n,
            &mut node.sources,
            "use-sp2-azure-ports",
        ),
        Assumption::FileStagingCalls(n) => put(
            &mut node.file_staging_calls,
            n,
            &mut node.sources,
            "file-staging-calls",
        ),
        Assumption::NettcpOver443(on) => put(
            &mut node.nettcp_over_443,
            on,
            &mut node.sources,
            "nettcp-over-443",
        ),
        Assumption::Topology(text) => {
            put(
                &mut node.network_topology,
                text,
                &mut node.sources,
                "topology",
            );
        }
        Assumption::Thumbprint(text) => {
            put(&mut node.thumbprint, text, &mut node.sources, "thumbprint");
        }
    }
}

/// Applies a version. It replaces a known version of the same product that may lack its service pack.
fn version_of(node: &mut HeadNode, version: Version) {
    let given = ProductVersion {
        version,
        shows_service_pack: true,
    };
    let completes = node
        .version
        .value()
        .is_some_and(|v| !v.shows_service_pack && v.version.major == version.major);
    if completes {
        node.version = Reading::Found(Origin::Flag, given);
        return;
    }
    put(&mut node.version, given, &mut node.sources, "version");
}

fn put<T: PartialEq>(reading: &mut Reading<T>, value: T, sources: &mut Vec<SourceRead>, key: &str) {
    match reading {
        Reading::NotRead => *reading = Reading::Found(Origin::Flag, value),
        Reading::Found(_, read) if *read == value => {}
        Reading::Found(origin, _) | Reading::Absent(origin) | Reading::Unusable(origin, _) => {
            let problem = format!("--assume {key}=… is not used: {origin} says otherwise");
            sources.push(SourceRead {
                origin: Origin::Flag,
                state: SourceState::Partly {
                    problems: vec![problem],
                },
            });
        }
    }
}

const KEYS: &str = "expected KEY=VALUE, where KEY is sp, version, role, use-sp2-azure-ports, \
                    file-staging-calls, nettcp-over-443, topology or thumbprint";

/// The maximum length of a value, far more than a list of roles or a thumbprint needs.
const MAX_VALUE_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_pack_is_a_version() {
        assert_eq!("sp=3".parse(), Ok(Assumption::Version(Version::new(3, 3))));
        for text in [
            "sp=5",
            "sp=x",
            "sp=",
            "sp",
            "spx=1",
            "nettcp-over-443=1",
            "version=3",
        ] {
            let error = text.parse::<Assumption>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("--assume {text}: ")), "{error}");
        }
    }

    #[test]
    fn what_was_read_stays_and_the_contradiction_is_told() {
        let mut node = HeadNode::default();
        node.assume(Assumption::UseSp2AzurePorts(1));
        assert_eq!(node.use_sp2_azure_ports, Reading::Found(Origin::Flag, 1));
        assert!(node.sources.is_empty());
        node.assume(Assumption::UseSp2AzurePorts(0));
        assert_eq!(node.use_sp2_azure_ports.value(), Some(&1));
        assert_eq!(node.sources.len(), 1);
    }
}
