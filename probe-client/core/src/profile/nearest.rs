//! Finds the word that was probably meant by a misspelt one.

/// Returns the candidate closest to `word`, if one is close enough to be worth naming.
///
/// At most half of its letters may differ, or it may begin with `word`.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No real typing error is longer, and the cost grows with the length.
    if word.len() > LONGEST {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (score(word, candidate), candidate))
        .filter(|(score, candidate)| score * 2 <= word.len().min(candidate.len()))
        .min()
        .map(|(_, candidate)| candidate)
}

fn score(word: &str, candidate: &str) -> usize {
    if word.len() >= 3 && candidate.starts_with(word) {
        1
    } else {
        distance(word.as_bytes(), candidate.as_bytes())
    }
}

/// Returns the Levenshtein edit distance, calculated one row of the matrix at a time.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("prot", "port", 2),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_stranger_is_not() {
        let keys = ["id", "port", "purpose", "via_uri", "destination"];
        for (typed, meant) in [
            ("prot", Some("port")),
            ("ports", Some("port")),
            ("via", Some("via_uri")),
            ("dest", Some("destination")),
            ("ab", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, keys), meant, "{typed}");
        }
        assert_eq!(nearest(&"p".repeat(10_000), keys), None);
    }
}
