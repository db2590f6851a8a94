//! TCP options that one end considers agreed on, because it found them in both SYNs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options that a connection's own end found in the SYN and in the SYN-ACK.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgreedOptions {
    pub timestamps: bool,
    pub selective_acknowledgement: bool,
    pub window_scaling: bool,
}

impl AgreedOptions {
    /// Decodes the bits of `wire::Testimony`, which are Linux's `TCPI_OPT_*`.
    pub fn from_bits(bits: u32) -> Self {
        Self {
            timestamps: bits & 1 != 0,
            selective_acknowledgement: bits & 2 != 0,
            window_scaling: bits & 4 != 0,
        }
    }

    /// Returns the names of the options that this end has and `other` lacks.
    pub fn without_those_of(self, other: Self) -> Vec<&'static str> {
        let each = [
            (self.window_scaling, other.window_scaling, "window scaling"),
            (
                self.selective_acknowledgement,
                other.selective_acknowledgement,
                "selective acknowledgement",
            ),
            (self.timestamps, other.timestamps, "timestamps"),
        ];
        let lost = each.into_iter().filter(|(here, there, _)| *here && !*there);
        lost.map(|(_, _, name)| name).collect()
    }
}
