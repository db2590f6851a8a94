//! Reads a report format of the user's own: a template for the rows that the built-in formats write.

use std::error::Error as _;
use std::io::{self, Write};

use fields::Missed;
use minijinja::{Environment, ErrorKind};
use thiserror::Error;

use crate::rows::Report;
use crate::templating;

mod example;
mod fields;
mod limits;

/// A template that was read and parsed.
#[derive(Debug)]
pub struct Template {
    /// The file's name, which errors begin with.
    name: String,
    environment: Environment<'static>,
}

/// The reason why a template is not usable.
#[derive(Debug, Error)]
#[error("{name}:{line}: {what}")]
pub struct TemplateError {
    name: String,
    line: usize,
    what: String,
}

impl Template {
    /// Parses a template. Text is escaped for HTML if the file's name ends in `.html`.
    ///
    /// # Errors
    ///
    /// The template is not valid, or uses a name or a field that no report has.
    pub fn parse(name: &str, source: String) -> Result<Self, TemplateError> {
        if let Some((line, what)) = limits::exceeded(&source) {
            return Err(TemplateError {
                name: name.to_owned(),
                line,
                what,
            });
        }
        let mut environment = templating::environment();
        environment.set_fuel(Some(FUEL));
        let added = environment.add_template_owned(name.to_owned(), source);
        added.map_err(|error| TemplateError::of(name, &error))?;
        let template = Self {
            name: name.to_owned(),
            environment,
        };
        template.check_names()?;
        template.check_fields()?;
        Ok(template)
    }

    /// Writes `report` with this template.
    ///
    /// # Errors
    ///
    /// The template fails on these rows, or writing to `out` failed.
    pub fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let missed = Missed::default();
        let text = self.rendered(report, &missed).map_err(|error| {
            io::Error::other(TemplateError::told(&self.name, &error, missed.get()))
        })?;
        out.write_all(text.as_bytes())
    }

    fn rendered(&self, report: &Report, missed: &Missed) -> Result<String, minijinja::Error> {
        let template = self.environment.get_template(&self.name)?;
        template.render(fields::values(templating::plain(report), missed))
    }

    /// Checks the names of fields with two examples: one has a row of every kind, with every value, and the other has
    /// none of the values that a run may lack. Other errors may depend on the run.
    fn check_fields(&self) -> Result<(), TemplateError> {
        for report in [example::report(), example::bare_report()] {
            let missed = Missed::default();
            if let (Err(error), Some(field)) = (self.rendered(&report, &missed), missed.get())
                && error.kind() == ErrorKind::UndefinedError
            {
                return Err(TemplateError::told(&self.name, &error, Some(field)));
            }
        }
        Ok(())
    }

    /// Checks the names at the top level, and the fields that are named by them, before anything is rendered: also in
    /// branches that no example takes.
    fn check_names(&self) -> Result<(), TemplateError> {
        let unknown = |error| TemplateError::of(&self.name, &error);
        let template = self.environment.get_template(&self.name).map_err(unknown)?;
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort_unstable();
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let rows = templating::plain(&example::report());
        for path in used {
            let (name, rest) = match path.split_once('.') {
                Some((name, rest)) => (name, Some(rest)),
                None => (path.as_str(), None),
            };
            let wrong = if !Report::NAMES.contains(&name) {
                let unknown = || (name, format!("unknown name `{name}`; {}", names()));
                (!globals.contains(&name)).then(unknown)
            } else {
                let missing = rest.and_then(|rest| fields::unknown(&rows, name, rest));
                missing.map(|(field, why)| {
                    (
                        field,
                        format!("undefined value: `{path}` is undefined; {why}"),
                    )
                })
            };
            if let Some((word, what)) = wrong {
                return Err(TemplateError {
                    name: self.name.clone(),
                    line: line_of(template.source(), name, word) + 1,
                    what,
                });
            }
        }
        Ok(())
    }
}

impl TemplateError {
    fn of(name: &str, error: &minijinja::Error) -> Self {
        Self::told(name, error, None)
    }

    /// Returns the error with its explanation; `missed` is the last field that the template asked for and no row has.
    fn told(name: &str, error: &minijinja::Error, missed: Option<String>) -> Self {
        let mut what = error.kind().to_string();
        if let Some(detail) = error.detail() {
            what.push_str(&format!(": {detail}"));
        }
        if let Some(source) = error.source() {
            what.push_str(&format!(": {source}"));
        }
        if error.kind() == ErrorKind::UndefinedError {
            what.push_str(&format!("; {}", missed.unwrap_or_else(names)));
        }
        Self {
            name: name.to_owned(),
            line: error.line().unwrap_or(1),
            what,
        }
    }
}

fn names() -> String {
    format!(
        "the names at the top are {}; docs/user/reports.md lists what each contains",
        Report::NAMES.join(", ")
    )
}

/// Returns the number of the first line, from 0, that contains both words; 0 if none does.
fn line_of(source: &str, one: &str, other: &str) -> usize {
    let has_both = |line: &str| has_word(line, one) && has_word(line, other);
    source.lines().position(has_both).unwrap_or(0)
}

/// Returns whether `word` is in `line` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c| !is_part(c)).any(|w| w == word)
}

/// The maximum work of a template: enough for thousands of ports, and done in less than a second. Each step costs 1,
/// and 64 bytes of text cost 1, so a template takes at most 128 MiB.
const FUEL: u64 = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use probe_core::judge::Outcome;

    use super::*;
    use crate::recorded;

    fn rendered(source: &str) -> Result<String, String> {
        let template = Template::parse("own.txt", source.to_owned()).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        let report = Report::of(&recorded::DROPPED.read());
        template
            .write(&report, &mut out)
            .map_err(|e| e.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_template_sees_the_rows() {
        let source = "{% for port in ports %}{{ port.port }} {{ port.verdict }}\n{% endfor %}";
        let text = rendered(source).unwrap();
        assert!(
            text.contains(" dropped\n") && text.contains("443 reachable\n"),
            "{text}"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (source, expected) in [
            (
                "a\n{{ prots }}",
                "own.txt:2: unknown name `prots`; the names at the top are run, ",
            ),
            (
                "a\nb\n{{ run.profil }}",
                "own.txt:3: undefined value: `run.profil` is undefined; `run` has no `profil`; it \
                 has complete, finished, hosts, ",
            ),
            (
                "{% for p in failures %}{% for s in p.way.stops %}\n{{ s.nam }}{% endfor %}\
                 {% endfor %}",
                "own.txt:2: undefined value: `s.nam` is undefined; `stops` has no `nam`; it has ",
            ),
            ("{% for p in ports %}", "own.txt:1: syntax error"),
            ("{% include 'other' %}", "own.txt:1: template not found"),
            ("{{ ports | no_filter }}", "own.txt:1: unknown filter"),
        ] {
            let error = rendered(source).unwrap_err();
            assert!(error.starts_with(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_field_that_no_run_has_is_told_before_the_run() {
        for source in [
            "{{ checks[0].nosuch }}",
            "{% for row in request.asked %}{% for s in row.snippets %}{{ s.nosuch }}{% endfor %}\
             {% endfor %}",
            "{% if scope %}{{ scope.nosuch }}{% endif %}",
            "{% for p in ports if p.outcome == 'undecided' %}{{ p.nosuch }}{% endfor %}",
            // Branches that a report with every value does not take.
            "{% for p in ports %}{% if p.hop is none %}{{ p.nosuch }}{% endif %}{% endfor %}",
            "{% for c in checks %}{{ c.next_step or c.nosuch }}{% endfor %}",
            // Branches that no report takes.
            "{% if run.version == 'no such' %}{{ run.nosuch }}{% endif %}",
            "{% for p in ports if false %}{{ summary.nosuch }}{% endfor %}",
            "{{ run.id if true else request.nosuch }}",
        ] {
            let error = Template::parse("own.txt", source.to_owned()).unwrap_err();
            assert!(error.to_string().contains("has no `nosuch`"), "{error}");
        }
        let far = "{% if false %}\n{{ summary.nosuch }}{% endif %}{{ run.id }}".to_owned();
        let error = Template::parse("own.txt", far).unwrap_err().to_string();
        let expected = "own.txt:2: undefined value: `summary.nosuch` is undefined; `summary` has \
                        no `nosuch`; it has ";
        assert!(error.starts_with(expected), "{error}");
        // A value that a run did not measure is `none`.
        assert!(rendered("{{ ports[0].timings.proxy_us is none }}").is_ok());
        // The example has fewer rows than a run may have.
        let far = "{{ ports[6].verdict }}".to_owned();
        assert!(Template::parse("own.txt", far).is_ok());
    }

    #[test]
    fn what_would_take_gigabytes_is_stopped() {
        for source in [
            "{{ 'a\nb' | indent(999999999) }}",
            "{{ '%999999999s' | format(run.id) }}",
            "{{ 'x' * 999999999 }}",
            "{% set n = namespace(s='x') %}{% for _ in range(40) %}{% set n.s = n.s ~ n.s %}\
             {% endfor %}{{ n.s }}",
        ] {
            let error = rendered(source).unwrap_err();
            assert!(error.contains("fuel"), "{source}: {error}");
        }
    }

    #[test]
    fn a_chain_that_would_overflow_the_stack_is_refused() {
        let error = rendered(&format!("\n{{{{ 1{} }}}}", "+1".repeat(200_000))).unwrap_err();
        assert!(
            error.starts_with("own.txt:2: a tag has more than"),
            "{error}"
        );
    }

    #[test]
    fn a_template_without_an_end_is_stopped() {
        let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}\
                     {% endfor %}{% endfor %}{% endfor %}";
        let error = rendered(loops).unwrap_err();
        assert!(error.contains("fuel"), "{error}");
    }

    #[test]
    fn the_list_of_names_is_complete() {
        let report = Report::of(&recorded::DROPPED.read());
        let rows = serde_json::to_value(&report).unwrap();
        let mut names: Vec<&str> = Report::NAMES.to_vec();
        names.sort_unstable();
        let mut fields: Vec<&String> = rows.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(names, fields);
    }

    /// Adds the fields of `row`, and of the rows in it, by the row's name.
    fn collect(name: &str, row: &serde_json::Value, all: &mut BTreeMap<String, BTreeSet<String>>) {
        use serde_json::Value as Json;
        match row {
            Json::Array(rows) => rows.iter().for_each(|row| collect(name, row, all)),
            Json::Object(fields) => {
                for (key, value) in fields {
                    all.entry(name.to_owned()).or_default().insert(key.clone());
                    collect(&format!("{name}.{key}"), value, all);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }

    #[test]
    fn the_document_names_every_field() {
        let mut fields = BTreeMap::new();
        let example = serde_json::to_value(example::report()).unwrap();
        for (name, part) in example.as_object().unwrap() {
            collect(name, part, &mut fields);
        }
        let document = include_str!("../../../docs/user/reports.md");
        let mut named = BTreeMap::new();
        for line in document.lines() {
            // The text after a semicolon explains the fields.
            let listed = line.split(';').next().unwrap_or_default();
            let words: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
            if let [name, rest @ ..] = words.as_slice()
                && fields.contains_key(*name)
                && line.starts_with("| `")
            {
                let rest: BTreeSet<String> = rest.iter().map(ToString::to_string).collect();
                named.insert(name.to_string(), rest);
            }
        }
        assert_eq!(named, fields);
    }

    /// The templates in the document, as they are printed there.
    fn printed() -> Vec<String> {
        let document = include_str!("../../../docs/user/reports.md");
        let blocks = document.split("\n\n").filter(|block| {
            let mut lines = block.lines();
            lines.all(|line| line.starts_with("    ")) && block.contains("{%")
        });
        let unindented = |block: &str| {
            block
                .lines()
                .map(|line| format!("{}\n", &line[4..]))
                .collect()
        };
        blocks.map(unindented).collect()
    }

    #[test]
    fn the_examples_of_the_document_work_for_every_run() {
        let [service_now, jira] = printed().try_into().unwrap();
        for run in recorded::ALL {
            let report = Report::of(&run.read());
            let write = |source: &String| {
                let template = Template::parse("example.txt", source.clone()).unwrap();
                recorded::written(|out| template.write(&report, out))
            };
            let change: serde_json::Value = serde_json::from_str(&write(&service_now)).unwrap();
            let plan = change["implementation_plan"].as_str().unwrap();
            assert_eq!(
                plan.lines().count(),
                report.request.asked.len(),
                "{}",
                run.name
            );
            let failed = report
                .ports
                .iter()
                .filter(|p| p.outcome != Outcome::AsExpected);
            let lines = failed.count() + 2;
            assert_eq!(write(&jira).lines().count(), lines, "{}", run.name);
        }
    }

    #[test]
    fn the_examples_of_the_document_as_they_come_out() {
        let report = Report::of(&recorded::THREE_FAULTS.read());
        for (name, source) in ["service_now", "jira"].into_iter().zip(printed()) {
            let template = Template::parse("example.txt", source).unwrap();
            insta::assert_snapshot!(name, recorded::written(|out| template.write(&report, out)));
        }
    }
}
