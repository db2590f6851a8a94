//! Tests requests of recorded runs, as the people who receive them read them.

use probe_core::alternative::Alternative;
use probe_core::profile::Expectation;
use probe_documents::judge_again;

use super::*;
use crate::recorded;

fn rendered(
    write: fn(&Report, &mut dyn Write) -> io::Result<()>,
    run: &recorded::Recorded,
) -> String {
    recorded::written(|out| write(&Report::of(&run.read()), out))
}

#[test]
fn a_dropped_port_as_text() {
    insta::assert_snapshot!(rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP));
}

#[test]
fn several_faults_as_markdown() {
    insta::assert_snapshot!(rendered(write_markdown, recorded::THREE_FAULTS));
}

#[test]
fn a_proxy_that_denies_as_json() {
    insta::assert_snapshot!(rendered(write_json, recorded::THROUGH_PROXIES));
}

#[test]
fn without_a_failure_nothing_is_asked() {
    let text = rendered(write_text, recorded::BOTH_FAMILIES);
    assert!(
        text.contains("Nothing to ask for: every port that should be open is open."),
        "{text}"
    );
}

#[test]
fn a_proxy_is_asked_for_its_policy_and_for_no_rule_between_addresses() {
    let text = rendered(write_text, recorded::THROUGH_PROXIES);
    let row = "1. Proxy http://127.0.0.1:23128: allow a connection to 127.0.0.1, TCP 25901 \
               (IPv4)\n   Ask:           the proxy team\n";
    assert!(text.contains(row), "{text}");
    let markdown = rendered(write_markdown, recorded::THROUGH_PROXIES);
    assert!(
        markdown.contains("## Destinations for proxies to allow"),
        "{markdown}"
    );
    for text in [text, markdown] {
        assert!(
            !text.contains("Allow TCP") && !text.contains("Rules to add"),
            "{text}"
        );
        assert!(!text.to_lowercase().contains("translation"), "{text}");
    }
}

#[test]
fn the_request_names_every_destination_that_a_rule_is_for() {
    let text = rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP);
    for part in [
        "1. Allow TCP 5901 to 10.20.3.2, and TCP 5901 to <service>.cloudapp.net (IPv4)\n",
        "   For:           both 10.20.3.2, the tested server, and <service>.cloudapp.net, TCP \
         5901, for which it stands in and which was not tested itself; each rule below names the \
         tested server: add it for the other destination too\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let markdown = rendered(write_markdown, recorded::DROPPED_BEHIND_FIRST_HOP);
    let both = "| 10.20.3.2 and &lt;service&gt;.cloudapp.net |";
    assert!(markdown.contains(both), "{markdown}");
    let by_hand = rendered(write_text, recorded::BLOCKED_ON_THIS_HOST);
    let blank = "   For:           10.20.0.1, the tested server; and, if the application has an \
                 address of its own, TCP 7999 to ____________________\n";
    assert!(by_hand.contains(blank), "{by_hand}");
}

#[test]
fn the_purpose_comes_first_and_is_never_that_the_port_is_blocked() {
    let text = rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    let purpose = at("   Justification: SOA services: ");
    assert!(purpose < at("   Source:") && purpose < at("   Blocked at:"));
    assert!(text.contains("; required by TechNet, Requirements for Windows Azure Nodes"));
    let by_hand = rendered(write_text, recorded::BLOCKED_ON_THIS_HOST);
    let blank = "   Justification: ____________________ (the port was given by hand: name the \
                 application that needs it, ";
    assert!(by_hand.contains(blank), "{by_hand}");
}

#[test]
fn the_place_has_one_wording_as_wide_as_the_claim() {
    let text = rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP);
    let place = "   Blocked at:    hop 1 (10.20.1.1), or between it and hop 2 (10.20.2.2), \
                 dropped, confidence ";
    assert!(text.contains(place), "{text}");
    assert!(!text.contains("path hop"), "{text}");
}

#[test]
fn answers_that_are_lost_on_the_way_back_need_no_rule_for_the_port() {
    let request = Report::of(&recorded::REPLY_DROPPED.read()).request;
    assert!(request.asked.is_empty(), "{:?}", request.asked);
    let mut reasons = request
        .not_asked
        .iter()
        .filter(|row| row.verdict == "reply-dropped");
    let reason = &reasons.next().unwrap().because;
    assert!(
        reason.contains("the SYN arrives, so the port is allowed"),
        "{reason}"
    );
}

#[test]
fn where_the_servers_host_may_drop_a_port_its_own_firewall_has_rules_too() {
    let request = Report::of(&recorded::DROPPED_BY_SERVER_HOST.read()).request;
    let row = request.asked.first().unwrap();
    assert_eq!(
        row.verdict.place,
        "cloud-edge, or the firewall of the server's own host"
    );
    let systems: Vec<&str> = row.snippets.iter().map(|s| s.system).collect();
    for system in ["(az)", "netsh", "nftables", "ufw"] {
        assert!(
            systems.iter().any(|s| s.contains(system)),
            "{system}: {systems:?}"
        );
    }
}

#[test]
fn a_source_that_is_not_translated_is_named_as_the_server_saw_it() {
    let request = Report::of(&recorded::DROPPED_BY_SERVER_HOST.read()).request;
    let row = request.asked.first().unwrap();
    assert_eq!(
        (row.source, row.is_translated()),
        (row.source_after_nat, false)
    );
    assert!(row.source.is_some());
    let seen = row.source_after_nat_seen.as_deref().unwrap();
    assert!(seen.starts_with("as the server saw it on port"), "{seen}");
    assert_eq!(Some(row.device_source.parse().unwrap()), row.source);
    let text = rendered(write_text, recorded::DROPPED_BY_SERVER_HOST);
    let source = row.source.unwrap();
    let said = format!("Source:        {source} (the server saw this address on port");
    assert!(
        text.contains(&said) && text.contains(", so it is not translated)\n"),
        "{text}"
    );
}

#[test]
fn a_saved_run_without_evidence_says_so() {
    let report = Report::of(&recorded::DROPPED_BY_SERVER_HOST.as_saved());
    let text = recorded::written(|out| write_text(&report, out));
    assert!(
        text.contains("Evidence:      none in the saved run;"),
        "{text}"
    );
    let judged = rendered(write_text, recorded::DROPPED_BY_SERVER_HOST);
    assert!(!judged.contains("none in the saved run"), "{judged}");
}

#[test]
fn a_request_that_asks_for_nothing_says_why_and_what_to_do() {
    let text = rendered(write_text, recorded::SERVER_UNREACHABLE);
    for part in [
        "Nothing to ask for: no port of the echo server gave an answer.",
        "ask for its control port only (8443), and run again",
        "What this run needed: TCP from ",
        "to 10.20.0.1, ports 443, 5901.",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let mut blocked = recorded::DROPPED.as_saved();
    for probe in &mut blocked.probes {
        probe.measurement.rule.expect = Expectation::Blocked;
    }
    let report = Report::of(&judge_again(blocked));
    let text = recorded::written(|out| write_text(&report, out));
    assert!(text.contains("expects its port to be blocked"), "{text}");
}

#[test]
fn a_run_without_a_control_port_names_the_usual_one() {
    let mut document = recorded::SERVER_UNREACHABLE.read();
    document.reference_probes.clear();
    let text = recorded::written(|out| write_text(&Report::of(&document), out));
    let port = "control port only (8443 unless its configuration says otherwise), and run again";
    assert!(text.contains(port), "{text}");
}

#[test]
fn a_request_that_asks_for_nothing_has_nothing_to_sign_or_to_verify() {
    for write in [write_text, write_markdown, aerleon::write_ipv4] {
        let empty = rendered(write, recorded::SERVER_UNREACHABLE);
        let asking = rendered(write, recorded::DROPPED_BEHIND_FIRST_HOP);
        assert!(!empty.contains("Approver"), "{empty}");
        assert!(asking.contains("Approver"), "{asking}");
        assert!(!empty.contains("--output after.json"), "{empty}");
    }
}

#[test]
fn a_reason_is_never_firmer_than_its_verdict() {
    let mut document = recorded::NOT_LISTENING.read();
    let cause = Alternative::AnswersInItsName.words();
    for probe in &mut document.probes {
        probe.verdict.evidence.push(cause.to_owned());
    }
    let report = Report::of(&document);
    let row = report.request.not_asked.first().unwrap();
    assert_eq!((row.verdict, row.confidence), ("not-listening", "medium"));
    let text = recorded::written(|out| write_text(&report, out));
    for part in [
        ": not-listening, confidence medium\n   Why not:       probably nothing listens on ",
        "   Or:            a device on the way answers in the server's name; ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let markdown = recorded::written(|out| write_markdown(&report, out));
    for part in [
        "not-listening, confidence medium: probably nothing",
        " Or: a device on the way",
    ] {
        assert!(markdown.contains(part), "{part} is not in\n{markdown}");
    }
    for run in recorded::ALL {
        for row in Report::of(&run.read()).request.not_asked {
            let firm = !row.because.starts_with("probably ");
            let of_network = !row.verdict.starts_with("server-") && row.verdict != "inconclusive";
            let open = row.confidence == "high" || !of_network;
            assert_eq!(firm, open, "{}: {row:?}", run.name);
        }
    }
}

#[test]
fn readers_elsewhere_are_told_which_host_is_meant() {
    let mut document = recorded::BLOCKED_ON_THIS_HOST.read();
    let text = recorded::written(|out| write_text(&Report::of(&document), out));
    for part in [
        "   Ask:           the admin of headnode (10.20.0.2)\n",
        "   What to ask:   the admin of headnode (10.20.0.2) to allow outbound TCP ",
        "   On headnode (10.20.0.2), nftables - ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("On headnode (10.20.0.2), Windows"), "{text}");
    document.host.system = Some("Windows 10.0.20348".to_owned());
    let text = recorded::written(|out| write_text(&Report::of(&document), out));
    assert!(text.contains("On headnode (10.20.0.2), Windows"), "{text}");
    assert!(!text.contains(", nftables - "), "{text}");
}

#[test]
fn equal_reasons_are_said_once_with_their_ports() {
    let report = Report::of(&recorded::SERVER_UNREACHABLE.read());
    assert_eq!(report.request.not_asked.len(), 2);
    let text = recorded::written(|out| write_text(&report, out));
    let ports = "   443/https, 5901/nettcp on 10.20.0.1: server-unreachable, confidence ";
    assert!(text.contains(ports), "{text}");
    assert_eq!(text.matches("Why not:").count(), 1, "{text}");
}

#[test]
fn the_text_says_ask_once_and_has_no_two_blank_lines() {
    for run in recorded::ALL {
        let text = rendered(write_text, run);
        assert!(!text.contains("\n\n\n"), "{}:\n{text}", run.name);
        assert!(!text.contains("ask:   ask "), "{}:\n{text}", run.name);
    }
}

#[test]
fn the_command_that_verifies_the_change_does_not_replace_the_run() {
    for text in [
        rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP),
        rendered(write_markdown, recorded::DROPPED_BEHIND_FIRST_HOP),
    ] {
        assert!(text.contains(" --output after.json\n"), "{text}");
        assert!(!text.contains("--output run.json"), "{text}");
        // The run tested port 80 too, which is open.
        let all = "It tests all rules of the profile, not only those asked for above.\n";
        assert!(text.contains(all), "{text}");
    }
    let nothing_asked = rendered(write_text, recorded::BOTH_FAMILIES);
    assert!(!nothing_asked.contains("It tests all"), "{nothing_asked}");
}

#[test]
fn what_works_already_is_named() {
    let text = rendered(write_text, recorded::DROPPED_BEHIND_FIRST_HOP);
    assert!(
        text.contains("NO RULE IS NEEDED: THESE PORTS ARE OPEN\n\n   10.20.3.2: 80/http\n"),
        "{text}"
    );
}
