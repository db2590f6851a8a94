//! Puts numbers of things into words.

use std::fmt::Display;

/// Returns a number of things in words: `1 hop`, `2 hops`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_singular_and_none_is_not() {
        assert_eq!(counted(1_u64, "byte"), "1 byte");
        assert_eq!(counted(0_u8, "hop"), "0 hops");
        assert_eq!(counted(21_usize, "segment"), "21 segments");
    }
}
