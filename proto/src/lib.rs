//! Encodes and decodes every byte that crosses the network between `fwprobe` and `fwprobe-echo`, and does no I/O.

mod address;
pub mod client_hello;
pub mod connection_string;
pub mod control_auth;
mod cursor;
pub mod decoded;
pub mod excerpt;
pub mod first_bytes;
pub mod frame;
mod frame_type;
pub mod http_head;
pub mod key;
pub mod legacy_hello;
pub mod limits;
pub mod nmf;
pub mod payload;
pub mod session_kind;
pub mod syn;
pub mod transcript;
pub mod wire;
pub mod x224;

pub use self::address::InvalidAddress;

/// The version of dialogue and control service, in every greeting, testimony and refusal. Two ends with different
/// versions report that and stop.
pub const DIALOGUE_VERSION: u32 = 2;
