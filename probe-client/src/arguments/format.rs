//! Clap's parsers of `--format`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

use probe_report::{FORMATS, Format};

use crate::report_format::{self, FormatChoice};

/// Parses the name of a format, or `template=FILE`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = FormatChoice;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<FormatChoice, Error> {
        let found = FormatChoice::named(&value.to_string_lossy());
        found.ok_or_else(|| invalid(report_format::names(), command, argument, value))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(report_format::names().map(PossibleValue::new)))
    }
}

/// Parses the name of a format for which the function returns true.
#[derive(Clone, Copy, Debug)]
pub(super) struct FormatsThat(fn(&Format) -> bool);

/// Parses the name of a format that can show the difference between two runs.
pub(super) const DIFF_FORMATS: FormatsThat = FormatsThat(|format| format.diff.is_some());

/// Parses the name of a format that can show the answer of many nodes.
pub(super) const MERGE_FORMATS: FormatsThat = FormatsThat(|format| format.merge.is_some());

impl FormatsThat {
    fn names(self) -> impl Iterator<Item = &'static str> {
        let able = FORMATS.iter().filter(move |format| (self.0)(format));
        able.map(|format| format.name)
    }
}

impl TypedValueParser for FormatsThat {
    type Value = &'static Format;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static Format, Error> {
        let found = Format::named(&value.to_string_lossy());
        let able = found.filter(|format| (self.0)(format));
        able.ok_or_else(|| invalid(self.names(), command, argument, value))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names().map(PossibleValue::new)))
    }
}

/// Returns clap's error for a value that is none of `names`, which it lists.
fn invalid(
    names: impl Iterator<Item = &'static str>,
    command: &Command,
    argument: Option<&Arg>,
    value: &OsStr,
) -> Error {
    let parsed = PossibleValuesParser::new(names).parse_ref(command, argument, value);
    let error = parsed.err();
    error.unwrap_or_else(|| Error::new(ErrorKind::InvalidValue))
}
