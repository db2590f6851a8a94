//! Writes the answer of many nodes as text for people: a block for each group, the matrix of rules against groups, and
//! a summary in the last line.

use std::io::{self, Write};

use probe_core::judge::Outcome;
use probe_core::words::counted;
use probe_documents::merge::{Changes, Group, MatrixRow, MergeDocument, Question};
use unicode_width::UnicodeWidthStr as _;

use super::remarks::{Remark, of_changes, remarks};
use super::{change_name, names, needs_a_word, outcomes, question, result, sentence, transition};
use crate::history::mark;
use crate::text::{GAP, Look, Tone, outcome, padded, paragraph};

pub(crate) fn write(merge: &MergeDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for group in merge.groups.iter().take(MOST_GROUPS) {
        block(group, look, out)?;
    }
    left_out(merge.groups.len(), look, out)?;
    if merge.groups.len() > 1 {
        matrix(merge, look, out)?;
    }
    if let Some(since) = &merge.changes {
        changes(since, look, out)?;
    }
    writeln!(out)?;
    write_remarks(&remarks(merge), look, out)?;
    let tone = match merge.summary.exit_code {
        0 => Tone::Good,
        1 => Tone::Bad,
        _ => Tone::Undecided,
    };
    writeln!(out, "{}", look.paint(tone, &sentence(merge)))
}

/// Writes one group: its nodes, and the rows that say more than "as expected".
fn block(group: &Group, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (word, tone) = outcome(group.outcome);
    let heading = format!(
        "{}: {}",
        counted(group.nodes.count, "node"),
        outcomes(group)
    );
    writeln!(
        out,
        "{} {}",
        look.paint(tone, word),
        look.paint(Tone::Heading, &heading)
    )?;
    paragraph(out, look, "", &names(&group.nodes))?;
    for row in group.rows.iter().filter(|row| needs_a_word(row)) {
        let (word, tone) = outcome(row.outcome);
        let text = format!("{}: {}", question(&row.question), result(row));
        writeln!(
            out,
            "{GAP}{} {}",
            look.paint(tone, word),
            look.paint(Tone::Plain, &text)
        )?;
    }
    if !group.skipped.is_empty() {
        let rules: Vec<&str> = group.skipped.iter().map(|rule| rule.as_str()).collect();
        paragraph(out, look, "not tested: ", &rules.join(", "))?;
    }
    if group.outcome != Outcome::AsExpected {
        paragraph(out, look, "file: ", &group.example)?;
    }
    Ok(())
}

/// Writes a line for each rule, with a mark for each group. Groups for which there is no room are left out.
fn matrix(merge: &MergeDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let rows = &merge.matrix;
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let family = first.question.family;
    let has_families = rows.iter().any(|row| row.question.family != family);
    let label = |row: &MatrixRow| label(&row.question, has_families);
    let widest = rows.iter().map(|row| label(row).width()).max();
    let width = widest.unwrap_or(0).min(WIDEST_LABEL);
    let room = usize::from(look.width).saturating_sub(width + 2 * GAP.len());
    let mut path = "";
    writeln!(out)?;
    for row in rows {
        if row.question.path != path {
            path = &row.question.path;
            let over = format!("over {path}");
            writeln!(out, "{GAP}{}", look.paint(Tone::Faint, &over))?;
        }
        let label = padded(&label(row), width);
        write!(out, "{GAP}{}{GAP}", look.paint(Tone::Plain, &label))?;
        for cell in row.cells.iter().take(room) {
            let (mark, tone) = mark(cell.map(|cell| cell.outcome));
            write!(out, "{}", look.paint(tone, mark))?;
        }
        writeln!(out)?;
    }
    let shown = first.cells.len().min(room);
    let legend = if shown < merge.groups.len() {
        format!("{LEGEND} (the first {shown} groups)")
    } else {
        LEGEND.to_owned()
    };
    writeln!(out, "{GAP}{}", look.paint(Tone::Faint, &legend))
}

/// Returns a question as the label of a line.
fn label(question: &Question, has_families: bool) -> String {
    let (port, session) = (question.port, question.session);
    let mut label = format!("{port}/{session} ({})", question.rule);
    if let Some(family) = question.family.filter(|_| has_families) {
        label.push_str(&format!(" {}", family.words()));
    }
    if let Some(silence) = question.silence {
        label.push_str(&format!(" {} s", silence.seconds));
    }
    label
}

/// Writes what changed since earlier runs.
fn changes(changes: &Changes, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let heading = "changed since the earlier runs";
    writeln!(out, "\n{}", look.paint(Tone::Heading, heading))?;
    for group in changes.groups.iter().take(MOST_GROUPS) {
        let nodes = counted(group.nodes.count, "node");
        paragraph(out, look, &format!("{nodes}: "), &names(&group.nodes))?;
        for row in &group.rows {
            let text = format!("{}: {}", question(&row.question), transition(row));
            let label = format!("  {}: ", change_name(row.change));
            paragraph(out, look, &label, &text)?;
        }
    }
    left_out(changes.groups.len(), look, out)?;
    write_remarks(&of_changes(changes), look, out)
}

/// Says how many of `groups` groups are not shown.
fn left_out(groups: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let more = groups.saturating_sub(MOST_GROUPS);
    if more == 0 {
        return Ok(());
    }
    let more = counted(more, "group");
    paragraph(out, look, "", &format!("and {more} more (--format json)"))
}

fn write_remarks(remarks: &[Remark], look: Look, out: &mut dyn Write) -> io::Result<()> {
    for remark in remarks {
        let mut label = format!("{}: ", remark.label);
        for text in &remark.texts {
            paragraph(out, look, &label, text)?;
            label = "  ".to_owned();
        }
    }
    Ok(())
}

const LEGEND: &str = "groups as above: . as expected, F not as expected, ? undecided, - not tested";
/// The maximum number of groups that are shown in full.
const MOST_GROUPS: usize = 40;
/// The greatest width of a rule's label.
const WIDEST_LABEL: usize = 48;
