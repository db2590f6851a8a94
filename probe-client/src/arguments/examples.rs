//! Examples in the help of commands, each as it is typed: on one line that an ordinary terminal does not fold, so that
//! it can be copied.

pub(super) const DEMO: &str = "\
Example:
  fwprobe demo";

pub(super) const RUN: &str = "\
Examples:
  fwprobe run hpc-2008r2-sp1 --connection-file echo.txt
  fwprobe run --port 443/https --connection-file echo.txt --quick
  fwprobe run hpc-2008r2-sp1 --connection-file echo.txt --output report.html
  fwprobe run hpc-2008r2-sp1 --via direct --via http://proxy.example:3128

In the table, TIME is the time of all that was done for a port: its session,
and the sessions that look for the cause of a failure.";

pub(super) const WATCH: &str = "\
Examples:
  fwprobe watch hpc-2008r2-sp1 --connection-file echo.txt --output runs
  fwprobe watch --port 443 --connection-file echo.txt --count 1 --listen none";

pub(super) const IDLE: &str = "\
Example:
  fwprobe idle hpc-2008r2-sp1 --connection-file echo.txt --hold 1m,4m,10m";

pub(super) const PLAN: &str = "\
Example:
  fwprobe plan hpc-2008r2-sp1 --host echo.example";

pub(super) const CHECK: &str = "\
Examples:
  fwprobe check --certificate management.pfx --node-type worker --nodes 100
  fwprobe check --registry-export hpc.reg --assume sp=3";

pub(super) const EXPLAIN: &str = "\
Examples:
  fwprobe explain dropped
  fwprobe explain run.json";

pub(super) const REPORT: &str = "\
Examples:
  fwprobe report run.json --format firewall-request
  fwprobe report run.json --output report.html";

pub(super) const DIFF: &str = "\
Examples:
  fwprobe diff before.json after.json
  fwprobe diff runs-of-last-week/ runs/";

pub(super) const HISTORY: &str = "\
Example:
  fwprobe history runs/ --changes --since 30d";

pub(super) const MERGE: &str = "\
Examples:
  fwprobe merge runs/
  fwprobe merge runs/ --expect-nodes \"n[001-100]\"
  fwprobe merge runs/ --before runs-of-last-week/ --output site.html";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use crate::arguments::Arguments;

    /// Returns the examples of a command and of its own commands.
    fn examples(command: &Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines = help.lines().filter(|line| line.starts_with("  fwprobe "));
        let mut found: Vec<String> = lines.map(str::to_owned).collect();
        found.extend(command.get_subcommands().flat_map(examples));
        found
    }

    #[test]
    fn no_example_is_folded_on_an_ordinary_terminal() {
        let examples = examples(&Arguments::command());
        assert!(examples.len() > 15, "{examples:?}");
        let long: Vec<_> = examples.iter().filter(|line| line.len() >= 80).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}
