//! A rule's expectation, which may differ by path and by address family.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings_file::{Defect, Field, Problems, Read, quoted};

use super::Expectation;
use super::keyword::Keyword as _;
use crate::excerpt::Excerpt;
use crate::path::{InvalidPath, NetworkPath};

/// The expectation for some paths or some addresses.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ExpectedWhere {
    /// The paths that the expectation is for. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathChoice>,
    /// The version of IP of the server's address. Absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<AddressFamily>,
    /// The behaviour that is expected of the network there.
    pub expect: Expectation,
}

/// The paths that an expectation is about, written `direct`, `proxy` or as the URL of one proxy.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum PathChoice {
    /// Every proxy.
    AnyProxy,
    /// One path.
    Exactly(NetworkPath),
}

/// A version of IP.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    Ipv4,
    Ipv6,
}

/// The expectation that one line of a file states for a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expected {
    Everywhere(Expectation),
    ByPlace(Vec<ExpectedWhere>),
}

impl ExpectedWhere {
    /// Returns whether this applies to `path` to `address`, which is `None` if a proxy resolves the server's name.
    pub fn covers(&self, path: &NetworkPath, address: Option<IpAddr>) -> bool {
        let on_path = match &self.path {
            None => true,
            Some(PathChoice::AnyProxy) => !path.is_direct(),
            Some(PathChoice::Exactly(exactly)) => exactly == path,
        };
        let family = address.map(AddressFamily::of);
        on_path && (self.family.is_none() || self.family == family)
    }

    /// Returns how closely this describes a path and an address. If several expectations apply, the closest counts.
    pub(super) fn closeness(&self) -> (u8, bool) {
        let path = match &self.path {
            None => 0,
            Some(PathChoice::AnyProxy) => 1,
            Some(PathChoice::Exactly(_)) => 2,
        };
        (path, self.family.is_some())
    }

    fn key(&self) -> (&Option<PathChoice>, Option<AddressFamily>) {
        (&self.path, self.family)
    }
}

impl AddressFamily {
    /// Returns the IP version of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::Ipv4
        } else {
            Self::Ipv6
        }
    }

    /// Returns the key of the family in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// Returns the family in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Ipv4, Self::Ipv6]
            .into_iter()
            .find(|family| family.name() == name)
    }
}

impl fmt::Display for PathChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyProxy => f.write_str(ANY_PROXY),
            Self::Exactly(path) => path.fmt(f),
        }
    }
}

impl FromStr for PathChoice {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text == ANY_PROXY {
            return Ok(Self::AnyProxy);
        }
        text.parse().map(Self::Exactly)
    }
}

impl TryFrom<String> for PathChoice {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl From<PathChoice> for String {
    fn from(choice: PathChoice) -> Self {
        choice.to_string()
    }
}

impl Expected {
    /// Reads `"open"`, `"blocked"`, or a table with these words by path, by family, or by family within a path.
    pub fn read(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Self> {
        if !field.is_table() {
            return Expectation::read(field, problems).map(Self::Everywhere);
        }
        let mut all = Vec::new();
        for entry in field.entries(EXAMPLE, problems)? {
            if let Some(family) = AddressFamily::named(entry.key()) {
                let expect = Expectation::read(entry, problems)?;
                all.push(place(None, Some(family), expect));
            } else {
                over(entry, &mut all, problems)?;
            }
        }
        all.sort();
        let mixed =
            all.iter().any(|one| one.path.is_none()) && all.iter().any(|one| one.path.is_some());
        let twice = all.windows(2).any(|pair| pair[0].key() == pair[1].key());
        let wrong = match (all.is_empty(), mixed, twice) {
            (true, _, _) => Some(format!(
                "this states no expectation; write it like {EXAMPLE}"
            )),
            (_, true, _) => Some(format!(
                "address families and paths are mixed on one level; write the family within the \
                 path, as in {NESTED}"
            )),
            (_, _, true) => Some("two of these paths are the same; remove one of them".to_owned()),
            _ => None,
        };
        match wrong {
            Some(wrong) => Err(problems.report(field.at(), Defect::other(wrong))),
            None => Ok(Self::ByPlace(all)),
        }
    }
}

/// Reads the expectation for one path.
fn over(entry: Field<'_>, all: &mut Vec<ExpectedWhere>, problems: &mut Problems<'_>) -> Read<()> {
    let Ok(path) = entry.key().parse::<PathChoice>() else {
        return Err(problems.report(entry.at(), no_place(entry.key())));
    };
    if !entry.is_table() {
        let expect = Expectation::read(entry, problems)?;
        all.push(place(Some(path), None, expect));
        return Ok(());
    }
    for inner in entry.entries(NESTED, problems)? {
        let Some(family) = AddressFamily::named(inner.key()) else {
            return Err(problems.report(inner.at(), no_place(inner.key())));
        };
        let expect = Expectation::read(inner, problems)?;
        all.push(place(Some(path.clone()), Some(family), expect));
    }
    Ok(())
}

fn place(
    path: Option<PathChoice>,
    family: Option<AddressFamily>,
    expect: Expectation,
) -> ExpectedWhere {
    ExpectedWhere {
        path,
        family,
        expect,
    }
}

fn no_place(key: &str) -> Defect {
    let key = Excerpt::cut(key, MAX_KEY_CHARS);
    Defect::other(format_args!(
        "`{key}` is neither a path nor an address family; use direct, proxy, a proxy in quotes \
         such as \"http://proxy.example:3128\", ipv4 or ipv6"
    ))
}

/// Writes the expectations as an inline table, from which the reader of profiles gets the same expectations.
pub fn by_place_as_toml(all: &[ExpectedWhere]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = all;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|one| one.path == first.path).count();
        let (group, others) = rest.split_at(same);
        let families = group.iter().filter_map(|one| {
            let family = one.family?.name();
            Some(format!("{family} = {}", quoted(one.expect.word())))
        });
        let families: Vec<String> = families.collect();
        parts.push(match (&first.path, families.is_empty()) {
            (None, _) => families.join(", "),
            (Some(path), true) => {
                let word = quoted(first.expect.word());
                format!("{} = {word}", quoted(&path.to_string()))
            }
            (Some(path), false) => {
                let path = quoted(&path.to_string());
                format!("{path} = {{ {} }}", families.join(", "))
            }
        });
        rest = others;
    }
    format!("{{ {} }}", parts.join(", "))
}

const ANY_PROXY: &str = "proxy";
const MAX_KEY_CHARS: usize = 60;
const EXAMPLE: &str = r#"expect = { direct = "blocked", proxy = "open" }"#;
const NESTED: &str = r#"expect = { direct = { ipv4 = "open", ipv6 = "blocked" } }"#;
