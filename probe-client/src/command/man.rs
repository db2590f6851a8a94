//! `fwprobe man`: prints the manual page of a command, or writes those of all commands.

use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Command, CommandFactory as _};

use crate::arguments::{Arguments, ManArguments};
use crate::report_files::Target;
use crate::terminal;

pub(super) fn execute(arguments: &ManArguments) -> anyhow::Result<u8> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    if let Some(folder) = &arguments.output {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let count = write_all(&program, folder)?;
        terminal::tell(&format!("written: {count} pages to {}", folder.display()));
        return Ok(0);
    }
    let command = named(&program, &arguments.command)?;
    let text = page(command)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}

/// Finds the command that `words` name, one after the other.
fn named<'c>(program: &'c Command, words: &[String]) -> anyhow::Result<&'c Command> {
    let mut found = program;
    for word in words {
        let Some(next) = found.find_subcommand(word) else {
            let known: Vec<&str> = found.get_subcommands().map(Command::get_name).collect();
            let right = if known.is_empty() {
                "expected nothing after it".to_owned()
            } else {
                format!("expected one of {}", known.join(", "))
            };
            bail!("{} has no command `{word}`; {right}", words_of(found));
        };
        found = next;
    }
    Ok(found)
}

/// Returns the command as it is typed.
fn words_of(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

/// Writes the page of `command` and those of its own commands, and returns their number.
fn write_all(command: &Command, folder: &Path) -> anyhow::Result<usize> {
    let path = folder.join(format!("{}.1", words_of(command).replace(' ', "-")));
    Target::open(&path)
        .and_then(|target| target.fill(&page(command)?))
        .with_context(|| path.display().to_string())?;
    let mut count = 1;
    for inner in command.get_subcommands() {
        count += write_all(inner, folder)?;
    }
    Ok(count)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(text)
}
