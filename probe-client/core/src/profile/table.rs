//! Reads one TOML table key by key, and collects all problems instead of stopping at the first.

use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::MAX_TEXT_BYTES;
use super::error::{Defect, Malformed, ProfileError};
use super::keyword::Keyword;
use super::nearest::nearest;
use super::port::{InvalidPort, Port};
use super::section::Section;
use crate::excerpt::{Excerpt, unprintable};

/// The value is invalid, and the reason is already among the problems.
#[derive(Clone, Copy)]
pub(super) struct Reported;

pub(super) type Read<T> = Result<T, Reported>;

/// The problems found so far, each with its byte offset in the file.
pub(super) struct Problems<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    found: Vec<(usize, Defect)>,
}

/// A table and the offset of its beginning.
pub(super) struct Table<'a, 'i> {
    section: &'static Section,
    entries: &'a DeTable<'i>,
    pub(super) at: usize,
}

/// One value of a table and its offset.
#[derive(Clone, Copy)]
pub(super) struct Field<'a, 'i> {
    key: &'static str,
    example: &'static str,
    value: &'a DeValue<'i>,
    pub(super) at: usize,
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = breaks.map(|(at, _)| at + 1).collect();
        let found = Vec::new();
        Self {
            text,
            line_starts,
            found,
        }
    }

    pub(super) fn report(&mut self, at: usize, defect: Defect) -> Reported {
        self.found.push((at, defect));
        Reported
    }

    /// Returns the line of an offset, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at) + 1
    }

    /// Returns the errors in the order of the file.
    pub(super) fn finish(mut self) -> Vec<ProfileError> {
        self.found.sort_by_key(|(at, _)| *at);
        let mut errors = Vec::with_capacity(self.found.len());
        // Columns are counted from the previous error on, because a file with one long line may have many errors.
        let (mut counted, mut column) = (0, 1);
        for (at, defect) in std::mem::take(&mut self.found) {
            let line = self.line(at);
            let start = line
                .checked_sub(2)
                .map_or(0, |before| self.line_starts[before]);
            if start > counted {
                (counted, column) = (start, 1);
            }
            let passed = self.text.get(counted..at).unwrap_or_default();
            column += passed.chars().count();
            counted = at.max(counted);
            errors.push(ProfileError {
                line,
                column,
                defect,
            });
        }
        errors
    }
}

impl<'a, 'i> Table<'a, 'i> {
    /// Opens the table, and reports the keys that it must not have.
    pub(super) fn open(
        section: &'static Section,
        entries: &'a DeTable<'i>,
        at: usize,
        problems: &mut Problems<'_>,
    ) -> Self {
        for key in entries.keys() {
            let name = key.get_ref().as_ref();
            if section.keys.iter().all(|(known, _)| *known != name) {
                let keys: Vec<_> = section.keys.iter().map(|(known, _)| *known).collect();
                let unknown = Defect::UnknownKey {
                    key: Excerpt::new(name),
                    section: section.name,
                    nearest: nearest(name, keys.iter().copied()),
                    keys,
                };
                problems.report(key.span().start, unknown);
            }
        }
        Self {
            section,
            entries,
            at,
        }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<Field<'a, 'i>> {
        let value = self.entries.get(key)?;
        Some(Field {
            key,
            example: self.example(key),
            value: value.get_ref(),
            at: value.span().start,
        })
    }

    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a, 'i>, &mut Problems<'_>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.get(key).map(|field| read(field, problems)).transpose()
    }

    pub(super) fn required<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a, 'i>, &mut Problems<'_>) -> Read<T>,
    ) -> Read<T> {
        match self.get(key) {
            Some(field) => read(field, problems),
            None => Err(self.missing(key, problems)),
        }
    }

    fn missing(&self, key: &'static str, problems: &mut Problems<'_>) -> Reported {
        let missing = Defect::MissingKey {
            key,
            section: self.section.name,
            example: self.example(key),
        };
        problems.report(self.at, missing)
    }

    fn example(&self, key: &str) -> &'static str {
        let known = self.section.keys.iter().find(|(known, _)| *known == key);
        known.map_or("", |(_, example)| *example)
    }
}

impl<'a, 'i> Field<'a, 'i> {
    /// Reads a text that is fit for a report: not empty, not too long, printable.
    pub(super) fn text(self, problems: &mut Problems<'_>) -> Read<String> {
        self.borrowed(problems).map(str::to_owned)
    }

    /// Reads a text and parses it.
    pub(super) fn parsed<T: FromStr<Err: Into<Malformed>>>(
        self,
        problems: &mut Problems<'_>,
    ) -> Read<T> {
        let text = self.borrowed(problems)?;
        text.parse().map_err(|reason: T::Err| {
            let form = Defect::Form {
                key: self.key,
                found: Excerpt::new(text),
                reason: reason.into(),
            };
            problems.report(self.at, form)
        })
    }

    pub(super) fn word<K: Keyword>(self, problems: &mut Problems<'_>) -> Read<K> {
        let word = self.borrowed(problems)?;
        K::from_word(word).ok_or_else(|| {
            let unknown = Defect::UnknownWord {
                key: self.key,
                found: Excerpt::new(word),
                words: K::words(),
            };
            problems.report(self.at, unknown)
        })
    }

    pub(super) fn boolean(self, problems: &mut Problems<'_>) -> Read<bool> {
        let DeValue::Boolean(value) = self.value else {
            return Err(self.wrong_type(problems));
        };
        Ok(*value)
    }

    pub(super) fn port(self, problems: &mut Problems<'_>) -> Read<Port> {
        let DeValue::Integer(number) = self.value else {
            return Err(self.wrong_type(problems));
        };
        let port = u16::from_str_radix(number.as_str(), number.radix());
        port.ok().and_then(Port::new).ok_or_else(|| {
            let no_port = Defect::Port {
                key: self.key,
                found: Excerpt::new(&number.to_string()),
                reason: InvalidPort,
            };
            problems.report(self.at, no_port)
        })
    }

    /// Reads the members of an array.
    pub(super) fn members(self, problems: &mut Problems<'_>) -> Read<Vec<Self>> {
        let DeValue::Array(members) = self.value else {
            return Err(self.wrong_type(problems));
        };
        let members = members.iter().map(|member| Self {
            value: member.get_ref(),
            at: member.span().start,
            ..self
        });
        Ok(members.collect())
    }

    /// Reads a nested table.
    pub(super) fn table(
        self,
        section: &'static Section,
        problems: &mut Problems<'_>,
    ) -> Read<Table<'a, 'i>> {
        let DeValue::Table(entries) = self.value else {
            return Err(self.wrong_type(problems));
        };
        Ok(Table::open(section, entries, self.at, problems))
    }

    fn borrowed(&self, problems: &mut Problems<'_>) -> Read<&'a str> {
        let key = self.key;
        let DeValue::String(text) = self.value else {
            return Err(self.wrong_type(problems));
        };
        let character = text.chars().find(|character| unprintable(*character));
        let defect = if text.trim().is_empty() {
            Defect::EmptyText { key }
        } else if text.len() > MAX_TEXT_BYTES {
            let bytes = text.len();
            Defect::LongText { key, bytes }
        } else if let Some(character) = character {
            Defect::Unprintable { key, character }
        } else {
            return Ok(text);
        };
        Err(problems.report(self.at, defect))
    }

    fn wrong_type(&self, problems: &mut Problems<'_>) -> Reported {
        let wrong = Defect::WrongType {
            key: self.key,
            found: match self.value {
                DeValue::String(_) => "a text",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date without quotes",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            },
            example: self.example,
        };
        problems.report(self.at, wrong)
    }
}
