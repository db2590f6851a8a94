//! Tests when lost packets and sessions are a verdict, and when only a finding.

use super::{AGAIN, End, RESET, ended, evidence, findings, judge, lossy, verdict, whole};
use crate::catalogue::{FindingId, VerdictId};
use crate::judge::Evidence;
use crate::measurement::{Variation, VariedSession};
use crate::session_kind::SessionKind;

#[test]
fn loss_is_a_verdict_only_if_it_comes_back() {
    let judged = |own: (u32, u32), fresh: [(u32, u32); 3]| {
        let mut probe = lossy(whole(SessionKind::Tcp), own.0, own.1);
        probe.variations = fresh
            .map(|(syns, others)| VariedSession {
                variation: AGAIN,
                measurement: lossy(whole(SessionKind::Tcp), syns, others),
            })
            .to_vec();
        let noted = findings(&evidence(&probe));
        let noted = noted.iter().any(|f| f.id == FindingId::Loss);
        (verdict(&probe).id, noted)
    };
    let (none, open, lossy) = ((0, 0), VerdictId::Reachable, VerdictId::ReachableWithLoss);
    assert_eq!(judged((0, 1), [none; 3]), (open, true));
    // A single lost segment in each session is only a finding, however often it recurs.
    assert_eq!(judged((0, 1), [(0, 1); 3]), (open, true));
    assert_eq!(judged((0, 2), [(0, 2), none, none]), (open, true));
    assert_eq!(judged((0, 2), [(0, 2), none, (0, 4)]), (lossy, false));
    assert_eq!(judged((1, 0), [(1, 0); 3]), (lossy, false));
    // Fresh sessions that lose something else do not confirm the first loss.
    assert_eq!(judged((1, 0), [(0, 2); 3]), (open, true));
    assert_eq!(judged(none, [(0, 2); 3]), (open, false));
}

#[test]
fn sessions_at_a_slow_pace_are_new_sessions_too() {
    let mut probe = lossy(whole(SessionKind::Tcp), 1, 0);
    let slowly = |syns| VariedSession {
        variation: Variation::InPace { held: 0 },
        measurement: lossy(whole(SessionKind::Tcp), syns, 0),
    };
    probe.variations = vec![slowly(1), slowly(0)];
    assert_eq!(verdict(&probe).id, VerdictId::Reachable);
    probe.variations.push(slowly(1));
    assert_eq!(verdict(&probe).id, VerdictId::ReachableWithLoss);
}

#[test]
fn fresh_sessions_that_are_cut_off_are_loss_though_the_first_ran_whole() {
    let judged = |ends: [End; 3]| {
        let mut probe = whole(SessionKind::Tcp);
        probe.variations = ends
            .map(|end| VariedSession {
                variation: AGAIN,
                measurement: ended(SessionKind::Tcp, end),
            })
            .to_vec();
        let found = verdict(&probe);
        if found.id == VerdictId::ReachableWithLoss {
            // No SYN was lost.
            let next = found.next_step.unwrap();
            assert!(next.starts_with("ask the network team"), "{next}");
        }
        found.id
    };
    let (runs, dies) = (End::Whole, End::Died(RESET, 20_000));
    assert_eq!(judged([runs, runs, dies]), VerdictId::Reachable);
    assert_eq!(
        judged([dies, runs, End::NoData(RESET)]),
        VerdictId::ReachableWithLoss
    );
}

#[test]
fn only_syns_are_lost_if_no_session_of_any_port_lost_anything_else() {
    let varied = |syns, others| VariedSession {
        variation: AGAIN,
        measurement: lossy(whole(SessionKind::Tcp), syns, others),
    };
    let mut probe = lossy(whole(SessionKind::Tcp), 1, 0);
    probe.variations = vec![varied(1, 0), varied(1, 0)];
    let next = |others: (u32, u32), again: (u32, u32)| {
        let mut other = lossy(whole(SessionKind::Https), others.0, others.1);
        other.variations = vec![varied(again.0, again.1)];
        let found = judge(&Evidence {
            same_server: vec![&probe, &other].into(),
            ..evidence(&probe)
        });
        assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
        let next = found.next_step.unwrap();
        next.contains("no session to this server lost anything else")
    };
    assert!(next((0, 0), (0, 0)));
    assert!(next((1, 0), (2, 0)));
    assert!(!next((0, 1), (0, 0)));
    assert!(!next((0, 0), (0, 1)));
}
