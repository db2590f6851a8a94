//! Byte strings as reports show them: lower-case hexadecimal digits.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any number of bytes.
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct HexBytes(pub Vec<u8>);

/// Exactly `N` bytes.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HexArray<const N: usize>(pub [u8; N]);

/// A SHA-256 digest.
pub type Digest = HexArray<32>;

impl fmt::Debug for HexBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for HexArray<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> fmt::Display for HexArray<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl Serialize for HexBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<const N: usize> Serialize for HexArray<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        hex::decode(text.as_ref())
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de, const N: usize> Deserialize<'de> for HexArray<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(text.as_ref(), &mut bytes)
            .map(|()| Self(bytes))
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for HexBytes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HexBytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9a-f]{2})*$" })
    }
}

impl<const N: usize> JsonSchema for HexArray<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("HexBytes{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^[0-9a-f]{{{}}}$", 2 * N) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_digits_there_and_back() {
        let bytes = HexBytes(vec![0x00, 0xAB]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"00ab\"");
        assert_eq!(serde_json::from_str::<HexBytes>("\"00ab\"").unwrap(), bytes);
        let array = HexArray([0xFE, 1]);
        assert_eq!(serde_json::to_string(&array).unwrap(), "\"fe01\"");
        assert_eq!(
            serde_json::from_str::<HexArray<2>>("\"fe01\"").unwrap(),
            array
        );
    }

    #[test]
    fn other_lengths_and_other_characters_are_refused() {
        assert!(serde_json::from_str::<HexBytes>("\"0\"").is_err());
        assert!(serde_json::from_str::<HexBytes>("\"zz\"").is_err());
        assert!(serde_json::from_str::<HexArray<2>>("\"fe\"").is_err());
        assert!(serde_json::from_str::<HexArray<2>>("\"fe0102\"").is_err());
    }
}
