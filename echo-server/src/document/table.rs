//! One table and its values, read key by key.

use toml::de::{DeTable, DeValue};

use super::{Defect, Problems, Section, quoted};

/// A table, with its position in the file.
pub(crate) struct Table<'a> {
    section: &'static Section,
    entries: &'a DeTable<'a>,
    at: usize,
}

/// A value, with its position in the file.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    key: &'static str,
    example: &'static str,
    value: &'a DeValue<'a>,
    at: usize,
}

impl<'a> Table<'a> {
    pub(super) fn open(
        section: &'static Section,
        entries: &'a DeTable<'a>,
        at: usize,
        problems: &mut Problems<'_>,
    ) -> Self {
        for key in entries.keys() {
            let known = section.keys.iter().map(|(known, _)| *known);
            if known.clone().all(|known| known != key.get_ref()) {
                let defect = Defect::UnknownKey {
                    key: quoted(key.get_ref()),
                    section: section.name,
                    known: known.collect(),
                };
                problems.report(key.span().start, defect);
            }
        }
        Self {
            section,
            entries,
            at,
        }
    }

    /// Returns where the table begins, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the value of `key`, if it is present and `read` accepts it.
    pub(crate) fn optional<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a>, &mut Problems<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.entries.get(key)?;
        let field = Field {
            key,
            example: self.example(key),
            value: value.get_ref(),
            at: value.span().start,
        };
        read(field, problems)
    }

    /// Takes a key's value; a missing key is a problem.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(Field<'a>, &mut Problems<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.entries.contains_key(key) {
            let defect = Defect::MissingKey {
                key,
                section: self.section.name,
                example: self.example(key),
            };
            problems.report(self.at, defect);
        }
        self.optional(key, problems, read)
    }

    fn example(&self, key: &str) -> &'static str {
        let known = self.section.keys.iter().find(|(known, _)| *known == key);
        known.map_or("", |(_, example)| *example)
    }
}

impl<'a> Field<'a> {
    /// Returns where the value begins, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn text(self, problems: &mut Problems<'_>) -> Option<&'a str> {
        let DeValue::String(text) = self.value else {
            return self.wrong_type(problems);
        };
        Some(text)
    }

    pub(crate) fn boolean(self, problems: &mut Problems<'_>) -> Option<bool> {
        let DeValue::Boolean(value) = self.value else {
            return self.wrong_type(problems);
        };
        Some(*value)
    }

    /// Returns a whole number from `least` to `most`.
    pub(crate) fn number(self, least: u64, most: u64, problems: &mut Problems<'_>) -> Option<u64> {
        let DeValue::Integer(number) = self.value else {
            return self.wrong_type(problems);
        };
        let value = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let fitting = value.filter(|value| (least..=most).contains(value));
        if fitting.is_none() {
            let defect = Defect::OutOfRange {
                key: self.key,
                found: quoted(&number.to_string()),
                least,
                most,
            };
            problems.report(self.at, defect);
        }
        fitting
    }

    /// Returns a port from 0 to 65535.
    pub(crate) fn port(self, problems: &mut Problems<'_>) -> Option<u16> {
        let number = self.number(0, u16::MAX.into(), problems)?;
        u16::try_from(number).ok()
    }

    /// Returns a text that `parse` accepts; otherwise the problem says what it expects.
    pub(crate) fn parsed<T>(
        self,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(problems)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(wanted) => {
                let defect = Defect::Form {
                    key: self.key,
                    found: quoted(text),
                    wanted,
                };
                problems.report(self.at, defect);
                None
            }
        }
    }

    /// Returns the members of a list.
    pub(crate) fn members(self, problems: &mut Problems<'_>) -> Option<Vec<Self>> {
        let DeValue::Array(members) = self.value else {
            return self.wrong_type(problems);
        };
        let members = members.iter().map(|member| Self {
            value: member.get_ref(),
            at: member.span().start,
            ..self
        });
        Some(members.collect())
    }

    /// Returns the value as a table, described by `section`.
    pub(crate) fn table(
        self,
        section: &'static Section,
        problems: &mut Problems<'_>,
    ) -> Option<Table<'a>> {
        let DeValue::Table(entries) = self.value else {
            return self.wrong_type(problems);
        };
        Some(Table::open(section, entries, self.at, problems))
    }

    fn wrong_type<T>(&self, problems: &mut Problems<'_>) -> Option<T> {
        let defect = Defect::WrongType {
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
        problems.report(self.at, defect);
        None
    }
}
