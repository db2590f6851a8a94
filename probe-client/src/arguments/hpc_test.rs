//! The arguments of `fwprobe hpc-test`.

use clap::{Args, Subcommand};

use super::known::PROFILES;

#[derive(Debug, Subcommand)]
pub(crate) enum HpcTestCommand {
    /// Print the definition that `test add` and Add-HpcTest take.
    Definition(HpcTestDefinition),
}

#[derive(Debug, Args)]
pub(crate) struct HpcTestDefinition {
    /// Where fwprobe is on the nodes.
    #[arg(
        long,
        value_name = "PATH",
        default_value = r"C:\Program Files\fwprobe\fwprobe.exe"
    )]
    pub program: String,
    /// The profile that the test proposes.
    #[arg(
        long,
        value_name = "PROFILE",
        default_value = "hpc-2008r2-sp1",
        value_parser = PROFILES,
        hide_possible_values = true
    )]
    pub default_profile: String,
    /// The file with the connection string, on the nodes.
    #[arg(
        long,
        value_name = "PATH",
        default_value = r"C:\ProgramData\fwprobe\echo.txt"
    )]
    pub default_connection_file: String,
    /// The path that the test proposes.
    #[arg(long, value_name = "PATH", default_value = "direct")]
    pub default_via: String,
}
