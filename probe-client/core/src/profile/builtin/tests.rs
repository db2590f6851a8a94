use std::collections::BTreeSet;

use super::*;
use crate::profile::{Direction, Expectation, Rule, Sourcing, Transport};

#[test]
fn every_profile_is_written_the_canonical_way() {
    for (file, text) in FILES {
        let profile = Profile::parse(file, text).unwrap();
        assert_eq!(&profile.to_toml(), text, "{file}");
        assert_eq!(*file, format!("profiles/{}.toml", profile.id));
    }
}

#[test]
fn every_file_in_the_folder_is_compiled_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<_> = names.map(|name| format!("profiles/{name}")).collect();
    let listed = FILES.iter().map(|(file, _)| (*file).to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), names);
}

#[test]
fn every_rule_and_note_says_where_it_comes_from() {
    for profile in all() {
        assert!(
            profile.summary.is_some() && profile.applies_to.is_some(),
            "{}",
            profile.id
        );
        let rules = profile
            .rules
            .iter()
            .map(|rule| (&rule.source, rule.sourcing));
        let notes = profile
            .notes
            .iter()
            .map(|note| (&note.source, note.sourcing));
        for (source, sourcing) in rules.chain(notes) {
            let named = !source.trim().is_empty() && source != "no source at hand";
            assert!(
                named || sourcing == Sourcing::FromMemory,
                "{}: {source}",
                profile.id
            );
        }
    }
}

#[test]
fn no_name_means_two_profiles() {
    let names: Vec<_> = all().iter().flat_map(Profile::names).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in names {
        assert!(
            lookup(name.as_str())
                .unwrap()
                .names()
                .any(|known| known == name)
        );
    }
}

#[test]
fn service_packs_that_share_their_ports_share_a_profile() {
    for (alias, id) in [
        ("hpc-2008r2-sp2", "hpc-2008r2-sp1"),
        ("hpc-2008r2-sp4", "hpc-2008r2-sp3"),
    ] {
        assert_eq!(lookup(alias).unwrap().id.as_str(), id);
    }
}

#[test]
fn a_wrong_name_gets_a_hint() {
    let unknown = |name| lookup(name).unwrap_err().to_string();
    assert_eq!(
        unknown("hpc-2008-sp1"),
        "no profile is called \"hpc-2008-sp1\"; did you mean \"hpc-2008r2-sp1\"?"
    );
    assert_eq!(unknown("kubernetes"), "no profile is called \"kubernetes\"");
    assert_eq!(unknown("\u{1b}"), "no profile is called \"\\u{1b}\"");
}

#[test]
fn the_seven_ports_up_to_sp2() {
    let rules = &lookup("hpc-2008r2-sp1").unwrap().rules;
    assert_eq!(
        rules.iter().map(question).collect::<Vec<_>>(),
        [
            "http 80 http",
            "https 443 https",
            "rdp 3389 rdp",
            "soa-broker 5901 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.BrokerProxy",
            "soa-control 5902 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.ProxyControl",
            "file-staging 7998 nettcp streamed \
             net.tcp://{address}:{port}/Microsoft.Hpc.Azure.Endpoint.FileStaging",
            "job-scheduling 7999 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.JobManager",
        ]
    );
    assert!(rules.iter().all(plain));
}

#[test]
fn two_ports_from_sp3_on() {
    let rules = &lookup("hpc-2008r2-sp3").unwrap().rules;
    assert_eq!(
        rules.iter().map(question).collect::<Vec<_>>(),
        [
            "https 443 https",
            "soa-broker 443 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.BrokerProxy",
            "soa-control 443 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.ProxyControl",
            "file-staging 443 nettcp streamed \
             net.tcp://{address}:{port}/Microsoft.Hpc.Azure.Endpoint.FileStaging",
            "job-scheduling 443 nettcp duplex \
             net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.JobManager",
            "rdp 3389 rdp",
        ]
    );
    assert!(rules.iter().all(plain));
}

#[test]
fn the_file_staging_via_is_the_products_own() {
    let rules = &lookup("hpc-2008r2-sp1").unwrap().rules;
    let rule = rules
        .iter()
        .find(|rule| rule.id.as_str() == "file-staging")
        .unwrap();
    let via = rule.via_uri.as_ref().unwrap();
    let via = via.render("h.example", "203.0.113.10".parse().ok(), rule.port);
    assert_eq!(
        via,
        "net.tcp://203.0.113.10:7998/Microsoft.Hpc.Azure.Endpoint.FileStaging"
    );
    assert_eq!(via.len(), 68);
}

#[test]
fn every_profile_has_something_to_test_from_this_side() {
    for profile in all() {
        assert!(
            profile.rules.iter().any(|rule| rule.testable().is_ok()),
            "{}",
            profile.id
        );
    }
}

/// Returns the part of a rule that decides what is sent, in one line.
fn question(rule: &Rule) -> String {
    let session = rule.session.map(|session| session.to_string());
    let mode = rule.nettcp_mode.map(|mode| mode.to_string());
    let via = rule.via_uri.as_ref().map(|via| via.to_string());
    let shape: Vec<_> = [session, mode, via].into_iter().flatten().collect();
    format!("{} {} {}", rule.id, rule.port, shape.join(" "))
}

/// Returns whether a rule is outbound TCP that must be open for the product to work, according to the vendor's page.
fn plain(rule: &Rule) -> bool {
    (rule.direction, rule.transport) == (Direction::Outbound, Transport::Tcp)
        && rule.expect == Expectation::Open
        && rule.required
        && rule.sourcing == Sourcing::Verified
        && rule.source_date.as_ref().map(|date| date.as_str()) == Some("2012-05-09")
}
