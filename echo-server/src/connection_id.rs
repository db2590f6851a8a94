//! Makes the names of connections.

use echo_core::session::ConnectionId;
use rand::Rng as _;

/// A name for a connection that no other has, here or elsewhere.
pub(crate) fn new_connection_id() -> ConnectionId {
    let mut id = [0; 8];
    rand::rng().fill_bytes(&mut id);
    ConnectionId(id)
}
