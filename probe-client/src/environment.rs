//! Access to environment variables for the rest of the program.

/// Returns the value of an environment variable. Tests use a list of their own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;
