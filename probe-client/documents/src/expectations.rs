//! Reads a file of expectations, which lists the rules whose right outcome at one site differs from the profile's.

use settings_file::{Defect, Field, Problems, Read, Section, Table, nearest};

use probe_core::excerpt::Excerpt;
use probe_core::profile::{Expected, Rule, RuleId};

/// The keys of the file.
pub static FILE: Section = Section::new(
    "a file of expectations",
    &[("rules", "[rules] with lines like rdp = \"blocked\"")],
);

/// Applies the valid lines of the file to `rules`. Returns the number of rules that the file names.
pub fn apply(table: &Table<'_>, rules: &mut [Rule], problems: &mut Problems<'_>) -> usize {
    each(table, problems, |line, problems| {
        let expected = Expected::read(line, problems);
        let rule = rules.iter_mut().find(|rule| rule.id.as_str() == line.key());
        let Some(rule) = rule else {
            return Err(problems.report(line.at(), unknown_rule(line.key(), rules)));
        };
        rule.set_expected(expected?);
        Ok(())
    })
}

/// Checks the file if there are no rules to apply it to. Returns the number of rules that the file names.
pub fn check(table: &Table<'_>, problems: &mut Problems<'_>) -> usize {
    each(table, problems, |line, problems| {
        let id: Result<RuleId, _> = line.key().parse();
        if let Err(reason) = id {
            return Err(line.malformed(line.key(), reason, problems));
        }
        Expected::read(line, problems).map(drop)
    })
}

fn each<'a>(
    table: &Table<'a>,
    problems: &mut Problems<'_>,
    mut read: impl FnMut(Field<'a>, &mut Problems<'_>) -> Read<()>,
) -> usize {
    let lines = table.required("rules", problems, |field, problems| {
        field.entries(EXAMPLE, problems)
    });
    let lines = lines.unwrap_or_default();
    let count = lines.len();
    for line in lines {
        // A problem of this line is recorded in `problems`; the other lines are still read.
        let _: Read<()> = read(line, problems);
    }
    count
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

/// The maximum number of characters of an id that an error repeats. No id of a rule is longer.
const MAX_ID_CHARS: usize = 64;

const EXAMPLE: &str = "rdp = \"blocked\", or rdp = { direct = \"blocked\", proxy = \"open\" }";
