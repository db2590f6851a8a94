//! The section `[limits]`, whose numbers must agree with each other.

use std::time::Duration;

use echo_core::admission::AdmissionLimits;
use settings_file::{Defect, Field, Problems, Read, Reported, Section, Table};

use crate::config::Config;

/// The limits that the file states. Each limit that it leaves out gets its default; or less, if it is a part of a limit
/// that is lower than this default.
#[derive(Debug, Default)]
pub(in crate::settings) struct FileLimits {
    sessions: Option<Stated>,
    sessions_per_key: Option<Stated>,
    held_per_key: Option<Stated>,
    new_per_second_per_key: Option<u32>,
    strangers: Option<Stated>,
    strangers_per_source: Option<Stated>,
    new_per_second_per_source: Option<u32>,
    control_connections: Option<usize>,
    session_seconds: Option<u64>,
    session_bytes: Option<u64>,
}

/// A number of connections, with its position in the file. Some of these numbers are parts of others: for example, no
/// key may have more sessions than the server.
#[derive(Clone, Copy, Debug)]
struct Stated {
    key: &'static str,
    at: usize,
    /// The number; `None` if the value is not one.
    number: Option<usize>,
}

impl FileLimits {
    pub(super) fn of(table: &Table<'_>, problems: &mut Problems<'_>) -> Self {
        let limits = Self {
            sessions: stated(table, "sessions", 1, problems),
            sessions_per_key: stated(table, "sessions_per_key", 1, problems),
            held_per_key: stated(table, "held_per_key", 1, problems),
            new_per_second_per_key: rate(table, "new_per_second_per_key", problems),
            strangers: stated(table, "strangers", AdmissionLimits::MIN_STRANGERS, problems),
            strangers_per_source: stated(table, "strangers_per_source", 1, problems),
            new_per_second_per_source: rate(table, "new_per_second_per_source", problems),
            control_connections: table
                .optional("control_connections", problems, |field, problems| {
                    count(field, 1, problems)
                })
                .unwrap_or_default(),
            session_seconds: table
                .optional("session_seconds", problems, |field, problems| {
                    field.number(MIN_SESSION_SECONDS, MAX_SESSION_SECONDS, problems)
                })
                .unwrap_or_default(),
            session_bytes: table
                .optional("session_bytes", problems, |field, problems| {
                    field.number(MIN_SESSION_BYTES, MAX_SESSION_BYTES, problems)
                })
                .unwrap_or_default(),
        };
        limits.report_contradictions(problems);
        limits
    }

    fn report_contradictions(&self, problems: &mut Problems<'_>) {
        let in_force = self.admission();
        let sessions = ("sessions", self.sessions, in_force.sessions);
        let per_key = ("sessions_per_key", self.sessions_per_key, in_force.per_key);
        let strangers = ("strangers", self.strangers, in_force.strangers);
        for (part, (whole, whole_stated, most)) in [
            (self.sessions_per_key, sessions),
            (self.held_per_key, per_key),
            (self.strangers_per_source, strangers),
        ] {
            let Some((part, found)) = part.and_then(|part| Some((part, part.number?))) else {
                continue;
            };
            // If the limit for the whole is wrong itself, its part cannot be compared with it.
            if found <= most || whole_stated.is_some_and(|whole| whole.number.is_none()) {
                continue;
            }
            let place = whole_stated.map_or_else(
                || "by default".to_owned(),
                |whole| format!("in line {}", problems.line(whole.at)),
            );
            let defect = Defect::other(format_args!(
                "`{part}` is {found}, which is more than `{whole}` ({most} {place}); lower \
                 `{part}` or raise `{whole}`",
                part = part.key
            ));
            problems.report(part.at, defect);
        }
    }

    pub(in crate::settings) fn apply_to(&self, config: &mut Config) {
        config.admission = self.admission();
        config.control_connections = self
            .control_connections
            .unwrap_or(config.control_connections);
        let session = &mut config.session;
        session.lifetime = self
            .session_seconds
            .map_or(session.lifetime, Duration::from_secs);
        session.session_bytes = self.session_bytes.unwrap_or(session.session_bytes);
    }

    fn admission(&self) -> AdmissionLimits {
        let default = AdmissionLimits::default();
        let number = |stated: Option<Stated>| stated.and_then(|stated| stated.number);
        let sessions = number(self.sessions).unwrap_or(default.sessions);
        let per_key =
            number(self.sessions_per_key).unwrap_or_else(|| default.per_key.min(sessions));
        let strangers = number(self.strangers).unwrap_or(default.strangers);
        // One source gets at most half of the places, as by default.
        let per_source = default.strangers_per_source.min((strangers / 2).max(1));
        AdmissionLimits {
            strangers,
            strangers_per_source: number(self.strangers_per_source).unwrap_or(per_source),
            per_second_per_source: self
                .new_per_second_per_source
                .unwrap_or(default.per_second_per_source),
            sessions,
            per_key,
            held_per_key: number(self.held_per_key)
                .unwrap_or_else(|| default.held_per_key.min(per_key)),
            per_second_per_key: self
                .new_per_second_per_key
                .unwrap_or(default.per_second_per_key),
        }
    }
}

fn stated(
    table: &Table<'_>,
    key: &'static str,
    fewest: usize,
    problems: &mut Problems<'_>,
) -> Option<Stated> {
    let read = table.optional(key, problems, |field, problems| {
        Ok(Stated {
            key,
            at: field.at(),
            number: count(field, fewest, problems).ok(),
        })
    });
    read.unwrap_or_default()
}

fn count(field: Field<'_>, fewest: usize, problems: &mut Problems<'_>) -> Read<usize> {
    let number = field.number(fewest as u64, MAX_COUNT, problems)?;
    usize::try_from(number).map_err(|_| Reported)
}

fn rate(table: &Table<'_>, key: &'static str, problems: &mut Problems<'_>) -> Option<u32> {
    let read = table.optional(key, problems, |field, problems| {
        let number = field.number(1, MAX_RATE, problems)?;
        u32::try_from(number).map_err(|_| Reported)
    });
    read.unwrap_or_default()
}

pub(super) static LIMITS: Section = Section::new(
    "`limits`",
    &[
        ("sessions", "sessions = 15000"),
        ("sessions_per_key", "sessions_per_key = 12000"),
        ("held_per_key", "held_per_key = 10000"),
        ("new_per_second_per_key", "new_per_second_per_key = 20000"),
        ("strangers", "strangers = 4096"),
        ("strangers_per_source", "strangers_per_source = 2048"),
        (
            "new_per_second_per_source",
            "new_per_second_per_source = 1000",
        ),
        ("control_connections", "control_connections = 256"),
        ("session_seconds", "session_seconds = 2700"),
        ("session_bytes", "session_bytes = 16777216"),
    ],
);

/// The maximum rate: more than any host accepts in a second.
const MAX_RATE: u64 = 1_000_000;
/// The maximum count: more than the descriptors of a process.
const MAX_COUNT: u64 = 1_000_000;
/// The minimum duration of a session: a shorter one could not finish its default stages behind a slow proxy.
const MIN_SESSION_SECONDS: u64 = 60;
const MAX_SESSION_SECONDS: u64 = 24 * 3600;
/// The minimum payload of a session in bytes: the default stages in both directions.
const MIN_SESSION_BYTES: u64 = 256 * 1024;
const MAX_SESSION_BYTES: u64 = 1024 * 1024 * 1024;
