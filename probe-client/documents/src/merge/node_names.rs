//! Names of nodes as clusters write them: `n[001-097,099]` stands for 98 names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A list of names with a mistake in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeNamesError {
    /// The position of the mistake in the list: 1 for the first character.
    pub character: usize,
    /// The form that would be right there.
    pub expected: &'static str,
}

/// The last number in a name.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: u64,
    digits: usize,
    /// Whether the number has leading zeros.
    padded: bool,
}

/// Returns names in the short form. Names that differ only in one number become one text; all other names stay as they
/// are. That number is the last one in the name, or in the host's own part of a full name (`n001.hpc2.example`).
pub fn fold<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // The text before the number and the text after it; `None` for a name without one.
    let mut alike: BTreeMap<(&str, Option<&str>), Vec<Number>> = BTreeMap::new();
    for name in names {
        match split(name) {
            Some((before, number, after)) => {
                let numbers = alike.entry((before, Some(after))).or_default();
                numbers.push(number);
            }
            None => {
                alike.entry((name, None)).or_default();
            }
        }
    }
    let folded = alike
        .into_iter()
        .map(|((before, after), numbers)| match after {
            Some(after) => folded(before, &numbers, after),
            None => before.to_owned(),
        });
    folded.collect()
}

/// Reads a list of names in the short form: `n[001-097,099],head`.
///
/// # Errors
///
/// The first mistake in the list, or more than [`MOST_NODES`] names.
pub fn unfold(list: &str) -> Result<BTreeSet<String>, NodeNamesError> {
    let mut names = BTreeSet::new();
    for (at, term) in terms(list) {
        let term = Term { list, at, term };
        term.add_to(&mut names)?;
    }
    Ok(names)
}

/// Returns the first pair of names, one from each list, that differ only in leading zeros: `n1` and `n001`. Both lists
/// are in the short form.
pub fn differing_in_zeros(some: &[String], others: &[String]) -> Option<(String, String)> {
    let names = |list: &[String]| unfold(&list.join(",")).ok();
    let known = names(some)?.into_iter();
    let known = known.filter_map(|name| Some((without_zeros(&name)?, name)));
    let known: BTreeMap<String, String> = known.collect();
    names(others)?.into_iter().find_map(|name| {
        let like = known.get(&without_zeros(&name)?)?;
        Some((like.clone(), name))
    })
}

/// Returns the name without the leading zeros of its number; `None` if it has no number.
fn without_zeros(name: &str) -> Option<String> {
    let (before, number, after) = split(name)?;
    Some(format!("{before}{}{after}", number.value))
}

/// Returns the name in three parts: the text before its number, the number, the text after it.
fn split(name: &str) -> Option<(&str, Number, &str)> {
    if name.contains(MARKS) {
        return None;
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let host = name.split('.').next().unwrap_or_default();
    // The first part of an IPv4 address is a number, and its last part tells hosts apart.
    let searched = if host.contains(is_digit) && !host.chars().all(is_digit) {
        host
    } else {
        name
    };
    let end = searched.rfind(is_digit)? + 1;
    let start = searched[..end].trim_end_matches(is_digit).len();
    let number = Number::read(&name[start..end])?;
    Some((&name[..start], number, &name[end..]))
}

/// Returns names that differ only in their number as one text.
fn folded(before: &str, numbers: &[Number], after: &str) -> String {
    let padded = numbers.iter().filter(|number| number.padded);
    let padded: BTreeSet<usize> = padded.map(|number| number.digits).collect();
    // 100 belongs to 098 and 099 if they are there, and otherwise to numbers of any length.
    let width = |number: &Number| {
        if padded.contains(&number.digits) {
            number.digits
        } else {
            0
        }
    };
    let numbers = numbers.iter().map(|number| (width(number), number.value));
    let numbers: BTreeSet<(usize, u64)> = numbers.collect();
    let mut ranges: Vec<(usize, u64, u64)> = Vec::new();
    for (width, value) in numbers {
        match ranges.last_mut() {
            Some((known, _, last)) if *known == width && last.checked_add(1) == Some(value) => {
                *last = value;
            }
            Some(_) | None => ranges.push((width, value, value)),
        }
    }
    ranges.sort_by_key(|&(width, first, _)| (first, width));
    let text = |&(width, first, last): &(usize, u64, u64)| {
        let first_text = format!("{first:0width$}");
        if first == last {
            first_text
        } else {
            format!("{first_text}-{last:0width$}")
        }
    };
    let texts: Vec<String> = ranges.iter().map(text).collect();
    match ranges.as_slice() {
        [(_, first, last)] if first == last => format!("{before}{}{after}", texts.concat()),
        _ => format!("{before}[{}]{after}", texts.join(",")),
    }
}

impl Number {
    /// Returns `None` if the text is not a number, or is too large to count with.
    fn read(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            value: text.parse().ok()?,
            digits: text.len(),
            padded: text.len() > 1 && text.starts_with('0'),
        })
    }
}

/// Returns the parts between the commas outside brackets, each with its position in bytes.
fn terms(list: &str) -> Vec<(usize, &str)> {
    let mut terms = Vec::new();
    let (mut start, mut is_inside) = (0, false);
    for (at, character) in list.char_indices() {
        match character {
            '[' => is_inside = true,
            ']' => is_inside = false,
            ',' if !is_inside => {
                terms.push((start, &list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push((start, &list[start..]));
    terms
}

/// One part of a list, with its position in bytes.
struct Term<'a> {
    list: &'a str,
    at: usize,
    term: &'a str,
}

impl Term<'_> {
    /// Adds the names that the part stands for.
    fn add_to(&self, names: &mut BTreeSet<String>) -> Result<(), NodeNamesError> {
        let Self { term, .. } = *self;
        if term.is_empty() {
            return Err(self.error(0, "a name, such as n001 or n[001-100]"));
        }
        if let Some(at) = term.find(char::is_whitespace) {
            return Err(self.error(at, "a name without blanks"));
        }
        let Some((before, rest)) = term.split_once('[') else {
            if let Some(at) = term.find(']') {
                return Err(self.error(at, "an opening bracket before this one"));
            }
            self.check_length(term.len())?;
            self.check_room(names, 1)?;
            names.insert(term.to_owned());
            return Ok(());
        };
        let inside = before.len() + 1;
        let Some((numbers, after)) = rest.split_once(']') else {
            return Err(self.error(before.len(), "a closing bracket after this one"));
        };
        let more = after.find(['[', ']']).map(|at| at + numbers.len() + 1);
        if let Some(at) = numbers.find('[').or(more) {
            return Err(self.error(inside + at, "one pair of brackets in a name"));
        }
        if let Some(at) = before.find(']') {
            return Err(self.error(at, "an opening bracket before this one"));
        }
        self.check_length(before.len() + after.len())?;
        let mut at = inside;
        for item in numbers.split(',') {
            let (width, first, last) = range(item).map_err(|expected| self.error(at, expected))?;
            self.check_room(names, (last - first).saturating_add(1))?;
            names.extend((first..=last).map(|value| format!("{before}{value:0width$}{after}")));
            at += item.len() + 1;
        }
        Ok(())
    }

    /// Checks the length of a name, or of the parts around its number.
    fn check_length(&self, bytes: usize) -> Result<(), NodeNamesError> {
        if bytes <= MAX_NAME {
            return Ok(());
        }
        Err(self.error(0, "a name of at most 253 bytes"))
    }

    /// Checks the number of names before they are made.
    fn check_room(&self, names: &BTreeSet<String>, more: u64) -> Result<(), NodeNamesError> {
        let room = MOST_NODES.saturating_sub(names.len());
        if u64::try_from(room).is_ok_and(|room| more <= room) {
            return Ok(());
        }
        Err(self.error(0, "at most 1000000 names in the whole list"))
    }

    /// Returns the error for the character at `offset` bytes in this part.
    fn error(&self, offset: usize, expected: &'static str) -> NodeNamesError {
        let before = self.list.get(..self.at + offset).unwrap_or_default();
        NodeNamesError {
            character: before.chars().count() + 1,
            expected,
        }
    }
}

/// Reads `7`, `007` or `001-100`. Returns the width of numbers with leading zeros (0 for others), the first number and
/// the last one.
fn range(item: &str) -> Result<(usize, u64, u64), &'static str> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let (Some(first), Some(last)) = (Number::read(first), Number::read(last)) else {
        return Err("a number or a range, such as 7 or 001-100");
    };
    if (first.padded || last.padded) && first.digits != last.digits {
        return Err("the same number of digits at both ends, such as 001-100");
    }
    if last.value < first.value {
        return Err("the smaller number first");
    }
    let width = if first.padded { first.digits } else { 0 };
    Ok((width, first.value, last.value))
}

impl fmt::Display for NodeNamesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "character {}: expected {}",
            self.character, self.expected
        )
    }
}

impl std::error::Error for NodeNamesError {}

/// The maximum number of nodes.
pub const MOST_NODES: usize = 1_000_000;
/// The longest name of a node in bytes: that of the longest name in DNS.
pub(super) const MAX_NAME: usize = 253;
/// Characters with a meaning in the short form.
const MARKS: [char; 3] = ['[', ']', ','];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_folded_as_clusters_write_them() {
        for (names, expected) in [
            (&["n001"][..], &["n001"][..]),
            (&["n3", "n1", "n2", "n2"], &["n[1-3]"]),
            (&["n001", "n002", "n004"], &["n[001-002,004]"]),
            (&["n098", "n099", "n100", "n101"], &["n[098-101]"]),
            (&["n8", "n9", "n10"], &["n[8-10]"]),
            (&["n01", "n1"], &["n[1,01]"]),
            (
                &["rack1-n05", "rack1-n06", "rack2-n05"],
                &["rack1-n[05-06]", "rack2-n05"],
            ),
            (
                &["n1.hpc2.example", "n2.hpc2.example"],
                &["n[1-2].hpc2.example"],
            ),
            (&["10.0.0.9", "10.0.0.10"], &["10.0.0.[9-10]"]),
            (
                &["head", "login", "n0", "n00"],
                &["head", "login", "n[0,00]"],
            ),
            (&["a[1]", "a[2]"], &["a[1]", "a[2]"]),
            (&["n99999999999999999999"], &["n99999999999999999999"]),
            (&[], &[]),
        ] {
            assert_eq!(fold(names.iter().copied()), expected);
        }
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let names = unfold("n[008-010,2],head,x[1-2]-ib.example").unwrap();
        let expected = [
            "head",
            "n008",
            "n009",
            "n010",
            "n2",
            "x1-ib.example",
            "x2-ib.example",
        ];
        assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(unfold("n[1-1000000]").unwrap().len(), MOST_NODES);
    }

    #[test]
    fn names_that_differ_in_leading_zeros_are_found() {
        let list = |text: &str| vec![text.to_owned()];
        let found = |some: &str, others: &str| differing_in_zeros(&list(some), &list(others));
        let pair = Some(("n1".to_owned(), "n001".to_owned()));
        assert_eq!(found("n[1-12]", "n[001-011]"), pair);
        assert_eq!(found("n[1-12]", "m[001-011]"), None);
        assert_eq!(found("n1.hpc2.example", "n01.hpc3.example"), None);
        assert_eq!(found("head", "login"), None);
        assert_eq!(differing_in_zeros(&[], &list("n1")), None);
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (list, character, expected) in [
            ("", 1, "a name"),
            ("n1,,n2", 4, "a name"),
            ("n1, n2", 4, "a name without blanks"),
            ("n[1-2", 2, "a closing bracket"),
            ("n1]", 3, "an opening bracket"),
            ("n[1][2]", 5, "one pair of brackets"),
            ("n[1-[2]]", 5, "one pair of brackets"),
            ("é[x]", 3, "a number or a range"),
            ("n[1,2-]", 5, "a number or a range"),
            ("n[]", 3, "a number or a range"),
            ("n[01-100]", 3, "the same number of digits"),
            ("n[9-1]", 3, "the smaller number"),
            ("n[1-1000001]", 1, "at most 1000000 names"),
            ("a,n[0-18446744073709551615]", 3, "at most 1000000 names"),
        ] {
            let error = unfold(list).unwrap_err();
            let told = error.to_string();
            assert_eq!(error.character, character, "{list}: {told}");
            assert!(error.expected.starts_with(expected), "{list}: {told}");
        }
        let long = "x".repeat(MAX_NAME + 1);
        assert!(unfold(&long).unwrap_err().expected.contains("253"));
    }

    /// The form of names with numbers in several places.
    const NAME: &str = "[a-c]{0,2}[0-9]{0,3}(-[0-9]{1,2})?(\\.x[0-9]?)?";

    proptest! {
        #[test]
        fn folded_names_are_read_back(
            names in prop::collection::btree_set(NAME, 0..40),
        ) {
            let names: BTreeSet<String> = names.into_iter().filter(|n| !n.is_empty()).collect();
            let folded = fold(names.iter().map(String::as_str));
            prop_assert!(folded.len() <= names.len());
            if !names.is_empty() {
                prop_assert_eq!(unfold(&folded.join(",")).unwrap(), names);
            }
        }

        #[test]
        fn a_whole_range_folds_to_one_text(
            width in 1_usize..6,
            first in 0_u64..500,
            count in 2_u64..300,
        ) {
            let names = (first..first + count).map(|value| format!("node{value:0width$}.example"));
            let names: Vec<String> = names.collect();
            let folded = fold(names.iter().map(String::as_str));
            prop_assert_eq!(folded.len(), 1, "{:?}", folded);
            let read = unfold(&folded[0]).unwrap();
            prop_assert_eq!(read, names.into_iter().collect::<BTreeSet<_>>());
        }

        #[test]
        fn no_list_makes_the_reader_fail(list in "[n0-9\\[\\],\\- é]{0,30}") {
            if let Ok(names) = unfold(&list) {
                prop_assert!(!names.is_empty() && names.len() <= MOST_NODES);
            }
        }
    }
}
