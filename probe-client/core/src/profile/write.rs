//! Writes a profile as the text of a file, in one canonical form.

use std::fmt::Write as _;

use settings_file::quoted;

use super::keyword::Keyword;
use super::{
    Direction, Expectation, NettcpMode, Note, Profile, Rule, Sourcing, Transport, by_place_as_toml,
};

pub(super) fn profile(profile: &Profile) -> String {
    let mut text = Text::default();
    text.string("id", profile.id.as_str());
    if !profile.also_known_as.is_empty() {
        let names = profile.also_known_as.iter();
        let names: Vec<_> = names.map(|name| quoted(name.as_str())).collect();
        text.line("also_known_as", &format!("[{}]", names.join(", ")));
    }
    text.string("title", &profile.title);
    text.optional("summary", profile.summary.as_deref());
    text.optional("applies_to", profile.applies_to.as_deref());
    let source = &profile.source;
    text.string("source", source);
    profile
        .notes
        .iter()
        .for_each(|entry| note(entry, source, &mut text));
    profile
        .rules
        .iter()
        .for_each(|entry| rule(entry, source, &mut text));
    text.0
}

fn note(note: &Note, inherited: &str, text: &mut Text) {
    text.header("notes");
    text.string("text", &note.text);
    text.source(&note.source, inherited);
    text.sourcing(note.sourcing);
}

fn rule(rule: &Rule, inherited: &str, text: &mut Text) {
    text.header("rules");
    text.string("id", rule.id.as_str());
    text.line("port", &rule.port.to_string());
    text.unless_default("transport", rule.transport, Transport::Tcp);
    text.optional("session", rule.session.map(Keyword::word));
    text.optional("via_uri", rule.via_uri.as_ref().map(|via| via.as_str()));
    if let Some(mode) = rule.nettcp_mode {
        text.unless_default("nettcp_mode", mode, NettcpMode::Duplex);
    }
    if rule.legacy_hello {
        text.line("legacy_hello", "true");
    }
    text.string("purpose", &rule.purpose);
    text.unless_default("direction", rule.direction, Direction::Outbound);
    if rule.expect_where.is_empty() {
        text.unless_default("expect", rule.expect, Expectation::Open);
    } else {
        text.line("expect", &by_place_as_toml(&rule.expect_where));
    }
    if !rule.required {
        text.line("required", "false");
    }
    text.optional("destination", rule.destination.as_deref());
    text.source(&rule.source, inherited);
    text.optional(
        "source_date",
        rule.source_date.as_ref().map(|date| date.as_str()),
    );
    text.sourcing(rule.sourcing);
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn header(&mut self, name: &str) {
        self.append(format_args!("\n[[{name}]]\n"));
    }

    fn line(&mut self, key: &str, value: &str) {
        self.append(format_args!("{key} = {value}\n"));
    }

    fn string(&mut self, key: &str, value: &str) {
        self.line(key, &quoted(value));
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    fn unless_default<K: Keyword + PartialEq>(&mut self, key: &str, value: K, default: K) {
        if value != default {
            self.string(key, value.word());
        }
    }

    /// Writes a source, unless it is the profile's own: most rules have the same source as the profile, and it is long.
    fn source(&mut self, source: &str, inherited: &str) {
        if source != inherited {
            self.string("source", source);
        }
    }

    fn sourcing(&mut self, sourcing: Sourcing) {
        let word = quoted(sourcing.word());
        match sourcing.caveat() {
            None => self.line("sourcing", &word),
            Some(caveat) => self.line("sourcing", &format!("{word} # {caveat}")),
        }
    }

    fn append(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(arguments)
            .expect("a String takes any text");
    }
}
