//! Judges mixtures of variations that were drawn at random.

use proptest::prelude::*;

use super::*;
use crate::catalogue::VerdictClass;

#[test]
fn rounds_end_and_stay_within_bounds() {
    let died = End::Died(SILENCE, 20_000);
    for (own, others) in [
        (died, died),
        (died, End::Whole),
        (End::NoData(RESET), End::Whole),
    ] {
        let mut probe = probe(SessionKind::Https, own, &[]);
        let mut rounds = 0;
        loop {
            let wanted = next_round(&probe);
            if wanted.is_empty() {
                break;
            }
            rounds += 1;
            assert!(rounds <= 4, "{:?}", probe.variations.len());
            for variation in wanted {
                let end = if variation == AGAIN { own } else { others };
                probe.variations.push(VariedSession {
                    variation,
                    measurement: ended(variation.kind(SessionKind::Https), end),
                });
            }
        }
        assert!((1..=crate::comparison::MAX_SESSIONS).contains(&probe.variations.len()));
    }
    assert!(next_round(&whole(SessionKind::Https)).is_empty());
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Whole),
        Just(End::NoData(SILENCE)),
        Just(End::NoData(RESET)),
        (0u64..200_000).prop_map(|n| End::Died(SILENCE, n)),
        Just(End::Died(SILENCE, 20_000)),
        Just(End::Died(RESET, 20_000)),
    ]
}

fn any_variation() -> impl Strategy<Value = Variation> {
    prop::sample::select(vec![AGAIN, SMALL, MIDDLE, LARGE, AS_TCP, UNNAMED])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_mixture_gives_a_phantom_success_or_a_false_claim(
        own in any_end(),
        variations in prop::collection::vec((any_variation(), any_end()), 0..14),
    ) {
        let probe = probe(SessionKind::Https, own, &variations);
        let found = verdict(&probe);
        let ends = |v: Variation| variations.iter().filter(move |(w, _)| *w == v).map(|(_, end)| *end);
        let whole = |v: Variation| ends(v).filter(|end| *end == End::Whole).count();
        let open = found.id.entry().class == VerdictClass::Open;
        let cut_off = ends(AGAIN).count() - whole(AGAIN);
        prop_assert_eq!(found.id == VerdictId::Reachable, own == End::Whole && cut_off < 2);
        prop_assert!(own != End::Whole || open);
        prop_assert!(!open || own == End::Whole || whole(AGAIN) >= 2);
        let failed_again = own != End::Whole && whole(AGAIN) == 0 && ends(AGAIN).count() >= 2;
        if found.claim.contains("inspect") {
            prop_assert!(failed_again);
            prop_assert!([AS_TCP, UNNAMED].into_iter().any(|v| whole(v) >= 2 && whole(v) == ends(v).count()));
        }
        if found.id == VerdictId::PathMtuBlackHole {
            prop_assert!(failed_again);
            prop_assert!([SMALL, MIDDLE, LARGE].map(whole).iter().sum::<usize>() >= 2);
        }
        if found.id == VerdictId::StallsAfterBytes {
            prop_assert!(failed_again && matches!(own, End::Died(SILENCE, _)));
        }
    }
}
