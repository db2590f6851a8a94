//! Environment variables, as the rest of the program asks for them.

/// Answers with the value of an environment variable. Tests answer from a list of their own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;
