//! Reads the run documents that earlier runs wrote.

use std::fmt::{self, Display};
use std::path::Path;

use anyhow::Context as _;
use probe_core::excerpt::Excerpt;
use probe_core::judge::Outcome;
use probe_core::measurement::Measurement;
use probe_core::verdict::{Finding, Verdict};
use probe_documents::merge::{NodeRun, UnreadKind};
use probe_documents::{DOCUMENT, RunDocument, Timings, contradictions};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::given_file;

mod mistake;

/// The reason why a text is not a saved run that this version can use.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) kind: UnreadKind,
    /// The reason in one sentence, which names the file.
    because: String,
}

/// Reads a saved run.
pub(crate) fn load(path: &Path) -> anyhow::Result<RunDocument> {
    let shown = path.display();
    let text =
        given_file::text(path, MAX_BYTES).with_context(|| format!("{shown} cannot be read"))?;
    Ok(parse(&shown, &text)?)
}

/// Reads the saved run in `text`. `shown` is the place of the text, for errors.
///
/// # Errors
///
/// The text is not a run document of this version, or contradicts itself.
pub(crate) fn parse(shown: &dyn Display, text: &str) -> Result<RunDocument, Refused> {
    let document: RunDocument =
        serde_json::from_str(text).map_err(|error| unreadable(shown, text, &error))?;
    if document.document != DOCUMENT {
        return Err(other_document(shown, &document.document));
    }
    let wrong = contradictions(&document);
    if !wrong.is_empty() {
        let because = format!(
            "{shown} contradicts itself, so it was edited: {}; name the file as `--output \
             run.json` wrote it",
            told(&wrong)
        );
        return Err(Refused::new(UnreadKind::Damaged, because));
    }
    let compared = document
        .probes
        .iter()
        .map(|p| p.measurement.variations.len());
    if compared.max().is_some_and(|most| most > MAX_VARIATIONS) {
        let because = format!(
            "{shown} has more than {MAX_VARIATIONS} further sessions for one probe: no run writes \
             that"
        );
        return Err(Refused::new(UnreadKind::Damaged, because));
    }
    Ok(document)
}

/// Reads the part of the saved run in `text` that one answer of many nodes needs.
///
/// # Errors
///
/// The errors of [`parse`], but for mistakes in the parts that are not read.
pub(crate) fn parse_answers<'a>(
    shown: &dyn Display,
    text: &'a str,
) -> Result<NodeRun<'a>, Refused> {
    if let Ok(run) = serde_json::from_str::<NodeRun<'a>>(text)
        && run.is_sound()
    {
        return Ok(run);
    }
    // Only the whole document shows what is wrong with it. No run of a cluster should get here.
    let refused = parse(shown, text).err();
    Err(refused.unwrap_or_else(|| {
        let because = format!("{shown} is a `{DOCUMENT}` with a mistake in it");
        Refused::new(UnreadKind::Damaged, because)
    }))
}

impl Refused {
    pub(crate) const fn new(kind: UnreadKind, because: String) -> Self {
        Self { kind, because }
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.because)
    }
}

impl std::error::Error for Refused {}

/// Returns the first of `wrong` in one line, and how many more there are.
fn told(wrong: &[String]) -> String {
    let shown: Vec<&str> = wrong.iter().take(MOST_TOLD).map(String::as_str).collect();
    let mut told = shown.join("; ");
    if wrong.len() > shown.len() {
        told.push_str(&format!("; and {} more", wrong.len() - shown.len()));
    }
    told
}

/// Returns the reason why `text` is not a run document, and the right form.
fn unreadable(shown: &dyn Display, text: &str, error: &serde_json::Error) -> Refused {
    let wanted = "name a file that `--output run.json` wrote";
    if text.trim().is_empty() {
        return Refused::new(UnreadKind::CutOff, format!("{shown} is empty; {wanted}"));
    }
    if error.is_eof() {
        let at = mistake::told(error);
        let because = format!("{shown} is cut off: {at}; {wanted}");
        return Refused::new(UnreadKind::CutOff, because);
    }
    if error.to_string().starts_with("recursion limit") {
        let (line, column) = (error.line(), error.column());
        let because = format!(
            "{shown} is nested deeper than any run document: line {line}, column {column}; {wanted}"
        );
        return Refused::new(UnreadKind::Foreign, because);
    }
    // The error is the same for text that is not JSON and for a value of the wrong kind.
    if error.is_syntax() && serde_json::from_str::<IgnoredAny>(text).is_err() {
        let at = mistake::told(error);
        let because = format!("{shown} is not JSON: {at}; {wanted}");
        return Refused::new(UnreadKind::Foreign, because);
    }
    // The kind that the document states explains more than its first wrong field.
    match serde_json::from_str::<Header>(text) {
        Ok(Header { document: None }) | Err(_) => {
            let at = mistake::within_json(error);
            let because = format!("{shown} is not a run document `{DOCUMENT}`: {at}; {wanted}");
            Refused::new(UnreadKind::Foreign, because)
        }
        Ok(Header {
            document: Some(other),
        }) if other != DOCUMENT => other_document(shown, &other),
        Ok(Header { document: Some(_) }) => {
            let error = within_a_probe(text).unwrap_or_else(|| mistake::within_json(error));
            let because = format!("{shown} is a `{DOCUMENT}` with a mistake in it: {error}");
            Refused::new(UnreadKind::Damaged, because)
        }
    }
}

/// Returns the error for a document in the format `other`.
fn other_document(shown: &dyn Display, other: &str) -> Refused {
    let kind = if other.starts_with(RUN) {
        UnreadKind::OtherVersion
    } else {
        UnreadKind::Foreign
    };
    let other = Excerpt::cut(other, MAX_SHOWN);
    Refused::new(
        kind,
        format!("{shown} is a `{other}`; this version reads `{DOCUMENT}`"),
    )
}

/// Returns the mistake in one of the probes, with its own line. Read as part of the whole document, a probe is
/// flattened, and its mistakes have the line on which the probe ends.
fn within_a_probe(text: &str) -> Option<String> {
    let measured = serde_json::from_str::<Parts<Measurement>>(text);
    let concluded = serde_json::from_str::<Parts<Conclusion>>(text);
    let errors = [measured.err(), concluded.err()].into_iter().flatten();
    let first = errors.min_by_key(|error| (error.line(), error.column()))?;
    Some(mistake::within_json(&first))
}

/// The probes of a document; only the part `P` of each is read.
#[derive(Deserialize)]
struct Parts<P> {
    #[expect(dead_code, reason = "only the error of reading it matters")]
    probes: Vec<P>,
}

/// The part of a probe that is not measured.
#[derive(Deserialize)]
struct Conclusion {
    #[expect(dead_code, reason = "only the error of reading it matters")]
    verdict: Verdict,
    #[expect(dead_code, reason = "only the error of reading it matters")]
    outcome: Outcome,
    #[expect(dead_code, reason = "only the error of reading it matters")]
    findings: Vec<Finding>,
    #[expect(dead_code, reason = "only the error of reading it matters")]
    timings: Timings,
}

/// The beginning of every document of fwprobe.
#[derive(Deserialize)]
struct Header {
    document: Option<String>,
}

/// The beginning of the names of run documents of all versions.
const RUN: &str = "fwprobe.run/";

/// Maximum length of a document's own name in an error, in characters.
const MAX_SHOWN: usize = 60;

/// Maximum size of a saved run in bytes. The largest plan, with every session that a run adds, makes a document of a
/// fifth of that.
pub(crate) const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// The maximum number of contradictions in one error.
const MOST_TOLD: usize = 6;

/// Maximum number of variations of one probe; a run has about twenty.
const MAX_VARIATIONS: usize = 256;

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
        let (open, close) = ("[".repeat(200), "]".repeat(200));
        let deep = format!(r#"{{"document":"{DOCUMENT}","probes":[{{"more": {open}{close}}}]}}"#);
        for (text, expected) in [
            (
                r#"{"document":"fwprobe.run/1","run":{"#,
                " is cut off: line 1, column 35: EOF",
            ),
            ("", " is empty; name a file that"),
            ("\n", " is empty; name a file that"),
            (
                r#"{"document":"fwprobe.run/2","run":7}"#,
                " is a `fwprobe.run/2`; this version reads",
            ),
            (
                r#"{"document":"fwprobe.run/1"}"#,
                " is a `fwprobe.run/1` with a mistake in it: line 1, column 28: it lacks the field",
            ),
            (
                r#"{"version":"2.1.0","runs":[]}"#,
                " is not a run document `fwprobe.run/1`: line 1, column 29: it lacks the field",
            ),
            (
                "<?xml version=\"1.0\"?>",
                " is not JSON: line 1, column 1: ",
            ),
            (
                "[1]",
                " is not a run document `fwprobe.run/1`: line 1, column 2: ",
            ),
            (
                &deep,
                " is nested deeper than any run document: line 1, column ",
            ),
        ] {
            let told = refusal(text);
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }

    /// A recorded run as text, one value per line.
    fn recorded() -> String {
        let text = include_str!("../core/tests/scenarios/dropped.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        serde_json::to_string_pretty(&probe_documents::judge_again(document)).unwrap()
    }

    #[test]
    fn a_mistake_is_told_with_its_own_line() {
        let text = recorded();
        for (right, wrong) in [
            ("\"session\": \"nettcp\"", "\"session\": \"gopher\""),
            ("\"outcome\": \"not-as-expected\"", "\"outcome\": \"fine\""),
            ("\"session\": \"nettcp\"", "\"session\": 7"),
            ("\"outcome\": \"not-as-expected\"", "\"outcome\": null"),
            ("\"started_us\": ", "\"started_us\": -1"),
        ] {
            let place = text.find(right).unwrap();
            let line = text[..place].lines().count();
            let edited = format!("{}{wrong}{}", &text[..place], &text[place + right.len()..]);
            let told = refusal(&edited);
            assert!(
                told.contains(&format!(" with a mistake in it: line {line}, column")),
                "{line}: {told}"
            );
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_a_mistake_in_json() {
        let text = recorded();
        // The last rule is that of a reference probe.
        let (before, after) = text.rsplit_once("\"session\": \"tls\"").unwrap();
        let line = before.lines().count();
        let told = refusal(&format!("{before}\"session\": 7{after}"));
        let expected = format!(" is a `{DOCUMENT}` with a mistake in it: line {line}, column ");
        assert!(
            told.starts_with(&expected) && told.ends_with(": a value of the wrong kind"),
            "{told}"
        );
    }

    #[test]
    fn an_edited_summary_is_not_believed() {
        let edited = recorded().replace("\"exit_code\": 1", "\"exit_code\": 0");
        let told = refusal(&edited);
        let expected = " contradicts itself, so it was edited: `summary.exit_code` is 0, and the \
                        probes make it 1; name the file as";
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn what_is_wrong_is_told_alike_for_the_whole_and_for_its_answers() {
        let text = recorded();
        let edited = text.replace("\"exit_code\": 1", "\"exit_code\": 0");
        let mistaken = text.replace("\"not-as-expected\"", "\"fine\"");
        let twice = text.replacen("\"summary\"", "\"run\": {}, \"summary\"", 1);
        let later = text.replace(DOCUMENT, "fwprobe.run/7");
        let (cut_off, _) = text.rsplit_once("\"outcome\"").unwrap();
        for wrong in [
            "",
            "[1]",
            "<?xml version=\"1.0\"?>",
            "{\"runs\": []}",
            r#"{"document":"fwprobe.run/2","run":7}"#,
            &edited,
            &mistaken,
            &twice,
            &later,
            cut_off,
        ] {
            let whole = parse(&"a.json", wrong).unwrap_err();
            let answers = parse_answers(&"a.json", wrong).unwrap_err();
            assert_eq!(
                (answers.kind, answers.to_string()),
                (whole.kind, whole.to_string())
            );
        }
    }

    #[test]
    fn a_mistake_in_a_measurement_does_not_change_the_answers() {
        let text = recorded().replace("\"started_us\": ", "\"started_us\": -1");
        assert!(parse(&"a.json", &text).is_err());
        let answers = parse_answers(&"a.json", &text).unwrap();
        assert_eq!(answers.node(), "headnode");
    }

    #[test]
    fn a_file_that_is_larger_than_any_run_is_refused_by_its_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(200 * 1024 * 1024).unwrap();
        let error = format!("{:#}", load(file.path()).unwrap_err());
        let expected = format!(
            "{} cannot be read: it has more than 134217728 bytes",
            file.path().display()
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn the_encodings_of_windows_are_read_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("saved.json");
        std::fs::write(&file, format!("\u{feff}{}", recorded())).unwrap();
        assert!(load(&file).is_ok());
        let utf16: Vec<u8> = "\u{feff}{}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [utf16.as_slice(), &utf16[2..]] {
            std::fs::write(&file, bytes).unwrap();
            let error = format!("{:#}", load(&file).unwrap_err());
            assert!(
                error.contains("it is UTF-16") && error.contains("`--output"),
                "{error}"
            );
        }
        for (bytes, at) in [(&[0; 512][..], 1), (b"{\0\0\0\0\0\0\0}", 2), (b"{ }\0", 4)] {
            std::fs::write(&file, bytes).unwrap();
            let error = format!("{:#}", load(&file).unwrap_err());
            assert!(error.contains(&format!("byte {at} of it is 0")), "{error}");
        }
    }
}
