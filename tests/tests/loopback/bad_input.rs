//! Mistakes of a user of `fwprobe`: exit code 2, nothing is sent, and one line names the cause.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Identity, Place};

pub(crate) fn trials() -> Trials {
    let trials = Trials::of("bad_input").once(
        "a_secret_that_others_can_read_or_change",
        a_secret_that_others_can_read_or_change,
    );
    CASES
        .iter()
        .fold(trials, |trials, case| trials.once(case.name, || told(case)))
}

/// A command line with exactly one mistake.
struct Case {
    name: &'static str,
    /// The name and text of the file with the mistake, if it is in a file.
    file: Option<(&'static str, &'static str)>,
    /// The arguments; `{FILE}` stands for that file.
    arguments: &'static [&'static str],
    /// The texts that the one line must contain.
    named: &'static [&'static str],
}

fn told(case: &Case) -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let connection = identity.connection();
    let mut cli = Cli::fwprobe()?;
    let secret = &connection.secret_texts()[0];
    let pin = connection.inner().pins[0].to_string();
    let path = case
        .file
        .map(|(name, text)| {
            let text = text.replace("{PIN}", &pin).replace("{SECRET}", secret);
            cli.file(name, &text)
        })
        .transpose()?
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    // The connection string is right, unless it is the mistake of the case.
    cli = cli.variable("FWPROBE_CONNECTION", connection.text());
    let report = cli.directory().join("report.json");
    cli = cli
        .arg("run")
        .args(case.arguments.iter().map(|a| a.replace("{FILE}", &path)))
        .arg("--output")
        .arg(&report);
    let finished = cli.run()?;
    let text = format!("{}\n{}", finished.stdout, finished.stderr);
    ensure!(
        finished.code()? == 2,
        "exit code {}:\n{text}",
        finished.code()?
    );
    ensure!(finished.stdout.is_empty(), "something was printed:\n{text}");
    ensure!(!report.exists(), "a report was written");
    ensure!(!finished.stderr.contains(secret), "the secret is told");
    let obeyed = |c: char| c.is_control() && c != '\n';
    ensure!(
        !finished.stderr.contains(obeyed),
        "a terminal obeys this: {:?}",
        finished.stderr
    );
    let errors: Vec<&str> = finished
        .stderr
        .lines()
        .filter(|l| l.starts_with("error: "))
        .collect();
    let [line] = errors.as_slice() else {
        anyhow::bail!("not one error:\n{text}");
    };
    for name in case.named {
        ensure!(line.contains(name), "`{name}` is not named in: {line}");
    }
    ensure!(!line.contains("(os error"), "an error number: {line}");
    Ok(())
}

/// fwprobe refuses a file with a secret that others can read or change, as the server refuses its own secrets.
fn a_secret_that_others_can_read_or_change() -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let string = identity.connection().text();
    let configuration = format!("connection = \"{string}\"\n");
    for (option, text) in [
        ("--connection-file", string.as_str()),
        ("--config", configuration.as_str()),
    ] {
        for (mode, refused) in [(0o644, true), (0o602, true), (0o640, false)] {
            let cli = Cli::fwprobe()?;
            let file = cli.file("secret.toml", text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
            let plan = ["plan", "--port", "443", option];
            let finished = cli.args(plan).arg(&file).run()?;
            let told = &finished.stderr;
            let name = format!("{option} with mode {mode:04o}: {told}");
            ensure!(finished.code()? == if refused { 2 } else { 0 }, "{name}");
            let explained = told.contains(&format!("(mode {mode:04o})"))
                && told.contains(&format!("`chmod 600 {}`", file.display()));
            ensure!(explained == refused, "{name}");
        }
    }
    Ok(())
}

const CASES: [Case; 36] = [
    Case {
        name: "an_address_that_this_host_lacks",
        file: None,
        arguments: &["--port", "443", "--bind", "203.0.113.9"],
        named: &["--bind 203.0.113.9", "127.0.0.1"],
    },
    Case {
        name: "escapes_in_a_connection_string",
        file: Some((
            "connection",
            "fwprobe://\u{1b}[2J:{SECRET}@127.0.0.1?pin={PIN}",
        )),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["connection"],
    },
    Case {
        name: "escapes_in_a_profile",
        file: Some(("own.toml", "\"\u{1b}[2J\" = 1\nid = \u{1b}[31m")),
        arguments: &["{FILE}"],
        named: &["own.toml:2"],
    },
    Case {
        name: "escapes_in_an_expectation",
        file: Some(("expected.toml", "[rules]\n\u{9b}2J = \"open\"")),
        arguments: &["--port", "443", "--expect", "{FILE}"],
        named: &["expected.toml:2"],
    },
    Case {
        name: "escapes_in_the_configuration",
        file: Some(("config.toml", "[paths]\n\u{1b}[2J = 1")),
        arguments: &["--port", "443", "--config", "{FILE}"],
        named: &["config.toml"],
    },
    Case {
        name: "a_device_in_the_place_of_a_profile",
        file: None,
        arguments: &["--expect", "/dev/zero", "--port", "443"],
        named: &["/dev/zero", "it is a device, not a file"],
    },
    Case {
        name: "a_connection_string_that_is_none",
        file: Some(("connection", "https://example.org/")),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["connection", "fwprobe://"],
    },
    Case {
        name: "a_certificate_as_the_connection_file",
        file: Some((
            "server-certificate.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
        )),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["server-certificate.pem is a certificate", "fwprobe://"],
    },
    Case {
        name: "a_connection_string_without_a_pin",
        file: Some(("connection", "fwprobe://key:{SECRET}@127.0.0.1")),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["connection", "pin"],
    },
    Case {
        name: "a_connection_string_with_half_a_pin",
        file: Some((
            "connection",
            "fwprobe://key:{SECRET}@127.0.0.1?pin=sha256:12ab",
        )),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["connection", "pin number 1"],
    },
    Case {
        name: "a_connection_string_with_half_a_secret",
        file: Some(("connection", "fwprobe://key:AAAA@127.0.0.1?pin={PIN}")),
        arguments: &["--port", "443", "--connection-file", "{FILE}"],
        named: &["connection", "secret"],
    },
    Case {
        name: "a_connection_file_that_is_not_there",
        file: None,
        arguments: &["--port", "443", "--connection-file", "/nowhere/connection"],
        named: &["/nowhere/connection"],
    },
    Case {
        name: "a_profile_that_nobody_knows",
        file: None,
        arguments: &["hpc-2008r2-sp9"],
        named: &["hpc-2008r2-sp9", "hpc-2008r2-sp1"],
    },
    Case {
        name: "a_profile_file_that_is_not_there",
        file: None,
        arguments: &["/nowhere/own.toml"],
        named: &["/nowhere/own.toml"],
    },
    Case {
        name: "no_profile_and_no_port",
        file: None,
        arguments: &[],
        named: &["profile", "--port"],
    },
    Case {
        name: "a_profile_with_a_rule_twice",
        file: Some(("own.toml", PROFILE_RULE_TWICE)),
        arguments: &["{FILE}"],
        named: &["own.toml:12", "web"],
    },
    Case {
        name: "a_profile_with_port_0",
        file: Some(("own.toml", PROFILE_PORT_0)),
        arguments: &["{FILE}"],
        named: &["own.toml:8", "0"],
    },
    Case {
        name: "a_profile_with_an_unknown_key",
        file: Some(("own.toml", PROFILE_UNKNOWN_KEY)),
        arguments: &["{FILE}"],
        named: &["own.toml:10", "prot", "port"],
    },
    Case {
        name: "a_port_twice",
        file: None,
        arguments: &["--port", "443/tls", "--port", "443/tls"],
        named: &["443/tls", "twice"],
    },
    Case {
        name: "a_port_that_is_none",
        file: None,
        arguments: &["--port", "65536"],
        named: &["65536", "65535"],
    },
    Case {
        name: "a_kind_that_is_none",
        file: None,
        arguments: &["--port", "53/udp"],
        named: &["53/udp", "nettcp"],
    },
    Case {
        name: "a_map_for_a_port_of_no_rule",
        file: None,
        arguments: &["--port", "443", "--map", "80=8080"],
        named: &["--map 80"],
    },
    Case {
        name: "a_map_that_is_none",
        file: None,
        arguments: &["--port", "443", "--map", "443=web"],
        named: &["443=web"],
    },
    Case {
        name: "a_host_that_is_none",
        file: None,
        arguments: &["--port", "443", "--host", "two words"],
        named: &["two words"],
    },
    Case {
        name: "a_host_without_an_address_of_the_family",
        file: None,
        arguments: &["--port", "443", "-6", "--host", "127.0.0.1"],
        named: &["127.0.0.1", "family"],
    },
    Case {
        name: "a_path_that_is_none",
        file: None,
        arguments: &["--port", "443", "--via", "carrier-pigeon"],
        named: &["--via carrier-pigeon", "direct"],
    },
    Case {
        name: "a_proxy_of_an_unknown_scheme",
        file: None,
        arguments: &["--port", "443", "--via", "ftp://proxy.example:21"],
        named: &["--via ftp://proxy.example:21", "socks5h"],
    },
    Case {
        name: "a_proxy_without_a_scheme",
        file: None,
        arguments: &["--port", "443", "--via", "proxy.example:3128"],
        named: &["--via proxy.example:3128", "http://"],
    },
    Case {
        name: "a_proxy_on_no_port",
        file: None,
        arguments: &["--port", "443", "--via", "http://proxy.example:99999"],
        named: &["99999", "65535"],
    },
    Case {
        name: "an_authority_that_is_none",
        file: Some(("authority.pem", "not a certificate\n")),
        arguments: &["--port", "443", "--proxy-ca", "{FILE}"],
        named: &["--proxy-ca", "authority.pem", "certificate"],
    },
    Case {
        name: "an_expectation_of_a_rule_that_is_not_there",
        file: Some(("expect.toml", "[rules]\nrdp = \"blocked\"\n")),
        arguments: &["--port", "443", "--expect", "{FILE}"],
        named: &["expect.toml:2", "rdp"],
    },
    Case {
        name: "an_expectation_that_is_none",
        file: Some(("expect.toml", "[rules]\nport-443-https = \"perhaps\"\n")),
        arguments: &["--port", "443", "--expect", "{FILE}"],
        named: &["expect.toml:2", "perhaps"],
    },
    Case {
        name: "an_unknown_key_in_the_configuration",
        file: Some(("config.toml", "\nprofil = \"hpc-2008r2-sp1\"\n")),
        arguments: &["--port", "443", "--config", "{FILE}"],
        named: &["config.toml:2", "profil"],
    },
    Case {
        name: "a_configuration_that_is_not_there",
        file: None,
        arguments: &["--port", "443", "--config", "/nowhere/config.toml"],
        named: &["/nowhere/config.toml"],
    },
    Case {
        name: "a_profile_with_nothing_to_test",
        file: Some(("own.toml", PROFILE_OF_UDP)),
        arguments: &["{FILE}"],
        named: &["no rule of this profile can be tested", "--port"],
    },
    Case {
        name: "a_timeout_of_nothing",
        file: None,
        arguments: &["--port", "443", "--timeout", "0"],
        named: &["--timeout", "1 to 60"],
    },
];

const PROFILE_RULE_TWICE: &str = r#"id = "own"
title = "Own"
summary = "A profile of a user's own."
applies_to = "Nothing"
source = "This test"
[[rules]]
id = "web"
port = 80
session = "http"
purpose = "Pages"
[[rules]]
id = "web"
port = 443
session = "https"
purpose = "More pages"
"#;

const PROFILE_PORT_0: &str = r#"id = "own"
title = "Own"
summary = "A profile of a user's own."
applies_to = "Nothing"
source = "This test"
[[rules]]
id = "web"
port = 0
session = "http"
purpose = "Pages"
"#;

const PROFILE_OF_UDP: &str = r#"id = "own"
title = "Own"
summary = "A profile of a user's own."
applies_to = "Nothing"
source = "This test"
[[rules]]
id = "dns"
port = 53
transport = "udp"
purpose = "Names"
"#;

const PROFILE_UNKNOWN_KEY: &str = r#"id = "own"
title = "Own"
summary = "A profile of a user's own."
applies_to = "Nothing"
source = "This test"
[[rules]]
id = "web"
port = 80
session = "http"
prot = "tcp"
purpose = "Pages"
"#;
