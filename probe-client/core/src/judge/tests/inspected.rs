//! Tests next steps about a device that stops sessions by what they carry.

use super::{AGAIN, End, RESET, probe, verdict};
use crate::measurement::{SentName, Variation};
use crate::session_kind::SessionKind;

#[test]
fn a_run_that_named_no_server_is_repeated_with_a_name_first() {
    let another_name = Variation::InServerName {
        sent: SentName::Other,
    };
    let variations = [
        [(AGAIN, End::NoData(RESET)); 4],
        [(another_name, End::Whole); 4],
    ];
    let mut probe = probe(SessionKind::Https, End::NoData(RESET), &variations.concat());
    let named = verdict(&probe).next_step.unwrap();
    assert!(named.starts_with("ask "), "{named}");
    assert!(
        named.contains("the server name echo.example.org"),
        "{named}"
    );
    probe.host = "198.51.100.7".to_owned();
    let unnamed = verdict(&probe).next_step.unwrap();
    assert!(unnamed.starts_with("this run named no server"), "{unnamed}");
    assert!(unnamed.contains("TLS without a server name"), "{unnamed}");
}
