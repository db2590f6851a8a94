//! The commands, one module each. A command returns an exit code; it returns an error if something stops it from doing
//! its job.

use std::process::ExitCode;

use probe_core::excerpt::without_error_numbers;
use probe_report::FailedRun;

use crate::arguments::{Arguments, Colour, Command};
use crate::config::Problems;
use crate::report_format::FormatChoice;
use crate::settings::Unusable;
use crate::{host, terminal};

mod check;
mod completions;
mod config;
mod delivery;
mod demo;
mod diff;
mod expect;
mod explain;
mod history;
mod hpc_test;
mod idle;
mod man;
mod merge;
mod plan;
mod profiles;
mod reload_server;
mod report;
mod run;
mod watch;

/// The user interrupted the run so that nothing is written.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    /// Ctrl-C ended the waiting of `--start-jitter`.
    #[error("interrupted before the first packet: nothing was measured")]
    BeforeStart,
    /// Ctrl-C was pressed a second time.
    #[error("interrupted again: nothing is written")]
    Again,
}

/// Carries out the command that the user typed.
pub(crate) fn execute(arguments: Arguments) -> ExitCode {
    let colour = arguments.color;
    let format = report_format(&arguments.command);
    match dispatch(arguments.command, colour) {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(fail(&error, format)),
    }
}

/// Reports the reason why there is nothing to carry out, or prints the help if the user asked for it. Returns the exit
/// code.
pub(crate) fn refuse(unusable: &Unusable) -> u8 {
    match unusable {
        Unusable::Usage(error) => {
            // Help and version are printed to standard output and are not errors.
            let _ = error.print();
            if error.use_stderr() { EXIT_USAGE } else { 0 }
        }
        Unusable::File { problems, typed } => {
            let mut all = Problems::default();
            for problem in problems.problems() {
                all.add(problem.to_string());
            }
            fail(&all.into(), report_format(&typed.command))
        }
    }
}

fn fail(error: &anyhow::Error, format: Option<FormatChoice>) -> u8 {
    terminal::tell(&told(error));
    // HPC Cluster Manager reads only standard output.
    if let Some(report) = format.and_then(|format| failed(&format, &plain(error))) {
        let _ = terminal::print(&report);
    }
    if error.is::<Interrupted>() {
        EXIT_INTERRUPTED
    } else {
        EXIT_USAGE
    }
}

fn dispatch(command: Command, colour: Colour) -> anyhow::Result<u8> {
    match command {
        Command::Demo(arguments) => demo::execute(&arguments, colour),
        Command::Run(arguments) => run::execute(&arguments, colour),
        Command::Watch(arguments) => watch::execute(&arguments),
        Command::Idle(arguments) => idle::execute(&arguments, colour),
        Command::Plan(arguments) => plan::execute(&arguments, colour),
        Command::Check(arguments) => check::execute(&arguments, colour),
        Command::Explain(arguments) => explain::execute(&arguments, colour),
        Command::Report(arguments) => report::execute(&arguments, colour),
        Command::Diff(arguments) => diff::execute(&arguments, colour),
        Command::History(arguments) => history::execute(&arguments, colour),
        Command::Merge(arguments) => merge::execute(&arguments, colour),
        Command::ReloadServer(arguments) => reload_server::execute(&arguments),
        Command::Profiles { command } => profiles::execute(&command),
        Command::Expect { command } => expect::execute(&command),
        Command::Config { command } => config::execute(command),
        Command::HpcTest { command } => hpc_test::execute(&command),
        Command::Completions { shell } => completions::execute(shell),
        Command::Man(arguments) => man::execute(&arguments),
    }
}

/// Returns the report of a run that could not be carried out, if `format` has one.
fn failed(format: &FormatChoice, why: &str) -> Option<String> {
    let node = host::name();
    let failure = FailedRun {
        node: node.as_deref(),
        why,
    };
    let mut out = Vec::new();
    // Writing to a vector cannot fail.
    let _ = format.failure()?(&failure, &mut out);
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Returns the format that the user named for the report, if any.
fn report_format(command: &Command) -> Option<FormatChoice> {
    let options = match command {
        Command::Run(arguments) => &arguments.reports,
        Command::Idle(arguments) => &arguments.reports,
        Command::Report(arguments) => &arguments.reports,
        Command::Demo(_)
        | Command::Watch(_)
        | Command::Plan(_)
        | Command::Check(_)
        | Command::Explain(_)
        | Command::Diff(_)
        | Command::History(_)
        | Command::Merge(_)
        | Command::ReloadServer(_)
        | Command::Profiles { .. }
        | Command::Config { .. }
        | Command::Expect { .. }
        | Command::HpcTest { .. }
        | Command::Completions { .. }
        | Command::Man(_) => return None,
    };
    options.format.clone()
}

/// Returns every problem as plain text, without `error:` and error numbers of the operating system.
fn plain(error: &anyhow::Error) -> String {
    without_error_numbers(&match error.downcast_ref::<Problems>() {
        Some(problems) => problems.lines().join("; "),
        None => format!("{error:#}"),
    })
}

/// Returns the text with `error:` before each problem.
fn told(error: &anyhow::Error) -> String {
    let text = match error.downcast_ref::<Problems>() {
        Some(problems) => problems.lines().join("\nerror: "),
        None => format!("{error:#}"),
    };
    format!("error: {text}")
}

/// Exit code for errors in usage or configuration.
const EXIT_USAGE: u8 = 2;

/// Exit code after an interruption, as in shells: 128 plus the number of SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
