//! A report format of the user's own: a template over the same rows that the built-in formats write.

use std::error::Error as _;
use std::io::{self, Write};

use minijinja::Environment;
use thiserror::Error;

use crate::rows::Report;
use crate::templating;

/// A template that was read and parsed.
#[derive(Debug)]
pub struct Template {
    /// The file's name, which errors repeat.
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
    /// The template is not valid, or uses a name that no report has.
    pub fn parse(name: &str, source: String) -> Result<Self, TemplateError> {
        let mut environment = templating::environment();
        environment.set_fuel(Some(FUEL));
        let added = environment.add_template_owned(name.to_owned(), source);
        added.map_err(|error| TemplateError::of(name, &error))?;
        let template = Self {
            name: name.to_owned(),
            environment,
        };
        template.check_names()?;
        Ok(template)
    }

    /// Writes `report` by this template.
    ///
    /// # Errors
    ///
    /// The template fails on these rows, or writing to `out` failed.
    pub fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let text = self
            .environment
            .get_template(&self.name)
            .and_then(|template| template.render(templating::value(report)))
            .map_err(|error| io::Error::other(TemplateError::of(&self.name, &error)))?;
        out.write_all(text.as_bytes())
    }

    /// Checks the names at the top before anything is rendered, so that fwprobe reports a mistake before a run.
    fn check_names(&self) -> Result<(), TemplateError> {
        let unknown = |error| TemplateError::of(&self.name, &error);
        let template = self.environment.get_template(&self.name).map_err(unknown)?;
        let mut used: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        used.sort_unstable();
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let is_known = |name: &String| {
            Report::NAMES.contains(&name.as_str()) || globals.contains(&name.as_str())
        };
        let Some(unknown) = used.into_iter().find(|name| !is_known(name)) else {
            return Ok(());
        };
        let source = template.source();
        let line = source.lines().position(|line| has_word(line, &unknown));
        Err(TemplateError {
            name: self.name.clone(),
            line: line.unwrap_or(0) + 1,
            what: format!("unknown name `{unknown}`; {}", names()),
        })
    }
}

impl TemplateError {
    fn of(name: &str, error: &minijinja::Error) -> Self {
        let mut what = error.kind().to_string();
        if let Some(detail) = error.detail() {
            what.push_str(&format!(": {detail}"));
        }
        if let Some(source) = error.source() {
            what.push_str(&format!(": {source}"));
        }
        if error.kind() == minijinja::ErrorKind::UndefinedError {
            what.push_str(&format!("; {}", names()));
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

/// Returns whether `word` is in `line` as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c| !is_part(c)).any(|w| w == word)
}

/// The maximum number of steps of a template: enough for thousands of ports, and less than a second.
const FUEL: u64 = 20_000_000;

#[cfg(test)]
mod tests {
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
            ("a\nb\n{{ run.profil }}", "own.txt:3: undefined value"),
            ("{% for p in ports %}", "own.txt:1: syntax error"),
            ("{% include 'other' %}", "own.txt:1: template not found"),
            ("{{ ports | no_filter }}", "own.txt:1: unknown filter"),
        ] {
            let error = rendered(source).unwrap_err();
            assert!(error.starts_with(expected), "{source}: {error}");
        }
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
