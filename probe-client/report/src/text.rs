//! The report for people: one line per probe, and below it every failure with its evidence and the next step.

mod checks;
mod columns;
mod depth;
mod details;
mod egress;
mod first_step;
mod folded;
mod idle;
mod matrix;
mod paint;
mod so_far;
mod table;

pub use checks::check_table;
pub(crate) use columns::{GAP, outcome, padded, shortened};
pub use paint::{Look, folding};
pub(crate) use paint::{Tone, paragraph};
pub use so_far::rows_so_far;
pub(crate) use table::write;
