//! docs/reference/verdicts.md: the tables of the catalogue, then every page.

use std::fmt::Display;

use super::{FindingId, PLACEHOLDERS, VerdictClass, VerdictEntry, VerdictId};

/// Returns the text of docs/reference/verdicts.md.
///
/// Every id is a heading of its own there, so that [`VerdictId::anchor`] and [`FindingId::anchor`] lead to its page.
pub fn markdown() -> String {
    let mut out = String::from(INTRODUCTION);
    verdict_table(&mut out);
    finding_table(&mut out);
    placeholders(&mut out);
    for id in VerdictId::ALL {
        let entry = id.entry();
        append_page(&mut out, id, entry.title, entry.page, link);
    }
    for id in FindingId::ALL {
        let entry = id.entry();
        append_page(&mut out, id, entry.title, entry.page, link);
    }
    out
}

fn verdict_table(out: &mut String) {
    out.push_str(
        "\n## Verdicts\n\n\
         | id | meaning | counts as | severity | meets `blocked` |\n\
         |---|---|---|---|---|\n",
    );
    for id in VerdictId::ALL {
        let VerdictEntry {
            meaning,
            class,
            severity,
            meets_blocked,
            ..
        } = id.entry();
        let blocked = if *meets_blocked { "yes" } else { "no" };
        let severity = severity.name();
        let class = match class {
            VerdictClass::Open => "open",
            VerdictClass::Closed => "closed",
            VerdictClass::NotAboutThePort => "not judged",
        };
        out.push_str(&format!(
            "| {} | {meaning} | {class} | {severity} | {blocked} |\n",
            link(id.name())
        ));
    }
}

fn finding_table(out: &mut String) {
    out.push_str("\n## Findings\n\n| id | meaning | severity |\n|---|---|---|\n");
    for id in FindingId::ALL {
        let entry = id.entry();
        let severity = entry.severity.name();
        out.push_str(&format!(
            "| {} | {} | {severity} |\n",
            link(id.name()),
            entry.meaning
        ));
    }
}

fn placeholders(out: &mut String) {
    out.push_str("\n## Words in braces\n\nFill these in before you send or run a text.\n\n");
    for placeholder in PLACEHOLDERS {
        let (name, meaning) = (placeholder.name, placeholder.meaning);
        out.push_str(&format!("- `{{{name}}}`: {meaning}\n"));
    }
}

/// Appends a page. The id alone is the heading, because renderers derive the anchor from the whole heading.
pub fn append_page(
    out: &mut String,
    id: impl Display,
    title: &str,
    page: &str,
    link: fn(&str) -> String,
) {
    out.push_str(&format!("\n## {id}\n\n**{title}.**\n"));
    let mut links = false;
    for line in page.lines().skip(1) {
        if let Some(section) = line.strip_prefix("## ") {
            links = section == SEE_ALSO;
            out.push_str("### ");
            out.push_str(section);
        } else if let Some((other, why)) = see_also(line).filter(|_| links) {
            out.push_str(&format!("- {}: {why}", link(other)));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// Returns the parts of a line under "See also": an id, and when to look there.
pub fn see_also(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("- `")?.split_once("`: ")
}

fn link(id: &str) -> String {
    format!("[`{id}`](#{id})")
}

const INTRODUCTION: &str = "\
# Verdicts and findings

Written from the pages in `probe-client/core/pages` and the tables in
`probe-client/core/src/catalogue`; change those. `fwprobe explain ID` prints a page.

A verdict names one cause. What counts as `open` fulfils a rule that expects `open`; the last column
marks what fulfils one that expects `blocked`; `not judged` says nothing about the port. Severity is
meant for traffic that should pass. A finding is noted beside a verdict and fails nothing by itself.
";
/// The heading of the section that names other pages.
pub const SEE_ALSO: &str = "See also";
