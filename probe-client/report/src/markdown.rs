//! Writes Markdown for a ticket or for the summary of a pipeline's step (GitHub-flavoured). Text of any origin is
//! escaped, so that it cannot format, link or mention anything.

use std::io::{self, Write};

use head_node::answer::CheckStatus;
use probe_core::excerpt::printable;

use crate::explanation::expectation;
use crate::fact::labelled;
use crate::rows::{CheckRow, FailureRow, Mark, PortRow, Report, Shortened, listed};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Shortened { report, left_out } = report.shortened();
    let mut text = heading(&report);
    let mut parts_left_out = Vec::new();
    for (name, part) in parts(&report) {
        if text.len() + part.len() > MOST_BYTES {
            parts_left_out.push(name);
        } else {
            text.push_str(&part);
        }
    }
    if let Some(rows) = left_out {
        text.push_str(&format!("\n> {}.\n", escaped(&rows)));
    }
    if !parts_left_out.is_empty() {
        parts_left_out.dedup();
        let parts = parts_left_out.join(", ");
        text.push_str(&format!(
            "\n> **Left out to stay below 1 MiB:** {parts}. The JSON report has everything.\n"
        ));
    }
    out.write_all(text.as_bytes())
}

fn heading(report: &Report) -> String {
    let run = &report.run;
    let (what, to) = (escaped(&run.what), escaped(&run.hosts.join(", ")));
    let mut text = format!("# fwprobe: {what} → {to}\n\n");
    text.push_str(&format!("**{}**\n\n", escaped(&report.summary.sentence)));
    let from = run.node.as_deref().map_or_else(String::new, |node| {
        let user = run.user.as_deref().unwrap_or("an unknown user");
        format!("From {} as {}, ", escaped(node), escaped(user))
    });
    let (started, version) = (escaped(&run.started), escaped(&run.version));
    text.push_str(&format!("{from}{started}, fwprobe {version}\n"));
    if !run.labels.is_empty() {
        let labels = escaped(&run.labels_in_line(", "));
        text.push_str(&format!("\nLabels: {labels}\n"));
    }
    text
}

/// Returns the parts of the report with their names, the most important first.
fn parts(report: &Report) -> Vec<(&'static str, String)> {
    let mut parts: Vec<(&'static str, String)> = Vec::new();
    for failure in &report.failures {
        parts.push(("the explanation of a failure", explained(failure)));
    }
    parts.push(("the table of ports", ports(report)));
    parts.push(("findings", notes(report)));
    parts.push(("addresses to allow", egress(report)));
    parts.push(("rules that were not tested", skipped(report)));
    parts.push(("the scope of the run", scope(report)));
    parts.push(("checks of the head node", checks(&report.checks)));
    parts.push(("how to repeat the run", repeat(report)));
    parts
}

fn explained(failure: &FailureRow) -> String {
    let doubt = failure.doubt.map(|doubt| format!(", {doubt}"));
    let mut text = format!(
        "\n## {} {}: {} ({}){}\n\n",
        word(failure.mark),
        escaped(&failure.ports),
        failure.verdict,
        escaped(&expectation(&failure.expected, failure.contradiction)),
        doubt.unwrap_or_default()
    );
    text.push_str(&format!("{}\n\n", escaped(&failure.claim)));
    if let Some(step) = &failure.next_step {
        text.push_str(&format!("**Next:** {}\n\n", escaped(step)));
    }
    for fact in &failure.evidence {
        let (label, fact) = labelled(fact);
        text.push_str(&format!("- {label}: {}\n", escaped(fact)));
    }
    for logged in &failure.logs {
        text.push_str(&format!("- in logs: {}\n", escaped(logged)));
    }
    text.push_str(&format!("- more: `fwprobe explain {}`\n", failure.verdict));
    text
}

fn ports(report: &Report) -> String {
    let several = report.paths.len() > 1;
    let path = if several { " Path |" } else { "" };
    let rule = if several { "---|" } else { "" };
    let mut text = format!(
        "\n## Ports\n\n| | Port | Server |{path} Expected | Verdict | Where | Purpose |\n\
         |---|---|---|{rule}---|---|---|---|\n"
    );
    for port in &report.ports {
        text.push_str(&port_line(port, several));
    }
    text
}

fn port_line(port: &PortRow, several: bool) -> String {
    let server = port
        .address
        .map_or_else(|| port.host.clone(), |a| a.to_string());
    let path = if several {
        format!(" {} |", escaped(&port.path))
    } else {
        String::new()
    };
    format!(
        "| {} | {} | {} |{path} {} | {} | {} | {} |\n",
        word(port.mark),
        escaped(&port.port_and_session()),
        escaped(&server),
        escaped(&port.expected),
        port.verdict.id,
        escaped(&port.verdict.place),
        escaped(&port.purpose)
    )
}

fn notes(report: &Report) -> String {
    let mut text = String::new();
    for note in &report.notes {
        let detail = note.detail.as_ref();
        let detail = detail.map_or_else(String::new, |d| format!(" ({})", escaped(d)));
        text.push_str(&format!(
            "- {} on {}: {}{detail}\n",
            note.id,
            escaped(&note.ports),
            escaped(&note.claim)
        ));
    }
    section("Noted", &text)
}

fn egress(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.egress {
        let ports: Vec<String> = row.ports.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "- from {} to TCP {} (path {})\n",
            escaped(&row.from.to_string()),
            listed(&ports, ", "),
            escaped(&row.paths.join(", "))
        ));
    }
    section(
        "For allow lists on the cloud side, as the server saw it",
        &text,
    )
}

fn skipped(report: &Report) -> String {
    let mut text = String::new();
    for rule in &report.skipped {
        text.push_str(&format!(
            "- {} {}: {}\n",
            rule.port,
            escaped(&rule.purpose),
            escaped(&rule.because)
        ));
    }
    section("Not tested from here", &text)
}

fn scope(report: &Report) -> String {
    let Some(scope) = &report.scope else {
        return String::new();
    };
    let mut text = String::new();
    for tested in &scope.tested {
        text.push_str(&format!("- tested: {}\n", escaped(tested)));
    }
    text.push_str(&format!("\n{}\n", escaped(scope.limits)));
    section("Scope", &text)
}

fn checks(checks: &[CheckRow]) -> String {
    let mut text = String::new();
    let passed = checks.iter().filter(|c| c.status == CheckStatus::Pass);
    let mut passed: Vec<&str> = passed.map(|c| c.id).collect();
    passed.dedup();
    if !passed.is_empty() {
        text.push_str(&format!("- pass: {}\n", passed.join(", ")));
    }
    for check in checks.iter().filter(|c| c.status != CheckStatus::Pass) {
        let next = check.next_step.as_ref();
        let next = next.map_or_else(String::new, |n| format!(" **Next:** {}", escaped(n)));
        text.push_str(&format!(
            "- **{}** {}: {}{next}\n",
            check.status.name(),
            check.id,
            escaped(&check.text)
        ));
    }
    section("This head node", &text)
}

fn repeat(report: &Report) -> String {
    let commands: Vec<String> = report
        .run
        .repeat
        .iter()
        .map(|command| format!("    {}\n", printable(command)))
        .collect();
    format!("\n## To repeat it\n\n{}", commands.concat())
}

/// Returns a section with its title, or nothing if its text is empty.
fn section(title: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("\n## {title}\n\n{text}")
}

const fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Ok => "ok",
        Mark::Warned => "ok, but",
        Mark::Fail => "**FAIL**",
        Mark::Undecided => "**undecided**",
    }
}

/// Returns `text` on one line, escaped so that GitHub, GitLab and others show it unchanged.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // An empty HTML comment separates the name from the `@`, so that nobody is notified.
            '@' => escaped.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '+' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    // Addresses must not become links.
    escaped.replace("://", "\\://").replace("www.", "www\\.")
}

/// The maximum size in bytes, with some room: GitHub drops a step summary of more than 1 MiB.
const MOST_BYTES: usize = 1024 * 1024 - 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn rendered(report: &Report) -> String {
        recorded::written(|out| write(report, out))
    }

    #[test]
    fn a_run_with_failures() {
        insta::assert_snapshot!(rendered(&Report::of(&recorded::DROPPED.read())));
    }

    #[test]
    fn several_paths_have_a_column() {
        insta::assert_snapshot!(rendered(&Report::of(&recorded::THROUGH_PROXIES.read())));
    }

    #[test]
    fn what_is_cut_is_said() {
        let mut report = Report::of(&recorded::DROPPED.read());
        // Each `&` is escaped as five characters.
        report.ports[0].purpose = "&".repeat(4000);
        report.ports = vec![report.ports[0].clone(); 100];
        let text = rendered(&report);
        assert!(text.len() < 1024 * 1024, "{} bytes", text.len());
        assert!(
            text.contains("Left out to stay below 1 MiB:** the table of ports."),
            "{}",
            &text[..400]
        );
        assert!(text.contains("## To repeat it"));
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("<b> @team http://x [a](b) |\u{1b}[1m"),
            "&lt;b&gt; @<!-- -->team http\\://x \\[a\\](b) \\|\\\\u\\{1b\\}\\[1m"
        );
    }
}
