//! `fwprobe-echo` listens on the ports under test, proves its identity to clients that hold a key, and testifies which
//! bytes arrived. It is also a library, for a program that runs a server itself.

mod arguments;
mod bind;
mod clock;
mod commands;
mod config;
mod connection;
mod connection_id;
mod control;
mod descriptors;
mod document;
mod give_back;
mod half_open;
mod identity;
mod instance;
mod listener_guard;
mod logging;
mod metrics;
mod private;
mod process;
mod refused_answers;
mod reload;
mod sandbox;
mod server;
mod settings;
mod stranger_log;
mod strangers;
mod systemd;
mod tasks;
mod tls;
mod track;
mod watch;
mod wire;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

pub use bind::{BindCause, BindError, BindErrors, Bound, BoundListener, bind};
pub use config::{
    Config, DEFAULT_CONTROL_CONNECTIONS, DEFAULT_GRACE, DEFAULT_PORTS, InstanceName,
    InvalidInstanceName, Listen, ListenAddress, Private,
};
pub use identity::{
    ChangeError, ClientKey, Identity, InvalidHost, InvalidLabel, Label, LoadError, LoadErrors,
    LockError, MAX_HOSTS, MintError, RollOverError, SaveError, UnusableCertificate,
};
pub use listener_guard::ListenerDied;

/// Runs the program: reads its arguments, carries them out, and reports failures on standard error.
pub fn main() -> ExitCode {
    socket_facts::keep_memory_private();
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // Help and version also arrive as errors of clap, and are written to standard output.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(NOT_DONE));
        }
    };
    match commands::run(arguments, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            logging::say(&format!("fwprobe-echo: {failure}\n"));
            ExitCode::from(NOT_DONE)
        }
    }
}

/// The exit code for a failure: usage, configuration, or an error of the system. Standard error says which.
const NOT_DONE: u8 = 2;
