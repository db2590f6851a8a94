//! Clap's parser of words of which completions know many, and which may also be a file or an id of the user's own.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use head_node::catalogue::CheckId;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::profile::{Profile, ProfileId};

/// A parser that takes every text, and has a function that lists the known ones for completions.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownWords(fn() -> Vec<&'static str>);

/// Parses the name of a profile, or of a profile file.
pub(super) const PROFILES: KnownWords = KnownWords(|| {
    let all = Profile::all().iter().map(|profile| &profile.id);
    all.map(ProfileId::as_str).collect()
});

/// Parses an id that has a page, or the name of a saved run.
pub(super) const SUBJECTS: KnownWords = KnownWords(|| {
    let verdicts = VerdictId::ALL.iter().map(|id| id.name());
    let findings = FindingId::ALL.iter().map(|id| id.name());
    let checks = CheckId::ALL.iter().map(|id| id.name());
    verdicts.chain(findings).chain(checks).collect()
});

impl TypedValueParser for KnownWords {
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
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}
