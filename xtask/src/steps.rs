//! The steps of the gate as data: names, requirements, command lines.

use std::fs;
use std::path::Path;

use crate::call::Caller;
use crate::overlong;

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    actions: &'static [Action],
}

#[derive(Debug)]
enum Action {
    /// A command line: variables first, then words without spaces.
    Call(&'static str),
    /// The first `cargo test` line in the README, with these variables.
    ReadmeTests(&'static str),
    /// A check that is a function of this crate.
    Check(fn(&Path) -> Result<(), String>),
}

/// The steps of the gate. The first five need neither root nor system packages.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "rustfmt, and nothing that hides from it",
        actions: &[
            Action::Call("cargo fmt --all --check"),
            Action::Call("cargo fmt --manifest-path fuzz/Cargo.toml --check"),
            Action::Check(overlong::check),
        ],
    },
    Step {
        name: "lint",
        what: "clippy, warnings denied",
        actions: &[Action::Call(
            "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings",
        )],
    },
    Step {
        name: "test",
        what: "the README's test command; tests that need root are ignored, for root as well",
        actions: &[Action::ReadmeTests("FWPROBE_WITHOUT_ROOT=1")],
    },
    Step {
        name: "docs",
        what: "rustdoc, warnings denied",
        actions: &[Action::Call(
            "RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --quiet",
        )],
    },
    Step {
        name: "deny",
        what: "licences, bans and sources (`cargo install --locked cargo-deny`)",
        actions: &[Action::Call(
            "cargo deny --all-features check licenses bans sources",
        )],
    },
    Step {
        name: "scripts",
        what: "shellcheck",
        actions: &[Action::Call(
            "shellcheck .ci/run .ci/windows fuzz/run tests/examples/lossy \
             tests/examples/small-disk tests/examples/accuracy-peers tests/reports/check",
        )],
    },
    Step {
        name: "demo",
        what: "the README's first command",
        actions: &[
            // Both programs are built, so that no later step replaces one that is in use.
            Action::Call("cargo build --quiet --locked --bins"),
            Action::Call("cargo run --quiet --locked --bin fwprobe -- demo"),
        ],
    },
    Step {
        name: "fuzz",
        what: "every fuzz target for 8 s (a C++ compiler)",
        actions: &[Action::Call("fuzz/run 8")],
    },
    Step {
        name: "lab",
        what: "the README's test command, nothing skipped: fault lab, abuse, proxies (root, the \
               packages of .ci/run)",
        actions: &[Action::ReadmeTests("FWPROBE_NO_SKIP=1")],
    },
    Step {
        name: "soak",
        what: "ten minutes of a server's life, one packet in a hundred lost (root; after lab)",
        // The soak never waits for a fixed time, but a server gives clients only a limited time, so it has priority
        // over compilers.
        actions: &[Action::Call(
            "nice --adjustment=-10 unshare --net tests/examples/lossy 1 target/debug/examples/soak \
             10",
        )],
    },
    Step {
        name: "windows",
        what: "fwprobe for Windows, built and run under Wine (root, the packages of .ci/run)",
        actions: &[Action::Call(".ci/windows")],
    },
    Step {
        name: "reports",
        what: "reports read back by other programs, and in a browser (root, the packages of \
               .ci/run)",
        actions: &[
            Action::Call("cargo build --quiet --locked --bin fwprobe"),
            Action::Call("tests/reports/check target/debug/fwprobe"),
        ],
    },
    Step {
        name: "deploy",
        what: "the tests of OTLP, the server as a static binary, and deploy/check (root, the \
               packages of .ci/run)",
        actions: &[
            // The program is built with everything that a release has. This is the last
            // step, so no other step uses the program.
            Action::Call(
                "cargo build --quiet --locked --bin fwprobe --package probe-client --features otlp",
            ),
            // The README's test command builds without the feature.
            Action::Call(
                "cargo test --quiet --locked -p probe-report -p probe-client --features \
                 probe-client/otlp --lib otlp",
            ),
            Action::Call(
                "cargo build --quiet --locked --target x86_64-unknown-linux-musl --bin fwprobe-echo",
            ),
            Action::Call(
                "FWPROBE_NO_SKIP=1 deploy/check target/debug/fwprobe \
                 target/x86_64-unknown-linux-musl/debug/fwprobe-echo",
            ),
        ],
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

impl Step {
    /// Runs the step's command lines in order, up to the first that fails.
    pub(crate) fn run(&self, caller: &Caller<'_>) -> Result<(), String> {
        for action in self.actions {
            let done = match action {
                Action::Call(line) => caller.call(line),
                Action::ReadmeTests(variables) => readme_tests(caller.root)
                    .and_then(|command| caller.call(&format!("{variables} {command}"))),
                Action::Check(check) => check(caller.root),
            };
            done.map_err(|why| format!("{}: {why}", self.name))?;
        }
        Ok(())
    }
}

/// Exercises a watch for `minutes`. It is not a step of the gate, since it takes an hour to say anything about memory.
pub(crate) fn watch_soak(caller: &Caller<'_>, minutes: u32) -> Result<(), String> {
    caller.call("cargo build --quiet --locked --workspace --bins --examples")?;
    caller.call(&format!(
        "tests/examples/small-disk 256 target/debug/examples/watch_soak {minutes}"
    ))
}

/// The minutes that the soak of a watch takes if none are given.
pub(crate) const MINUTES: u32 = 60;

/// Returns the command that the README gives readers for running the tests.
fn readme_tests(root: &Path) -> Result<String, String> {
    let text = fs::read_to_string(root.join("README.md")).map_err(|e| format!("README.md: {e}"))?;
    let found = text.lines().find_map(|line| {
        line.strip_prefix("    ")
            .filter(|l| l.starts_with("cargo test"))
    });
    found
        .map(str::to_owned)
        .ok_or_else(|| "README.md has no line `    cargo test …`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{find, readme_tests};

    #[test]
    fn the_readme_names_its_test_command() {
        let command = readme_tests(&crate::root()).unwrap();
        assert!(command.starts_with("cargo test --workspace"), "{command}");
    }

    #[test]
    fn steps_are_found_by_name() {
        assert!(find("lint").is_some());
        assert!(find("lunch").is_none());
    }
}
