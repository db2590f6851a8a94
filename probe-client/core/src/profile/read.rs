//! Reads a profile from the text of a file, or reports all its problems.

use std::collections::{BTreeMap, BTreeSet};

use settings_file::{Defect, Field, FileErrors, Problems, Read, Reading, Reported, Table};

use super::error::Flaw;
use super::keyword::Keyword;
use super::section::{NOTE, PROFILE, RULE};
use super::{
    Direction, Expectation, Expected, MAX_TEXT_BYTES, NettcpMode, Note, Port, Profile, ProfileId,
    Rule, RuleId, Sourcing, Transport, ViaTemplate,
};
use crate::session_kind::SessionKind;

pub(super) fn profile(file: &str, text: &str) -> Result<Profile, FileErrors> {
    let mut reading = settings_file::read(file, text, &PROFILE, root_table);
    // If the profile lacks something, this is listed among the other problems.
    let value = reading.value.take().and_then(Result::ok);
    Reading {
        value,
        problems: reading.problems,
    }
    .whole()
}

fn root_table(table: &Table<'_>, problems: &mut Problems<'_>) -> Read<Profile> {
    let id = table.required("id", problems, Field::parsed);
    let title = table.required("title", problems, short_text);
    let summary = table.optional("summary", problems, short_text);
    let applies_to = table.optional("applies_to", problems, short_text);
    let source = table.required("source", problems, short_text);
    let also_known_as = names(table, id.as_ref().ok(), problems);
    // A rule or note without its own source inherits the profile's. If the profile's source is invalid, that is
    // reported once, not again for each rule and note.
    let inherited = source.as_deref().unwrap_or_default();
    let notes = notes(table, inherited, problems);
    let rules = rules(table, inherited, problems);
    Ok(Profile {
        id: id?,
        also_known_as: also_known_as?,
        title: title?,
        summary: summary?,
        applies_to: applies_to?,
        notes: notes?,
        rules: rules?,
        source: source?,
    })
}

fn names(
    table: &Table<'_>,
    id: Option<&ProfileId>,
    problems: &mut Problems<'_>,
) -> Read<Vec<ProfileId>> {
    let listed = table.optional("also_known_as", problems, Field::members)?;
    let mut taken: BTreeSet<ProfileId> = id.cloned().into_iter().collect();
    let mut names = Vec::new();
    for field in listed.unwrap_or_default() {
        names.push(field.parsed(problems).and_then(|name: ProfileId| {
            if taken.insert(name.clone()) {
                return Ok(name);
            }
            let name = name.as_str();
            let defect = Defect::other(Flaw::DuplicateName { name });
            Err(problems.report(field.at(), defect))
        }));
    }
    names.into_iter().collect()
}

fn notes(table: &Table<'_>, inherited: &str, problems: &mut Problems<'_>) -> Read<Vec<Note>> {
    let listed = table.optional("notes", problems, Field::members)?;
    let notes = listed.unwrap_or_default().into_iter();
    let notes: Vec<_> = notes
        .map(|field| note(field, inherited, problems))
        .collect();
    notes.into_iter().collect()
}

fn note(field: Field<'_>, inherited: &str, problems: &mut Problems<'_>) -> Read<Note> {
    let table = field.table(&NOTE, problems)?;
    let text = table.required("text", problems, short_text);
    let source = table.optional("source", problems, short_text);
    let sourcing = table.optional("sourcing", problems, word);
    Ok(Note {
        text: text?,
        source: source?.unwrap_or_else(|| inherited.to_owned()),
        sourcing: sourcing?.unwrap_or(Sourcing::Verified),
    })
}

fn rules(table: &Table<'_>, inherited: &str, problems: &mut Problems<'_>) -> Read<Vec<Rule>> {
    let listed = table.optional("rules", problems, Field::members)?;
    let listed = listed.unwrap_or_default();
    if listed.is_empty() {
        return Err(problems.report(table.at(), Defect::other(Flaw::NoRules)));
    }
    let mut ids = BTreeMap::new();
    let mut asked = BTreeMap::new();
    let mut rules = Vec::with_capacity(listed.len());
    for field in listed {
        let at = field.at();
        let rule = field
            .table(&RULE, problems)
            .and_then(|table| rule(&table, &mut ids, inherited, problems));
        if let Ok(rule) = &rule {
            if let Some(first) = asked.get(&question(rule)) {
                let first = problems.line(*first);
                let defect = Defect::other(Flaw::DuplicateRule { first });
                rules.push(Err(problems.report(at, defect)));
                continue;
            }
            asked.insert(question(rule), at);
        }
        rules.push(rule);
    }
    rules.into_iter().collect()
}

fn rule(
    table: &Table<'_>,
    ids: &mut BTreeMap<RuleId, usize>,
    inherited: &str,
    problems: &mut Problems<'_>,
) -> Read<Rule> {
    let id = unique_id(table, ids, problems);
    let port = table.required("port", problems, port);
    let session = session(table, problems);
    let purpose = table.required("purpose", problems, short_text);
    let direction = table.optional("direction", problems, word);
    let expect = table.optional("expect", problems, Expected::read);
    let required = table.optional("required", problems, Field::boolean);
    let destination = table.optional("destination", problems, short_text);
    let source = table.optional("source", problems, short_text);
    let source_date = table.optional("source_date", problems, Field::parsed);
    let sourcing = table.optional("sourcing", problems, word);
    let session = session?;
    let mut rule = Rule {
        id: id?,
        port: port?,
        transport: session.transport,
        session: session.kind,
        via_uri: session.via_uri,
        nettcp_mode: session.nettcp_mode,
        legacy_hello: session.legacy_hello,
        purpose: purpose?,
        direction: direction?.unwrap_or(Direction::Outbound),
        expect: Expectation::Open,
        expect_where: Vec::new(),
        required: required?.unwrap_or(true),
        destination: destination?,
        source: source?.unwrap_or_else(|| inherited.to_owned()),
        source_date: source_date?,
        sourcing: sourcing?.unwrap_or(Sourcing::Verified),
    };
    if let Some(expected) = expect? {
        rule.set_expected(expected);
    }
    Ok(rule)
}

fn unique_id(
    table: &Table<'_>,
    ids: &mut BTreeMap<RuleId, usize>,
    problems: &mut Problems<'_>,
) -> Read<RuleId> {
    table.required("id", problems, |field, problems| {
        let id: RuleId = field.parsed(problems)?;
        if let Some(first) = ids.get(&id) {
            let first = problems.line(*first);
            let defect = Defect::other(Flaw::DuplicateId { id: &id, first });
            return Err(problems.report(field.at(), defect));
        }
        ids.insert(id.clone(), field.at());
        Ok(id)
    })
}

/// The values of the keys about the session, which depend on each other.
struct Session {
    transport: Transport,
    kind: Option<SessionKind>,
    via_uri: Option<ViaTemplate>,
    nettcp_mode: Option<NettcpMode>,
    legacy_hello: bool,
}

fn session(table: &Table<'_>, problems: &mut Problems<'_>) -> Read<Session> {
    match table.optional("transport", problems, word) {
        Ok(None | Some(Transport::Tcp)) => tcp_session(table, problems),
        Ok(Some(Transport::Udp)) => {
            let keys = ["session", "via_uri", "nettcp_mode", "legacy_hello"];
            refuse(table, &keys, problems, |key| Flaw::OnlyForTcp { key })?;
            Ok(Session {
                transport: Transport::Udp,
                kind: None,
                via_uri: None,
                nettcp_mode: None,
                legacy_hello: false,
            })
        }
        // Without a valid transport, it is unknown which of the other keys belong here, but each can still be checked
        // by itself.
        Err(reported) => {
            let _: Read<Option<SessionKind>> = table.optional("session", problems, word);
            check_channel(table, problems);
            Err(reported)
        }
    }
}

fn tcp_session(table: &Table<'_>, problems: &mut Problems<'_>) -> Read<Session> {
    let kind = table.required("session", problems, word);
    let (via_uri, nettcp_mode, legacy_hello) = match kind {
        Ok(SessionKind::Nettcp) => {
            let via_uri = table.required("via_uri", problems, Field::parsed);
            let mode = table.optional("nettcp_mode", problems, word);
            let legacy = table.optional("legacy_hello", problems, Field::boolean);
            let mode = mode?.unwrap_or(NettcpMode::Duplex);
            (Some(via_uri?), Some(mode), legacy?.unwrap_or(false))
        }
        Ok(session) => {
            let keys = ["via_uri", "nettcp_mode", "legacy_hello"];
            refuse(table, &keys, problems, |key| Flaw::OnlyForNettcp {
                key,
                session,
            })?;
            (None, None, false)
        }
        Err(_) => {
            check_channel(table, problems);
            (None, None, false)
        }
    };
    Ok(Session {
        transport: Transport::Tcp,
        kind: Some(kind?),
        via_uri,
        nettcp_mode,
        legacy_hello,
    })
}

fn check_channel(table: &Table<'_>, problems: &mut Problems<'_>) {
    let _: Read<Option<ViaTemplate>> = table.optional("via_uri", problems, Field::parsed);
    let _: Read<Option<NettcpMode>> = table.optional("nettcp_mode", problems, word);
    let _: Read<Option<bool>> = table.optional("legacy_hello", problems, Field::boolean);
}

/// Reports each of the keys that is present, because none of them is allowed.
fn refuse(
    table: &Table<'_>,
    keys: &[&'static str],
    problems: &mut Problems<'_>,
    why: impl Fn(&'static str) -> Flaw<'static>,
) -> Read<()> {
    let mut read = Ok(());
    for key in keys.iter().copied() {
        if let Some(field) = table.get(key) {
            read = Err(problems.report(field.at(), Defect::other(why(key))));
        }
    }
    read
}

/// Reads a text that is short enough for a report.
fn short_text(field: Field<'_>, problems: &mut Problems<'_>) -> Read<String> {
    let text = field.text_up_to(MAX_TEXT_BYTES, problems)?;
    Ok(text.to_owned())
}

fn word<K: Keyword>(field: Field<'_>, problems: &mut Problems<'_>) -> Read<K> {
    field.word(K::ALL, K::word, problems)
}

fn port(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Port> {
    let number = field.port(1, problems)?;
    Port::new(number).ok_or(Reported)
}

/// Returns what a rule asks of the network. Two rules must not ask the same.
fn question(rule: &Rule) -> impl Ord + use<> {
    (
        (rule.transport, rule.direction, rule.port, rule.session),
        (rule.via_uri.clone(), rule.nettcp_mode),
        rule.destination.clone(),
    )
}
