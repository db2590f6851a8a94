//! Tests answers of the server that were refused at once, which the server only counts: what may then be said about a
//! silent port.

use super::instances::{DIALLED, record, refused, with};
use super::{flow, judge, sighting, told, whole};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{
    AnswersRefused, Flow, FlowEnd, FlowRound, Measurement, SightingAnswer, SightingEnd,
};
use crate::observation::{Failure, FailureKind, Origin};
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Verdict};

#[test]
fn a_drop_is_told_as_firmly_as_refused_answers_are_excluded() {
    let either = &[Alternative::AnswerRefused, Alternative::ServerHostsFirewall];
    let host = &[Alternative::ServerHostsFirewall];
    for (refused, alternatives) in [
        (None, either.as_slice()),
        (Some((1, 3)), either),
        (Some((0, 2)), host),
    ] {
        let found = verdict(unseen(refused));
        assert_eq!(found.id, VerdictId::Dropped, "{refused:?}");
        assert_eq!(found.confidence, Confidence::Medium, "{refused:?}");
        assert_eq!(found.alternatives, alternatives, "{refused:?}");
        let named = found.claim.contains("answer is refused on the way back");
        assert_eq!(named, alternatives == either, "{}", found.claim);
        let asked = found.next_step.unwrap().contains("answers (SYN-ACK)");
        assert_eq!(asked, alternatives == either);
    }
}

#[test]
fn with_a_witness_nothing_else_is_possible() {
    let mut answer = unseen(None);
    answer.sees_every_syn = true;
    let found = verdict(answer);
    assert_eq!(
        (found.id, found.confidence, found.alternatives),
        (VerdictId::Dropped, Confidence::High, Vec::new())
    );
}

#[test]
fn where_half_as_many_answers_were_refused_as_syns_were_sent_nothing_is_decided() {
    // On a path that loses packets, two of four SYNs may be lost, or the refusals of their answers.
    for counted in [2, 4, 50] {
        let found = verdict(unseen(Some((counted, 4))));
        assert_eq!(found.id, VerdictId::Inconclusive);
        assert!(found.claim.contains("refused"), "{}", found.claim);
        let said = |text: &String| text.contains(&format!("counted {counted} answers"));
        assert!(found.evidence.iter().any(said));
    }
}

#[test]
fn answers_that_this_host_refused_itself_are_no_sign_of_a_device() {
    let probe = silent(unseen(Some((2, 4))));
    let record = record("a", &[DIALLED], Vec::new());
    let mut works = whole(SessionKind::Https);
    let port = works.port_dialled();
    assert_ne!(port, probe.port_dialled());
    works.flows = [FlowEnd::Unanswered, FlowEnd::Answered]
        .map(|end| side_connection(port, end))
        .to_vec();
    let mut evidence = with(&probe, &record);
    evidence.same_server = vec![&probe, &works].into();
    // One of the two late answers was for the connection that was given up. The second one is less than half of four.
    let found = judge(&evidence);
    assert_eq!(found.id, VerdictId::Dropped, "{}", found.claim);
    assert!(found.alternatives.contains(&Alternative::AnswerRefused));
    // A connection that was opened had its answer, and so does not explain a refused one.
    works.flows[0].end = FlowEnd::Stuck;
    let mut evidence = with(&probe, &record);
    evidence.same_server = vec![&probe, &works].into();
    assert_eq!(judge(&evidence).id, VerdictId::Inconclusive);
}

#[test]
fn two_instances_count_together_and_one_that_does_not_count_excludes_nothing() {
    let both = unseen(Some((1, 2))).and(unseen(Some((1, 3))));
    let expected = AnswersRefused {
        counted: 2,
        own_syns: 2,
    };
    assert_eq!(both.answers_refused, Some(expected));
    assert_eq!(unseen(Some((0, 2))).and(unseen(None)).answers_refused, None);
}

#[test]
fn an_answer_that_is_lost_may_have_been_held_back_unless_a_witness_looked() {
    let half_open = |sees_every_syn| SightingAnswer {
        sees_every_syn,
        ..told(vec![sighting(None, SightingEnd::HalfOpen)])
    };
    let found = verdict(half_open(false));
    assert_eq!(found.id, VerdictId::ReplyDropped);
    assert_eq!(found.confidence, Confidence::Medium);
    assert_eq!(found.alternatives, [Alternative::AnswerHeldBack]);
    let found = verdict(half_open(true));
    assert_eq!(
        (found.id, found.confidence),
        (VerdictId::ReplyDropped, Confidence::High)
    );
    assert!(!found.evidence.iter().any(|text| text.contains("waits")));
}

#[test]
fn where_sources_are_translated_a_nat_without_free_ports_is_among_what_to_ask() {
    let mut translated = whole(SessionKind::Https);
    let session = translated.session.as_mut().unwrap();
    session.testimony.as_mut().unwrap().peer = Some(([203, 0, 113, 7], 40_000).into());
    translated.local = Some(([192, 0, 2, 2], 50_000).into());
    let probe = silent(unseen(Some((0, 2))));
    let record = record("a", &[DIALLED], Vec::new());
    let mut evidence = with(&probe, &record);
    assert!(!judge(&evidence).next_step.unwrap().contains("NAT"));
    evidence.same_server = vec![&probe, &translated].into();
    assert!(judge(&evidence).next_step.unwrap().contains("NAT"));
}

fn side_connection(port: u16, end: FlowEnd) -> Flow {
    Flow {
        start_us: 500_000,
        duration_us: 900_000,
        ..flow(FlowRound::AtOnce, port, end)
    }
}

fn unseen(refused: Option<(u32, u32)>) -> SightingAnswer {
    SightingAnswer {
        answers_refused: refused.map(|(counted, own_syns)| AnswersRefused { counted, own_syns }),
        ..told(Vec::new())
    }
}

fn silent(answer: SightingAnswer) -> Measurement {
    let mut probe = refused();
    for observation in &mut probe.observations {
        observation.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    }
    probe.sighting = Some(answer);
    probe
}

fn verdict(answer: SightingAnswer) -> Verdict {
    let probe = silent(answer);
    let record = record("a", &[DIALLED], Vec::new());
    judge(&with(&probe, &record))
}
