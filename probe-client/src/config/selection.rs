//! Selects the rules and ports of a run.

use std::path::Path;

use head_node::{HeadNode, PortsUndecided};
use probe_core::plan::PortMap;
use probe_core::profile::{Profile, Rule};
use probe_documents::expectations;

use super::problems::Problems;
use super::{Selected, by_hand, is_file};
use crate::arguments::WhatToProbe;
use crate::given_file;

/// Returns the profile and the ports given by hand, with expectations applied.
pub(super) fn rules(
    what: &WhatToProbe,
    head_node: &HeadNode,
    problems: &mut Problems,
) -> Option<Selected> {
    let by_hand: Vec<Rule> = what
        .ports
        .iter()
        .filter_map(|text| problems.take(by_hand::rule(text)))
        .collect();
    let wanted = match what.profile.as_deref() {
        Some(profile) => Some(profile),
        None if what.ports.is_empty() => Some(of_head_node(head_node, problems)?),
        None => None,
    };
    let profile = match wanted {
        Some(name) => Some(load(name, problems)?),
        None => None,
    };
    let mut rules = profile.as_ref().map_or_else(Vec::new, |p| p.rules.clone());
    for rule in by_hand {
        if rules.iter().any(|r| r.id == rule.id) {
            problems.add(format!(
                "--port {}/{} is given twice",
                rule.port,
                rule.session.map_or_else(String::new, |s| s.to_string())
            ));
        } else {
            rules.push(rule);
        }
    }
    if let Some(path) = &what.expect {
        let read = given_file::toml(path, &expectations::FILE, |table, found| {
            expectations::apply(table, &mut rules, found)
        });
        problems.take(read.whole());
    }
    Some((profile, rules))
}

/// Returns the profile that matches the software on the head node.
fn of_head_node(head_node: &HeadNode, problems: &mut Problems) -> Option<&'static str> {
    match head_node.ports_mode() {
        Ok(mode) => Some(mode.profile),
        Err(PortsUndecided::NoVersion) => {
            problems.add(NO_PROFILE);
            None
        }
        Err(why) => {
            problems.add(format!("no profile is named, and {why}. {NAME_ONE}"));
            None
        }
    }
}

/// Loads a compiled-in profile by its name, or a profile file of the user.
pub(crate) fn load(name: &str, problems: &mut Problems) -> Option<Profile> {
    if !is_file(name) {
        return problems.take(Profile::lookup(name)).cloned();
    }
    load_file(name, problems)
}

/// Loads a profile file.
pub(crate) fn load_file(name: &str, problems: &mut Problems) -> Option<Profile> {
    match given_file::text(Path::new(name), given_file::BY_HAND) {
        Ok(text) => problems.take(Profile::parse(name, &text)),
        Err(error) => {
            problems.add(format!("the profile file {name} cannot be read: {error}"));
            None
        }
    }
}

pub(super) fn maps(texts: &[String], problems: &mut Problems) -> PortMap {
    let mut maps = PortMap::new();
    for text in texts {
        match text
            .split_once('=')
            .map(|(from, to)| (from.parse(), to.parse()))
        {
            Some((Ok(from), Ok(to))) => {
                if maps.insert(from, to).is_some() {
                    problems.add(format!("--map {text}: port {from} is mapped twice"));
                }
            }
            _ => problems.add(format!(
                "--map {text}: expected two ports from 1 to 65535, as in 80=20080"
            )),
        }
    }
    maps
}

/// Reports maps of ports that no rule dials, which are typing errors.
pub(super) fn check_maps(
    maps: &PortMap,
    rules: &[Rule],
    control_port: u16,
    problems: &mut Problems,
) {
    for from in maps.keys() {
        if from.get() != control_port && !rules.iter().any(|rule| rule.port == *from) {
            problems.add(format!("--map {from}=…: no rule uses port {from}"));
        }
    }
}

const NO_PROFILE: &str = "no profile: name one, as in `fwprobe run hpc-2008r2-sp1` (`fwprobe \
                          profiles list` shows them), or give --port; or say what the head node \
                          is, by --registry-export FILE or --assume sp=3";

const NAME_ONE: &str = "Name a profile (`fwprobe profiles list` shows them), or give the \
                        version or the service pack with --assume version=3.3 or sp=3";
