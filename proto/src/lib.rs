//! Every byte that crosses the network between `fwprobe` and `fwprobe-echo`, and no I/O.

pub mod connection_string;
pub mod control_auth;
pub mod decoded;
pub mod frame;
pub mod key;
pub mod limits;
pub mod payload;
pub mod transcript;
pub mod wire;
