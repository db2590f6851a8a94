//! `fwprobe plan`: prints the plan of a run.

use std::fmt::Write as _;

use anyhow::Context as _;
use probe_core::plan::Plan;
use probe_core::profile::Rule;

use crate::arguments::{Colour, HeadNodeOptions, PlanArguments, PlanFormat};
use crate::config;
use crate::environment::Environment;
use crate::terminal;

pub(super) fn execute(arguments: &PlanArguments, _colour: Colour) -> anyhow::Result<u8> {
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let options = HeadNodeOptions {
        product: arguments.product.clone(),
        ..HeadNodeOptions::default()
    };
    let head_node = crate::head_node::gather(&options, environment)?;
    let plan = config::plan_alone(&arguments.what, &arguments.server, &head_node, environment)?;
    let text = match arguments.format {
        PlanFormat::Json => format!("{}\n", serde_json::to_string_pretty(&plan)?),
        PlanFormat::Table => table(&plan)?,
    };
    terminal::print(&text).context("standard output")?;
    Ok(0)
}

/// Returns the expectation of a rule, in one word.
fn expected(rule: &Rule) -> String {
    if rule.expect_where.is_empty() {
        rule.expect.to_string()
    } else {
        "by path".to_owned()
    }
}

fn table(plan: &Plan) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let profile = plan.profile.as_ref().map(ToString::to_string);
    writeln!(out, "profile  {}", profile.as_deref().unwrap_or("-"))?;
    let servers = match plan.hosts.as_slice() {
        [] => NO_SERVER.to_owned(),
        hosts => hosts.join(", "),
    };
    writeln!(out, "servers  {servers}")?;
    let paths: Vec<String> = plan.paths.iter().map(ToString::to_string).collect();
    writeln!(out, "paths    {}", paths.join(", "))?;
    writeln!(
        out,
        "control  {}/tls, for comparison only",
        plan.control_port
    )?;
    writeln!(
        out,
        "\n{:>5}  {:>6}  {:<7} {:<8} {:<28} PURPOSE",
        "PORT", "DIALLED", "KIND", "EXPECT", "RULE"
    )?;
    for probe in &plan.probes {
        writeln!(
            out,
            "{:>5}  {:>6}  {:<7} {:<8} {:<28} {}",
            probe.rule.port.to_string(),
            probe.dialled.to_string(),
            probe.session.to_string(),
            expected(&probe.rule),
            probe.rule.id.to_string(),
            probe.rule.purpose
        )?;
    }
    for skipped in &plan.skipped {
        writeln!(
            out,
            "{:>5}  not tested ({}): {}",
            skipped.port.to_string(),
            skipped.purpose,
            skipped.because
        )?;
    }
    Ok(out)
}

/// The line in place of the servers if none was named.
const NO_SERVER: &str = "none yet: --connection-file FILE or --host HOST names one";
