//! Makes connection ids.

use echo_core::session::ConnectionId;
use rand::Rng as _;

/// Returns a random id that no other connection has, here or on another server.
pub(crate) fn new_connection_id() -> ConnectionId {
    let mut id = [0; 8];
    rand::rng().fill_bytes(&mut id);
    ConnectionId(id)
}
