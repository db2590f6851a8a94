//! Writes one self-contained HTML page: no script, no request to anywhere, readable without its styles.

use std::io::{self, Write};

use minijinja::{Value, context};

use crate::fact;
use crate::rows::{Report, Shortened};
use crate::templating::{environment, render, value};

mod drawing;
pub(crate) mod matrix;
mod timings;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Shortened { report, left_out } = report.shortened();
    let drawings: Vec<_> = report
        .failures
        .iter()
        .map(|failure| drawing::Drawing::of(&failure.way))
        .collect();
    let values = context! {
        report => value(&report),
        matrix => value(&matrix::Matrix::of(&report)),
        drawings => value(&drawings),
        bars => value(&timings::bars(&report.ports)),
        left_out,
        style => STYLE,
    };
    out.write_all(page("report.html", TEMPLATE, &values)?.as_bytes())
}

/// Renders a page with the parts that pages share.
///
/// # Errors
///
/// A template fails.
pub(crate) fn page(name: &str, template: &str, values: &Value) -> io::Result<String> {
    let mut environment = environment();
    fact::add_filters(&mut environment);
    render(
        environment,
        &[("parts.html", PARTS), (name, template)],
        values,
    )
}

const TEMPLATE: &str = include_str!("../templates/report.html");
const PARTS: &str = include_str!("../templates/parts.html");
pub(crate) const STYLE: &str = include_str!("../templates/report.css");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn rendered(report: &Report) -> String {
        recorded::written(|out| write(report, out))
    }

    #[test]
    fn a_run_with_a_dropped_port() {
        let text = rendered(&Report::of(&recorded::DROPPED_BEHIND_FIRST_HOP.read()));
        // The styles are not part of the snapshot.
        let (head, rest) = text.split_once("<style>").unwrap();
        let (_, body) = rest.split_once("</style>").unwrap();
        insta::assert_snapshot!(format!("{head}{body}"));
    }

    #[test]
    fn seven_rules_over_three_paths_stay_below_100_kib() {
        let mut report = Report::of(&recorded::DROPPED.read());
        let failure = report.failures[0].clone();
        let rows: Vec<_> = report.ports.iter().take(7).cloned().collect();
        report.ports.clear();
        report.failures.clear();
        for path in [
            "direct",
            "http://proxy.example:3128",
            "socks5h://socks.example:1080",
        ] {
            for row in &rows {
                let mut row = row.clone();
                row.path = path.to_owned();
                let mut failure = failure.clone();
                failure.rows = vec![report.ports.len()];
                report.ports.push(row);
                report.failures.push(failure);
            }
        }
        let text = rendered(&report);
        assert!(text.len() <= 100 * 1024, "{} bytes", text.len());
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        for run in recorded::ALL {
            let text = rendered(&Report::of(&run.read()));
            for forbidden in [
                "<script",
                "src=",
                "@import",
                "url(",
                "javascript:",
                "<iframe",
                " style=",
                " onload",
            ] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", run.name);
            }
            let links = text.matches("href=").count();
            let own = text.matches("href=\"#").count() + text.matches("href=\"data:,\"").count();
            assert_eq!(links, own, "{}: links lead to the page itself", run.name);
        }
    }
}
