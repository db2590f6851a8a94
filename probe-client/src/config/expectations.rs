//! Reads the `--expect` file, which says what is right at this site if it differs from the profile.

use std::collections::BTreeMap;
use std::path::Path;

use probe_core::profile::{Expectation, Rule};
use serde::Deserialize;

use super::problems::Problems;
use crate::given_file;

/// The file's content: `[rules]`, with lines of the form rule id = "open" or "blocked".
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFile {
    rules: BTreeMap<String, toml::Spanned<String>>,
}

/// Applies the file to `rules`. Each of its defects becomes a problem.
pub(super) fn apply(path: &Path, rules: &mut [Rule], problems: &mut Problems) {
    let shown = path.display();
    let text = match given_file::text(path, given_file::BY_HAND) {
        Ok(text) => text,
        Err(error) => {
            problems.add(format!("--expect {shown} cannot be read: {error}"));
            return;
        }
    };
    let line = |at: usize| 1 + text[..at].matches('\n').count();
    let file: ExpectFile = match toml::from_str(&text) {
        Ok(file) => file,
        Err(error) => {
            let at = error.span().map_or(1, |span| line(span.start));
            let message = error.message();
            problems.add(format!(
                "{shown}, line {at}: {message} (expected: [rules], then lines like rdp \
                 = \"blocked\")"
            ));
            return;
        }
    };
    for (id, word) in &file.rules {
        let at = line(word.span().start);
        let expectation = match word.as_ref().as_str() {
            "open" => Some(Expectation::Open),
            "blocked" => Some(Expectation::Blocked),
            other => {
                problems.add(format!(
                    "{shown}, line {at}: \"{other}\" cannot be expected; \"open\" and \"blocked\" \
                     can"
                ));
                None
            }
        };
        let rule = rules.iter_mut().find(|rule| rule.id.as_str() == id);
        match (rule, expectation) {
            (Some(rule), Some(expectation)) => rule.expect = expectation,
            (Some(_), None) => {}
            (None, _) => problems.add(format!("{shown}, line {at}: no rule `{id}` is probed")),
        }
    }
}
