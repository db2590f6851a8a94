//! Faults: URIs with which a service refuses a preamble (MC-NMF section 2.2.3). A fault proves that net.tcp gets
//! through, although the service declines.

use std::borrow::Cow;

use super::text::encode_text;
use super::{MAX_FAULT, NmfError, Text};
use crate::cursor::{Cursor, Stop};

/// The reason given in a Fault record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    Known(KnownFault),
    Other(Text<MAX_FAULT>),
}

/// The faults that the specification names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnownFault {
    ConnectionDispatchFailed,
    ContentTypeInvalid,
    ContentTypeTooLong,
    EndpointAccessDenied,
    EndpointNotFound,
    EndpointPaused,
    EndpointUnavailable,
    InvalidRecordSequence,
    MaxMessageSizeExceeded,
    ServerTooBusy,
    ServiceActivationFailed,
    UnsupportedMode,
    UnsupportedVersion,
    UpgradeInvalid,
    ViaTooLong,
}

impl Fault {
    /// Returns the URI as it is in the record.
    pub fn uri(&self) -> Cow<'_, str> {
        match self {
            Self::Known(fault) => Cow::Owned(format!("{PREFIX}{}", fault.name())),
            Self::Other(uri) => Cow::Borrowed(uri.as_str()),
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        let uri = Text::read(cursor)?;
        let known = uri.as_str().strip_prefix(PREFIX).and_then(|name| {
            KnownFault::ALL
                .into_iter()
                .find(|fault| fault.name() == name)
        });
        Ok(known.map_or(Self::Other(uri), Self::Known))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_text(&self.uri(), out);
    }
}

impl KnownFault {
    pub const ALL: [Self; 15] = [
        Self::ConnectionDispatchFailed,
        Self::ContentTypeInvalid,
        Self::ContentTypeTooLong,
        Self::EndpointAccessDenied,
        Self::EndpointNotFound,
        Self::EndpointPaused,
        Self::EndpointUnavailable,
        Self::InvalidRecordSequence,
        Self::MaxMessageSizeExceeded,
        Self::ServerTooBusy,
        Self::ServiceActivationFailed,
        Self::UnsupportedMode,
        Self::UnsupportedVersion,
        Self::UpgradeInvalid,
        Self::ViaTooLong,
    ];

    /// Returns the last part of the URI.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectionDispatchFailed => "ConnectionDispatchFailed",
            Self::ContentTypeInvalid => "ContentTypeInvalid",
            Self::ContentTypeTooLong => "ContentTypeTooLong",
            Self::EndpointAccessDenied => "EndpointAccessDenied",
            Self::EndpointNotFound => "EndpointNotFound",
            Self::EndpointPaused => "EndpointPaused",
            Self::EndpointUnavailable => "EndpointUnavailable",
            Self::InvalidRecordSequence => "InvalidRecordSequence",
            Self::MaxMessageSizeExceeded => "MaxMessageSizeExceededFault",
            Self::ServerTooBusy => "ServerTooBusy",
            Self::ServiceActivationFailed => "ServiceActivationFailed",
            Self::UnsupportedMode => "UnsupportedMode",
            Self::UnsupportedVersion => "UnsupportedVersion",
            Self::UpgradeInvalid => "UpgradeInvalid",
            Self::ViaTooLong => "ViaTooLong",
        }
    }
}

const PREFIX: &str = "http://schemas.microsoft.com/ws/2006/05/framing/faults/";
