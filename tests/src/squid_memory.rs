//! The shared memory of one squid: under a name of its own, so that several can run side by side, and removed, which
//! squid does not do where it is killed.

use std::sync::atomic::{AtomicU32, Ordering};

/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct SquidMemory {
    name: String,
}

impl SquidMemory {
    /// With a name that no other has.
    pub(crate) fn reserve() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (id, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self {
            name: format!("{PREFIX}{id}x{number}"),
        }
    }

    /// For squid's `-n`, which takes letters and digits.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for SquidMemory {
    fn drop(&mut self) {
        let parts = [
            "cf__metadata",
            "cf__queues",
            "cf__readers",
            "tls_session_cache",
        ];
        for part in parts {
            // What is not there need not be removed.
            let _ = std::fs::remove_file(format!("{FOLDER}/{}-{part}.shm", self.name));
        }
    }
}

/// The process that a file of this name was made for, if it is one of ours.
pub(crate) fn owner(name: &str) -> Option<&str> {
    let (id, _) = name.strip_prefix(PREFIX)?.split_once('x')?;
    Some(id)
}

pub(crate) const FOLDER: &str = "/dev/shm";

const PREFIX: &str = "fwprobe";
