//! Reads a file of expectations, which says what is right at one site where that differs from the profile.

use settings_file::{Defect, Field, Problems, Read, Section, Table, nearest};

use crate::excerpt::Excerpt;
use crate::profile::{Expectation, Rule};

/// The keys of the file.
pub static FILE: Section = Section::new(
    "a file of expectations",
    &[("rules", "[rules] with lines like rdp = \"blocked\"")],
);

/// Applies the file to `rules`, as far as it is right. The problems name every rule that is not among them.
pub fn apply(table: &Table<'_>, rules: &mut [Rule], problems: &mut Problems<'_>) {
    let _: Read<()> = table.required("rules", problems, |field, problems| {
        for entry in field.entries(EXAMPLE, problems)? {
            // Its problem is reported; the other lines are read too.
            let _: Read<()> = apply_line(entry, rules, problems);
        }
        Ok(())
    });
}

fn apply_line(line: Field<'_>, rules: &mut [Rule], problems: &mut Problems<'_>) -> Read<()> {
    let expected = Expectation::read(line, problems);
    match rules.iter_mut().find(|rule| rule.id.as_str() == line.key()) {
        Some(rule) => {
            rule.expect = expected?;
            Ok(())
        }
        None => Err(problems.report(line.at(), unknown_rule(line.key(), rules))),
    }
}

fn unknown_rule(id: &str, rules: &[Rule]) -> Defect {
    let ids = rules.iter().map(|rule| rule.id.as_str());
    let remedy = nearest(id, ids).map_or_else(
        || "`fwprobe plan` shows the rules with their ids".to_owned(),
        |id| format!("did you mean `{id}`?"),
    );
    let id = Excerpt::cut(id, MAX_ID_CHARS);
    Defect::other(format_args!("no rule `{id}` is probed; {remedy}"))
}

/// The longest id that an error repeats; a rule's own is not longer.
const MAX_ID_CHARS: usize = 64;

const EXAMPLE: &str = "rdp = \"blocked\"";
