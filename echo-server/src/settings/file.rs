//! The configuration file: what may stand in it, and nothing decided yet.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use super::{Place, Placed};
use crate::config::{Config, InstanceName, Listen, ListenAddress};
use crate::document::{Field, Problems, Reading, Section, Table, read};
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

/// Where it says nothing, the default stands.
#[derive(Debug, Default)]
pub(super) struct FileLimits {
    sessions: Option<usize>,
    sessions_per_key: Option<usize>,
    held_per_key: Option<usize>,
    new_per_second_per_key: Option<u32>,
    strangers: Option<usize>,
    strangers_per_source: Option<usize>,
    new_per_second_per_source: Option<u32>,
    control_connections: Option<usize>,
    session_seconds: Option<u64>,
    session_bytes: Option<u64>,
}

impl FileSettings {
    pub(super) fn read(path: &Path) -> Reading<Self> {
        read(path, &FILE, |table, problems| {
            let place = Placer { path };
            let limits = table.optional("limits", problems, |field, problems| {
                let table = field.table(&LIMITS, problems)?;
                Some(FileLimits::of(&table, problems))
            });
            let log = table.optional("log", problems, |field, problems| {
                field.table(&LOG, problems)
            });
            let log = log.as_ref();
            let private = table.optional("private", problems, |field, problems| {
                field.table(&PRIVATE, problems)
            });
            let private = |key, problems: &mut Problems<'_>| {
                let table = private.as_ref()?;
                table.optional(key, problems, |field, problems| {
                    let address = parsed(field, problems)?;
                    Some(place.at(field.at(), address, problems))
                })
            };
            Self {
                identity: table
                    .optional("identity", problems, Field::text)
                    .map(|text| beside(path, text)),
                instance: table.optional("instance", problems, parsed),
                addresses: table.optional("addresses", problems, addresses),
                ports: table.optional("ports", problems, |field, problems| {
                    place.ports(field, problems)
                }),
                control_port: table.optional("control_port", problems, |field, problems| {
                    let port = field.number(1, u16::MAX.into(), problems)?;
                    let at = field.at();
                    u16::try_from(port)
                        .ok()
                        .map(|port| place.at(at, port, problems))
                }),
                listen: table.optional("listen", problems, |field, problems| {
                    place.listeners(field, problems)
                }),
                reuse_port: table.optional("reuse_port", problems, Field::boolean),
                behind_source_nat: table.optional("behind_source_nat", problems, Field::boolean),
                witness: table.optional("witness", problems, Field::boolean),
                notice_seconds: table.optional("notice_seconds", problems, |field, problems| {
                    field.number(0, MAX_NOTICE_SECONDS, problems)
                }),
                grace_seconds: table.optional("grace_seconds", problems, |field, problems| {
                    field.number(0, MAX_GRACE_SECONDS, problems)
                }),
                sandbox: table.optional("sandbox", problems, word),
                health: private("health", problems),
                metrics: private("metrics", problems),
                limits: limits.unwrap_or_default(),
                log_format: log.and_then(|log| log.optional("format", problems, word)),
                log_level: log.and_then(|log| log.optional("level", problems, word)),
            }
        })
    }
}

impl FileLimits {
    fn of(table: &Table<'_>, problems: &mut Problems<'_>) -> Self {
        Self {
            sessions: table.optional("sessions", problems, count),
            sessions_per_key: table.optional("sessions_per_key", problems, count),
            held_per_key: table.optional("held_per_key", problems, count),
            new_per_second_per_key: table.optional("new_per_second_per_key", problems, rate),
            strangers: table.optional("strangers", problems, count),
            strangers_per_source: table.optional("strangers_per_source", problems, count),
            new_per_second_per_source: table.optional("new_per_second_per_source", problems, rate),
            control_connections: table.optional("control_connections", problems, count),
            session_seconds: table.optional("session_seconds", problems, |field, problems| {
                field.number(MIN_SESSION_SECONDS, MAX_SESSION_SECONDS, problems)
            }),
            session_bytes: table.optional("session_bytes", problems, |field, problems| {
                field.number(MIN_SESSION_BYTES, MAX_SESSION_BYTES, problems)
            }),
        }
    }

    pub(super) fn apply_to(&self, config: &mut Config) {
        let admission = &mut config.admission;
        admission.greeted = self.sessions.unwrap_or(admission.greeted);
        admission.per_key = self.sessions_per_key.unwrap_or(admission.per_key);
        admission.held_per_key = self.held_per_key.unwrap_or(admission.held_per_key);
        admission.per_second_per_key = self
            .new_per_second_per_key
            .unwrap_or(admission.per_second_per_key);
        admission.ungreeted = self.strangers.unwrap_or(admission.ungreeted);
        admission.ungreeted_per_source = self
            .strangers_per_source
            .unwrap_or(admission.ungreeted_per_source);
        admission.per_second_per_source = self
            .new_per_second_per_source
            .unwrap_or(admission.per_second_per_source);
        config.control_connections = self
            .control_connections
            .unwrap_or(config.control_connections);
        let session = &mut config.session;
        session.lifetime = self
            .session_seconds
            .map_or(session.lifetime, Duration::from_secs);
        session.session_bytes = self.session_bytes.unwrap_or(session.session_bytes);
    }
}

/// Remembers in which file the lines are.
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

    fn ports(&self, field: Field<'_>, problems: &mut Problems<'_>) -> Option<Vec<Placed<u16>>> {
        let mut ports = Vec::new();
        for member in field.members(problems)? {
            if let Some(port) = member.port(problems) {
                ports.push(self.at(member.at(), port, problems));
            }
        }
        Some(ports)
    }

    fn listeners(
        &self,
        field: Field<'_>,
        problems: &mut Problems<'_>,
    ) -> Option<Vec<Placed<Listen>>> {
        let mut listeners = Vec::new();
        for member in field.members(problems)? {
            let Some(table) = member.table(&LISTEN, problems) else {
                continue;
            };
            let address = table.optional("address", problems, parsed::<IpAddr>);
            let port = table.required("port", problems, Field::port);
            let public_port = table.optional("public_port", problems, |field, problems| {
                let port = field.number(1, u16::MAX.into(), problems)?;
                u16::try_from(port).ok()
            });
            let Some(port) = port else {
                continue;
            };
            let listen = Listen {
                address: address.map_or(ListenAddress::Any, ListenAddress::One),
                port,
                public_port,
            };
            listeners.push(self.at(table.at(), listen, problems));
        }
        Some(listeners)
    }
}

/// A relative path counts from the file that it stands in.
fn beside(file: &Path, text: &str) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(text)
}

fn addresses(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Vec<IpAddr>> {
    let members = field.members(problems)?.into_iter();
    Some(
        members
            .filter_map(|member| parsed(member, problems))
            .collect(),
    )
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: Field<'_>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    field.parsed(problems, |text| {
        text.parse().map_err(|reason: T::Err| reason.to_string())
    })
}

fn word<T: ValueEnum>(field: Field<'_>, problems: &mut Problems<'_>) -> Option<T> {
    field.parsed(problems, |text| {
        T::from_str(text, false).map_err(|_| {
            let words = T::value_variants()
                .iter()
                .filter_map(ValueEnum::to_possible_value);
            let words: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
            format!("use one of {}", words.join(", "))
        })
    })
}

fn count(field: Field<'_>, problems: &mut Problems<'_>) -> Option<usize> {
    let number = field.number(1, MAX_COUNT, problems)?;
    usize::try_from(number).ok()
}

fn rate(field: Field<'_>, problems: &mut Problems<'_>) -> Option<u32> {
    let number = field.number(1, MAX_RATE, problems)?;
    u32::try_from(number).ok()
}

/// More than any host accepts in a second.
const MAX_RATE: u64 = 1_000_000;
/// More than a process has descriptors.
const MAX_COUNT: u64 = 1_000_000;
/// No load balancer takes longer to notice.
const MAX_NOTICE_SECONDS: u64 = 600;
/// A session that is still running after an hour is not about to end.
const MAX_GRACE_SECONDS: u64 = 3600;
/// A shorter one could not finish its default stages behind a slow proxy.
const MIN_SESSION_SECONDS: u64 = 60;
const MAX_SESSION_SECONDS: u64 = 24 * 3600;
/// The default stages, both ways.
const MIN_SESSION_BYTES: u64 = 256 * 1024;
const MAX_SESSION_BYTES: u64 = 1024 * 1024 * 1024;

const FILE: Section = Section {
    name: "a configuration",
    keys: &[
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
};

const LISTEN: Section = Section {
    name: "a listener",
    keys: &[
        ("address", r#"address = "10.0.0.4""#),
        ("port", "port = 20080"),
        ("public_port", "public_port = 80"),
    ],
};

const LIMITS: Section = Section {
    name: "`limits`",
    keys: &[
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
};

const PRIVATE: Section = Section {
    name: "`private`",
    keys: &[
        ("health", r#"health = "127.0.0.1:8080""#),
        ("metrics", r#"metrics = "127.0.0.1:9464""#),
    ],
};

const LOG: Section = Section {
    name: "`log`",
    keys: &[
        ("format", r#"format = "json""#),
        ("level", r#"level = "info""#),
    ],
};
