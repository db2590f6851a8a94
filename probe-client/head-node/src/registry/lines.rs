//! Splits an export into logical lines: a text value may contain line breaks, and bytes continue
//! on the next line after a backslash.

use std::str::Lines;

/// One entry as written in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// `[path]`, or `[-path]`, which deletes the key.
    Key { path: &'a str, delete: bool },
    /// `"name"=data` or `@=data`; the name is empty for `@`.
    Value { name: String, data: Data },
    /// An entry in another form; the text says what was expected.
    Broken(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Text(String),
    /// Everything after `=`, with continuation lines joined.
    Raw(String),
}

/// The entries, each with the number of its first line.
#[derive(Clone, Debug)]
pub(super) struct Entries<'a> {
    lines: Lines<'a>,
    line: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            lines: text.lines(),
            line: 0,
        }
    }

    /// Returns the next line that is neither empty nor a comment.
    pub(super) fn next_line(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let line = self.take()?;
            let trimmed = line.trim();
            if !trimmed.is_empty() && !trimmed.starts_with(';') {
                return Some((self.line, line));
            }
        }
    }

    fn take(&mut self) -> Option<&'a str> {
        self.line += 1;
        self.lines.next()
    }

    fn entry(&mut self, line: &'a str) -> Entry<'a> {
        let line = line.trim_start();
        if let Some(rest) = line.strip_prefix('[') {
            return key(rest);
        }
        if let Some(rest) = line.strip_prefix('@') {
            return self.value(String::new(), rest);
        }
        let Some(rest) = line.strip_prefix('"') else {
            return Entry::Broken("expected a key in brackets or a value in quotes");
        };
        match quoted(rest) {
            Some((name, rest)) => self.value(name, rest),
            None => Entry::Broken("the name of a value has no closing quote"),
        }
    }

    fn value(&mut self, name: String, rest: &'a str) -> Entry<'a> {
        let Some(data) = rest.trim_start().strip_prefix('=') else {
            return Entry::Broken("expected `=` after the name of a value");
        };
        let data = data.trim_start();
        let data = match data.strip_prefix('"') {
            Some(text) => self.text(text).map(Data::Text),
            None => self.raw(data).map(Data::Raw).ok_or(INCOMPLETE),
        };
        match data {
            Ok(data) => Entry::Value { name, data },
            Err(what) => Entry::Broken(what),
        }
    }

    /// Reads a quoted text, over any number of lines.
    ///
    /// Fails if the file ends before the closing quote, or if anything but a comment follows it. Old exports are in the
    /// code page of their Windows, in which the second byte of a character may look like the backslash that escapes a
    /// quote. The text then ends only at the opening quote of a later value.
    fn text(&mut self, first: &'a str) -> Result<String, &'static str> {
        let mut text = String::new();
        let mut line = first;
        loop {
            if let Some(rest) = unquoted(&mut text, line) {
                let rest = rest.trim_start();
                let ends = rest.is_empty() || rest.starts_with(';');
                return if ends { Ok(text) } else { Err(GOES_ON) };
            }
            text.push('\n');
            line = self.take().ok_or(INCOMPLETE)?;
        }
    }

    /// Reads data without quotes; returns `None` if the file ends after a continuation.
    fn raw(&mut self, first: &str) -> Option<String> {
        let mut all = first.trim_end().to_owned();
        while all.ends_with('\\') {
            all.pop();
            let next = self.take()?.trim();
            if next.is_empty() {
                return None;
            }
            all.push_str(next);
        }
        Some(all)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = (usize, Entry<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, line) = self.next_line()?;
        Some((number, self.entry(line)))
    }
}

fn key(rest: &str) -> Entry<'_> {
    // The name of a key may contain brackets; the last one closes it.
    let Some(end) = rest.rfind(']') else {
        return Entry::Broken("the name of a key has no closing bracket");
    };
    let path = &rest[..end];
    match path.strip_prefix('-') {
        Some(path) => Entry::Key { path, delete: true },
        None => Entry::Key {
            path,
            delete: false,
        },
    }
}

/// Returns the text up to the closing quote, with escapes resolved, and the text that follows the quote.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let rest = unquoted(&mut text, rest)?;
    Some((text, rest))
}

/// Appends the text up to the closing quote, and returns the text that follows the quote; `None` if there is no closing
/// quote.
fn unquoted<'r>(text: &mut String, rest: &'r str) -> Option<&'r str> {
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(&rest[at + 1..]),
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            other => text.push(other),
        }
    }
    None
}

const INCOMPLETE: &str = "this value is not complete";
const GOES_ON: &str = "something follows the closing quote of this text";
