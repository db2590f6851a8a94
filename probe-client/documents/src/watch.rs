//! Decides for a watch when the next run begins and which changes count, and keeps past outcomes for the status page.

mod changes;
mod moment;
mod recent;
mod row;
mod schedule;
#[cfg(test)]
mod schedule_tests;

pub use crate::subject::Subject;
pub use changes::{Change, Changes, State};
pub use moment::Moment;
pub use recent::{KEPT_RUNS, PastRun, Recent, Strip};
pub use row::{Row, rows};
pub use schedule::{Next, Ran, Rhythm, Schedule};
