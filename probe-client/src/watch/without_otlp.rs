//! Stands for the receiver of `--otlp` in builds without the feature `otlp`.

use std::convert::Infallible;

use anyhow::bail;
use probe_documents::RunDocument;
use probe_documents::watch::ConfirmedChange;

use super::log::Log;
use super::watched::Watched;

/// The receiver of `--otlp`; there is none in this build.
#[derive(Clone, Debug)]
pub(crate) struct OtlpReceiver(Infallible);

impl OtlpReceiver {
    /// Refuses the receiver.
    ///
    /// # Errors
    ///
    /// Always.
    pub(crate) fn named(url: &str) -> anyhow::Result<Self> {
        bail!("--otlp {url}: this fwprobe was built without it; build it with --features otlp")
    }

    pub(super) fn push(
        &self,
        _: &Watched,
        _: &RunDocument,
        _: &[ConfirmedChange],
        _: &Log,
    ) -> std::future::Ready<()> {
        match self.0 {}
    }
}
