//! The configuration file: the keys that it may contain, as they were read, without defaults.

mod limits;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use self::limits::{FileLimits, LIMITS};
use super::{Place, Placed};
use crate::config::{InstanceName, Listen, ListenAddress};
use crate::document::{Field, Problems, Reading, Section, read};
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

/// Adds the file's path to the lines of values.
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

/// Returns a path. A relative one starts at the folder of the file that contains it.
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

/// The maximum notice: no load balancer takes longer to react.
const MAX_NOTICE_SECONDS: u64 = 600;
/// The maximum grace period: a session that still runs after an hour will not end soon.
const MAX_GRACE_SECONDS: u64 = 3600;
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
