//! The running digest of a dialogue, one per direction. Every MAC covers what went before it, so that no frame can be
//! dropped, repeated, moved or taken from another session.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::frame_type::FrameType;

/// The digests of both directions, the client's first.
pub type Covered = [u8; 64];

/// The digests of all frames so far. Payload between frames is covered by the digests in confirmations and receipts.
#[derive(Clone)]
pub struct Transcript {
    client: Sha256,
    server: Sha256,
    /// The server's digest after its testimony. A client may send stages before the confirmations of earlier ones have
    /// come, so an exchange frame can cover no more of the server's side.
    testimony: [u8; 32],
    /// The client's digest after each exchange frame, for the confirmation that answers it.
    exchanges: Vec<[u8; 32]>,
    confirmations: usize,
}

impl Transcript {
    pub fn new() -> Self {
        Self {
            client: Sha256::new(),
            server: Sha256::new(),
            testimony: Sha256::digest([]).into(),
            exchanges: Vec::new(),
            confirmations: 0,
        }
    }

    /// Returns the digest of everything so far, which links one HTTP round to the next.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(pair(self.client_digest(), self.server_digest())).into()
    }

    /// Returns the digests that the MAC of the next frame of this type covers in addition to the frame itself.
    pub(crate) fn covered_by(&self, frame_type: FrameType) -> Covered {
        match frame_type {
            FrameType::Exchange | FrameType::KeepAliveUp | FrameType::KeepAliveDown => {
                pair(self.client_digest(), self.testimony)
            }
            FrameType::Confirmation => {
                let answered = self.exchanges.get(self.confirmations).copied();
                pair(
                    answered.unwrap_or_else(|| self.client_digest()),
                    self.server_digest(),
                )
            }
            FrameType::Greeting
            | FrameType::Testimony
            | FrameType::Refusal
            | FrameType::Receipt
            | FrameType::Farewell => pair(self.client_digest(), self.server_digest()),
        }
    }

    pub(crate) fn add(&mut self, frame_type: FrameType, raw: &[u8]) {
        match frame_type {
            FrameType::Greeting | FrameType::Receipt => self.client.update(raw),
            FrameType::Exchange => {
                self.client.update(raw);
                let digest = self.client_digest();
                self.exchanges.push(digest);
            }
            FrameType::Refusal | FrameType::Farewell => self.server.update(raw),
            FrameType::Testimony => {
                self.server.update(raw);
                self.testimony = self.server_digest();
            }
            FrameType::Confirmation => {
                self.server.update(raw);
                self.confirmations += 1;
            }
            // Either side may send keep-alives at any time, so their place in the order is not defined.
            FrameType::KeepAliveUp | FrameType::KeepAliveDown => {}
        }
    }

    fn client_digest(&self) -> [u8; 32] {
        self.client.clone().finalize().into()
    }

    fn server_digest(&self) -> [u8; 32] {
        self.server.clone().finalize().into()
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("exchanges", &self.exchanges.len())
            .field("confirmations", &self.confirmations)
            .finish_non_exhaustive()
    }
}

fn pair(client: [u8; 32], server: [u8; 32]) -> Covered {
    let mut both = [0u8; 64];
    both[..32].copy_from_slice(&client);
    both[32..].copy_from_slice(&server);
    both
}
