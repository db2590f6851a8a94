//! Carries with a request whether it proved authentic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that travels with a request and says whether it proved authentic.
#[derive(Clone, Debug, Default)]
pub(super) struct Authentic(Arc<AtomicBool>);

impl Authentic {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
