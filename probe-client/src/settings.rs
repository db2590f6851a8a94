//! The settings of a command: what the command line, the environment and the configuration file say together.

mod file;
mod in_force;
mod keys;
mod layers;
mod sample;
#[cfg(test)]
mod tests;

pub(crate) use in_force::{Setting, SettingOrigin, in_force};
pub(crate) use layers::{Unusable, read};
pub(crate) use sample::sample;
