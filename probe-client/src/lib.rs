//! `fwprobe`: opens real sessions in the shape of the real application to an echo server of its own,
//! and says from both ends' accounts what the network does to them.

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
mod report;
mod resolve;
mod run;
mod tap;
mod terminal;
mod tls;
mod tls_words;
mod xml;

use arguments::Arguments;

/// The whole program.
pub fn main() -> ExitCode {
    // The client's key and proxies' passwords are going to stand there.
    socket_facts::keep_memory_private();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are printed to standard output and are no error.
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
