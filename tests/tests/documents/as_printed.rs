//! Runs every command that a document, a deployment or a program prints, as printed, in a folder with the files that
//! such commands name. None may be refused as wrong usage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use fwprobe_tests::{Identity, Place, Process, binaries, tree};

use super::deployed::{VERBS, deployed};
use super::plain_english::literals;
use super::{documents, typed};

/// The placeholders that readers replace, and the test's replacements for them. A placeholder in braces is replaced
/// inside words, any other only as a whole word.
const STANDS_FOR: &[(&str, &str)] = &[
    ("PROFILE", "hpc-2008r2-sp1"),
    ("ID", "dropped"),
    ("FILE", "echo.txt"),
    ("NAME", "127.0.0.1"),
    ("HOST", "127.0.0.1"),
    ("DIR", "identity"),
    ("{host}", "127.0.0.1"),
    ("{port}", "5901"),
    ("{proxy}", "127.0.0.1:9"),
    ("{what}", "hpc-2008r2-sp1"),
    ("http://proxy.example:3128", "http://127.0.0.1:9"),
    ("socks5h://socks.example:1080", "socks5h://127.0.0.1:9"),
    ("/etc/fwprobe-echo", "identity"),
    ("/etc/fwprobe-echo/identity", "identity"),
    ("/etc/fwprobe-echo/config.toml", "config.toml"),
    ("/etc/fwprobe-echo/config/config.toml", "config.toml"),
    ("/etc/fwprobe/config.toml", CLIENT_CONFIG),
    ("/etc/fwprobe/echo.txt", "echo.txt"),
    ("${CREDENTIALS_DIRECTORY}/echo.txt", "echo.txt"),
    ("${STATE_DIRECTORY}", "runs"),
    ("/var/lib/fwprobe", "runs"),
    (
        "/var/lib/prometheus/node-exporter/fwprobe.prom",
        "fwprobe.prom",
    ),
    ("C:\\ProgramData\\fwprobe\\config.toml", CLIENT_CONFIG),
    ("C:\\ProgramData\\fwprobe\\echo.txt", "echo.txt"),
    ("C:\\ProgramData\\fwprobe\\runs", "runs"),
    ("\\\\HEADNODE\\fwprobe\\runs", "run.json"),
    ("deploy/container/identity", "identity"),
    ("fw-contoso.identity/connection.txt", "echo.txt"),
    ("BEFORE", "before.json"),
    ("AFTER", "after.json"),
    ("1m,4m,10m", "1s"),
    ("--until-open=10m", "--until-open=1s"),
];

/// The reader's own configuration file, which [`lay_out`] writes.
const CLIENT_CONFIG: &str = ".config/fwprobe/config.toml";

/// The replacements of `{}` in a program's text; the word before it decides which one is used.
const AFTER: &[(&str, &str)] = &[
    ("--dir", "identity"),
    ("--identity", "identity"),
    ("--connection-file", "echo.txt"),
    ("explain", "dropped"),
];

/// Commands that are not run, each with the reason.
const NOT_RUN: &[(&str, &str)] = &[
    ("fwprobe demo", "a test of its own runs it"),
    ("fwprobe hpc-test", NAMED),
    ("fwprobe idle", NAMED),
    ("fwprobe watch", NAMED),
    ("fwprobe run --client-certificate", NAMED),
    ("fwprobe run --flows", NAMED),
    (
        "fwprobe-echo check-config",
        "reads the files of this host's own server",
    ),
    ("fwprobe-echo identity", NAMED),
    ("fwprobe-echo identity add-key", NAMED),
    ("fwprobe-echo identity add-key --admin", NAMED),
    ("fwprobe-echo identity new", NAMED),
    ("fwprobe-echo identity revoke-key", NAMED),
    ("fwprobe-echo identity roll-over", NAMED),
    ("fwprobe-echo serve", SERVES),
    ("fwprobe-echo serve --config config.toml", SERVES),
    ("fwprobe-echo serve --identity identity", SERVES),
];

/// The reason for commands that a text only names, so that readers add arguments. Another test checks that they exist.
const NAMED: &str = "the text names the command alone";

const SERVES: &str = "takes ports below 1024 and goes on until it is stopped";

#[test]
fn every_command_is_accepted_as_printed() {
    let printed = printed();
    assert!(printed.len() > 50, "only {} commands", printed.len());
    let exempt: BTreeSet<&str> = NOT_RUN.iter().map(|(command, _)| *command).collect();
    let found: BTreeSet<&str> = printed.keys().map(String::as_str).collect();
    let stale: Vec<_> = exempt.difference(&found).collect();
    assert!(stale.is_empty(), "printed nowhere any more: {stale:?}");
    let to_run: Vec<_> = printed
        .iter()
        .filter(|(command, _)| !exempt.contains(command.as_str()))
        .collect();
    let refused: Vec<String> = thread::scope(|scope| {
        let parts: Vec<_> = to_run
            .chunks(to_run.len().div_ceil(SIDE_BY_SIDE))
            .map(|part| scope.spawn(move || part.iter().filter_map(refusal).collect::<Vec<_>>()))
            .collect();
        let parts = parts.into_iter().map(|part| part.join().expect("no panic"));
        parts.flatten().collect()
    });
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn a_command_that_is_refused_is_noticed() {
    let place = "a document".to_owned();
    for wrong in [
        "fwprobe run hpc-2008r2-sp1 --port 70000/tcp",
        "fwprobe explain no-such-id",
        "fwprobe plan hpc-2008r2-sp1 --connection-file another.txt",
        "fwprobe-echo identity show --dir elsewhere",
    ] {
        assert!(refusal(&(&wrong.to_owned(), &place)).is_some(), "{wrong}");
    }
    let texts = "Then:\n  here              fwprobe-echo serve --identity {}\n`fwprobe \
                 profiles list` is more; fwprobe could not run";
    assert_eq!(
        in_a_program(texts),
        ["fwprobe profiles list", "fwprobe-echo serve --identity {}"]
    );
    assert_eq!(
        filled("fwprobe-echo serve --identity {}"),
        "fwprobe-echo serve --identity identity"
    );
}

/// Runs the command in a folder of its own. Returns its error if it was refused.
fn refusal((command, place): &(&String, &String)) -> Option<String> {
    let (code, told) = run(command).unwrap_or_else(|error| (2, error.to_string()));
    (code == 2).then(|| format!("{place}: `{command}`: {told}"))
}

fn run(command: &str) -> anyhow::Result<(i32, String)> {
    let mut words = command.split(' ');
    let program = match words.next() {
        Some("fwprobe") => binaries::fwprobe()?,
        _ => binaries::fwprobe_echo()?,
    };
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let folder = identity.scratch();
    let connection = identity.connection().text();
    lay_out(folder, &connection, command)?;
    let mut process = Command::new(program);
    process
        .args(words)
        .args(once(command))
        .current_dir(folder)
        .env("HOME", folder)
        .env_remove("XDG_CONFIG_HOME")
        // `--open` would open a browser on a developer's desktop.
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env("FWPROBE_CONNECTION", connection)
        .env("FWPROBE_CERTIFICATE_PASSWORD", "secret");
    let finished = Process::start(process)?.finish()?;
    Ok((finished.code()?, finished.stderr))
}

/// Returns arguments that make a watch end after its first run; empty for commands that end by themselves.
fn once(command: &str) -> &'static [&'static str] {
    if !command.starts_with("fwprobe watch ") || command.contains("--count") {
        &[]
    } else if command.contains("--listen") {
        &["--count", "1"]
    } else {
        // Several of these commands run at the same time, and all have the same default port.
        &["--count", "1", "--listen", "none"]
    }
}

/// Puts the files that commands name into `folder`, in which the server's identity is already.
fn lay_out(folder: &Path, connection: &str, command: &str) -> anyhow::Result<()> {
    let echo = folder.join("echo.txt");
    if command.contains("--output echo.txt") {
        // The command makes it.
    } else {
        fs::write(&echo, connection)?;
        restrict(&echo)?;
    }
    let identity = folder.join("identity");
    if command.contains("identity new") && identity.exists() {
        fs::rename(&identity, folder.join("another-identity"))?;
    }
    if command.contains("roll-over finish") {
        let begin = ["identity", "roll-over", "begin", "--dir", "identity"];
        let mut begun = Command::new(binaries::fwprobe_echo()?);
        begun.args(begin).current_dir(folder);
        Process::start(begun)?.finish()?;
    }
    // The reader's configuration file chooses the profile, as a head node's registry would.
    let own = folder.join(".config/fwprobe");
    fs::create_dir_all(&own)?;
    fs::write(own.join("config.toml"), "profile = \"hpc-2008r2-sp1\"\n")?;
    let config = folder.join("config.toml");
    fs::write(
        &config,
        "identity = \"identity\"\n[[listen]]\nport = 5901\n",
    )?;
    restrict(&config)?;
    for (name, text) in [
        ("run.json", RUN),
        ("ticket.txt", "{{ summary.sentence }}\n"),
        ("before.json", RUN),
        ("after.json", RUN),
        ("today.json", RUN),
        ("expected.toml", "[rules]\nrdp = \"blocked\"\n"),
        ("closed.toml", "[rules]\nrdp = \"blocked\"\n"),
        ("hpc.reg", EXPORT),
        ("management.pfx", CERTIFICATE),
        ("management.cer", CERTIFICATE),
    ] {
        fs::write(folder.join(name), text)?;
    }
    for runs in ["runs/", "runs-of-last-week/"] {
        if command.contains(runs) {
            fs::create_dir(folder.join(runs))?;
            fs::write(folder.join(runs).join("run.json"), RUN)?;
        }
    }
    Ok(())
}

fn restrict(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}

/// Returns every command that is printed somewhere, with placeholders replaced, and one place where it is printed.
fn printed() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("UTF-8");
        for command in typed(&text) {
            all.insert(filled(&command), document.display().to_string());
        }
    }
    for (file, command) in deployed() {
        all.insert(filled(&command), file.display().to_string());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for place in ["probe-client", "echo-server"] {
        for source in tree::files(&root.join(place), "rs") {
            let text = fs::read_to_string(&source).expect("UTF-8");
            // Tests of a file follow its code.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_test = source.components().any(|part| part.as_os_str() == "tests");
            for literal in literals(code).iter().filter(|_| !is_test) {
                for command in in_a_program(literal) {
                    all.insert(filled(&command), source.display().to_string());
                }
            }
        }
    }
    for (program, help) in helps() {
        for command in in_a_program(&help) {
            all.insert(filled(&command), format!("the help of {program}"));
        }
    }
    all
}

/// Returns the commands in a text that a program prints: in backticks, or at the end of a line, after a gap.
fn in_a_program(text: &str) -> Vec<String> {
    let text = text.replace("\\n", "\n");
    let mut found: Vec<String> = text
        .split("\n\n")
        .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
        .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let apart = |line: &&str| !line.contains('`') && !line.starts_with("Usage:");
    for line in text.lines().filter(apart) {
        for program in ["fwprobe ", "fwprobe-echo "] {
            let starts = line.match_indices(program).map(|(at, _)| at);
            let mut after_a_gap = starts.filter(|at| {
                let before = &line[..*at];
                before.is_empty() || before.ends_with("  ") || before.ends_with(": ")
            });
            let command = after_a_gap.next().map(|at| line[at..].trim_end());
            let verb = command.and_then(|command| command.split(' ').nth(1));
            if verb.is_some_and(|verb| VERBS.contains(&verb)) {
                found.extend(command.map(str::to_owned));
            }
        }
    }
    found.retain(|command| command.starts_with("fwprobe ") || command.starts_with("fwprobe-echo "));
    found
}

/// Replaces the placeholders in a command.
fn filled(command: &str) -> String {
    let mut before = "";
    let mut words = Vec::new();
    for word in command.split(' ') {
        let mut filled = match (word, AFTER.iter().find(|(name, _)| *name == before)) {
            ("{}", Some((_, value))) => (*value).to_owned(),
            _ => word.to_owned(),
        };
        for (placeholder, value) in STANDS_FOR {
            if filled == *placeholder {
                filled = (*value).to_owned();
            } else if placeholder.starts_with('{') {
                filled = filled.replace(placeholder, value);
            }
        }
        words.push(filled);
        before = word;
    }
    words.join(" ")
}

/// Returns the help of both programs and all their commands.
fn helps() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let programs = [
        ("fwprobe", binaries::fwprobe()),
        ("fwprobe-echo", binaries::fwprobe_echo()),
    ];
    for (name, program) in programs {
        let program = program.expect("it was built");
        let mut open = vec![vec![]];
        while let Some(words) = open.pop() {
            let mut command = Command::new(&program);
            command.args(&words).arg("--help");
            let output = command.output().expect("it starts");
            let help = String::from_utf8(output.stdout).expect("UTF-8");
            let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
            let listed = listed.split("\n\n").next().unwrap_or_default();
            for line in listed.lines().filter_map(|line| line.strip_prefix("  ")) {
                let first = line.split(' ').next().unwrap_or_default().to_owned();
                if !first.is_empty() && first != "help" {
                    open.push([&words[..], &[first]].concat());
                }
            }
            all.push((format!("{name} {}", words.join(" ")), help));
        }
    }
    all
}

const RUN: &str = include_str!("../../../probe-client/core/tests/scenarios/demo.json");

const EXPORT: &str = "Windows Registry Editor Version \
                      5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\HPC]\r\n\
                      \"UseSp2AzurePorts\"=dword:00000001\r\n";

/// A file that is not a certificate: a check reports that as its result, so it is not a usage error.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

/// The number of runs at the same time. Each mostly waits for answers of this host's own ports.
const SIDE_BY_SIDE: usize = 6;
