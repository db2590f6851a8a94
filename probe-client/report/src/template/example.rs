//! Example reports with a row of every kind. They are used to check templates before there is a run.

use std::net::{IpAddr, Ipv4Addr};

use head_node::answer::CheckStatus;
use probe_core::judge::Outcome;
use probe_documents::Timings;

use crate::rows::{
    AskedRow, CheckRow, EgressRow, FailureRow, Fate, LabelRow, Line, Mark, NotAskedRow, NoteRow,
    NotedFinding, OpenRow, PathRow, PlaceRow, PortRow, Report, RequestRows, RunRow, ScopeRow,
    SilenceCell, SkippedRow, Snippet, Stop, StopKind, SummaryRow, VerdictWords, WayRow,
};

/// Returns the example, in which every optional value is present.
pub(super) fn report() -> Report {
    Report {
        run: run(),
        summary: summary(),
        paths: vec![PathRow {
            path: "direct".to_owned(),
            as_expected: 1,
            not_as_expected: 1,
            undecided: 1,
        }],
        ports: vec![
            port(Outcome::NotAsExpected, Mark::Fail, "dropped"),
            port(Outcome::AsExpected, Mark::Ok, "reachable"),
            port(Outcome::Undecided, Mark::Undecided, "inconclusive"),
            port(Outcome::AsExpected, Mark::Warned, "reachable-with-loss"),
        ],
        failures: vec![failure()],
        logs: vec![text()],
        notes: vec![NoteRow {
            id: "loss",
            title: "loss",
            ports: text(),
            claim: text(),
            detail: Some(text()),
        }],
        egress: vec![EgressRow {
            from: ADDRESS,
            ports: vec![443],
            paths: vec![text()],
        }],
        skipped: vec![SkippedRow {
            rule: text(),
            port: 443,
            purpose: text(),
            because: text(),
        }],
        scope: Some(ScopeRow {
            tested: vec![text()],
            limits: "limits",
        }),
        checks: [
            CheckStatus::Fail,
            CheckStatus::Pass,
            CheckStatus::Warn,
            CheckStatus::Skipped,
        ]
        .map(check)
        .into(),
        request: request(),
    }
}

/// Returns the example without the values that may be absent.
pub(super) fn bare_report() -> Report {
    let full = report();
    Report {
        run: RunRow {
            profile: None,
            node: None,
            user: None,
            system: None,
            complete: false,
            quick: false,
            ..full.run
        },
        ports: full.ports.into_iter().map(bare_port).collect(),
        failures: full.failures.into_iter().map(bare_failure).collect(),
        notes: full
            .notes
            .into_iter()
            .map(|note| NoteRow {
                detail: None,
                ..note
            })
            .collect(),
        scope: None,
        checks: full.checks.into_iter().map(bare_check).collect(),
        request: RequestRows {
            asked: full.request.asked.into_iter().map(bare_asked).collect(),
            why_empty: None,
            not_asked: full
                .request
                .not_asked
                .into_iter()
                .map(|row| NotAskedRow {
                    alternatives: Vec::new(),
                    next_step: None,
                    ..row
                })
                .collect(),
            open: Vec::new(),
        },
        egress: Vec::new(),
        skipped: Vec::new(),
        ..full
    }
}

fn bare_port(row: PortRow) -> PortRow {
    PortRow {
        destination: None,
        address: None,
        verdict: bare_words(row.verdict),
        contradiction: None,
        hop: None,
        hop_address: None,
        findings: Vec::new(),
        timings: Timings {
            whole_us: None,
            connect_us: None,
            proxy_us: None,
            tls_us: None,
            testimony_us: None,
            exchange_us: None,
            ..row.timings
        },
        silence: None,
        ..row
    }
}

fn bare_failure(row: FailureRow) -> FailureRow {
    let stop = |stop: Stop| Stop {
        name: None,
        hops: None,
        blamed: false,
        ..stop
    };
    FailureRow {
        contradiction: None,
        doubt: None,
        evidence: Vec::new(),
        seen_on: None,
        next_step: None,
        logs: Vec::new(),
        way: WayRow {
            stops: row.way.stops.into_iter().map(stop).collect(),
            place: None,
            ..row.way
        },
        ..row
    }
}

fn bare_check(row: CheckRow) -> CheckRow {
    CheckRow {
        about: None,
        next_step: None,
        origins: Vec::new(),
        caveat: None,
        ..row
    }
}

fn bare_asked(row: AskedRow) -> AskedRow {
    AskedRow {
        source: None,
        source_after_nat: None,
        source_after_nat_seen: None,
        destination_after_nat: None,
        port_on_server: None,
        justification: None,
        vendor_source: None,
        real_destination: None,
        proxy: None,
        verdict: bare_words(row.verdict),
        snippets: Vec::new(),
        ..row
    }
}

fn bare_words(words: VerdictWords) -> VerdictWords {
    VerdictWords {
        next_step: None,
        evidence: Vec::new(),
        logs: None,
        ..words
    }
}

fn request() -> RequestRows {
    RequestRows {
        asked: vec![asked("path"), asked("proxy")],
        why_empty: Some(text()),
        not_asked: vec![NotAskedRow {
            port: text(),
            server: text(),
            verdict: "not-listening",
            confidence: "medium",
            because: text(),
            claim: text(),
            alternatives: vec![text()],
            next_step: Some(text()),
        }],
        open: vec![OpenRow {
            server: text(),
            ports: text(),
        }],
    }
}

fn summary() -> SummaryRow {
    SummaryRow {
        probes: 3,
        as_expected: 1,
        not_as_expected: 1,
        undecided: 1,
        skipped: 1,
        exit_code: 1,
        headline: text(),
        sentence: text(),
    }
}

fn run() -> RunRow {
    RunRow {
        id: "0".repeat(32),
        what: text(),
        profile: Some(text()),
        hosts: vec![text()],
        started: "2026-11-30T05:34:00Z".to_owned(),
        finished: "2026-11-30T05:34:09Z".to_owned(),
        node: Some(text()),
        labels: vec![LabelRow {
            key: text(),
            value: text(),
        }],
        user: Some(text()),
        system: Some(text()),
        version: text(),
        complete: true,
        quick: true,
        repeat: vec![text(), text()],
        verify: text(),
    }
}

fn port(outcome: Outcome, mark: Mark, verdict: &'static str) -> PortRow {
    PortRow {
        rule: text(),
        port: 443,
        session: "https",
        purpose: text(),
        expected: "open".to_owned(),
        destination: Some(text()),
        path: "direct".to_owned(),
        host: text(),
        address: Some(ADDRESS),
        dialled: 443,
        server: text(),
        mark,
        outcome,
        verdict: words(verdict, "path"),
        title: "title",
        contradiction: Some("contradiction"),
        hop: Some(1),
        hop_address: Some(ADDRESS),
        findings: vec![NotedFinding {
            id: "loss",
            claim: text(),
            detail: Some(text()),
        }],
        time_us: 1,
        timings: Timings {
            started_us: 1,
            total_us: 1,
            whole_us: Some(1),
            connect_us: Some(1),
            proxy_us: Some(1),
            tls_us: Some(1),
            testimony_us: Some(1),
            exchange_us: Some(1),
        },
        silence: Some(SilenceCell {
            seconds: 60,
            keep_alive_seconds: Some(30),
            fate: Fate::Lived,
        }),
    }
}

fn failure() -> FailureRow {
    FailureRow {
        mark: Mark::Fail,
        verdict: "dropped",
        title: "title",
        expected: "open".to_owned(),
        contradiction: Some("contradiction"),
        doubt: Some("doubt"),
        ports: text(),
        claim: text(),
        evidence: vec![text()],
        seen_on: Some(443),
        next_step: Some(text()),
        logs: vec![text()],
        rows: vec![0],
        way: WayRow {
            port: 443,
            stops: vec![Stop {
                kind: StopKind::Hop,
                title: text(),
                name: Some(text()),
                hops: Some((1, 1)),
                line: Line::Proven,
                blamed: true,
            }],
            place: Some(PlaceRow {
                from: 0,
                to: 0,
                words: text(),
                known: true,
                cut: true,
            }),
            here: text(),
            there: text(),
        },
    }
}

fn check(status: CheckStatus) -> CheckRow {
    CheckRow {
        id: "service-pack",
        title: "title",
        status,
        about: Some(text()),
        text: text(),
        next_step: Some(text()),
        origins: vec![text()],
        caveat: Some("caveat"),
        source: text(),
    }
}

fn asked(segment: &'static str) -> AskedRow {
    AskedRow {
        name: text(),
        addressee: text(),
        family: "IPv4",
        source: Some(ADDRESS),
        source_after_nat: Some(ADDRESS),
        source_after_nat_seen: Some(text()),
        destination: ADDRESS,
        destination_after_nat: Some(ADDRESS),
        device_source: text(),
        device_destination: text(),
        host: text(),
        protocol: "TCP",
        port: 443,
        port_on_server: Some(443),
        device_port: text(),
        rule_port: 443,
        direction: "outbound",
        application: "HTTPS",
        purpose: text(),
        justification: Some(text()),
        vendor_source: Some(text()),
        real_destination: Some(text()),
        destinations: text(),
        proxy: Some(text()),
        verdict: words("dropped", segment),
        snippets: vec![Snippet {
            device: text(),
            system: "system",
            note: "note",
            lines: vec![text()],
        }],
    }
}

fn words(id: &'static str, segment: &'static str) -> VerdictWords {
    VerdictWords {
        id,
        segment,
        place: text(),
        confidence: "high",
        claim: text(),
        next_step: Some(text()),
        evidence: vec![text()],
        logs: Some(text()),
    }
}

fn text() -> String {
    "text".to_owned()
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
