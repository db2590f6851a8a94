//! Tests sessions that are cut off on more than one port: whether the port is said to matter.

use super::{AGAIN, AGAIN_DIED, DIED, End, evidence, judge, probe};
use crate::judge::Evidence;
use crate::measurement::Measurement;
use crate::session_kind::SessionKind;
use crate::verdict::Verdict;

#[test]
fn a_failure_that_every_port_shares_is_not_one_of_the_port() {
    let found = beside(&[on(80, DIED, &[DIED, DIED])]);
    assert!(found.claim.contains("about port 443 alone"), "{found:?}");
    asks_for_no_exemption(&found);
    let told = "5 of 5 HTTPS sessions failed on this port; of the sessions on other ports of this \
                server, 3 of 3 on port 80 failed";
    assert!(found.evidence.iter().any(|fact| fact == told), "{found:?}");
}

#[test]
fn a_failure_that_comes_and_goes_on_another_port_is_not_one_of_the_port() {
    let found = beside(&[on(80, DIED, &[End::Whole, DIED]), on(5901, End::Whole, &[])]);
    assert!(found.claim.contains("about port 443 alone"), "{found:?}");
    asks_for_no_exemption(&found);
}

#[test]
fn ports_that_fail_each_time_and_others_that_pass_leave_the_port_suspect() {
    let found = beside(&[on(80, DIED, &[DIED, DIED]), on(5901, End::Whole, &[])]);
    assert!(!found.claim.contains("alone"), "{found:?}");
    let next = found.next_step.as_ref().unwrap();
    assert!(next.contains("protocol inspection"), "{next}");
    let told = "5 of 5 HTTPS sessions failed on this port; of the sessions on other ports of this \
                server, 3 of 3 on port 80, 0 of 1 on port 5901 failed";
    assert!(found.evidence.iter().any(|fact| fact == told), "{found:?}");
}

#[test]
fn ports_that_all_pass_are_compared_by_their_odds() {
    let found = beside(&[on(80, End::Whole, &[]), on(5901, End::Whole, &[])]);
    let told = "5 of 5 HTTPS sessions on this port failed, and 0 of 2 sessions on other ports of \
                this server: the odds that chance separates them like this are 1 in 21";
    assert!(found.evidence.iter().any(|fact| fact == told), "{found:?}");
}

/// Returns a probe of `port` whose own session ended as `own`, and whose unchanged repetitions ended as `again`.
fn on(port: u16, own: End, again: &[End]) -> Measurement {
    let again: Vec<_> = again.iter().map(|end| (AGAIN, *end)).collect();
    at(port, probe(SessionKind::Https, own, &again))
}

/// Returns `probe` and its variations as if they had dialled this port, and the server had accepted them there.
fn at(port: u16, mut probe: Measurement) -> Measurement {
    let variations = probe.variations.iter_mut().map(|c| &mut c.measurement);
    for session in variations {
        dial(port, session);
    }
    dial(port, &mut probe);
    probe
}

fn dial(port: u16, session: &mut Measurement) {
    session.address.as_mut().unwrap().set_port(port);
    let report = session.session.as_mut().unwrap();
    let testimony = report.testimony.as_mut().unwrap();
    testimony.local.as_mut().unwrap().set_port(port);
}

/// Judges a probe of port 443 whose sessions all died; `others` are the probes of other ports.
fn beside(others: &[Measurement]) -> Verdict {
    let probe = at(443, probe(SessionKind::Https, DIED, &AGAIN_DIED));
    let all: Vec<&Measurement> = others.iter().chain([&probe]).collect();
    judge(&Evidence {
        same_server: all.into(),
        ..evidence(&probe)
    })
}

fn asks_for_no_exemption(found: &Verdict) {
    let next = found.next_step.as_ref().unwrap();
    assert!(next.starts_with("run again first"), "{next}");
    assert!(!next.contains("inspect"), "{next}");
}
