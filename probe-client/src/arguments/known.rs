//! Clap's parser of arguments that are a known word or a file of the user's own. Shell completions offer the known
//! words.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use head_node::catalogue::CheckId;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::profile::{Profile, ProfileId};

/// A parser that accepts every text. Its function lists the known words, for completions.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownWords(fn() -> Vec<&'static str>);

/// Parses the name of a profile, or of a profile file.
pub(super) const PROFILES: KnownWords = KnownWords(|| {
    let all = Profile::all().iter().map(|profile| &profile.id);
    all.map(ProfileId::as_str).collect()
});

/// Parses an id that has a page, or the file name of a saved run.
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
