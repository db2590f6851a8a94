//! The server as seen by its clients, its operator and strangers.
#![cfg(test)]

mod bind;
mod command;
mod configuration;
mod connection_file;
mod control;
mod dialogue;
mod flags;
mod help;
mod identity;
mod identity_at_once;
mod many_strangers;
mod private;
mod process;
mod reload;
mod running;
mod served_identity;
mod sessions;
mod strangers;
mod systemd;
mod tls_client;
