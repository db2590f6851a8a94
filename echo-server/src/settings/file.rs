//! The configuration file: the keys that it may contain, as they were read, without defaults.

mod limits;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use settings_file::{Field, Problems, Read, Reading, Section, Table};

use self::limits::{FileLimits, LIMITS};
use super::{Place, Placed};
use crate::config::{InstanceName, Listen, ListenAddress};
use crate::document::read;
use crate::logging::{LogFormat, LogLevel};
use crate::sandbox::SandboxMode;

#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub(super) identity: Option<PathBuf>,
    pub(super) instance: Option<InstanceName>,
    pub(super) addresses: Option<Vec<IpAddr>>,
    pub(super) ports: Option<Vec<Placed<u16>>>,
    pub(super) control_port: Option<Placed<u16>>,
    pub(super) listen: Option<Vec<Placed<Listen>>>,
    pub(super) reuse_port: Option<bool>,
    pub(super) behind_source_nat: Option<bool>,
    pub(super) witness: Option<bool>,
    pub(super) notice_seconds: Option<u64>,
    pub(super) grace_seconds: Option<u64>,
    pub(super) sandbox: Option<SandboxMode>,
    pub(super) health: Option<Placed<SocketAddr>>,
    pub(super) metrics: Option<Placed<SocketAddr>>,
    pub(super) limits: FileLimits,
    pub(super) log_format: Option<LogFormat>,
    pub(super) log_level: Option<LogLevel>,
}

impl FileSettings {
    pub(super) fn read(path: &Path) -> Reading<Self> {
        read(path, &FILE, |table, problems| {
            let place = Placer { path };
            let limits = inner(table, "limits", &LIMITS, problems);
            let log = inner(table, "log", &LOG, problems);
            let private = inner(table, "private", &PRIVATE, problems);
            let private = |key, problems: &mut Problems<'_>| {
                optional(private.as_ref()?, key, problems, |field, problems| {
                    let address = field.parsed(problems)?;
                    Ok(place.at(field.at(), address, problems))
                })
            };
            Self {
                identity: optional(table, "identity", problems, Field::text)
                    .map(|text| beside(path, text)),
                instance: optional(table, "instance", problems, Field::parsed),
                addresses: optional(table, "addresses", problems, addresses),
                ports: optional(table, "ports", problems, |field, problems| {
                    place.ports(field, problems)
                }),
                control_port: optional(table, "control_port", problems, |field, problems| {
                    let port = field.port(1, problems)?;
                    Ok(place.at(field.at(), port, problems))
                }),
                listen: optional(table, "listen", problems, |field, problems| {
                    place.listeners(field, problems)
                }),
                reuse_port: optional(table, "reuse_port", problems, Field::boolean),
                behind_source_nat: optional(table, "behind_source_nat", problems, Field::boolean),
                witness: optional(table, "witness", problems, Field::boolean),
                notice_seconds: optional(table, "notice_seconds", problems, |field, problems| {
                    field.number(0, MAX_NOTICE_SECONDS, problems)
                }),
                grace_seconds: optional(table, "grace_seconds", problems, |field, problems| {
                    field.number(0, MAX_GRACE_SECONDS, problems)
                }),
                sandbox: optional(table, "sandbox", problems, |field, problems| {
                    field.word(SandboxMode::value_variants(), SandboxMode::word, problems)
                }),
                health: private("health", problems),
                metrics: private("metrics", problems),
                limits: limits
                    .map(|table| FileLimits::of(&table, problems))
                    .unwrap_or_default(),
                log_format: log.as_ref().and_then(|log| {
                    optional(log, "format", problems, |field, problems| {
                        field.word(LogFormat::value_variants(), LogFormat::word, problems)
                    })
                }),
                log_level: log.as_ref().and_then(|log| {
                    optional(log, "level", problems, |field, problems| {
                        field.word(LogLevel::value_variants(), LogLevel::word, problems)
                    })
                }),
            }
        })
    }
}

/// Reads an optional key. Returns `None` if the key is absent or its value is wrong; only a wrong value adds a problem.
fn optional<'a, T>(
    table: &Table<'a>,
    key: &'static str,
    problems: &mut Problems<'_>,
    read: impl FnOnce(Field<'a>, &mut Problems<'_>) -> Read<T>,
) -> Option<T> {
    table.optional(key, problems, read).unwrap_or_default()
}

fn inner<'a>(
    table: &Table<'a>,
    key: &'static str,
    section: &'static Section,
    problems: &mut Problems<'_>,
) -> Option<Table<'a>> {
    optional(table, key, problems, |field, problems| {
        field.table(section, problems)
    })
}

/// Gives each value its place in the file: path and line.
struct Placer<'p> {
    path: &'p Path,
}

impl Placer<'_> {
    fn at<T>(&self, at: usize, value: T, problems: &Problems<'_>) -> Placed<T> {
        let place = Place::Line {
            path: self.path.to_owned(),
            line: problems.line(at),
        };
        Placed { value, place }
    }

    fn ports(&self, field: Field<'_>, problems: &mut Problems<'_>) -> Read<Vec<Placed<u16>>> {
        let mut ports = Vec::new();
        for member in field.members(problems)? {
            if let Ok(port) = member.port(0, problems) {
                ports.push(self.at(member.at(), port, problems));
            }
        }
        Ok(ports)
    }

    fn listeners(
        &self,
        field: Field<'_>,
        problems: &mut Problems<'_>,
    ) -> Read<Vec<Placed<Listen>>> {
        let mut listeners = Vec::new();
        for member in field.members(problems)? {
            let Ok(table) = member.table(&LISTEN, problems) else {
                continue;
            };
            let address = optional(&table, "address", problems, Field::parsed::<IpAddr>);
            let port = table.required("port", problems, |field, problems| field.port(0, problems));
            let public_port = optional(&table, "public_port", problems, |field, problems| {
                field.port(1, problems)
            });
            let Ok(port) = port else {
                continue;
            };
            let listen = Listen {
                address: address.map_or(ListenAddress::Any, ListenAddress::One),
                port,
                public_port,
            };
            listeners.push(self.at(table.at(), listen, problems));
        }
        Ok(listeners)
    }
}

/// Returns the path in `text`. A relative path starts at the folder of `file`, which contains it.
fn beside(file: &Path, text: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(text)
}

fn addresses(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Vec<IpAddr>> {
    let members = field.members(problems)?.into_iter();
    Ok(members
        .filter_map(|member| member.parsed(problems).ok())
        .collect())
}

/// The maximum notice: no load balancer takes longer to react.
const MAX_NOTICE_SECONDS: u64 = 600;
/// The maximum grace period: a session that still runs after an hour will not end soon.
const MAX_GRACE_SECONDS: u64 = 3600;
static FILE: Section = Section::new(
    "a configuration",
    &[
        ("identity", r#"identity = "/etc/fwprobe-echo""#),
        ("instance", r#"instance = "westeurope-1""#),
        ("addresses", r#"addresses = ["10.0.0.4"]"#),
        ("ports", "ports = [80, 443]"),
        ("control_port", "control_port = 8443"),
        ("listen", "[[listen]] with port"),
        ("reuse_port", "reuse_port = false"),
        ("behind_source_nat", "behind_source_nat = false"),
        ("witness", "witness = false"),
        ("notice_seconds", "notice_seconds = 15"),
        ("grace_seconds", "grace_seconds = 10"),
        ("sandbox", r#"sandbox = "required""#),
        ("private", r#"[private] with health = "127.0.0.1:8080""#),
        ("limits", "[limits] with sessions = 15000"),
        ("log", r#"[log] with format = "json""#),
    ],
);

static LISTEN: Section = Section::new(
    "a listener",
    &[
        ("address", r#"address = "10.0.0.4""#),
        ("port", "port = 20080"),
        ("public_port", "public_port = 80"),
    ],
);

static PRIVATE: Section = Section::new(
    "`private`",
    &[
        ("health", r#"health = "127.0.0.1:8080""#),
        ("metrics", r#"metrics = "127.0.0.1:9464""#),
    ],
);

static LOG: Section = Section::new(
    "`log`",
    &[
        ("format", r#"format = "json""#),
        ("level", r#"level = "info""#),
    ],
);
