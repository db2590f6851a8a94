//! Writes a firewall request, with the rules to ask for and the reasons, as text, Markdown or JSON. The formats for
//! programs of firewall teams have a file each.

use std::io::{self, Write};

use minijinja::{Value, context};
use serde::Serialize;

use crate::fact;
use crate::json;
use crate::markdown::escaped;
use crate::rows::{NotAskedRow, Report, RequestRows, RunRow, Shortened, listed};
use crate::templating;

pub(crate) mod aerleon;
pub(crate) mod algosec;

pub(crate) fn write_text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    render("firewall-request.txt", TEXT, &of_report(report), out)
}

pub(crate) fn write_markdown(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    render("firewall-request.md", MARKDOWN, &of_report(report), out)
}

pub(crate) fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let request = Request {
        document: DOCUMENT,
        run: &report.run,
        request: &report.request,
    };
    json::pretty(&request, out)
}

/// The request as a document of its own.
#[derive(Serialize)]
struct Request<'a> {
    document: &'static str,
    run: &'a RunRow,
    #[serde(flatten)]
    request: &'a RequestRows,
}

/// Returns the values of a request for people: equal reasons are said once, and long lists are shortened. The formats
/// for programs have every row.
fn of_report(report: &Report) -> Value {
    let mut report = report.clone();
    report.request.not_asked = together(&report.request.not_asked);
    let Shortened { report, left_out } = report.shortened();
    context! { report => templating::value(&report), left_out }
}

/// Returns one row, with all ports, for rows that differ in nothing but the port.
fn together(rows: &[NotAskedRow]) -> Vec<NotAskedRow> {
    let mut groups: Vec<(&NotAskedRow, Vec<&str>)> = Vec::new();
    for row in rows {
        match groups
            .iter_mut()
            .find(|(first, _)| first.differs_only_in_port(row))
        {
            Some((_, ports)) if ports.contains(&row.port.as_str()) => {}
            Some((_, ports)) => ports.push(row.port.as_str()),
            None => groups.push((row, vec![row.port.as_str()])),
        }
    }
    let merged = |(first, ports): (&NotAskedRow, Vec<&str>)| NotAskedRow {
        port: listed(&ports, ", "),
        ..first.clone()
    };
    groups.into_iter().map(merged).collect()
}

fn render(
    name: &'static str,
    template: &'static str,
    values: &Value,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut environment = templating::environment();
    environment.add_filter("markdown", |text: &str| escaped(text));
    environment.add_filter("unasked", |step: &str| {
        step.strip_prefix("ask ").unwrap_or(step).to_owned()
    });
    fact::add_filters(&mut environment);
    let text = templating::render(environment, &[(name, template)], values)?;
    out.write_all(text.as_bytes())
}

const DOCUMENT: &str = "fwprobe.firewall-request/1";
const TEXT: &str = include_str!("../templates/firewall-request.txt");
const MARKDOWN: &str = include_str!("../templates/firewall-request.md");

#[cfg(test)]
mod tests;
