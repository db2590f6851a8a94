//! Reads the run documents that earlier runs wrote.

use std::path::{Display, Path};

use anyhow::{Context as _, anyhow, bail};
use probe_core::excerpt::Excerpt;
use probe_documents::{DOCUMENT, RunDocument};
use serde::Deserialize;

use crate::given_file;

/// Reads a saved run.
pub(crate) fn load(path: &Path) -> anyhow::Result<RunDocument> {
    let shown = path.display();
    let text =
        given_file::text(path, MAX_BYTES).with_context(|| format!("{shown} cannot be read"))?;
    let document: RunDocument =
        serde_json::from_str(&text).map_err(|error| unreadable(&shown, &text, &error))?;
    if document.document != DOCUMENT {
        bail!(
            "{shown} is a `{}`; this version reads `{DOCUMENT}`",
            Excerpt::cut(&document.document, MAX_SHOWN)
        );
    }
    let compared = document
        .probes
        .iter()
        .map(|p| p.measurement.variations.len());
    if compared.max().is_some_and(|most| most > MAX_COMPARISONS) {
        bail!(
            "{shown} has more than {MAX_COMPARISONS} further sessions for one probe: no run writes \
             that"
        );
    }
    Ok(document)
}

/// Returns the reason why `text` is not a run document, and the right form.
fn unreadable(shown: &Display<'_>, text: &str, error: &serde_json::Error) -> anyhow::Error {
    let wanted = "name a file that `--output run.json` wrote";
    if error.is_eof() {
        return anyhow!("{shown} is cut off: {error}; {wanted}");
    }
    if error.is_syntax() {
        return anyhow!("{shown} is not JSON: {error}; {wanted}");
    }
    // The kind that the document states explains more than its first wrong field.
    match serde_json::from_str::<Header>(text) {
        Ok(Header { document: None }) | Err(_) => {
            anyhow!("{shown} is not a run document `{DOCUMENT}`: {error}; {wanted}")
        }
        Ok(Header {
            document: Some(other),
        }) if other != DOCUMENT => anyhow!(
            "{shown} is a `{}`; this version reads `{DOCUMENT}`",
            Excerpt::cut(&other, MAX_SHOWN)
        ),
        Ok(Header { document: Some(_) }) => {
            anyhow!("{shown} is a `{DOCUMENT}` with a mistake in it: {error}")
        }
    }
}

/// The beginning of every document of fwprobe.
#[derive(Deserialize)]
struct Header {
    document: Option<String>,
}

/// Maximum length of a document's own name in an error, in characters.
const MAX_SHOWN: usize = 60;

/// Maximum size of a saved run in bytes. The largest plan, with every session that a run adds, makes a document of a
/// fifth of that.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Maximum number of variations of one probe; a run has about twenty.
const MAX_COMPARISONS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error for a file with this text, without the file's name.
    fn refusal(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("saved.json");
        std::fs::write(&file, text).unwrap();
        let error = format!("{:#}", load(&file).unwrap_err());
        let named = file.display().to_string();
        let rest = error.strip_prefix(&named);
        rest.unwrap_or_else(|| panic!("{error} does not name {named}"))
            .to_owned()
    }

    #[test]
    fn a_file_that_is_not_a_run_is_told_as_what_it_is() {
        let deep = format!("{{\"document\": {}1{}}}", "[".repeat(200), "]".repeat(200));
        for (text, expected) in [
            (r#"{"document":"fwprobe.run/1","run":{"#, " is cut off: EOF"),
            ("", " is cut off: EOF"),
            (
                r#"{"document":"fwprobe.run/2","run":7}"#,
                " is a `fwprobe.run/2`; this version reads",
            ),
            (
                r#"{"document":"fwprobe.run/1"}"#,
                " is a `fwprobe.run/1` with a mistake in it: missing field",
            ),
            (
                r#"{"version":"2.1.0","runs":[]}"#,
                " is not a run document `fwprobe.run/1`: missing field",
            ),
            ("<?xml version=\"1.0\"?>", " is not JSON: "),
            (&deep, " is not "),
        ] {
            let told = refusal(text);
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }
}
