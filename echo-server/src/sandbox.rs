//! Gives up the rights that a server no longer needs once its ports are open: capabilities, new privileges, access to
//! other files, new connections, and most system calls. It runs before any thread starts, because each step applies
//! only to the calling thread and the threads that it starts.

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

/// The part of the sandbox that has to succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SandboxMode {
    // These are not doc comments, because --help would print those at length. This mode takes what the kernel offers;
    // the log says what that is.
    #[default]
    BestEffort,
    // The server starts only with the complete sandbox.
    Required,
    // The server runs without a sandbox.
    Off,
}

/// One layer, with the reason if it is not in force.
#[derive(Debug)]
pub(crate) struct Layer {
    name: &'static str,
    lacking: Option<String>,
}

/// The layers, in force or not.
#[derive(Debug)]
pub(crate) struct Sandbox(Vec<Layer>);

/// The error that a layer is required and not in force.
#[derive(Debug, Error)]
#[error(
    "the sandbox is required, and this host does not provide all of it: {0}; with `sandbox \
     = \"best-effort\"` the server uses the parts that this host provides"
)]
pub(crate) struct Incomplete(String);

impl Sandbox {
    /// Gives up everything except reading in `readable`.
    ///
    /// # Errors
    /// The `mode` requires a layer that is not in force.
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

    /// Logs which layers are in force and which are not, in one line.
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
    // The last layer forbids the calls that set up the others.
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
