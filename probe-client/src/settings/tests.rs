use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::CommandFactory as _;

use super::file::ConfigurationFile;
use super::keys::{COMMANDS, CONNECTION, KEYS, flags, key_of, takers};
use super::*;
use crate::arguments::{Arguments, Colour, Command, RunArguments};

/// A folder with a configuration file.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { folder }
    }

    fn line(&self, typed: &str) -> Vec<OsString> {
        let config = self.folder.path().join("config.toml");
        let words = typed.split_whitespace().map(OsString::from);
        let line = [OsString::from("fwprobe")].into_iter().chain(words);
        line.chain(["--config".into(), config.into()]).collect()
    }

    fn read_with(&self, typed: &str, variables: &[(&str, &str)]) -> Result<Arguments, Unusable> {
        read(self.line(typed), &|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn run(&self, typed: &str, variables: &[(&str, &str)]) -> RunArguments {
        let command = self.read_with(typed, variables).unwrap().command;
        let Command::Run(arguments) = command else {
            panic!("{typed} is not `run`");
        };
        arguments
    }

    fn problems(&self, typed: &str) -> String {
        match self.read_with(typed, &[]) {
            Err(Unusable::File { problems, .. }) => self.without_folder(&problems.to_string()),
            other => panic!("{other:?}"),
        }
    }

    /// Returns `text` with the folder written in the same way on every platform and machine.
    fn without_folder(&self, text: &str) -> String {
        let folder = self.folder.path().join("").display().to_string();
        text.replace(&folder, "DIR/")
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn every_flag_has_a_key_and_every_key_a_flag() {
    let program = Arguments::command();
    let commands = COMMANDS.map(|name| program.find_subcommand(name).unwrap());
    let all = commands.into_iter().chain([&program]);
    let flags: BTreeSet<String> = all.flat_map(flags).map(key_of).collect();
    let keys: BTreeSet<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(keys, flags, "add the key with an example to KEYS");
}

#[test]
fn every_example_is_right_at_the_top_and_in_the_tables_of_its_commands() {
    let program = Arguments::command();
    for (key, example) in KEYS {
        let mut texts = vec![format!("{example}\n")];
        for (command, _) in takers(&program, key) {
            if COMMANDS.contains(&command.get_name()) {
                texts.push(format!("[{}]\n{example}\n", command.get_name()));
            }
        }
        for text in texts {
            // A watch writes to folders alone.
            let text = if text.starts_with("[watch]") {
                text.replace("run.json", "runs/")
            } else {
                text
            };
            let site = Site::with(&text);
            let read = ConfigurationFile::read(&site.path("config.toml"), &program);
            let file = read.unwrap_or_else(|problems| panic!("{problems}"));
            let taken = COMMANDS
                .iter()
                .flat_map(|name| file.options(program.find_subcommand(name).unwrap()));
            assert!(taken.count() > 0, "nobody takes {text}");
        }
    }
}

#[test]
fn the_sample_names_every_key_and_is_the_committed_one() {
    let sample = sample();
    for (key, example) in KEYS.iter().copied().chain([(CONNECTION, "connection = ")]) {
        assert!(
            sample.contains(&format!("\n# {example}")),
            "{key} is missing"
        );
    }
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/user/config.toml");
    assert!(
        std::fs::read_to_string(committed).unwrap() == sample,
        "write it again: fwprobe config sample > docs/user/config.toml"
    );
}

#[test]
fn the_file_adds_to_the_command_line() {
    let site = Site::with(
        "profile = 'hpc-2008r2-sp1'\nflows = 30\ntimeout = 2\nipv6 = true\nvia = ['direct', \
         'env']\n\
         expect = 'expected.toml'\noutput = ['run.json']\nassume = \
         ['sp=3']\n\
         [run]\nflows = 50\n[check]\nnodes = 7\n",
    );
    let run = site.run("run", &[]);
    assert_eq!(
        run.measuring.what.profile.as_deref(),
        Some("hpc-2008r2-sp1")
    );
    assert_eq!(
        run.measuring.flows,
        Some(50),
        "the command's own table counts more"
    );
    assert_eq!(run.measuring.timeout, Duration::from_secs(2));
    assert!(run.measuring.what.ipv6);
    assert_eq!(run.measuring.what.via, ["direct", "env"]);
    assert_eq!(run.measuring.what.expect, Some(site.path("expected.toml")));
    assert_eq!(run.reports.outputs, ["run.json"]);
    assert_eq!(run.measuring.head_node.product.assumptions, ["sp=3"]);
    assert_eq!(
        run.measuring.head_node.nodes, None,
        "that is for `check` alone"
    );
    let check = site.read_with("check", &[]).unwrap().command;
    let Command::Check(check) = check else {
        panic!("{check:?}");
    };
    assert_eq!(check.head_node.nodes, Some(7));
}

#[test]
fn a_watch_uses_the_folder_among_the_outputs() {
    let outputs = |text: &str| {
        let site = Site::with(text);
        let Command::Watch(watch) = site.read_with("watch", &[]).unwrap().command else {
            panic!("{text}");
        };
        let run = site.run("run", &[]).reports.outputs;
        (watch.outputs, run)
    };
    let run_alone = outputs("output = ['run.json', 'html=report']\n");
    assert_eq!(run_alone.0, Vec::<std::path::PathBuf>::new());
    assert_eq!(run_alone.1, ["run.json", "html=report"]);
    let both = outputs("output = ['run.html', 'runs/']\n");
    assert_eq!(both.0, [Path::new("runs/")]);
    assert_eq!(both.1, ["run.html", "runs/"]);
    let own = outputs("output = ['run.json']\n[watch]\noutput = ['mine']\n");
    assert!(own.0[0].ends_with("mine"), "{own:?}");
    let site = Site::with("flows = 5\n[watch]\noutput = ['run.json']\n");
    let problems = site.problems("watch");
    assert!(
        problems.contains("config.toml") && problems.contains("name a folder"),
        "{problems}"
    );
    assert!(problems.contains("config.toml:3:"), "{problems}");
}

#[test]
fn the_command_line_counts_more_than_the_file() {
    let site = Site::with(
        "profile = 'hpc-2008r2-sp1'\nport = [443]\nflows = 30\nipv6 = true\nvia = ['env']\ncolor = \
         'never'\n",
    );
    let run = site.run("run --flows 5 --via direct -4", &[]);
    assert_eq!(
        (run.measuring.flows, run.measuring.what.via),
        (Some(5), vec!["direct".to_owned()])
    );
    assert!(
        run.measuring.what.ipv4 && !run.measuring.what.ipv6,
        "the two exclude each other"
    );
    assert_eq!(run.measuring.what.ports, ["443"]);
    // A port or a profile on the command line alone decides what is probed.
    let run = site.run("run --port 80", &[]);
    assert_eq!(
        (run.measuring.what.profile, run.measuring.what.ports),
        (None, vec!["80".to_owned()])
    );
    let run = site.run("run slurm", &[]);
    assert_eq!(run.measuring.what.profile.as_deref(), Some("slurm"));
    assert!(run.measuring.what.ports.is_empty());
    let colour = |typed: &str| site.read_with(typed, &[]).unwrap().color;
    assert_eq!(colour("run"), Colour::Never);
    assert_eq!(colour("--color always run"), Colour::Always);
    assert_eq!(colour("run --color always"), Colour::Always);
}

#[test]
fn the_environment_counts_more_than_the_file() {
    let site = Site::with(
        "connection_file = 'echo.txt'\nproxy_credentials_file = 'proxy.txt'\ncolor = 'always'\n",
    );
    let run = site.run("run", &[]);
    assert_eq!(
        run.measuring.server.connection_file,
        Some(site.path("echo.txt"))
    );
    let variables = [
        ("FWPROBE_CONNECTION", "fwprobe://"),
        ("FWPROBE_PROXY_CREDENTIALS", "user:password"),
        ("NO_COLOR", "1"),
    ];
    let run = site.run("run", &variables);
    assert_eq!(run.measuring.server.connection_file, None);
    assert_eq!(run.measuring.server.proxy_credentials_file, None);
    assert_eq!(
        site.read_with("run", &variables).unwrap().color,
        Colour::Auto
    );
}

#[test]
fn everything_wrong_with_the_file_is_told_at_once() {
    let site = Site::with(
        "profil = 'slurm'\nflows = 5000\nvia = 'direct'\nipv4 = true\nipv6 = true\n\
         timeout = 'long'\nformat = 'hpc-step-result'\nconnection = 'fwprobe://secret'\n\
         connection_file = 'echo.txt'\nprofile = '--help'\n\
         [run]\nhold = ['4m']\nformat = 'hpc-step-result'\n[check]\nnode_type = 'web'\n",
    );
    let problems = site.problems("run");
    insta::assert_snapshot!(problems);
    assert!(!problems.contains("secret"));
}

#[test]
fn a_setting_says_where_it_comes_from() {
    let site = Site::with(
        "connection = 'fwprobe://secret'\nflows = 30\nvia = ['http://u:secret@proxy:1']\n",
    );
    let line = site.line("run --port 443");
    let settings = in_force(line, &|name| (name == "NO_COLOR").then(|| "1".to_owned())).unwrap();
    let told: Vec<String> = settings
        .iter()
        .filter(|setting| !matches!(setting.origin, SettingOrigin::NotSet))
        .map(|setting| {
            let value = setting.value.as_deref().unwrap_or("-");
            let origin = site.without_folder(&setting.origin.to_string());
            format!("{} {value} ({origin})", setting.key)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!told.concat().contains("secret"));
}

#[test]
fn the_signature_of_a_url_is_not_shown() {
    let site = Site::with("output = ['runs/', 'https://x/runs/?sig=secret']\n");
    let settings = in_force(site.line("run --port 443"), &|_| None).unwrap();
    let output = settings.iter().find(|setting| setting.key == "output");
    let output = output.and_then(|setting| setting.value.as_deref());
    assert_eq!(output, Some("runs/, https://x/runs/?…"));
    let site = Site::with("output = ['json=https//x/a?sig=secret']\n");
    let settings = in_force(site.line("run --port 443"), &|_| None).unwrap();
    let output = settings.iter().find(|setting| setting.key == "output");
    let output = output.and_then(|setting| setting.value.as_deref());
    assert_eq!(output, Some("json=https//x/a?…"));
    for url in ["https://x/runs/", "https:/x/runs/", "htps://x/runs/"] {
        let site = Site::with(&format!("[watch]\noutput = ['{url}?sig=secret']\n"));
        let problems = site.problems("watch");
        let told = format!("{url}?…: a watch sends nothing to a URL");
        assert!(problems.contains(&told), "{problems}");
        assert!(!problems.contains("secret"), "{problems}");
    }
}

#[test]
fn a_command_without_settings_reads_no_file() {
    let line = ["fwprobe", "profiles", "list"].map(OsString::from).to_vec();
    let environment = |name: &str| (name == "XDG_CONFIG_HOME").then(|| "/nonexistent".to_owned());
    assert!(read(line, &environment).is_ok());
    assert!(!Path::new("/nonexistent").exists());
}
