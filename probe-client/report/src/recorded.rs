//! Recorded runs for tests, and reports of them as text.

use std::io;

use probe_core::labels::{Label, Labels};
use probe_documents::RunDocument;
use probe_documents::judge_again;

/// Returns what `write` writes, as text.
pub(crate) fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns a recorded run with these labels, each as `key=value`.
pub(crate) fn with_labels(labels: &[&str]) -> RunDocument {
    let labels: Vec<Label> = labels.iter().map(|label| label.parse().unwrap()).collect();
    let mut run = DROPPED.read();
    run.host.labels = Labels::of(&labels, &[]).unwrap();
    run
}

/// The file of one recorded run.
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    text: &'static str,
}

impl Recorded {
    /// Returns the run, judged by the present rules.
    pub(crate) fn read(&self) -> RunDocument {
        judge_again(self.as_saved())
    }

    /// Returns the run as it was saved, with the verdicts in its file.
    pub(crate) fn as_saved(&self) -> RunDocument {
        serde_json::from_str(self.text).unwrap()
    }
}

macro_rules! recorded {
    ($($constant:ident = $name:literal;)+) => {
        $(pub(crate) const $constant: &Recorded = &Recorded {
            name: $name,
            text: include_str!(concat!("../../core/tests/scenarios/", $name, ".json")),
        };)+

        pub(crate) const ALL: &[&Recorded] = &[$($constant,)+];
    };
}

recorded! {
    BLOCKED_ON_THIS_HOST = "blocked-on-this-host";
    BOTH_FAMILIES = "reachable-both-families";
    DEMO = "demo";
    DROPPED = "dropped";
    DROPPED_BEHIND_FIRST_HOP = "dropped-behind-first-hop";
    INTERCEPTING_PROXY = "intercepting-proxy";
    NAME_NOT_RESOLVED = "name-not-resolved";
    NOT_LISTENING = "not-listening";
    REJECTED = "rejected";
    REPLY_DROPPED = "reply-dropped";
    SERVER_REFUSED = "server-refused";
    SERVER_UNREACHABLE = "server-unreachable-silence";
    THREE_FAULTS = "lab-three-faults-at-once";
    THROUGH_PROXIES = "through-proxies";
}

/// A run of the lab in which the firewall of the server's host drops a port. Its file contains no evidence in words.
pub(crate) const DROPPED_BY_SERVER_HOST: &Recorded = &Recorded {
    name: "dropped-by-server-host",
    text: include_str!("../../../tests/lab/records/dropped-by-server-host.json"),
};
