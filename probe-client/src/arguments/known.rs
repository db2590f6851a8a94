//! Clap's parsers of words of which completions know many, and which may also be a file or an id of the user's own.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use head_node::catalogue::CheckId;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::profile::{Profile, ProfileId};

/// Parses the name of a profile, or of a profile file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProfileParser;

/// Parses an id that has a page, or the name of a saved run.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectParser;

impl TypedValueParser for ProfileParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = Profile::all().iter().map(|profile| &profile.id);
        Some(Box::new(all.map(ProfileId::as_str).map(PossibleValue::new)))
    }
}

impl TypedValueParser for SubjectParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let verdicts = VerdictId::ALL.iter().map(|id| id.name());
        let findings = FindingId::ALL.iter().map(|id| id.name());
        let checks = CheckId::ALL.iter().map(|id| id.name());
        let all = verdicts.chain(findings).chain(checks);
        Some(Box::new(all.map(PossibleValue::new)))
    }
}
