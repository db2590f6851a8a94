//! Decides for a watch when the next run begins and which changes count, and keeps past outcomes for the status page.

mod changes;
mod moment;
mod recent;
mod row;
mod run_times;
#[cfg(test)]
mod run_times_tests;

pub use crate::subject::Subject;
pub use changes::{Changes, ConfirmedChange, State};
pub use moment::Moment;
pub use recent::{KEPT_RUNS, PastRun, Recent, StatusStrip};
pub use row::{Row, rows};
pub use run_times::{Next, Rhythm, RunDecision, RunTimes};
