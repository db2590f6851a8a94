//! The deployment that the user plans.

use std::fmt;
use std::str::FromStr;

/// The plan from `--node-type`, `--nodes` and `--cores`; values that were not given are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    pub node_type: Option<NodeType>,
    /// The number of Azure nodes running at the same time.
    pub nodes: Option<u32>,
    /// The number of cores of all these nodes together.
    pub cores: Option<u32>,
}

/// The two kinds of Azure nodes of HPC Pack 2008 R2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeType {
    Worker,
    Vm,
}

impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worker => "worker",
            Self::Vm => "vm",
        })
    }
}

impl FromStr for NodeType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "worker" => Ok(Self::Worker),
            "vm" => Ok(Self::Vm),
            _ => Err("expected worker or vm"),
        }
    }
}
