//! The result of every incremental decoder in this crate.

/// The result of decoding from the front of a buffer that may still grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// The value is not complete: at least this many further bytes are needed.
    Incomplete { at_least: usize },
    /// A complete value, and how many bytes of the buffer it took.
    Complete { value: T, consumed: usize },
}

impl<T> Decoded<T> {
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        match self {
            Self::Incomplete { at_least } => Decoded::Incomplete { at_least },
            Self::Complete { value, consumed } => Decoded::Complete {
                value: f(value),
                consumed,
            },
        }
    }
}
