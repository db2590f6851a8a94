//! `cargo xtask STEP…` runs steps of the gate. Every command line of the gate is in [`steps`], and nowhere else.

mod call;
mod gate;
mod literals;
mod overlong;
mod steps;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use call::Caller;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match run(&names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // If standard error is closed, the error cannot be reported anywhere.
            let _ = writeln!(std::io::stderr(), "xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(names: &[String]) -> Result<(), String> {
    let root = root();
    if names.is_empty() {
        return Err(usage());
    }
    let mut names = names.iter();
    while let Some(name) = names.next() {
        match name.as_str() {
            "all" => gate::all(&root)?,
            "wrap" => overlong::wrap(&root)?,
            "watch-soak" => {
                let mut rest = names.clone();
                let minutes = rest.next().and_then(|word| word.parse().ok());
                if minutes.is_some() {
                    names = rest;
                }
                let minutes = minutes.unwrap_or(steps::MINUTES);
                steps::watch_soak(&Caller::shown(&root), minutes)?;
            }
            name => steps::find(name)
                .ok_or_else(usage)?
                .run(&Caller::shown(&root))?,
        }
    }
    Ok(())
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask STEP…\n");
    for step in steps::STEPS {
        text.push_str(&format!("\n  {:<8} {}", step.name, step.what));
    }
    text.push_str(
        "\n  all      every step except test, which lab includes; steps run in parallel where \
         possible",
    );
    text.push_str(
        "\n  watch-soak [MINUTES]\n           not part of all: runs a watch for an hour, with \
         the server stopped and frozen, and the disk full (root)",
    );
    text.push_str(
        "\n  wrap     not part of all: wraps string literals that are too long for rustfmt, then \
         formats",
    );
    text
}

/// Returns the root of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
