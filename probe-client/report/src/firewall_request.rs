//! Writes a firewall request, with the rules to ask for and the reasons, as text, Markdown or JSON. The formats for
//! programs of firewall teams have a file each.

use std::io::{self, Write};

use minijinja::{Value, context};
use serde::Serialize;

use crate::fact;
use crate::json;
use crate::markdown::escaped;
use crate::rows::{Report, RequestRows, RunRow, Shortened};
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

/// Returns the values of a request for people, with long lists shortened. The formats for programs have every row.
fn of_report(report: &Report) -> Value {
    let Shortened { report, left_out } = report.shortened();
    context! { report => templating::value(&report), left_out }
}

fn render(
    name: &'static str,
    template: &'static str,
    values: &Value,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut environment = templating::environment();
    environment.add_filter("markdown", |text: &str| escaped(text));
    fact::add_filters(&mut environment);
    let text = templating::render(environment, &[(name, template)], values)?;
    out.write_all(text.as_bytes())
}

const DOCUMENT: &str = "fwprobe.firewall-request/1";
const TEXT: &str = include_str!("../templates/firewall-request.txt");
const MARKDOWN: &str = include_str!("../templates/firewall-request.md");

#[cfg(test)]
mod tests;
