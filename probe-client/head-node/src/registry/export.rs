//! Reads files that `reg export` and regedit write: "Windows Registry Editor Version 5.00" and REGEDIT4. Lines that
//! cannot be read are reported by number; the rest is used.

use super::lines::{Data, Entries, Entry};
use super::text::{Encoding, decode};
use super::value::Value;
use super::{Registry, wanted};
use crate::SourceState;

/// The contents of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    pub registry: Registry,
    /// The number of all keys in the file, kept or not; `values` counts all values.
    pub keys: usize,
    pub values: usize,
    /// The problems, at most 10, in the order of the file.
    pub problems: Vec<LineProblem>,
    pub encoding: Encoding,
}

impl Export {
    /// Returns what the list of sources says about this file.
    pub fn state(&self) -> SourceState {
        if self.problems.is_empty() {
            return SourceState::Read {
                keys: self.keys,
                values: self.values,
            };
        }
        SourceState::Partly {
            problems: self.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A line that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineProblem {
    pub line: usize,
    pub what: &'static str,
}

/// The reason why a file cannot be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error("the file is empty")]
    Empty,
    #[error(
        "the file has {0} bytes, more than the {MAX_EXPORT_BYTES} that are read; export the one \
         key that matters: reg export HKLM\\SOFTWARE\\Microsoft\\HPC FILE"
    )]
    TooLarge(u64),
    #[error(
        "this is no registry export: its first line is neither `Windows Registry Editor Version \
         5.00` nor `REGEDIT4`. Write one with: reg export HKLM\\SOFTWARE\\Microsoft\\HPC FILE"
    )]
    NoHeader,
}

/// Reads an export.
///
/// # Errors
/// Returns an error if the file is empty, too large, or not an export. Individual lines that cannot be read are not
/// errors; they are listed in [`Export::problems`].
pub fn parse_export(bytes: &[u8]) -> Result<Export, ExportError> {
    if bytes.len() > MAX_EXPORT_BYTES {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return Err(ExportError::TooLarge(size));
    }
    if bytes.is_empty() {
        return Err(ExportError::Empty);
    }
    let (text, encoding, cut) = decode(bytes);
    // A last line without a line break is dropped: a number that was cut in half would still look valid.
    let whole = text.rfind('\n').map_or(text.as_str(), |end| &text[..=end]);
    let mut entries = Entries::of(whole);
    let header = entries.next_line().map(|(_, line)| line.trim());
    let wide = match header {
        Some("Windows Registry Editor Version 5.00") => true,
        Some("REGEDIT4") => false,
        Some(_) | None => return Err(ExportError::NoHeader),
    };
    let mut reader = Reader {
        export: Export {
            registry: Registry::default(),
            keys: 0,
            values: 0,
            problems: Vec::new(),
            encoding,
        },
        wide,
        key: None,
    };
    for (line, entry) in entries {
        reader.take(line, entry);
    }
    // Every export ends with an empty line; nothing else shows that a file was cut between two values.
    if cut || !(text.ends_with("\n\n") || text.ends_with("\n\r\n")) {
        let line = text.lines().count();
        reader.problem(line, CUT_SHORT);
    }
    Ok(reader.export)
}

#[derive(Debug)]
struct Reader<'a> {
    export: Export,
    /// Whether texts given as bytes are UTF-16.
    wide: bool,
    /// The key to which the following values belong.
    key: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: usize, entry: Entry<'a>) {
        match entry {
            Entry::Broken(what) => self.problem(line, what),
            Entry::Key { path, delete: true } => {
                self.key = None;
                self.export.registry.remove_key(path);
                self.problem(line, DELETES);
            }
            Entry::Key { path, .. } => {
                self.export.keys += 1;
                self.key = Some(path);
                self.export.registry.add_key(path);
            }
            Entry::Value { name, data } => self.value(line, &name, &data),
        }
    }

    fn value(&mut self, line: usize, name: &str, data: &Data) {
        let Some(path) = self.key else {
            self.problem(line, "a value stands before the first key");
            return;
        };
        self.export.values += 1;
        if !wanted(path) {
            return;
        }
        let value = match data {
            Data::Text(text) => Ok(Some(Value::Text(text.clone()))),
            Data::Raw(raw) => raw_value(raw, self.wide),
        };
        match value {
            Ok(Some(value)) => self.export.registry.set(path, name, value),
            Ok(None) => {
                self.export.registry.remove_value(path, name);
                self.problem(line, DELETES);
            }
            Err(what) => self.problem(line, what),
        }
    }

    fn problem(&mut self, line: usize, what: &'static str) {
        self.export.registry.has_gaps = true;
        if self.export.problems.len() < MAX_PROBLEMS {
            self.export.problems.push(LineProblem { line, what });
        }
    }
}

/// Parses the data after `=` without quotes; returns `None` for `-`, which deletes the value.
fn raw_value(raw: &str, wide: bool) -> Result<Option<Value>, &'static str> {
    let raw = raw.trim();
    if raw == "-" {
        return Ok(None);
    }
    let (kind, rest) = raw.split_once(':').ok_or(UNKNOWN_DATA)?;
    let kind = kind.trim().to_ascii_lowercase();
    if kind == "dword" {
        let digits = rest.split(';').next().unwrap_or_default().trim();
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if digits.is_empty() || digits.len() > 8 || !plain {
            return Err(BAD_DWORD);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| BAD_DWORD)?;
        return Ok(Some(Value::Dword(number)));
    }
    let number = match kind.strip_prefix("hex") {
        Some("") => 3,
        Some(inner) => {
            let digits = inner.strip_prefix('(').and_then(|i| i.strip_suffix(')'));
            u32::from_str_radix(digits.ok_or(UNKNOWN_DATA)?, 16).map_err(|_| UNKNOWN_DATA)?
        }
        None => return Err(UNKNOWN_DATA),
    };
    Ok(Some(Value::of_bytes(number, hex_bytes(rest)?, wide)))
}

fn hex_bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let text = text.split(';').next().unwrap_or_default().trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|pair| {
            let pair = pair.trim();
            let plain = pair.len() <= 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
            let byte = u8::from_str_radix(pair, 16).ok().filter(|_| plain);
            byte.ok_or("expected bytes of two hexadecimal digits, with commas between")
        })
        .collect()
}

/// The largest file that is read, 64 MiB: the HPC key alone takes a few KiB, all of HKLM\SOFTWARE several hundred MiB.
pub const MAX_EXPORT_BYTES: usize = 64 * 1024 * 1024;

/// The maximum number of problems listed: a file with more is garbage, and the first ones show it.
const MAX_PROBLEMS: usize = 10;

const UNKNOWN_DATA: &str = "expected a text in quotes, dword:, hex: or hex(N): after `=`";
const CUT_SHORT: &str =
    "the file does not end with an empty line, as every export does; it may be cut short";
const BAD_DWORD: &str = "expected one to eight hexadecimal digits after `dword:`";
const DELETES: &str =
    "this deletes from a registry: the file was made to be imported, no export holds such a line";

#[cfg(test)]
mod tests;
