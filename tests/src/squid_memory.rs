//! The shared memory of one squid process.
//!
//! It has a unique name, so that several squids can run at the same time. It is removed on drop, because a killed squid
//! leaves it behind.

use std::sync::atomic::{AtomicU32, Ordering};

/// The name of squid's shared memory, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SquidMemory {
    name: String,
}

impl SquidMemory {
    /// Chooses a name that no other squid uses.
    pub(crate) fn reserve() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (id, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self {
            name: format!("{PREFIX}{id}x{number}"),
        }
    }

    /// Returns the name for squid's `-n` option, which accepts letters and digits only.
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
            // A missing file needs no removal.
            let _ = std::fs::remove_file(format!("{FOLDER}/{}-{part}.shm", self.name));
        }
    }
}

/// Returns the id of the process that made the file of this name, or `None` if the file is not ours.
pub(crate) fn owner(name: &str) -> Option<&str> {
    let (id, _) = name.strip_prefix(PREFIX)?.split_once('x')?;
    Some(id)
}

pub(crate) const FOLDER: &str = "/dev/shm";

const PREFIX: &str = "fwprobe";
