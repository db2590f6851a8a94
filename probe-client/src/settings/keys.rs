//! The keys of the configuration file: every flag of the commands that read it, with an example line each.

use clap::{Arg, Command};
use settings_file::Section;

/// The commands that read the configuration file. Each may have a table of its own in it.
pub(super) const COMMANDS: [&str; 5] = ["run", "watch", "idle", "plan", "check"];

/// The key of the connection string, which has no flag.
pub(super) const CONNECTION: &str = "connection";
pub(super) const CONNECTION_FILE: &str = "connection_file";
/// The places for reports.
pub(super) const OUTPUT: &str = "output";
/// The flag of the program itself.
pub(super) const COLOUR: &str = "color";

/// The key of each flag, in the order of the sample file.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("profile", r#"profile = "hpc-2008r2-sp1""#),
    ("port", r#"port = ["443/https", "5901/nettcp"]"#),
    ("via", r#"via = ["direct", "http://proxy.example:3128"]"#),
    ("map", r#"map = ["80=20080"]"#),
    ("expect", r#"expect = "expected.toml""#),
    ("ipv4", "ipv4 = true"),
    ("ipv6", "ipv6 = true"),
    (CONNECTION_FILE, r#"connection_file = "echo.txt""#),
    ("host", r#"host = ["echo.example"]"#),
    ("bind", r#"bind = "10.0.0.4""#),
    (
        "proxy_credentials_file",
        r#"proxy_credentials_file = "proxy.txt""#,
    ),
    ("ask_proxy_credentials", "ask_proxy_credentials = true"),
    ("proxy_password_in_clear", "proxy_password_in_clear = true"),
    ("proxy_ca", r#"proxy_ca = "proxy-ca.pem""#),
    ("registry_export", r#"registry_export = ["head-node.reg"]"#),
    ("assume", r#"assume = ["sp=3"]"#),
    ("certificate", r#"certificate = ["management.pfx"]"#),
    (
        "certificate_password_file",
        r#"certificate_password_file = "password.txt""#,
    ),
    ("node_type", r#"node_type = "worker""#),
    ("nodes", "nodes = 20"),
    ("cores", "cores = 160"),
    ("label", r#"label = ["rack=12"]"#),
    ("start_jitter", r#"start_jitter = "10m""#),
    ("client_certificate", r#"client_certificate = "client.pfx""#),
    ("flows", "flows = 12"),
    ("quick", "quick = true"),
    ("interval", r#"interval = "5m""#),
    ("jitter", r#"jitter = "30s""#),
    ("listen", r#"listen = "127.0.0.1:9844""#),
    ("on_change", r#"on_change = "mail-the-admin""#),
    ("textfile", r#"textfile = "fwprobe.prom""#),
    ("otlp", r#"otlp = "http://127.0.0.1:4318""#),
    ("count", "count = 10"),
    ("until_open", r#"until_open = "10m""#),
    ("hold", r#"hold = ["1m", "4m"]"#),
    ("keep_alive", r#"keep_alive = "both""#),
    ("keep_alive_interval", "keep_alive_interval = 25"),
    ("timeout", "timeout = 3.5"),
    ("format", r#"format = "json""#),
    (OUTPUT, r#"output = ["run.json"]"#),
    ("keep", r#"keep = "30d""#),
    ("open", "open = true"),
    ("quiet", "quiet = true"),
    ("verbose", "verbose = true"),
    (COLOUR, r#"color = "never""#),
];

/// Returns the key of a flag or positional argument: its long name with underscores.
pub(super) fn key_of(arg: &Arg) -> String {
    let long = arg.get_long().unwrap_or_else(|| arg.get_id().as_str());
    long.replace('-', "_")
}

/// Returns the flags of `command` that have a key.
pub(super) fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        let key = key_of(arg);
        // The name of the file cannot be in the file.
        !matches!(key.as_str(), "config" | "help" | "version")
    })
}

/// Returns each command that takes `key`, with its flag. The flags of the program itself belong to the program.
pub(super) fn takers<'c>(program: &'c Command, key: &str) -> Vec<(&'c Command, &'c Arg)> {
    let commands = COMMANDS
        .iter()
        .filter_map(|name| program.find_subcommand(name));
    let taken = commands.chain([program]).filter_map(|command| {
        let arg = flags(command).find(|arg| key_of(arg) == key)?;
        Some((command, arg))
    });
    taken.collect()
}

/// Describes the root table.
pub(super) fn root() -> Section {
    let connection = (
        CONNECTION,
        r#"connection = "fwprobe://…", as the server printed it"#,
    );
    let tables = [
        ("run", "[run] with flows = 12"),
        ("watch", r#"[watch] with interval = "1h""#),
        ("idle", r#"[idle] with hold = ["4m"]"#),
        ("plan", r#"[plan] with format = "json""#),
        ("check", "[check] with nodes = 20"),
    ];
    let keys = [connection].into_iter().chain(KEYS.iter().copied());
    Section {
        name: "a configuration",
        keys: keys.chain(tables).collect(),
    }
}

/// Describes the table of one command.
pub(super) fn section(command: &'static str, program: &Command) -> Section {
    let own = |key: &str| {
        let mut takers = takers(program, key).into_iter();
        takers.any(|(taker, _)| taker.get_name() == command)
    };
    let keys = KEYS.iter().copied().filter(|(key, _)| own(key));
    Section {
        name: match command {
            "run" => "`run`",
            "watch" => "`watch`",
            "idle" => "`idle`",
            "plan" => "`plan`",
            _ => "`check`",
        },
        keys: keys.collect(),
    }
}

/// Returns whether two flags of a command cannot be used together.
pub(super) fn exclude(command: &Command, key: &str, other: &str) -> bool {
    let arg = |key: &str| command.get_arguments().find(|arg| key_of(arg) == key);
    let names = |arg: &Arg, other: &Arg| {
        let excluded = command.get_arg_conflicts_with(arg);
        excluded.iter().any(|arg| arg.get_id() == other.get_id())
    };
    match (arg(key), arg(other)) {
        (Some(one), Some(other)) => names(one, other) || names(other, one),
        _ => false,
    }
}
