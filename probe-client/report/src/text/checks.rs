//! Formats checks as text: failed ones first, then warnings, passed ones, and the names of skipped ones.

use std::io::{self, Write};

use head_node::answer::CheckStatus;
use head_node::check::CheckDocument;

use super::paint::{Look, Tone, paragraph};
use crate::rows::CheckRow;

/// Returns the output of `fwprobe check`.
///
/// # Errors
///
/// None in practice: the text is written to memory.
pub fn check_table(document: &CheckDocument, look: Look) -> io::Result<String> {
    let mut out = Vec::new();
    writeln!(
        out,
        "{}",
        look.paint(Tone::Heading, "fwprobe: checks of the head node")
    )?;
    let checks: Vec<CheckRow> = document.checks.iter().map(CheckRow::of).collect();
    let node = |check: &&CheckRow| check.about.is_none();
    section(checks.iter().filter(node), look, &mut out)?;
    let mut files: Vec<&str> = Vec::new();
    for check in &checks {
        if let Some(file) = check.about.as_deref().filter(|f| !files.contains(f)) {
            files.push(file);
        }
    }
    for file in files {
        writeln!(out, "\n{}", look.paint(Tone::Heading, file))?;
        let own = |check: &&CheckRow| check.about.as_deref() == Some(file);
        section(checks.iter().filter(own), look, &mut out)?;
    }
    if let Some(profile) = &document.profile {
        let title = format!("Notes on the profile {profile}");
        writeln!(out, "\n{}", look.paint(Tone::Heading, &title))?;
        for note in &document.notes {
            let caveat = note.sourcing.caveat();
            let caveat = caveat.map_or_else(String::new, |c| format!(" ({c})"));
            paragraph(&mut out, look, "- ", &format!("{}{caveat}", note.text))?;
        }
    }
    let s = document.summary;
    let text = format!(
        "{} passed, {} to look at, {} failed, {} skipped",
        s.pass, s.warn, s.fail, s.skipped
    );
    let tone = if s.fail > 0 {
        Tone::Bad
    } else if s.warn > 0 {
        Tone::Undecided
    } else {
        Tone::Good
    };
    writeln!(out, "\n{}", look.paint(tone, &text))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Writes the checks below the ports of a run: passed ones on one line, the others in full.
pub(super) fn of_run(checks: &[CheckRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if checks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", look.paint(Tone::Heading, "This head node"))?;
    let passed = checks.iter().filter(|c| c.status == CheckStatus::Pass);
    let mut names: Vec<&str> = passed.map(|check| check.id).collect();
    names.dedup();
    if !names.is_empty() {
        writeln!(out, "{}", look.paint(Tone::Good, "pass"))?;
        paragraph(out, look, "    ", &names.join(", "))?;
    }
    let told = |check: &&CheckRow| check.status != CheckStatus::Pass;
    section(checks.iter().filter(told), look, out)
}

fn section<'a>(
    checks: impl Iterator<Item = &'a CheckRow>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut checks: Vec<&CheckRow> = checks.collect();
    checks.sort_by_key(|check| match check.status {
        CheckStatus::Fail => 0,
        CheckStatus::Warn => 1,
        CheckStatus::Pass => 2,
        CheckStatus::Skipped => 3,
    });
    let made = |check: &&CheckRow| check.status != CheckStatus::Skipped;
    let (made, skipped): (Vec<&CheckRow>, Vec<&CheckRow>) = checks.into_iter().partition(made);
    for check in made {
        one(check, look, out)?;
    }
    match skipped.as_slice() {
        [] => Ok(()),
        [check] => one(check, look, out),
        several => folded(several, look, out),
    }
}

/// Writes the names of the checks that were skipped, and the flags that would let them be made.
fn folded(skipped: &[&CheckRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{:<4}  {} skipped", "-", skipped.len());
    writeln!(out, "{}", look.paint(Tone::Faint, &title))?;
    let mut names: Vec<&str> = skipped.iter().map(|check| check.id).collect();
    names.dedup();
    paragraph(out, look, "    ", &names.join(", "))?;
    let mut flags: Vec<&str> = Vec::new();
    let words = skipped
        .iter()
        .flat_map(|check| check.text.split_whitespace());
    for word in words.filter(|word| word.starts_with("--")) {
        let flag = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    let how = match flags.as_slice() {
        [] => String::new(),
        flags => format!("{} lets fwprobe make some of them; ", flags.join(", ")),
    };
    let text = format!("{how}--format json has the reason of each");
    paragraph(out, look, "    why: ", &text)
}

fn one(check: &CheckRow, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (word, tone) = match check.status {
        CheckStatus::Pass => ("pass", Tone::Good),
        CheckStatus::Warn => ("warn", Tone::Undecided),
        CheckStatus::Fail => ("FAIL", Tone::Bad),
        CheckStatus::Skipped => ("-", Tone::Faint),
    };
    let id = look.paint(tone, check.id);
    writeln!(out, "{}  {id}", look.paint(tone, &format!("{word:<4}")))?;
    let mut text = check.text.clone();
    if !check.origins.is_empty() {
        text.push_str(&format!(" [{}]", check.origins.join(", ")));
    }
    if let Some(caveat) = check.caveat {
        text.push_str(&format!(" ({caveat})"));
    }
    paragraph(out, look, "    ", &text)?;
    let Some(step) = &check.next_step else {
        return Ok(());
    };
    paragraph(out, look, "    next: ", step)
}
