//! Finds the word that was probably meant by a misspelt one.

/// Returns the candidate closest to `word`, if one is close enough to be worth naming.
///
/// A candidate is close enough if at most half of its letters differ, or if it begins with `word`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // No real typing error is longer, and the cost grows with the length.
    if word.len() > LONGEST {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (score(word, candidate), candidate))
        .filter(|(score, candidate)| score * 2 <= word.len().min(candidate.len()))
        .min_by_key(|(score, candidate)| (*score, candidate.len(), *candidate))
        .map(|(_, candidate)| candidate)
}

fn score(word: &str, candidate: &str) -> usize {
    if word.len() >= 3 && candidate.starts_with(word) {
        1
    } else {
        strsim::levenshtein(word, candidate)
    }
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_stranger_is_not() {
        let keys = [
            "id",
            "port",
            "purpose",
            "via_uri",
            "destination",
            "purpose_of_it",
        ];
        for (typed, meant) in [
            ("prot", Some("port")),
            ("ports", Some("port")),
            ("via", Some("via_uri")),
            ("dest", Some("destination")),
            ("purpos", Some("purpose")),
            ("ab", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, keys), meant, "{typed}");
        }
        assert_eq!(nearest(&"p".repeat(10_000), keys), None);
    }
}
