//! The generated messages of `proto/fwprobe/v1`; docs/develop/wire.md describes them.

#[cfg_attr(
    feature = "control",
    expect(
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        clippy::too_many_lines,
        reason = "generated code"
    )
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/fwprobe.v1.rs"));
}

pub use generated::*;
