//! Equal values, each kept once.

use std::collections::BTreeMap;

/// A set of values, each with the number of its first occurrence.
#[derive(Debug)]
pub(super) struct Interned<T>(BTreeMap<T, usize>);

impl<T: Ord> Interned<T> {
    /// Returns the number of `value`, which is kept if it is new.
    pub(super) fn number(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }

    /// Returns the number of values.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns references to the values in the order of their numbers.
    pub(super) fn values(&self) -> Vec<&T> {
        let mut all: Vec<(&T, usize)> = self.0.iter().map(|(value, at)| (value, *at)).collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(value, _)| value).collect()
    }

    /// Returns the values in the order of their numbers.
    pub(super) fn into_values(self) -> Vec<T> {
        let mut all: Vec<(T, usize)> = self.0.into_iter().collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(value, _)| value).collect()
    }
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_number() {
        let mut values = Interned::default();
        let numbers = ["b", "a", "b", "c", "a"].map(|value| values.number(value));
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!(values.len(), 3);
        assert_eq!(values.values(), [&"b", &"a", &"c"]);
        assert_eq!(values.into_values(), ["b", "a", "c"]);
    }
}
