//! Writes the commented sample of a configuration file, from the same help texts that the program prints.

use clap::{Arg, Command, CommandFactory as _};
use probe_report::folding;

use super::keys::{self, COMMANDS, KEYS};
use crate::arguments::Arguments;

/// Returns the sample: every key with its help, as a comment.
pub(crate) fn sample() -> String {
    let program = Arguments::command();
    let mut text = HEAD.to_owned();
    let (shared, own): (Vec<Key<'_>>, Vec<Key<'_>>) = KEYS
        .iter()
        .map(|(key, example)| Key::of(&program, key, example))
        .partition(|key| key.command.is_none());
    for key in &shared {
        text.push_str(&key.entry());
    }
    for command in COMMANDS {
        let own: Vec<_> = own
            .iter()
            .filter(|key| key.command == Some(command))
            .collect();
        if !own.is_empty() {
            text.push_str(&format!("\n# [{command}]\n"));
        }
        for key in own {
            text.push_str(&key.entry());
        }
    }
    text
}

struct Key<'k> {
    takers: Vec<(&'k Command, &'k Arg)>,
    /// The only command that has the flag; `None` if several have it.
    command: Option<&'static str>,
    example: &'static str,
}

impl<'k> Key<'k> {
    fn of(program: &'k Command, key: &str, example: &'static str) -> Self {
        let takers = keys::takers(program, key);
        let command = match takers.as_slice() {
            [(only, _)] => COMMANDS.into_iter().find(|name| *name == only.get_name()),
            _ => None,
        };
        Self {
            takers,
            command,
            example,
        }
    }

    fn entry(&self) -> String {
        let mut comment = self.help();
        let words = self.words();
        if !words.is_empty() {
            comment.push_str(&format!(" One of {}.", words.join(", ")));
        }
        let lines = textwrap::wrap(&comment, folding(WIDTH)).into_iter();
        let comment: String = lines.map(|line| format!("# {line}\n")).collect();
        format!("\n{comment}# {}\n", self.example)
    }

    fn help(&self) -> String {
        let mut takers = self.takers.iter();
        // A help text of one paragraph is the short help alone.
        let help = takers.find_map(|(_, arg)| arg.get_long_help().or_else(|| arg.get_help()));
        let help = help.map(ToString::to_string).unwrap_or_default();
        let help = help.replace("\n\n", " ");
        // The example is a list, which shows that the key takes several values.
        let help = help
            .trim_end_matches('.')
            .trim_end_matches("Repeatable")
            .trim_end_matches(['.', ' ']);
        format!("{}.", help.replace("Repeatable: every", "Every"))
    }

    /// Returns the words that every command with this flag takes.
    fn words(&self) -> Vec<String> {
        let mut words = self.takers.iter().map(|(_, arg)| {
            let takes = arg.get_action().takes_values() && !arg.is_hide_possible_values_set();
            let words = arg.get_possible_values().into_iter().filter(|_| takes);
            words
                .map(|word| word.get_name().to_owned())
                .collect::<Vec<_>>()
        });
        let first = words.next().unwrap_or_default();
        words.fold(first, |all, words| {
            all.into_iter()
                .filter(|word| words.contains(word))
                .collect()
        })
    }
}

/// Width of the comments, without the leading `#`.
const WIDTH: usize = 98;

const HEAD: &str = "\
# Configuration of fwprobe. Every flag of `run`, `watch`, `idle`, `plan` and `check` has a key here:
# its long name with underscores. The command line counts more than the environment, the environment
# more than this file. A table such as [run] is for one command and counts more than the same key
# above it. Relative paths start at the folder of this file, those of reports at the current one.
# Write paths of Windows in single quotes. `fwprobe config show` says which value counts and where
# it comes from.

# The connection string that `fwprobe-echo identity new` made. It is a secret: keep this file
# private, or give connection_file instead.
# connection = \"fwprobe://KEYID:SECRET@echo.example?pin=sha256:...\"
";
