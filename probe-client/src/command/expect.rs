//! `fwprobe expect`: writes the results of a run as a file for `--expect`, or checks such a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use probe_core::catalogue::VerdictClass;
use probe_core::profile::{
    AddressFamily, Expectation, ExpectedWhere, PathChoice, RuleId, by_place_as_toml,
};
use probe_core::words::counted;
use probe_documents::expectations;
use probe_documents::{Probe, RunDocument};

use crate::arguments::ExpectCommand;
use crate::config::{self, Problems};
use crate::saved_run::load;
use crate::{given_file, terminal};

pub(super) fn execute(command: &ExpectCommand) -> anyhow::Result<u8> {
    let text = match command {
        ExpectCommand::Save { run } => saved(run)?,
        ExpectCommand::Check { file, profile } => checked(file, profile.as_deref())?,
    };
    terminal::print(&text).context("standard output")?;
    Ok(0)
}

fn saved(run: &Path) -> anyhow::Result<String> {
    let text = as_file(&load(run)?)?;
    if names_no_rule(&text) {
        let run = run.display();
        terminal::tell(&format!(
            "warning: {run} says of no rule whether it is open or blocked, so the file expects \
             nothing"
        ));
    }
    Ok(text)
}

/// Returns whether the text, which [`as_file`] made, has no line for a rule.
fn names_no_rule(text: &str) -> bool {
    let mut lines = text.trim_start_matches(HEAD).lines();
    lines.all(|line| line.starts_with('#'))
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
    let rules = counted(count, "rule");
    Ok(format!("{}: {rules}, good\n", file.display()))
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
        let places = found(&probes);
        for remark in remarks(id, &places) {
            writeln!(text, "{remark}")?;
        }
        let places = places.into_iter();
        let places = places.map(|(place, found)| (place, found.ok())).collect();
        if let Some(expected) = shortest(&places) {
            writeln!(text, "{id} = {expected}")?;
        }
    }
    Ok(text)
}

/// A path to the addresses of one family.
type Where = (PathChoice, Option<AddressFamily>);

/// Returns what the run found about a rule in each place: the value, or the probe that leaves it undecided.
fn found<'p>(probes: &[&'p Probe]) -> BTreeMap<Where, Result<Expectation, &'p Probe>> {
    let mut places: BTreeMap<Where, Result<Expectation, &'p Probe>> = BTreeMap::new();
    for &probe in probes {
        let measured = &probe.measurement;
        let path = PathChoice::Exactly(measured.path.clone());
        let family = measured
            .address
            .map(|address| AddressFamily::of(address.ip()));
        let found = state(probe).ok_or(probe);
        let known = places.entry((path, family)).or_insert(found);
        // The file cannot give different values for two addresses of one family.
        if known.is_ok() && known.ok() != found.ok() {
            *known = Err(probe);
        }
    }
    places
}

/// Returns a line for each verdict that leaves a place undecided.
fn remarks(id: &RuleId, places: &BTreeMap<Where, Result<Expectation, &Probe>>) -> Vec<String> {
    let mut remarks = Vec::new();
    for undecided in places.values().filter_map(|found| found.err()) {
        let verdict = undecided.verdict.id.entry().id;
        let path = &undecided.measurement.path;
        let remark = format!("# {id}: {verdict} ({path}), which is neither open nor blocked");
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    remarks
}

fn state(probe: &Probe) -> Option<Expectation> {
    let entry = probe.verdict.id.entry();
    match entry.class {
        VerdictClass::Open => Some(Expectation::Open),
        VerdictClass::Closed if entry.meets_blocked => Some(Expectation::Blocked),
        VerdictClass::Closed | VerdictClass::NotAboutThePort => None,
    }
}

/// Returns the shortest equivalent value: one word, or a table by path, or by path and family. Undecided places have no
/// part in it; returns `None` if there are no others.
fn shortest(places: &BTreeMap<Where, Option<Expectation>>) -> Option<String> {
    let agree = |values: &[Option<Expectation>]| values.windows(2).all(|pair| pair[0] == pair[1]);
    let all: Vec<Option<Expectation>> = places.values().copied().collect();
    if let (true, Some(Some(word))) = (agree(&all), all.first()) {
        return Some(format!("\"{word}\""));
    }
    let mut table = Vec::new();
    for ((path, family), expect) in places {
        let Some(expect) = expect else { continue };
        let same: Vec<Option<Expectation>> = places
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
    (!table.is_empty()).then(|| by_place_as_toml(&table))
}

const HEAD: &str = "\
# What a run found, for `fwprobe run --expect`. Edit the rules for which you
# expect something else.
[rules]
";

#[cfg(test)]
mod tests {
    use probe_core::catalogue::VerdictId;

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
                .map(|(path, family, expect)| ((path.clone(), *family), Some(*expect)));
            shortest(&places.collect()).unwrap()
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

    #[test]
    fn an_undecided_place_leaves_the_others_decided() {
        use AddressFamily::{Ipv4, Ipv6};
        use Expectation::Blocked;
        let direct = |family| (PathChoice::Exactly("direct".parse().unwrap()), Some(family));
        let proxy = (PathChoice::Exactly("http://p:1".parse().unwrap()), None);
        let by_path = BTreeMap::from([(direct(Ipv4), Some(Blocked)), (proxy.clone(), None)]);
        let written = shortest(&by_path);
        assert_eq!(written.as_deref(), Some(r#"{ "direct" = "blocked" }"#));
        let by_family = BTreeMap::from([(direct(Ipv4), Some(Blocked)), (direct(Ipv6), None)]);
        let written = shortest(&by_family);
        let expected = r#"{ "direct" = { ipv4 = "blocked" } }"#;
        assert_eq!(written.as_deref(), Some(expected));
        assert_eq!(shortest(&BTreeMap::from([(proxy, None)])), None);
    }

    #[test]
    fn a_path_that_is_decided_is_kept_with_a_remark_about_the_other() {
        let run = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/core/tests/scenarios/demo.json"
        );
        let mut document = load(Path::new(run)).unwrap();
        let is_https = |probe: &Probe| probe.measurement.rule.id.as_str() == "https";
        document.probes.retain(is_https);
        let mut other = document.probes[0].clone();
        other.measurement.path = "socks5h://p:1".parse().unwrap();
        other.verdict.id = VerdictId::Inconclusive;
        document.probes.push(other);
        let text = as_file(&document).unwrap();
        assert!(!names_no_rule(&text));
        let lines = text.strip_prefix(HEAD).unwrap();
        assert_eq!(
            lines,
            "# https: inconclusive (socks5h://p:1), which is neither open nor blocked\nhttps = { \
             \"direct\" = \"open\" }\n"
        );
        document.probes.remove(0);
        assert!(names_no_rule(&as_file(&document).unwrap()));
    }

    #[test]
    fn one_rule_is_singular() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("expected.toml");
        std::fs::write(&file, "[rules]\nhttp = \"open\"\n").unwrap();
        let told = checked(&file, None).unwrap();
        assert!(told.ends_with(": 1 rule, good\n"), "{told}");
    }
}
