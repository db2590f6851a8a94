//! Makes the first bytes of a session, for side connections, which only show whether these bytes arrive.

use std::sync::Arc;

use probe_core::session::{ClientSession, Need};
use rustls::ClientConnection;

use super::{ProbeTask, RunContext};
use crate::tls::{Hello, client_config, server_name};

/// Returns what the session of `task` sends first: its preface, its ClientHello, or the beginning of its greeting. The
/// last byte of a greeting or request is left out, so that the server never has a whole one to answer. The result is
/// empty if the bytes cannot be made.
pub(crate) fn first_bytes(task: ProbeTask, context: &RunContext) -> Arc<[u8]> {
    let (shape, host) = (task.parameters.kind.shape(), task.destination.host.clone());
    let Ok((mut session, need)) = ClientSession::new(task.parameters, context.clock.now()) else {
        return Arc::default();
    };
    let mut bytes = Vec::new();
    if let Need::StartTls(wanted) = need {
        let (config, _presented) = client_config(Hello {
            sni: wanted.sni,
            alpn: wanted.alpn,
            client: None,
            large: false,
        });
        // A failure leaves no bytes, and the connection is tried without any.
        if let Ok(mut connection) = ClientConnection::new(config, server_name(&host)) {
            let _ = connection.write_tls(&mut bytes);
        }
    } else {
        session.transmit(&mut bytes, MOST);
        if shape.preface.is_none() {
            bytes.pop();
        }
    }
    bytes.into()
}

/// Maximum number of bytes: they fit one segment.
const MOST: usize = 1200;
