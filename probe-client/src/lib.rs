//! `fwprobe` opens real sessions in the shape of the real application to its own echo server. From what both ends
//! report, it says what the network does to these sessions.

use std::process::ExitCode;

use clap::Parser as _;

mod arguments;
mod certificate;
mod clock;
mod command;
mod config;
mod connect;
mod connection;
mod context;
mod control;
mod destination;
mod environment;
mod flow;
mod given_file;
mod head_node;
mod hop;
mod host;
mod key_store;
mod line;
mod link;
mod observe;
mod port_states;
mod probe;
mod progress;
mod proxy;
mod proxy_credentials;
mod report_files;
mod report_format;
mod resolve;
mod run;
mod tap;
mod terminal;
mod tls;
mod tls_words;

use arguments::Arguments;

/// Runs the program.
pub fn main() -> ExitCode {
    // The memory will contain the client's key and the passwords of proxies.
    socket_facts::keep_memory_private();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are printed to standard output and are not errors.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(command::EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    command::execute(arguments)
}
