//! Gives up what a server with open ports no longer needs: capabilities, new privileges, access to other files, new
//! connections, and most system calls. Runs before any thread starts, because each step binds only the calling
//! thread and those that it starts.

#[cfg(target_os = "linux")]
mod capabilities;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod system_calls;

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use thiserror::Error;

/// How much of it has to succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxMode {
    // No doc comments, which would be printed by --help at length.
    // What the kernel offers; the log says what that is.
    #[default]
    BestEffort,
    // All of it, or no server.
    Required,
    // Nothing.
    Off,
}

/// One layer, and why it is not in force if it is not.
#[derive(Debug)]
pub(crate) struct Layer {
    name: &'static str,
    lacking: Option<String>,
}

/// What has come of it.
#[derive(Debug)]
pub(crate) struct Sandbox(Vec<Layer>);

/// A layer is required and not in force.
#[derive(Debug, Error)]
#[error(
    "the sandbox is required, and this host does not give all of it: {0}; `sandbox \
     = \"best-effort\"` does with what there is"
)]
pub(crate) struct Incomplete(String);

impl Sandbox {
    /// Gives everything up but reading in `readable`.
    ///
    /// # Errors
    /// `mode` asks for more than there is.
    pub(crate) fn enter(mode: SandboxMode, readable: &[&Path]) -> Result<Self, Incomplete> {
        if mode == SandboxMode::Off {
            return Ok(Self(Vec::new()));
        }
        let sandbox = Self(layers(readable));
        let lacking = sandbox.lacking();
        if mode == SandboxMode::Required && !lacking.is_empty() {
            return Err(Incomplete(lacking));
        }
        Ok(sandbox)
    }

    /// What is in force and what is not, in one line.
    pub(crate) fn log(&self) {
        let lacking = self.lacking();
        if self.0.is_empty() {
            tracing::warn!("the sandbox is off");
        } else if lacking.is_empty() {
            tracing::info!(in_force = %self, "sandbox");
        } else {
            tracing::warn!(in_force = %self, lacking, "sandbox");
        }
    }

    fn lacking(&self) -> String {
        let lacking = self.0.iter().filter_map(|layer| {
            let reason = layer.lacking.as_ref()?;
            Some(format!("{} ({reason})", layer.name))
        });
        lacking.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_force = self.0.iter().filter(|layer| layer.lacking.is_none());
        let names: Vec<_> = in_force.map(|layer| layer.name).collect();
        f.write_str(if names.is_empty() { "nothing" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl SandboxMode {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::BestEffort => "best-effort",
            Self::Required => "required",
            Self::Off => "off",
        }
    }
}

#[cfg(target_os = "linux")]
fn layers(readable: &[&Path]) -> Vec<Layer> {
    let layer = |name, result: Result<(), String>| Layer {
        name,
        lacking: result.err(),
    };
    // The last one takes away what the others are made with.
    vec![
        layer("no capabilities", capabilities::drop_all()),
        layer("no new privileges", capabilities::no_new_privileges()),
        layer("own files only (Landlock)", files::only(readable)),
        layer("few system calls (seccomp)", system_calls::few()),
    ]
}

#[cfg(not(target_os = "linux"))]
fn layers(_: &[&Path]) -> Vec<Layer> {
    vec![Layer {
        name: "sandbox",
        lacking: Some("there is none on this platform".to_owned()),
    }]
}
