//! The fault lab: four hosts in a row, each a network namespace, with a fault somewhere between them. Each run in the
//! lab must give the report that its scenario expects. A scenario is a file in `tests/lab/scenarios`.

pub mod accuracy;
mod aftermath;
mod bare;
mod device;
mod differences;
mod end;
mod expectation;
mod family;
mod folder;
mod host;
mod links;
mod mixture;
mod network;
mod play;
mod record;
mod repeat;
mod replay;
mod scenario;
mod tool;
mod trials;
mod variant;

pub use device::{Deed, Device, Manner};
pub use end::End;
pub use expectation::{Expectation, Line};
pub use family::Family;
pub use host::Host;
pub(crate) use host::Namespace;
pub use links::links;
pub use mixture::{Parts, mixtures, repeated_mixtures, seeds};
pub use play::{Timed, timed, timed_with_peer};
pub use repeat::{Count, Repeated, Repetition, repeat};
pub use replay::replays;
pub use scenario::{Chain, Changes, Command, Echo, Scenario, State};
pub use tool::Tool;
pub use trials::{lacking, trials};
pub use variant::Variant;
