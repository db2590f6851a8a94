//! Tests the way from a scenario's text and recorded outputs to marks.

use super::*;

/// Returns a look at port 5901 with one output of curl and one of tcptraceroute.
fn look(verdict: VerdictId, at: &str, curl: &str, traced: &str) -> Look {
    let output = |stdout: &str| Output {
        code: Some(0),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    let outputs = [
        ("curl", vec![output(curl)]),
        ("tcptraceroute", vec![output(traced), output("")]),
    ];
    Look {
        port: 5901,
        kind: SessionKind::Https,
        address: Family::Ipv4.address(Host::Cloud),
        line: Some(0),
        verdict,
        at: at.to_owned(),
        outputs: outputs
            .map(|(name, outputs)| (name.to_owned(), outputs))
            .into(),
    }
}

fn scenario(text: &str) -> Scenario {
    toml::from_str(&format!("why = \"\"\nexit = 1\n{text}")).unwrap()
}

fn rule(look: &Look, name: &str, scenario: &Scenario) -> &'static str {
    let peer = PEERS.iter().find(|peer| peer.name == name).unwrap();
    look.judged(peer, scenario, Family::Ipv4).unwrap().1.id
}

const TIMED_OUT: &str = r#"{"errormsg":"","exitcode":28,"http_code":0,"num_connects":0}"#;
const FIRST_HOP: &str = " 1  10.73.1.1  0.2 ms\n 2  * *\nDestination not reached\n";

#[test]
fn silence_is_right_only_for_who_names_the_hop() {
    let scenario = scenario("[[expect]]\nverdict = \"dropped\"\nat = \"path hop 1 <firewall>\"");
    let look = look(
        VerdictId::Dropped,
        "path hop 1 10.73.1.1",
        TIMED_OUT,
        FIRST_HOP,
    );
    assert_eq!(look.truth(&scenario), Truth::Silent);
    assert_eq!(look.mark_of_fwprobe(&scenario, Family::Ipv4), Mark::Right);
    assert_eq!(rule(&look, "curl", &scenario), "b2");
    assert_eq!(rule(&look, "tcptraceroute", &scenario), "b1");
}

#[test]
fn the_place_may_stand_where_no_account_of_the_server_is_needed() {
    let scenario = scenario(
        "[[expect]]\nverdict = \"dropped\"\n[control-blocked]\nwhy = \"\"\nexit = 1\n\
         [[control-blocked.expect]]\nverdict = \"dropped\"\nat = \"path hop 1 <firewall>\"",
    );
    let look = look(VerdictId::Dropped, "unknown", TIMED_OUT, FIRST_HOP);
    assert_eq!(rule(&look, "tcptraceroute", &scenario), "b1");
}

#[test]
fn a_last_hop_short_of_the_fault_is_not_its_place() {
    let scenario = scenario("[[expect]]\nverdict = \"dropped\"\nat = \"cloud-edge\"");
    let look = look(
        VerdictId::Dropped,
        "path hop 1 10.73.1.1",
        TIMED_OUT,
        FIRST_HOP,
    );
    assert_eq!(look.mark_of_fwprobe(&scenario, Family::Ipv4), Mark::Wrong);
    assert_eq!(rule(&look, "tcptraceroute", &scenario), "b2");
}

#[test]
fn fwprobe_is_judged_as_strictly() {
    let scenario = scenario("[[expect]]\nverdict = \"dropped\"");
    let of = |verdict| {
        let look = look(verdict, "unknown", TIMED_OUT, FIRST_HOP);
        look.mark_of_fwprobe(&scenario, Family::Ipv4)
    };
    assert_eq!(of(VerdictId::Dropped), Mark::Right);
    assert_eq!(of(VerdictId::Inconclusive), Mark::CannotTell);
    assert_eq!(of(VerdictId::Reachable), Mark::Wrong);
}

#[test]
fn a_server_that_is_down_refuses_by_itself() {
    let text = "[echo]\nstate = \"stopped\"\n[[expect]]\nverdict = \"server-unreachable\"";
    let look = look(VerdictId::ServerUnreachable, "unknown", TIMED_OUT, "");
    assert_eq!(look.truth(&scenario(text)), Truth::NotListening);
    let text = "[[expect]]\nverdict = \"server-unreachable\"";
    assert_eq!(look.truth(&scenario(text)), Truth::ServerUnreachable);
}

#[test]
fn a_page_has_every_mark_and_names_what_falls_short() {
    let scenarios = BTreeMap::from([(
        "firewall".to_owned(),
        scenario("[[expect]]\nverdict = \"dropped\"\nat = \"path hop 1 <firewall>\""),
    )]);
    let played = [Played {
        scenario: "firewall".to_owned(),
        family: Family::Ipv4,
        looks: vec![look(
            VerdictId::Inconclusive,
            "unknown",
            TIMED_OUT,
            FIRST_HOP,
        )],
    }];
    let (text, shortcomings) = page(&Circumstances::default(), &scenarios, &played).unwrap();
    assert!(
        text.contains("| no answer | firewall | 5901/https | ? |"),
        "{text}"
    );
    assert!(
        text.contains("| ? b2 |") && text.contains("| right b1 |"),
        "{text}"
    );
    assert!(
        text.contains("| tcptraceroute (IPv4 alone) | 1 | 0 | 0 | 1 |"),
        "{text}"
    );
    assert_eq!(
        shortcomings,
        ["firewall ipv4 5901/https: fwprobe ?, right: [\"tcptraceroute\"]"]
    );
}
