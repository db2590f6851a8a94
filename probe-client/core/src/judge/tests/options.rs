//! Tests TCP options that a device removes from the SYN or the SYN-ACK.

use super::{AGAIN, End, SILENCE, ended, evidence, findings, judge, whole};
use crate::catalogue::{FindingId, VerdictId};
use crate::judge::Evidence;
use crate::measurement::{AgreedOptions, Measurement, VariedSession};
use crate::session_kind::SessionKind;

const ALL: AgreedOptions = AgreedOptions {
    timestamps: true,
    selective_acknowledgement: true,
    window_scaling: true,
};
const UNSCALED: AgreedOptions = AgreedOptions {
    window_scaling: false,
    ..ALL
};

/// Returns the probe with the options that each end found agreed.
fn agreed(mut probe: Measurement, here: AgreedOptions, server: AgreedOptions) -> Measurement {
    probe.transport.as_mut().unwrap().agreed_options = Some(here);
    if let Some(testimony) = &mut probe.session.as_mut().unwrap().testimony {
        testimony.agreed_options = Some(server);
    }
    probe
}

fn noted(probe: &Measurement) -> Option<String> {
    findings(&evidence(probe))
        .into_iter()
        .find(|f| f.id == FindingId::TcpOptionsChanged)
        .map(|f| f.claim)
}

#[test]
fn an_option_that_the_syn_ack_lost_is_named_with_its_direction() {
    let lost = noted(&agreed(whole(SessionKind::Tcp), UNSCALED, ALL)).unwrap();
    assert!(
        lost.contains("window scaling from the SYN-ACK, on the way from the server"),
        "{lost}"
    );
    assert_eq!(noted(&agreed(whole(SessionKind::Tcp), ALL, ALL)), None);
    // The option may be switched off on the server's host.
    assert_eq!(
        noted(&agreed(whole(SessionKind::Tcp), UNSCALED, UNSCALED)),
        None
    );
    // A relay's own SYN says nothing about this host's.
    let mut relayed = agreed(whole(SessionKind::Tcp), UNSCALED, ALL);
    relayed.session.as_mut().unwrap().hop_limit_mark = None;
    assert_eq!(noted(&relayed), None);
}

#[test]
fn sessions_that_crawl_for_want_of_a_window_scale_are_laid_to_nothing_else() {
    let died = |kind| agreed(ended(kind, End::Died(SILENCE, 20_000)), UNSCALED, ALL);
    let mut probe = died(SessionKind::Https);
    for _ in 0..4 {
        probe.variations.push(VariedSession {
            variation: AGAIN,
            measurement: died(SessionKind::Https),
        });
    }
    let found = judge(&evidence(&probe));
    assert_eq!(found.id, VerdictId::Inconclusive, "{}", found.claim);
    assert!(found.claim.contains("window scaling"), "{}", found.claim);
    // A session without a testimony is explained by another session of the same server.
    let no_data = agreed(
        ended(SessionKind::Https, End::NoData(SILENCE)),
        UNSCALED,
        ALL,
    );
    let explained = judge(&Evidence {
        same_server: vec![&no_data, &probe].into(),
        ..evidence(&no_data)
    });
    assert!(
        explained.claim.contains("window scaling"),
        "{}",
        explained.claim
    );
    let alone = judge(&evidence(&no_data));
    assert!(!alone.claim.contains("window scaling"), "{}", alone.claim);
}
