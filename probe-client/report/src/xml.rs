//! Makes text of any origin valid for XML 1.0. Escaping is left to the writer.

use probe_core::excerpt::first_harmful;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io::{self, Write};

/// Returns a writer that indents and has written the XML declaration.
///
/// # Errors
///
/// Writing to `out` failed.
pub fn document<W: Write>(out: W) -> io::Result<Writer<W>> {
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    Ok(writer)
}

/// Writes `<name>text</name>`.
///
/// # Errors
///
/// The error is the writer's own.
pub fn element<W: Write>(writer: &mut Writer<W>, name: &str, text: &str) -> io::Result<()> {
    let text = valid(text);
    writer
        .create_element(name)
        .write_text_content(BytesText::new(&text))?;
    Ok(())
}

/// Replaces the characters that XML 1.0 section 2.2 excludes, or that a terminal or a pipeline would obey, with the
/// replacement character.
pub fn valid(text: &str) -> String {
    let mut valid = String::new();
    let mut rest = text;
    while let Some((at, harmful)) = first_harmful(rest) {
        valid.extend(rest[..at].chars().map(allowed));
        valid.push(match harmful {
            '\t' | '\n' | '\r' => harmful,
            _ => char::REPLACEMENT_CHARACTER,
        });
        rest = &rest[at + harmful.len_utf8()..];
    }
    valid.extend(rest.chars().map(allowed));
    valid
}

/// Returns the character, or the replacement character if XML excludes the character. Control characters are harmful.
const fn allowed(character: char) -> char {
    match character {
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

/// Returns valid text of at most `most` characters, for an attribute with a limit.
pub fn limited(text: &str, most: usize) -> String {
    valid(text).chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_characters_come_out_valid() {
        let mut out = document(Vec::new()).unwrap();
        let odd = "a\u{0}b\u{1b}[1m ]]> <&>\"' \u{1f525} \u{fffe}\u{7f} ##vso[a]";
        element(&mut out, "M", odd).unwrap();
        let text = String::from_utf8(out.into_inner()).unwrap();
        assert!(!text.contains(['\u{0}', '\u{1b}', '\u{fffe}']), "{text}");
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut read = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Text(part) => read.push_str(&part.xml10_content()),
                Event::GeneralRef(name) => {
                    read.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap());
                }
                Event::Start(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
        let expected =
            "a\u{fffd}b\u{fffd}[1m ]]> <&>\"' \u{1f525} \u{fffd}\u{fffd} \u{fffd}#vso[a]";
        assert_eq!(read.trim(), expected);
    }
}
