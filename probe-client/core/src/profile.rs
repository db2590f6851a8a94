//! Profiles: named sets of rules, each of which says what the network must let through or block. They are data files
//! (TOML); some are compiled in, and users write their own.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings_file::FileErrors;

use crate::path::NetworkPath;
use crate::session_kind::SessionKind;

mod builtin;
mod date;
mod error;
mod expected;
mod id;
mod keyword;
mod port;
mod read;
mod section;
mod via;
mod write;

pub use builtin::UnknownProfile;
pub use date::{InvalidDate, SourceDate};
pub use expected::{AddressFamily, Expected, ExpectedWhere, PathChoice, by_place_as_toml};
pub use id::{InvalidId, MAX_ID_BYTES, ProfileId, RuleId};
pub use keyword::{Direction, Expectation, NettcpMode, Sourcing, Transport};
pub use port::{InvalidPort, Port};
pub use via::{InvalidVia, MAX_VIA_BYTES, ViaTemplate};

/// A named set of rules.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Profile {
    /// The id by which `fwprobe run` chooses the profile.
    pub id: ProfileId,
    /// Other names that choose it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_known_as: Vec<ProfileId>,
    /// The title in one line, for lists.
    pub title: String,
    /// The purpose of the rules, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The products, versions or machines that the profile fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<String>,
    /// The source that says that these rules are needed: a document and its address.
    pub source: String,
    /// Facts that the profile's user should know in addition to the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The rules, at least one.
    pub rules: Vec<Rule>,
}

/// A fact about a profile that no rule can express.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Note {
    /// The fact.
    pub text: String,
    /// The source of the fact.
    pub source: String,
    /// How well the fact is founded.
    pub sourcing: Sourcing,
}

/// One thing that the network has to let through or stop.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Rule {
    /// The rule's id, unique in the profile.
    pub id: RuleId,
    /// The port that is dialled.
    pub port: Port,
    /// The protocol that the port belongs to.
    pub transport: Transport,
    /// The shape of the session; absent for UDP, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionKind>,
    /// The service that a net.tcp preamble asks for; present for `nettcp`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_uri: Option<ViaTemplate>,
    /// The mode that a net.tcp preamble asks for; present for `nettcp`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nettcp_mode: Option<NettcpMode>,
    /// Whether the real client sends a ClientHello of TLS 1.0 without a server name. If so, such a
    /// ClientHello is compared with the modern one; for `nettcp` only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub legacy_hello: bool,
    /// The purpose of the port, in words that the owner of a firewall understands.
    pub purpose: String,
    /// The side that opens the connection.
    pub direction: Direction,
    /// Whether the traffic should get through.
    pub expect: Expectation,
    /// The paths and address families for which the expectation differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_where: Vec<ExpectedWhere>,
    /// Whether all set-ups need the rule; false if only some do.
    pub required: bool,
    /// The service name or tag that the rule is really about. The probe goes to the echo server
    /// instead, so `reachable` says nothing about a filter on this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The source of the rule: a document and its address.
    pub source: String,
    /// The date of the document's last change, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_date: Option<SourceDate>,
    /// How well the rule is founded.
    pub sourcing: Sourcing,
}

/// The reason why no probe can test a rule.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize, thiserror::Error,
)]
#[serde(rename_all = "kebab-case")]
pub enum Untestable {
    /// The connection is opened by the other side.
    #[error("inbound: the other side opens this connection, so it can only be tested from there")]
    Inbound,
    /// The rule is not about TCP.
    #[error("udp: fwprobe opens TCP sessions only")]
    Udp,
}

impl Profile {
    /// Reads a profile file. `file_name` is only quoted in the errors.
    ///
    /// # Errors
    /// Returns all problems of the file together, in the order of the file. If the text is not TOML, or is larger than
    /// [`settings_file::MAX_FILE_BYTES`], this is the only error.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, FileErrors> {
        read::profile(file_name, text)
    }

    /// Returns the compiled-in profiles, in the order in which lists show them.
    pub fn all() -> &'static [Self] {
        builtin::all()
    }

    /// Returns the compiled-in profile with this id or other name.
    ///
    /// # Errors
    /// Returns an error if there is none; it names the profile that was probably meant.
    pub fn lookup(id_or_alias: &str) -> Result<&'static Self, UnknownProfile> {
        builtin::lookup(id_or_alias)
    }

    /// Writes the profile as a file that [`Profile::parse`] reads back to the same profile. A comment marks what is not
    /// verified.
    pub fn to_toml(&self) -> String {
        write::profile(self)
    }

    /// Returns the id and the other names.
    pub fn names(&self) -> impl Iterator<Item = &ProfileId> {
        std::iter::once(&self.id).chain(&self.also_known_as)
    }
}

impl Rule {
    /// Returns the expectation for `path` to `address`.
    pub fn expected(&self, path: &NetworkPath, address: Option<IpAddr>) -> Expectation {
        let places = self.expect_where.iter();
        let covering = places.filter(|place| place.covers(path, address));
        let closest = covering.max_by_key(|place| place.closeness());
        closest.map_or(self.expect, |place| place.expect)
    }

    /// Applies the expectation that a file states.
    pub fn set_expected(&mut self, expected: Expected) {
        match expected {
            Expected::Everywhere(expect) => {
                self.expect = expect;
                self.expect_where.clear();
            }
            Expected::ByPlace(places) => self.expect_where = places,
        }
    }

    /// Returns the kind of session that a probe of this rule opens.
    ///
    /// # Errors
    /// Returns the reason if the client cannot test the rule.
    pub fn testable(&self) -> Result<SessionKind, Untestable> {
        match (self.direction, self.transport, self.session) {
            (Direction::Inbound, _, _) => Err(Untestable::Inbound),
            (Direction::Outbound, Transport::Tcp, Some(session)) => Ok(session),
            (Direction::Outbound, _, _) => Err(Untestable::Udp),
        }
    }
}

/// The longest text of one value: a paragraph. Reports repeat these texts once per probe.
pub const MAX_TEXT_BYTES: usize = 1000;

#[cfg(test)]
mod tests;
