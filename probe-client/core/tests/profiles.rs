//! The exact messages for mistakes in a profile file, with one file per mistake.

use probe_core::profile::{Direction, Expectation, Profile, Sourcing, Transport};
use probe_core::session_kind::SessionKind;
use proptest::prelude::*;
use settings_file::{Defect, FileError, MAX_FILE_BYTES};

/// Makes one test per file in `profiles/`, named after it, with all the lines of its message.
macro_rules! defects {
    ($($test:ident $file:literal [$($line:literal,)+])+) => {
        $(
            #[test]
            fn $test() {
                let text = include_str!(concat!("profiles/", $file, ".toml"));
                let errors = Profile::parse(concat!($file, ".toml"), text).unwrap_err();
                let expected = [$(concat!($file, ".toml:", $line),)+].join("\n");
                assert_eq!(errors.to_string(), expected);
            }
        )+

        const FILES: &[&str] = &[$(concat!($file, ".toml"),)+];
    };
}

#[test]
fn every_file_has_its_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/profiles");
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "good.toml").collect();
    names.sort();
    assert_eq!(names, FILES);
}

#[test]
fn a_short_file_is_enough_and_the_rest_has_defaults() {
    let profile = Profile::parse("good.toml", include_str!("profiles/good.toml")).unwrap();
    assert_eq!(profile.summary, None);
    let [rule] = profile.rules.as_slice() else {
        panic!("{} rules", profile.rules.len());
    };
    assert_eq!(rule.port.get(), 443);
    assert_eq!(rule.session, Some(SessionKind::Https));
    assert_eq!(rule.transport, Transport::Tcp);
    assert_eq!(rule.direction, Direction::Outbound);
    assert_eq!(rule.expect, Expectation::Open);
    assert!(rule.required);
    assert_eq!(rule.source, "Change request 4711");
    assert_eq!(rule.sourcing, Sourcing::Verified);
}

#[test]
fn a_file_over_one_mebibyte_is_not_read() {
    let limit = "#".repeat(MAX_FILE_BYTES);
    let errors = Profile::parse("big.toml", &limit).unwrap_err();
    assert!(
        errors
            .problems()
            .iter()
            .all(|error| error.defect != Defect::TooLarge)
    );
    let errors = Profile::parse("big.toml", &format!("{limit}#")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "big.toml: this file has more than 1048576 bytes, which is the most that is read"
    );
}

#[test]
fn columns_count_characters_and_lines_may_end_in_either_way() {
    let text = "rules = [{ purpose = \"\u{e4}\u{1f600}\", x = 1, y = 2 }]\r\nz = 3\r\n";
    let errors = Profile::parse("f", text).unwrap_err();
    let unknown = |error: &&FileError| matches!(error.defect, Defect::UnknownKey { .. });
    let places = errors.problems().iter().filter(unknown);
    let places: Vec<_> = places.filter_map(|error| error.place).collect();
    assert_eq!(places, [(1, 28), (1, 35), (2, 1)]);
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "x = ".to_owned() + &"[".repeat(100_000),
        "a.".repeat(100_000) + "b = 1",
    ] {
        let errors = Profile::parse("deep.toml", &text).unwrap_err();
        assert!(
            matches!(errors.problems()[0].defect, Defect::Syntax { .. }),
            "{errors:?}"
        );
    }
}

defects! {
    bad_date "bad-date" [
        "10:15: `source_date` is \"May 2012\"; write a date as 2012, 2012-05 or 2012-05-09",
    ]
    bad_id "bad-id" [
        "1:6: `id` is \"Our Site\"; it may contain only lower-case letters and digits, in words \
         joined by single hyphens",
    ]
    control_character "control-character" [
        "9:11: `purpose` holds the character U+001B, which is not printable; remove it",
    ]
    date_without_quotes "date-without-quotes" [
        "10:15: `source_date` is a date without quotes; write it like source_date = \"2024-05-01\"",
    ]
    duplicate_id "duplicate-id" [
        "12:6: rule id `https` is already used in line 6; give each rule an id of its own",
    ]
    duplicate_name "duplicate-name" [
        "2:27: `site` is already a name of this profile; remove it",
        "2:35: `plant` is already a name of this profile; remove it",
    ]
    duplicate_rule "duplicate-rule" [
        "11:1: this rule repeats the one in line 5: transport, direction, port, session, via_uri, \
         nettcp_mode and destination are the same; remove one of the two",
    ]
    empty_rules "empty-rules" [
        "1:1: this profile has no rules; add at least one [[rules]] table",
    ]
    empty_text "empty-text" [
        "9:11: `purpose` is empty; fill it in, or leave it out if it is optional",
    ]
    invisible_character "invisible-character" [
        "9:11: `purpose` holds the character U+202E, which is not printable; remove it",
    ]
    lists_of_the_wrong_type "lists-of-the-wrong-type" [
        "4:9: `rules` is a text; write it like [[rules]] with id, port, session and purpose",
        "5:18: `also_known_as` is a whole number; write it like also_known_as = [\"other-name\"]",
    ]
    long_id "long-id" [
        "6:6: `id` is \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"; it is \
         longer than 64 characters",
    ]
    long_text "long-text" [
        "9:11: `purpose` has 1001 bytes; a text has at most 1000",
    ]
    many_problems "many-problems" [
        "1:1: this profile has no `title`; add one, such as title = \"My cluster\"",
        "1:1: this profile has no `source`; add one, such as source = \"Change request 4711\"",
        "1:6: `id` is \"Site\"; it may contain only lower-case letters and digits, in words \
         joined by single hyphens",
        "2:1: unknown key `titel`; did you mean `title`?",
        "6:8: `port` is 0; it may be 1 to 65535",
        "7:11: `session` is \"ssh\"; use one of tcp, tls, http, https, rdp, nettcp",
        "9:10: `expect` is \"shut\"; use one of open, blocked",
        "11:1: this rule has no `via_uri`; add one, such as via_uri \
         = \"net.tcp://{host}:{port}/Service\"",
        "12:6: rule id `https` is already used in line 5; give each rule an id of its own",
        "16:1: unknown key `colour`; a rule has id, port, transport, session, via_uri, \
         nettcp_mode, legacy_hello, purpose, direction, expect, required, destination, source, \
         source_date, sourcing",
        "18:1: this rule has no `purpose`; add one, such as purpose = \"Job submission\"",
        "22:11: `via_uri` belongs to session = \"nettcp\", and this rule's session is https; \
         remove it",
        "27:11: `session` is \"ssh\"; use one of tcp, tls, http, https, rdp, nettcp",
        "29:13: `transport` is \"sctp\"; use one of tcp, udp",
        "30:11: `via_uri` is \"x\"; it must begin with net.tcp://",
        "31:15: `nettcp_mode` is \"fast\"; use one of duplex, streamed",
    ]
    missing_id "missing-id" [
        "1:1: this profile has no `id`; add one, such as id = \"my-cluster\"",
    ]
    missing_port "missing-port" [
        "5:1: this rule has no `port`; add one, such as port = 443",
    ]
    missing_session "missing-session" [
        "5:1: this rule has no `session`; add one, such as session = \"https\"",
    ]
    mode_without_nettcp "mode-without-nettcp" [
        "10:15: `nettcp_mode` belongs to session = \"nettcp\", and this rule's session is https; \
         remove it",
    ]
    nettcp_without_via "nettcp-without-via" [
        "5:1: this rule has no `via_uri`; add one, such as via_uri \
         = \"net.tcp://{host}:{port}/Service\"",
    ]
    no_rules "no-rules" [
        "1:1: this profile has no rules; add at least one [[rules]] table",
    ]
    port_as_text "port-as-text" [
        "7:8: `port` is a text; write it like port = 443",
    ]
    port_beyond_all_integers "port-beyond-all-integers" [
        "7:8: `port` is 999999999999999999999999999999999999999999999999999999999999...; it may be \
         1 to 65535",
    ]
    port_negative "port-negative" [
        "7:8: `port` is -1; it may be 1 to 65535",
    ]
    port_too_large "port-too-large" [
        "7:8: `port` is 65536; it may be 1 to 65535",
    ]
    port_zero "port-zero" [
        "7:8: `port` is 0; it may be 1 to 65535",
    ]
    required_as_text "required-as-text" [
        "10:12: `required` is a text; write it like required = false",
    ]
    rules_as_table "rules-as-table" [
        "5:1: `rules` is a table; write it like [[rules]] with id, port, session and purpose",
    ]
    rules_of_numbers "rules-of-numbers" [
        "4:10: `rules` is a whole number; write it like [[rules]] with id, port, session and \
         purpose",
        "4:15: `rules` is a whole number; write it like [[rules]] with id, port, session and \
         purpose",
    ]
    session_on_udp "session-on-udp" [
        "8:11: `session` describes a TCP session, and this rule's transport is udp; remove it",
    ]
    syntax_duplicate_key "syntax-duplicate-key" [
        "4:1: this is not valid TOML: duplicate key",
    ]
    syntax_error "syntax-error" [
        "5:9: this is not valid TOML: unclosed array table, expected `]`",
    ]
    unknown_direction "unknown-direction" [
        "10:13: `direction` is \"out\"; use one of outbound, inbound",
    ]
    unknown_expect "unknown-expect" [
        "10:10: `expect` is \"closed\"; use one of open, blocked",
    ]
    unknown_key_in_note "unknown-key-in-note" [
        "6:1: unknown key `txt`; did you mean `text`?",
    ]
    unknown_key_like_no_other "unknown-key-like-no-other" [
        "4:1: unknown key `colour`; a profile has id, also_known_as, title, summary, applies_to, \
         source, notes, rules",
    ]
    unknown_key "unknown-key" [
        "10:1: unknown key `prot`; did you mean `port`?",
    ]
    unknown_mode "unknown-mode" [
        "11:15: `nettcp_mode` is \"simplex\"; use one of duplex, streamed",
    ]
    unknown_session_and_more "unknown-session-and-more" [
        "8:11: `session` is \"ssh\"; use one of tcp, tls, http, https, rdp, nettcp",
        "10:11: `via_uri` is \"x\"; it must begin with net.tcp://",
        "11:15: `nettcp_mode` is \"fast\"; use one of duplex, streamed",
    ]
    unknown_session "unknown-session" [
        "8:11: `session` is \"ssh\"; use one of tcp, tls, http, https, rdp, nettcp",
    ]
    unknown_sourcing "unknown-sourcing" [
        "10:12: `sourcing` is \"maybe\"; use one of verified, from-memory, inferred",
    ]
    unknown_transport "unknown-transport" [
        "10:13: `transport` is \"sctp\"; use one of tcp, udp",
    ]
    via_brace "via-brace" [
        "10:11: `via_uri` is \"net.tcp://{host:{port}/Service\"; a brace is missing its partner; \
         a placeholder is {host}, {address} or {port}",
    ]
    via_placeholder "via-placeholder" [
        "10:11: `via_uri` is \"net.tcp://{hots}:{port}/Service\"; {hots} is not a \
         placeholder; use {host}, {address} or {port}",
    ]
    via_repeated "via-repeated" [
        "10:11: `via_uri` is \"net.tcp://{host}:{host}/Service\"; {host} appears twice",
    ]
    via_scheme "via-scheme" [
        "10:11: `via_uri` is \"https://{host}:{port}/Service\"; it must begin with net.tcp://",
    ]
    via_space "via-space" [
        "10:11: `via_uri` is \"net.tcp://{host}:{port}/My Service\"; it may contain only \
         printable ASCII without spaces",
    ]
    via_without_nettcp "via-without-nettcp" [
        "10:11: `via_uri` belongs to session = \"nettcp\", and this rule's session is https; \
         remove it",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,200}") {
        let _ = Profile::parse("any.toml", &text);
    }

    /// Damages valid files, because nearly valid files get further into the parser than noise does.
    #[test]
    fn no_damage_makes_parsing_panic(
        which in 0..Profile::all().len(),
        cut in any::<prop::sample::Index>(),
        length in 0..30_usize,
        insert in r#"[a-z0-9\[\]{}="'.,#\n -]{0,12}"#,
    ) {
        let text = Profile::all()[which].to_toml();
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
        let from = cut.index(places.len());
        let to = (from + length).min(places.len() - 1);
        let damaged = format!("{}{insert}{}", &text[..places[from]], &text[places[to]..]);
        if let Err(errors) = Profile::parse("damaged.toml", &damaged) {
            let lines = damaged.lines().count().max(1);
            for (line, column) in errors.problems().iter().filter_map(|error| error.place) {
                prop_assert!((1..=lines + 1).contains(&line), "{errors}");
                prop_assert!(column >= 1);
            }
        }
    }
}
