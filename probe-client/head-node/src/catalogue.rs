//! The catalogue of checks: each has a stable id, one row and one page.

mod check;
mod markdown;

pub use check::{CheckEntry, CheckId, UnknownCheckId};
pub use markdown::markdown;

/// Returns the page of a check, as Markdown of at most 78 columns; `None` for an unknown id.
pub fn page(id: &str) -> Option<&'static str> {
    let check: CheckId = id.parse().ok()?;
    Some(check.entry().page)
}

#[cfg(test)]
mod tests;
