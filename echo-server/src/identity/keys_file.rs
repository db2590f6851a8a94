//! `keys.toml`: the client keys and the control port, in the identity's directory.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proto::connection_string::DEFAULT_CONTROL_PORT;
use proto::key::{KeyId, Secret};
use serde::{Serialize, Serializer};
use settings_file::{Defect, Field, FileErrors, Problems, Read, Section, Table};
use zeroize::Zeroizing;

use super::ClientKey;
use crate::document::read;

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeysFile {
    pub(super) control_port: u16,
    pub(super) keys: Vec<ClientKey>,
}

impl KeysFile {
    pub(super) fn read(path: &Path) -> Result<Self, FileErrors> {
        read(path, &FILE, |table, problems| Self {
            control_port: table
                .optional("control_port", problems, |field, problems| {
                    field.port(1, problems)
                })
                .unwrap_or_default()
                .unwrap_or(DEFAULT_CONTROL_PORT),
            keys: table
                .optional("keys", problems, keys)
                .unwrap_or_default()
                .unwrap_or_default(),
        })
        .whole()
    }

    /// Returns the file's text, secrets included.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let encoded = Encoded {
            control_port: self.control_port,
            keys: self.keys.iter().map(EncodedKey::from).collect(),
        };
        let toml = toml::to_string(&encoded);
        let toml = Zeroizing::new(toml.expect("numbers, texts and booleans can stand in TOML"));
        Zeroizing::new(format!("{HEADER}{}", *toml))
    }
}

fn keys(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Vec<ClientKey>> {
    let mut first_lines: BTreeMap<KeyId, usize> = BTreeMap::new();
    let mut keys = Vec::new();
    for member in field.members(problems)? {
        let at = member.at();
        let Ok(key) = member
            .table(&KEY, problems)
            .and_then(|table| key(&table, problems))
        else {
            continue;
        };
        if let Some(first) = first_lines.insert(key.id.clone(), problems.line(at)) {
            let told = format!(
                "the key id `{}` is taken already, in line {first}; remove one of the two",
                key.id
            );
            problems.report(at, Defect::other(told));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key(table: &Table<'_>, problems: &mut Problems<'_>) -> Read<ClientKey> {
    let id = table.required("id", problems, Field::parsed);
    let label = table.required("label", problems, Field::parsed);
    let secret = table.required("secret", problems, secret);
    let created = table.required("created", problems, Field::parsed);
    let revoked = table.optional("revoked", problems, Field::boolean);
    let admin = table.optional("admin", problems, Field::boolean);
    Ok(ClientKey {
        id: id?,
        label: label?,
        secret: secret?,
        created: created?,
        revoked: revoked?.unwrap_or(false),
        admin: admin?.unwrap_or(false),
    })
}

fn secret(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Secret> {
    let text = field.text(problems)?;
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new);
    let bytes = decoded
        .ok()
        .and_then(|bytes| bytes.as_slice().try_into().ok());
    bytes.map(Secret::new).ok_or_else(|| {
        let expected = "expected 43 characters of base64url (256 bits)";
        field.malformed_secret(expected, problems)
    })
}

#[derive(Serialize)]
struct Encoded<'a> {
    control_port: u16,
    keys: Vec<EncodedKey<'a>>,
}

#[derive(Serialize)]
struct EncodedKey<'a> {
    id: &'a str,
    label: &'a str,
    #[serde(serialize_with = "encode_secret")]
    secret: &'a Secret,
    created: String,
    revoked: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    admin: bool,
}

impl<'a> From<&'a ClientKey> for EncodedKey<'a> {
    fn from(key: &'a ClientKey) -> Self {
        Self {
            id: key.id.as_str(),
            label: key.label.as_str(),
            secret: &key.secret,
            created: key.created.to_string(),
            revoked: key.revoked,
            admin: key.admin,
        }
    }
}

fn encode_secret<S: Serializer>(secret: &&Secret, serializer: S) -> Result<S::Ok, S::Error> {
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(secret.expose()));
    serializer.serialize_str(&text)
}

const HEADER: &str = "# Client keys of this echo server. Everybody who has a secret can use the \
                      server; keep this file private.
# `fwprobe-echo identity add-key` and `identity revoke-key` change it; a server reads it when it \
                      starts
# and when it reloads.

";

static FILE: Section = Section::new(
    "a file of client keys",
    &[
        ("control_port", "control_port = 8443"),
        ("keys", "[[keys]] with id, label, secret and created"),
    ],
);

static KEY: Section = Section::new(
    "a key",
    &[
        ("id", r#"id = "k12ab34cd""#),
        ("label", r#"label = "head node""#),
        ("secret", r#"secret = "…" with 43 characters of base64url"#),
        ("created", r#"created = "2026-01-31T12:00:00Z""#),
        ("revoked", "revoked = false"),
        ("admin", "admin = false"),
    ],
);
