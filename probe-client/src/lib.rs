//! `fwprobe` opens real sessions in the shape of the real application to its own echo server. It compares the accounts
//! of both ends, and reports the network's effect on these sessions.

use std::process::ExitCode;

mod arguments;
mod certificate;
mod clock;
mod command;
mod config;
mod connect;
mod connection;
mod context;
mod control;
mod desktop;
mod destination;
mod document_file;
mod environment;
mod flow;
mod given_file;
mod head_node;
mod hop;
mod host;
mod keep;
mod key_store;
mod line;
mod link;
mod observe;
mod port_states;
mod prepared;
mod probe;
mod progress;
mod proxy;
mod proxy_authentication;
mod proxy_credentials;
mod report_files;
mod report_format;
mod resolve;
mod run;
mod run_files;
mod run_folder;
mod saved_run;
mod settings;
mod signed_url;
mod start_jitter;
mod tap;
mod terminal;
mod tls;
mod tls_words;
mod upload;
mod watch;

/// Runs the program.
pub fn main() -> ExitCode {
    // The memory will contain the client's key and the passwords of proxies.
    socket_facts::keep_memory_private();
    let line = std::env::args_os().collect();
    match settings::read(line, &|name| std::env::var(name).ok()) {
        Ok(arguments) => command::execute(arguments),
        Err(unusable) => ExitCode::from(command::refuse(&unusable)),
    }
}
