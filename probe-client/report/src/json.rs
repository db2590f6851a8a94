//! Writes JSON: the run document itself, and other values in the same form.

use std::io::{self, Write};

use probe_core::excerpt::first_harmful;
use probe_documents::RunDocument;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

pub(super) fn write(document: &RunDocument, out: &mut dyn Write) -> io::Result<()> {
    pretty(document, out)
}

/// Writes `value` with indentation. Characters that a terminal or a pipeline would obey
/// are escaped; the data stays the same.
pub(crate) fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Escaping(PrettyFormatter::new()));
    value.serialize(&mut serializer)?;
    writeln!(out)
}

/// Pretty-printed JSON with more characters escaped: serde_json escapes only the control characters below U+0020.
struct Escaping(PrettyFormatter<'static>);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, odd)) = first_harmful(rest) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut units = [0; 2];
            for unit in odd.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + odd.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        pretty(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn odd_characters_are_escaped_and_read_back() {
        let odd = "a\u{9b}31m\u{202e}b\u{1b}\u{7f} \u{1f525}é\n##vso[a]::error::b";
        let text = written(&odd);
        assert_eq!(first_harmful(text.trim_end()), None, "{text:?}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), odd);
    }

    #[test]
    fn ordinary_documents_have_the_usual_form() {
        let document = crate::recorded::DEMO.read();
        let usual = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
        assert_eq!(written(&document), usual);
    }
}
