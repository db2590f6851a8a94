//! Compiles the .proto files with protox, so that no protoc needs to be installed.
use std::error::Error;

const FILES: [&str; 2] = ["fwprobe/v1/session.proto", "fwprobe/v1/control.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let mut prost = prost_build::Config::new();
    prost.enable_type_names();
    if std::env::var_os("CARGO_FEATURE_CONTROL").is_some() {
        tonic_prost_build::configure().compile_fds_with_config(descriptors, prost)?;
    } else {
        prost.compile_fds(descriptors)?;
    }
    Ok(())
}
