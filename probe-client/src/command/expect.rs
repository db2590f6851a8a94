//! `fwprobe expect`: writes the results of a run as a file for `--expect`, or checks such a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use probe_core::catalogue::VerdictClass;
use probe_core::profile::{
    AddressFamily, Expectation, ExpectedWhere, PathChoice, RuleId, by_place_as_toml,
};
use probe_documents::expectations;
use probe_documents::{Probe, RunDocument};

use crate::arguments::ExpectCommand;
use crate::config::{self, Problems};
use crate::saved_run::load;
use crate::{given_file, terminal};

pub(super) fn execute(command: &ExpectCommand) -> anyhow::Result<u8> {
    let text = match command {
        ExpectCommand::Save { run } => as_file(&load(run)?)?,
        ExpectCommand::Check { file, profile } => checked(file, profile.as_deref())?,
    };
    terminal::print(&text).context("standard output")?;
    Ok(0)
}

fn checked(file: &Path, profile: Option<&str>) -> Result<String, Problems> {
    let mut problems = Problems::default();
    let mut rules = match profile {
        Some(name) => config::load(name, &mut problems).map(|profile| profile.rules),
        None => None,
    };
    let reading = given_file::toml(file, &expectations::FILE, |table, found| match &mut rules {
        Some(rules) => expectations::apply(table, rules, found),
        None => expectations::check(table, found),
    });
    let count = problems.take(reading.whole());
    problems.none()?;
    let count = count.unwrap_or_default();
    Ok(format!("{}: {count} rules, good\n", file.display()))
}

/// Returns the results of the run as a file that [`expectations::apply`] reads.
fn as_file(document: &RunDocument) -> Result<String, std::fmt::Error> {
    let mut rules: BTreeMap<&RuleId, Vec<&Probe>> = BTreeMap::new();
    for probe in &document.probes {
        rules
            .entry(&probe.measurement.rule.id)
            .or_default()
            .push(probe);
    }
    let mut text = String::from(HEAD);
    for (id, probes) in rules {
        match found(&probes) {
            Ok(expected) => writeln!(text, "{id} = {expected}")?,
            Err(undecided) => {
                let verdict = undecided.verdict.id.entry().id;
                let path = &undecided.measurement.path;
                writeln!(
                    text,
                    "# {id}: {verdict} ({path}), which is neither open nor blocked"
                )?;
            }
        }
    }
    Ok(text)
}

/// Returns the value of a rule, or the probe that leaves it undecided.
fn found<'p>(probes: &[&'p Probe]) -> Result<String, &'p Probe> {
    let mut places: BTreeMap<(PathChoice, Option<AddressFamily>), Expectation> = BTreeMap::new();
    for probe in probes {
        let measured = &probe.measurement;
        let path = PathChoice::Exactly(measured.path.clone());
        let family = measured
            .address
            .map(|address| AddressFamily::of(address.ip()));
        let expect = state(probe).ok_or(*probe)?;
        // The file cannot give different values for two addresses of one family.
        if places
            .insert((path, family), expect)
            .is_some_and(|other| other != expect)
        {
            return Err(probe);
        }
    }
    Ok(shortest(&places))
}

fn state(probe: &Probe) -> Option<Expectation> {
    let entry = probe.verdict.id.entry();
    match entry.class {
        VerdictClass::Open => Some(Expectation::Open),
        VerdictClass::Closed if entry.meets_blocked => Some(Expectation::Blocked),
        VerdictClass::Closed | VerdictClass::NotAboutThePort => None,
    }
}

/// Returns the shortest equivalent value: one word, or a table by path, or by path and family.
fn shortest(places: &BTreeMap<(PathChoice, Option<AddressFamily>), Expectation>) -> String {
    let agree = |values: &[Expectation]| values.windows(2).all(|pair| pair[0] == pair[1]);
    let all: Vec<Expectation> = places.values().copied().collect();
    if let (true, Some(word)) = (agree(&all), all.first()) {
        return format!("\"{word}\"");
    }
    let mut table = Vec::new();
    for ((path, family), expect) in places {
        let same: Vec<Expectation> = places
            .iter()
            .filter(|((other, _), _)| other == path)
            .map(|(_, expect)| *expect)
            .collect();
        let place = ExpectedWhere {
            path: Some(path.clone()),
            family: family.filter(|_| !agree(&same)),
            expect: *expect,
        };
        if !table.contains(&place) {
            table.push(place);
        }
    }
    by_place_as_toml(&table)
}

const HEAD: &str = "\
# What a run found, for `fwprobe run --expect`. Edit the rules for which you
# expect something else.
[rules]
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_found_is_what_it_expects_next_time() {
        let run = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/core/tests/scenarios/demo.json"
        );
        let document = load(Path::new(run)).unwrap();
        let text = as_file(&document).unwrap();
        insta::assert_snapshot!(text);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("expected.toml");
        std::fs::write(&file, text).unwrap();
        let told = checked(&file, None).unwrap();
        assert!(told.ends_with(" rules, good\n"), "{told}");
    }

    #[test]
    fn a_rule_that_does_not_exist_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("expected.toml");
        std::fs::write(
            &file,
            "[rules]\nhttp = \"open\"\nrdpp = \"blocked\"\nx = \"shut\"\n",
        )
        .unwrap();
        let told = checked(&file, Some("hpc-2008r2-sp1"))
            .unwrap_err()
            .to_string();
        let within = folder.path().join("").display().to_string();
        let told = told.replace(&within, "DIR/");
        assert_eq!(
            told,
            "DIR/expected.toml:3:8: no rule `rdpp` is probed; did you mean \
             `rdp`?\n\
             DIR/expected.toml:4:5: `x` is \"shut\"; use one of open, \
             blocked\n\
             DIR/expected.toml:4:5: no rule `x` is probed; `fwprobe plan` shows the rules with \
             their ids"
        );
    }

    #[test]
    fn paths_and_families_that_differ_are_kept_apart() {
        use AddressFamily::{Ipv4, Ipv6};
        use Expectation::{Blocked, Open};
        let direct = || PathChoice::Exactly("direct".parse().unwrap());
        let proxy = || PathChoice::Exactly("http://p:1".parse().unwrap());
        let written = |all: &[(PathChoice, Option<AddressFamily>, Expectation)]| {
            let places = all
                .iter()
                .map(|(path, family, expect)| ((path.clone(), *family), *expect));
            shortest(&places.collect())
        };
        let same = [(direct(), Some(Ipv4), Open), (proxy(), None, Open)];
        assert_eq!(written(&same), r#""open""#);
        let by_path = [
            (direct(), Some(Ipv4), Blocked),
            (direct(), Some(Ipv6), Blocked),
            (proxy(), None, Open),
        ];
        assert_eq!(
            written(&by_path),
            r#"{ "direct" = "blocked", "http://p:1" = "open" }"#
        );
        let by_family = [
            (direct(), Some(Ipv4), Open),
            (direct(), Some(Ipv6), Blocked),
        ];
        assert_eq!(
            written(&by_family),
            r#"{ "direct" = { ipv4 = "open", ipv6 = "blocked" } }"#
        );
    }
}
