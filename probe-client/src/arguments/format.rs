//! Clap's parser of `--format`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

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
        // Words the error, with what would be right.
        let names = PossibleValuesParser::new(report_format::names());
        names.parse_ref(command, argument, value)?;
        Err(Error::new(ErrorKind::InvalidValue))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(report_format::names().map(PossibleValue::new)))
    }
}
