//! The decisions of a run: what is sent next, whom to ask what, and what the answers say about each probe. The shell
//! carries them out.

use std::net::{IpAddr, SocketAddr};

use proto::wire;

pub mod answer;
pub mod budget;
pub mod control_order;
pub mod flow_order;
pub mod instances;
pub mod outage;
pub mod port_board;
pub mod question;
pub mod rate;
pub mod second_look;
pub mod server_result;
pub mod survey_order;
pub mod syns;

/// Converts an address from the wire to std's type; `None` if it is not valid.
pub fn socket_address(address: &wire::SocketAddress) -> Option<SocketAddr> {
    let port = u16::try_from(address.port).ok()?;
    let ip = if let Ok(v4) = <[u8; 4]>::try_from(address.ip.as_slice()) {
        IpAddr::from(v4)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(address.ip.as_slice()).ok()?).to_canonical()
    };
    Some(SocketAddr::new(ip, port))
}
