//! The preamble (MC-NMF section 2.2.6), up to the first record that the other side must answer.

use super::{
    KnownEncoding, MAX_CONTENT_TYPE, MAX_VIA, Mode, NmfError, Record, RecordType, Text, Upgrade,
};
use crate::cursor::{Cursor, Stop, decode_front};
use crate::decoded::Decoded;

/// The bytes that a net.tcp client sends before it waits for an answer: version 1.0, mode, Via, encoding, and then
/// either an upgrade request, or immediately PreambleEnd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preamble {
    pub mode: Mode,
    pub via: Text<MAX_VIA>,
    pub encoding: Encoding,
    /// The requested upgrade. If it is `None`, PreambleEnd is part of these bytes. Otherwise, PreambleEnd is the
    /// first record inside the upgraded stream.
    pub upgrade: Option<Upgrade>,
}

/// How envelopes are encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    Known(KnownEncoding),
    Extensible(Text<MAX_CONTENT_TYPE>),
}

impl Preamble {
    /// Reads one preamble from the front of `bytes`. Its records must have the order of the specification, without
    /// others in between.
    ///
    /// # Errors
    /// The bytes cannot become a preamble, or a part of it exceeds a limit.
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, NmfError> {
        decode_front(bytes, Self::read)
    }

    /// Appends the preamble to `out`: at most 2,574 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let [major, minor] = VERSION;
        Record::Version { major, minor }.encode(out);
        Record::Mode(self.mode).encode(out);
        Record::Via(self.via.clone()).encode(out);
        match self.encoding.clone() {
            Encoding::Known(encoding) => Record::KnownEncoding(encoding),
            Encoding::Extensible(content_type) => Record::ExtensibleEncoding(content_type),
        }
        .encode(out);
        match self.upgrade.clone() {
            Some(upgrade) => Record::UpgradeRequest(upgrade),
            None => Record::PreambleEnd,
        }
        .encode(out);
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        expect(cursor, RecordType::Version)?;
        let [major, minor] = cursor.array()?;
        if [major, minor] != VERSION {
            return Err(Stop::Invalid(NmfError::Version { major, minor }));
        }
        expect(cursor, RecordType::Mode)?;
        let mode = Mode::read(cursor)?;
        expect(cursor, RecordType::Via)?;
        let via = Text::read(cursor)?;
        let encoding = Encoding::read(cursor)?;
        let last = RecordType::read(cursor)?;
        let upgrade = if last == RecordType::UpgradeRequest {
            Some(Upgrade::read(cursor)?)
        } else {
            order(RecordType::PreambleEnd, last)?;
            None
        };
        Ok(Self {
            mode,
            via,
            encoding,
            upgrade,
        })
    }
}

impl Encoding {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        let found = RecordType::read(cursor)?;
        if found == RecordType::ExtensibleEncoding {
            return Ok(Self::Extensible(Text::read(cursor)?));
        }
        order(RecordType::KnownEncoding, found)?;
        Ok(Self::Known(KnownEncoding::read(cursor)?))
    }
}

fn expect(cursor: &mut Cursor<'_>, expected: RecordType) -> Result<(), Stop<NmfError>> {
    order(expected, RecordType::read(cursor)?)
}

fn order(expected: RecordType, found: RecordType) -> Result<(), Stop<NmfError>> {
    if found == expected {
        Ok(())
    } else {
        Err(Stop::Invalid(NmfError::RecordOrder { expected, found }))
    }
}

const VERSION: [u8; 2] = [1, 0];
