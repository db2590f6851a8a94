//! A run that could not be carried out, for formats whose readers see nothing but the report.

/// The reason why there is no run document.
#[derive(Clone, Copy, Debug)]
pub struct FailedRun<'a> {
    /// The name of this host, if it has one.
    pub node: Option<&'a str>,
    pub why: &'a str,
}
