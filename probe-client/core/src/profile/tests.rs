use proptest::prelude::*;

use super::*;
use crate::excerpt::unprintable;

fn rule(direction: Direction, transport: Transport, session: Option<SessionKind>) -> Rule {
    Rule {
        id: "a-rule".parse().unwrap(),
        port: Port::new(443).unwrap(),
        transport,
        session,
        via_uri: None,
        nettcp_mode: None,
        legacy_hello: false,
        purpose: "test".to_owned(),
        direction,
        expect: Expectation::Blocked,
        expect_where: Vec::new(),
        required: true,
        destination: None,
        source: "nobody".to_owned(),
        source_date: None,
        sourcing: Sourcing::Inferred,
    }
}

#[test]
fn only_outbound_tcp_is_testable() {
    let tcp = Some(SessionKind::Rdp);
    let outbound = rule(Direction::Outbound, Transport::Tcp, tcp);
    assert_eq!(outbound.testable(), Ok(SessionKind::Rdp));
    let udp = rule(Direction::Outbound, Transport::Udp, None);
    assert_eq!(udp.testable(), Err(Untestable::Udp));
    for (transport, session) in [(Transport::Tcp, tcp), (Transport::Udp, None)] {
        let inbound = rule(Direction::Inbound, transport, session);
        assert_eq!(inbound.testable(), Err(Untestable::Inbound));
    }
}

#[test]
fn a_rule_in_a_report() {
    let rule = rule(
        Direction::Outbound,
        Transport::Tcp,
        Some(SessionKind::Https),
    );
    assert_eq!(
        serde_json::to_value(rule).unwrap(),
        serde_json::json!({
            "id": "a-rule",
            "port": 443,
            "transport": "tcp",
            "session": "https",
            "purpose": "test",
            "direction": "outbound",
            "expect": "blocked",
            "required": true,
            "source": "nobody",
            "sourcing": "inferred",
        })
    );
}

#[test]
fn a_report_gives_the_profile_back() {
    for profile in Profile::all() {
        let json = serde_json::to_string(profile).unwrap();
        assert_eq!(&serde_json::from_str::<Profile>(&json).unwrap(), profile);
    }
}

#[test]
fn the_schema_knows_the_forms_of_ids_dates_and_ports() {
    let schema = schemars::schema_for!(Profile).to_value();
    let definition = |name: &str, key: &str| schema["$defs"][name][key].clone();
    assert_eq!(definition("RuleId", "pattern"), r"^[a-z0-9]+(-[a-z0-9]+)*$");
    assert_eq!(definition("ProfileId", "maxLength"), MAX_ID_BYTES);
    assert_eq!(definition("SourceDate", "type"), "string");
    assert_eq!(definition("Port", "minimum"), 1);
    assert_eq!(definition("Port", "maximum"), 65535);
    let rule = &schema["$defs"]["Rule"]["required"];
    assert!(rule.as_array().unwrap().contains(&"port".into()));
    assert!(!rule.as_array().unwrap().contains(&"session".into()));
}

#[test]
fn an_expectation_may_differ_by_path_and_family() {
    let file = |expect: &str| {
        format!(
            "id = 'site'\ntitle = 'Site'\nsource = 'me'\n[[rules]]\nid = 'web'\nport = 443\n\
             session = 'https'\npurpose = 'test'\nexpect = {expect}\n"
        )
    };
    let read = |expect: &str| Profile::parse("f", &file(expect));
    let expected = |expect: &str, path: &str, address: Option<&str>| {
        let profile = read(expect).unwrap();
        let again = Profile::parse("again", &profile.to_toml());
        assert_eq!(again.as_ref(), Ok(&profile));
        let address = address.map(|address| address.parse().unwrap());
        let open = profile.rules[0].expected(&path.parse().unwrap(), address);
        open == Expectation::Open
    };
    let (v4, v6) = (Some("192.0.2.1"), Some("2001:db8::1"));
    let by_path = "{ direct = 'blocked', proxy = 'open', \"http://p:1\" = 'blocked' }";
    assert!(!expected(by_path, "direct", v4));
    assert!(expected(by_path, "socks5h://q:1", None));
    assert!(!expected(by_path, "http://p:1", v4), "the closest counts");
    assert!(expected("{ direct = 'blocked' }", "http://p:1", v4));
    let by_family = "{ ipv6 = 'blocked' }";
    assert!(expected(by_family, "direct", v4) && !expected(by_family, "direct", v6));
    assert!(
        expected(by_family, "socks5h://q:1", None),
        "nobody knows the address"
    );
    let both = "{ direct = { ipv4 = 'blocked', ipv6 = 'open' }, proxy = 'blocked' }";
    assert!(!expected(both, "direct", v4) && expected(both, "direct", v6));
    for (wrong, told) in [
        ("{}", "this states no expectation"),
        ("{ direct = 'open', ipv4 = 'open' }", "mixed on one level"),
        (
            "{ \"http://p\" = 'open', \"http://p:80\" = 'open' }",
            "the same",
        ),
        (
            "{ direkt = 'open' }",
            "`direkt` is neither a path nor an address family",
        ),
        ("{ direct = { proxy = 'open' } }", "`proxy` is neither"),
        ("{ direct = 'closed' }", "use one of open, blocked"),
        ("['open']", "is a list"),
    ] {
        let errors = read(wrong).unwrap_err().to_string();
        assert!(
            errors.starts_with("f:9:") && errors.contains(told),
            "{errors}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(profile in profiles()) {
        let text = profile.to_toml();
        prop_assert_eq!(Profile::parse("written.toml", &text), Ok(profile), "{}", text);
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    let head = (
        texts(),
        prop::option::of(texts()),
        prop::option::of(texts()),
        texts(),
    );
    let notes = prop::collection::vec((texts(), texts(), sourcings()), 0..3);
    let rules = prop::collection::vec(rules(), 1..6);
    (head, 0..3_usize, notes, rules).prop_map(|(head, names, notes, mut rules)| {
        let (title, summary, applies_to, source) = head;
        for (number, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("rule-{number}").parse().unwrap();
            rule.destination = Some(format!("host-{number}.example"));
        }
        let note = |(text, source, sourcing)| Note {
            text,
            source,
            sourcing,
        };
        Profile {
            id: "generated".parse().unwrap(),
            also_known_as: (0..names)
                .map(|n| format!("name-{n}").parse().unwrap())
                .collect(),
            title,
            summary,
            applies_to,
            source,
            notes: notes.into_iter().map(note).collect(),
            rules,
        }
    })
}

fn rules() -> impl Strategy<Value = Rule> {
    let words = (
        prop::sample::select(vec![Direction::Outbound, Direction::Inbound]),
        prop::sample::select(vec![Expectation::Open, Expectation::Blocked]),
        prop::sample::select(vec![NettcpMode::Duplex, NettcpMode::Streamed]),
        prop::option::of(prop::sample::select(SessionKind::ALL.to_vec())),
        sourcings(),
    );
    let texts = (texts(), texts());
    let dates = prop::option::of(prop::sample::select(vec!["2012", "2012-05", "2012-05-09"]));
    (1..=u16::MAX, words, texts, dates, any::<bool>()).prop_map(
        |(
            port,
            (direction, expect, mode, session, sourcing),
            (purpose, source),
            date,
            required,
        )| {
            let transport = session.map_or(Transport::Udp, |_| Transport::Tcp);
            let nettcp = session == Some(SessionKind::Nettcp);
            Rule {
                port: Port::new(port).unwrap(),
                via_uri: nettcp.then(|| "net.tcp://{address}:{port}/a".parse().unwrap()),
                nettcp_mode: nettcp.then_some(mode),
                legacy_hello: nettcp && required,
                purpose,
                expect,
                required,
                source,
                source_date: date.map(|date| date.parse().unwrap()),
                sourcing,
                ..rule(direction, transport, session)
            }
        },
    )
}

fn sourcings() -> impl Strategy<Value = Sourcing> {
    use Sourcing::{FromMemory, Inferred, Verified};
    prop::sample::select(vec![Verified, FromMemory, Inferred])
}

/// Generates texts that a profile may contain, many of them with characters that TOML has to escape.
fn texts() -> impl Strategy<Value = String> {
    let plain = "[a-z \"'#\\\\=\\[\\]{}]{1,20}";
    prop_oneof![plain, "\\PC{1,20}"].prop_filter("fit for a profile", |text| {
        !text.trim().is_empty() && !text.contains(unprintable)
    })
}

#[test]
fn documents_name_session_kinds_as_profiles_do() {
    for kind in SessionKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}
