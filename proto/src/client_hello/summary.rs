//! Reads the few facts of a ClientHello that the testimony repeats (RFC 8446 section 4.1.2). The parser is tolerant: it
//! reads as much of a damaged hello as it can.

use crate::cursor::{Cursor, Short};

/// The contents of a ClientHello as received. Reserved values (RFC 8701) are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHelloSummary {
    /// The legacy version: 0x0303 for TLS 1.2 and later.
    pub legacy_version: u16,
    /// The first host name, with bytes that are not UTF-8 replaced. `None` if no name was sent.
    pub server_name: Option<String>,
    /// The ALPN protocols; empty if the extension was not sent.
    pub alpn: Vec<Vec<u8>>,
    /// The supported versions; empty if the extension was not sent.
    pub supported_versions: Vec<u16>,
    /// The IANA numbers of the key shares' groups. Empty if the extension was not sent, or without a share.
    pub key_share_groups: Vec<u16>,
    /// Whether reading stopped before the end, because the hello is malformed, was too long to keep, or lists more
    /// entries than are kept. The fields then contain the part before that place.
    pub cut: bool,
}

impl ClientHelloSummary {
    /// Reads a handshake message from its header on, as far as it can be read.
    ///
    /// Every list has at most [`MAX_LISTED`] entries, for every size of the hello. `None` if even the legacy version is
    /// missing.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(message);
        cursor.take(MESSAGE_HEADER).ok()?;
        let mut summary = Self {
            legacy_version: cursor.u16_be().ok()?,
            ..Self::default()
        };
        summary.cut = summary.read_rest(&mut cursor).is_err();
        Some(summary)
    }

    fn read_rest(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Cut> {
        cursor.take(RANDOM)?;
        let session_id = cursor.byte()?;
        cursor.take(session_id.into())?;
        let cipher_suites = cursor.u16_be()?;
        cursor.take(cipher_suites.into())?;
        let compressions = cursor.byte()?;
        cursor.take(compressions.into())?;
        if cursor.is_empty() {
            // The hello has no extensions, as before RFC 3546.
            return Ok(());
        }
        let extensions = cursor.u16_be()?;
        let (mut extensions, all) = up_to(cursor, extensions.into());
        while !extensions.is_empty() {
            let kind = extensions.u16_be()?;
            let length = extensions.u16_be()?;
            let (mut extension, whole) = up_to(&mut extensions, length.into());
            self.read_extension(kind, &mut extension)?;
            whole?;
        }
        all
    }

    fn read_extension(&mut self, kind: u16, extension: &mut Cursor<'_>) -> Result<(), Cut> {
        match kind {
            SERVER_NAME => self.read_server_name(extension),
            ALPN => self.read_alpn(extension),
            SUPPORTED_VERSIONS => self.read_supported_versions(extension),
            KEY_SHARE => self.read_key_shares(extension),
            _ => Ok(()),
        }
    }

    fn read_server_name(&mut self, extension: &mut Cursor<'_>) -> Result<(), Cut> {
        let length = extension.u16_be()?;
        let (mut names, whole) = up_to(extension, length.into());
        while !names.is_empty() {
            let kind = names.byte()?;
            let length = names.u16_be()?;
            let name = names.take(length.into())?;
            if kind == HOST_NAME && self.server_name.is_none() {
                self.server_name = Some(String::from_utf8_lossy(name).into_owned());
            }
        }
        whole
    }

    fn read_alpn(&mut self, extension: &mut Cursor<'_>) -> Result<(), Cut> {
        let length = extension.u16_be()?;
        let (mut protocols, whole) = up_to(extension, length.into());
        while !protocols.is_empty() {
            let length = protocols.byte()?;
            let name = protocols.take(length.into())?;
            list(&mut self.alpn, name.to_vec())?;
        }
        whole
    }

    fn read_supported_versions(&mut self, extension: &mut Cursor<'_>) -> Result<(), Cut> {
        let length = extension.byte()?;
        let (mut versions, whole) = up_to(extension, length.into());
        while !versions.is_empty() {
            list(&mut self.supported_versions, versions.u16_be()?)?;
        }
        whole
    }

    fn read_key_shares(&mut self, extension: &mut Cursor<'_>) -> Result<(), Cut> {
        let length = extension.u16_be()?;
        let (mut shares, whole) = up_to(extension, length.into());
        while !shares.is_empty() {
            list(&mut self.key_share_groups, shares.u16_be()?)?;
            let length = shares.u16_be()?;
            shares.take(length.into())?;
        }
        whole
    }
}

/// The error that reading cannot continue.
struct Cut;

impl From<Short> for Cut {
    fn from(_: Short) -> Self {
        Self
    }
}

fn list<T>(entries: &mut Vec<T>, entry: T) -> Result<(), Cut> {
    if entries.len() == MAX_LISTED {
        return Err(Cut);
    }
    entries.push(entry);
    Ok(())
}

/// Returns the next `length` bytes. If there are fewer, returns those and an error.
fn up_to<'a>(cursor: &mut Cursor<'a>, length: usize) -> (Cursor<'a>, Result<(), Cut>) {
    match cursor.take(length) {
        Ok(bytes) => (Cursor::new(bytes), Ok(())),
        Err(short) => (Cursor::new(cursor.rest()), Err(short.into())),
    }
}

/// The maximum number of entries in each list. No client in use comes near it, and a hello made of empty entries must
/// not take more memory than it has bytes.
pub const MAX_LISTED: usize = 32;

const MESSAGE_HEADER: usize = 4;
const RANDOM: usize = 32;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const HOST_NAME: u8 = 0;
