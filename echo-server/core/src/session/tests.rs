//! Tests sessions from both ends: a scripted client speaks the protocol through `proto` alone.

mod abuse;
mod bench;
mod client;
mod http;
mod kinds;
mod notices;
mod replay;
mod time;
