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
        if let Some(choice) = FormatChoice::named(&value.to_string_lossy()) {
            return Ok(choice);
        }
        // Makes clap's error, which lists the valid names.
        let names = PossibleValuesParser::new(report_format::names());
        names.parse_ref(command, argument, value)?;
        Err(Error::new(ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(report_format::names().map(PossibleValue::new)))
    }
}

/// Parses the name of a format that can show the difference between two runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct DiffFormatParser;

impl TypedValueParser for DiffFormatParser {
    type Value = &'static Format;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static Format, Error> {
        let found = Format::named(&value.to_string_lossy());
        if let Some(format) = found.filter(|format| format.diff.is_some()) {
            return Ok(format);
        }
        // Makes clap's error, which lists the valid names.
        let names = PossibleValuesParser::new(diff_names());
        names.parse_ref(command, argument, value)?;
        Err(Error::new(ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(diff_names().map(PossibleValue::new)))
    }
}

fn diff_names() -> impl Iterator<Item = &'static str> {
    let able = FORMATS.iter().filter(|format| format.diff.is_some());
    able.map(|format| format.name)
}
