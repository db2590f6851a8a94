//! One table and its values, read key by key.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use proto::excerpt::unprintable;
use toml::de::{DeTable, DeValue};

use crate::defect::excerpt;
use crate::{Defect, MAX_TEXT_BYTES, Problems, Read, Reported, Section, nearest};

/// A table, and the byte offset of its beginning.
#[derive(Debug)]
pub struct Table<'a> {
    section: &'a Section,
    entries: &'a DeTable<'a>,
    at: usize,
}

/// A value, and its byte offset.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    key: &'a str,
    example: &'a str,
    value: &'a DeValue<'a>,
    at: usize,
}

impl<'a> Table<'a> {
    /// Opens the table, and reports the keys that it must not have.
    pub(crate) fn open(
        section: &'a Section,
        entries: &'a DeTable<'a>,
        at: usize,
        problems: &mut Problems<'_>,
    ) -> Self {
        for key in entries.keys() {
            let name = key.get_ref().as_ref();
            if section.keys.iter().all(|(known, _)| *known != name) {
                let keys: Vec<_> = section.keys.iter().map(|(known, _)| *known).collect();
                let unknown = Defect::UnknownKey {
                    key: excerpt(name),
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

    /// Returns where the table begins, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the value of `key`, if it is present.
    pub fn get(&self, key: &'static str) -> Option<Field<'a>> {
        let value = self.entries.get(key)?;
        Some(Field {
            key,
            example: self.section.example(key),
            value: value.get_ref(),
            at: value.span().start,
        })
    }

    /// Reads the value of `key`, if it is present.
    pub fn optional<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a>, &mut Problems<'_>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.get(key).map(|field| read(field, problems)).transpose()
    }

    /// Reads the value of `key`. A missing key is a problem.
    pub fn required<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a>, &mut Problems<'_>) -> Read<T>,
    ) -> Read<T> {
        match self.get(key) {
            Some(field) => read(field, problems),
            None => Err(self.missing(key, problems)),
        }
    }

    fn missing(&self, key: &'static str, problems: &mut Problems<'_>) -> Reported {
        let missing = Defect::MissingKey {
            key,
            this: self.section.this(),
            example: self.section.example(key),
        };
        problems.report(self.at, missing)
    }
}

impl<'a> Field<'a> {
    /// Returns where the value begins, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the key.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// Reads a text that is not empty, not longer than [`MAX_TEXT_BYTES`], and printable.
    pub fn text(self, problems: &mut Problems<'_>) -> Read<&'a str> {
        self.text_up_to(MAX_TEXT_BYTES, problems)
    }

    /// Reads a text that is not empty, not longer than `most` bytes, and printable.
    pub fn text_up_to(self, most: usize, problems: &mut Problems<'_>) -> Read<&'a str> {
        let text = self.string(problems)?;
        let character = text.chars().find(|character| unprintable(*character));
        let key = excerpt(self.key);
        let defect = if text.trim().is_empty() {
            Defect::EmptyText { key }
        } else if text.len() > most {
            let bytes = text.len();
            Defect::LongText { key, bytes, most }
        } else if let Some(character) = character {
            Defect::Unprintable { key, character }
        } else {
            return Ok(text);
        };
        Err(problems.report(self.at, defect))
    }

    /// Reads a text or a number, as it is written.
    pub fn scalar(self, problems: &mut Problems<'_>) -> Read<Cow<'a, str>> {
        match self.value {
            DeValue::Integer(number) => Ok(Cow::Owned(number.to_string())),
            DeValue::Float(number) => Ok(Cow::Borrowed(number.as_str())),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => self.text(problems).map(Cow::Borrowed),
        }
    }

    /// Reads a text and parses it. Its type decides which texts are right.
    pub fn parsed<T: FromStr<Err: Display>>(self, problems: &mut Problems<'_>) -> Read<T> {
        let text = self.string(problems)?;
        text.parse()
            .map_err(|reason: T::Err| self.malformed(text, reason, problems))
    }

    /// Reports that the value does not have the form that its key requires.
    pub fn malformed(
        &self,
        found: &str,
        reason: impl Display,
        problems: &mut Problems<'_>,
    ) -> Reported {
        let form = Defect::Form {
            key: excerpt(self.key),
            found: excerpt(found),
            reason: reason.to_string(),
        };
        problems.report(self.at, form)
    }

    /// Reports that a secret does not have the form that its key requires, without quoting it.
    pub fn malformed_secret(&self, reason: impl Display, problems: &mut Problems<'_>) -> Reported {
        let form = Defect::SecretForm {
            key: excerpt(self.key),
            reason: reason.to_string(),
        };
        problems.report(self.at, form)
    }

    /// Reads one of a few words, each of which stands for a value.
    pub fn word<T: Copy>(
        self,
        all: &[T],
        word: impl Fn(T) -> &'static str,
        problems: &mut Problems<'_>,
    ) -> Read<T> {
        let found = self.string(problems)?;
        let value = all.iter().copied().find(|value| word(*value) == found);
        value.ok_or_else(|| {
            let unknown = Defect::UnknownWord {
                key: excerpt(self.key),
                found: excerpt(found),
                words: all.iter().map(|value| word(*value)).collect(),
            };
            problems.report(self.at, unknown)
        })
    }

    /// Reads `true` or `false`.
    pub fn boolean(self, problems: &mut Problems<'_>) -> Read<bool> {
        let DeValue::Boolean(value) = self.value else {
            return Err(self.wrong_type(problems));
        };
        Ok(*value)
    }

    /// Reads a whole number from `least` to `most`.
    pub fn number(self, least: u64, most: u64, problems: &mut Problems<'_>) -> Read<u64> {
        let DeValue::Integer(number) = self.value else {
            return Err(self.wrong_type(problems));
        };
        let value = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let fitting = value.filter(|value| (least..=most).contains(value));
        fitting.ok_or_else(|| {
            let outside = Defect::OutOfRange {
                key: excerpt(self.key),
                found: excerpt(&number.to_string()),
                least,
                most,
            };
            problems.report(self.at, outside)
        })
    }

    /// Reads a port from `least` (0 or 1) to 65535.
    pub fn port(self, least: u16, problems: &mut Problems<'_>) -> Read<u16> {
        let number = self.number(least.into(), u16::MAX.into(), problems)?;
        u16::try_from(number).map_err(|_| Reported)
    }

    /// Reads the members of a list.
    pub fn members(self, problems: &mut Problems<'_>) -> Read<Vec<Self>> {
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

    /// Reads a table that `section` describes.
    pub fn table(self, section: &'a Section, problems: &mut Problems<'_>) -> Read<Table<'a>> {
        let DeValue::Table(entries) = self.value else {
            return Err(self.wrong_type(problems));
        };
        Ok(Table::open(section, entries, self.at, problems))
    }

    /// Reads a table that may have any keys. `example` is a valid line of it.
    pub fn entries(self, example: &'a str, problems: &mut Problems<'_>) -> Read<Vec<Self>> {
        let DeValue::Table(entries) = self.value else {
            return Err(self.wrong_type(problems));
        };
        let entries = entries.iter().map(|(key, value)| Field {
            key: key.get_ref(),
            example,
            value: value.get_ref(),
            at: value.span().start,
        });
        Ok(entries.collect())
    }

    fn string(&self, problems: &mut Problems<'_>) -> Read<&'a str> {
        let DeValue::String(text) = self.value else {
            return Err(self.wrong_type(problems));
        };
        Ok(text)
    }

    /// Returns whether the value is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Reports that the key does not accept a value of this type.
    pub fn wrong_type(&self, problems: &mut Problems<'_>) -> Reported {
        let wrong = Defect::WrongType {
            key: excerpt(self.key),
            found: match self.value {
                DeValue::String(_) => "a text",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date without quotes",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            },
            example: self.example.to_owned(),
        };
        problems.report(self.at, wrong)
    }
}
