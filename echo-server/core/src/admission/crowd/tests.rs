//! Who makes room for whom.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

const LIMITS: CrowdLimits = CrowdLimits {
    total: 6,
    per_source: 3,
    per_second: 1000,
};

fn source(last: u8) -> Source {
    IpAddr::from([192, 0, 2, last]).into()
}

type TestCrowd = Crowd<usize, BuildHasherDefault<DefaultHasher>>;

/// With a key that is the same each time.
fn crowd(limits: CrowdLimits) -> TestCrowd {
    Crowd::new(limits, BuildHasherDefault::default())
}

/// A crowd with nobody in it that knows source 1.
fn crowd_that_knows_1() -> TestCrowd {
    let mut crowd = crowd(LIMITS);
    enter(&mut crowd, &[1]);
    crowd.proved(Duration::ZERO, Ticket(0));
    assert!(crowd.is_empty());
    crowd
}

/// The oldest of its own source has to go for it.
fn own(name: usize) -> Option<(Pressure, usize)> {
    Some((Pressure::Source, name))
}

/// Enters connections of these sources, each named by its place, and says who was pushed out.
fn enter(crowd: &mut TestCrowd, sources: &[u8]) -> Vec<Option<(Pressure, usize)>> {
    let first = usize::try_from(crowd.next).unwrap();
    let entered = sources
        .iter()
        .zip(first..)
        .map(|(last, name)| crowd.enter(Duration::ZERO, source(*last), name).1);
    entered.collect()
}

#[test]
fn a_source_that_crowds_pushes_out_its_own_oldest() {
    let mut crowd = crowd(LIMITS);
    assert_eq!(enter(&mut crowd, &[1, 2, 1, 1]), [None; 4]);
    let pushed_out = enter(&mut crowd, &[1, 1, 2]);
    assert_eq!(pushed_out, [own(0), own(2), None]);
}

#[test]
fn where_all_together_crowd_the_oldest_of_all_goes() {
    let mut crowd = crowd(LIMITS);
    assert_eq!(enter(&mut crowd, &[1, 2, 3, 4, 5, 6]), [None; 6]);
    assert_eq!(enter(&mut crowd, &[7]), [Some((Pressure::Crowd, 0))]);
    assert!(!crowd.leave(Ticket(0)));
    assert!(crowd.leave(Ticket(1)));
    assert_eq!(enter(&mut crowd, &[8]), [None]);
}

#[test]
fn a_source_of_known_clients_is_spared_within_what_one_source_may_have() {
    let mut crowd = crowd_that_knows_1();
    assert_eq!(enter(&mut crowd, &[2, 1, 1, 1, 3, 4]), [None; 6]);
    let crowded = |name| Some((Pressure::Crowd, name));
    assert_eq!(enter(&mut crowd, &[4, 3]), [1, 5].map(crowded));
    // Its own oldest goes for what is beyond that.
    assert_eq!(enter(&mut crowd, &[1, 1]), [2, 3].map(own));
    // Of nobody but others, and known clients within their share, the others go.
    for name in [6, 7, 8] {
        assert_eq!(crowd.push_out(), Some(name));
    }
    assert_eq!(crowd.push_out(), Some(4));
}

#[test]
fn a_source_of_known_clients_may_have_what_nobody_else_wants() {
    let mut crowd = crowd_that_knows_1();
    assert_eq!(enter(&mut crowd, &[1; 6]), [None; 6]);
    let crowded = |name| Some((Pressure::Crowd, name));
    assert_eq!(enter(&mut crowd, &[2, 3]), [1, 2].map(crowded));
}

#[test]
fn a_crowd_from_a_known_clients_source_pushes_out_no_newcomer_of_another() {
    let mut crowd = crowd_that_knows_1();
    enter(&mut crowd, &[1; 6]);
    let (newcomer, _) = crowd.enter(Duration::ZERO, source(2), 99);
    let pushed_out = enter(&mut crowd, &[1; 100]);
    assert!(
        pushed_out
            .iter()
            .all(|who| matches!(who, Some((Pressure::Source, _))))
    );
    assert!(crowd.leave(newcomer));
}

#[test]
fn a_known_client_outlives_as_many_of_its_source_as_one_source_may_have() {
    let mut crowd = crowd_that_knows_1();
    enter(&mut crowd, &[1; 6]);
    let (known, _) = crowd.enter(Duration::ZERO, source(1), 99);
    enter(&mut crowd, &[1; 3]);
    // Among those who wait in silence it is not any more.
    crowd.advance(known, Standing::Greeted);
    enter(&mut crowd, &[1; 100]);
    assert!(crowd.leave(known));
}

#[test]
fn a_silent_crowd_of_ones_own_source_spares_who_has_greeted() {
    let mut crowd = crowd(CrowdLimits {
        total: 100,
        per_source: 5,
        per_second: 1000,
    });
    enter(&mut crowd, &[1; 5]);
    crowd.advance(Ticket(0), Standing::Greeted);
    assert_eq!(enter(&mut crowd, &[1, 1]), [own(1), own(2)]);
}

#[test]
fn without_the_key_nobody_knows_who_shares_a_pace() {
    let shares = |hasher: RandomState| {
        let crowd: Crowd<()> = Crowd::new(LIMITS, hasher);
        let first = crowd.place_of_pace(source(0));
        [1, 2, 3, 4, 5, 6, 7].map(|last| crowd.place_of_pace(source(last)).abs_diff(first))
    };
    assert_ne!(shares(RandomState::new()), shares(RandomState::new()));
}

#[test]
fn a_silent_crowd_spares_who_speaks_and_who_has_greeted() {
    let mut crowd = crowd(LIMITS);
    enter(&mut crowd, &[1, 2, 3, 4, 5, 6]);
    crowd.advance(Ticket(0), Standing::Greeted);
    crowd.advance(Ticket(0), Standing::Speaking);
    crowd.advance(Ticket(1), Standing::Speaking);
    let crowded = |name| Some((Pressure::Crowd, name));
    let pushed_out = enter(&mut crowd, &[7, 8, 9, 10]);
    assert_eq!(pushed_out, [2, 3, 4, 5].map(crowded));
}

#[test]
fn a_speaking_crowd_spares_who_has_just_come() {
    let mut crowd = crowd(LIMITS);
    enter(&mut crowd, &[1, 2, 3, 4, 5, 6]);
    for name in 0..6 {
        crowd.advance(Ticket(name), Standing::Speaking);
    }
    let crowded = |name| Some((Pressure::Crowd, name));
    assert_eq!(enter(&mut crowd, &[7, 8]), [0, 1].map(crowded));
}

#[test]
fn familiarity_ends() {
    let mut crowd = crowd(LIMITS);
    enter(&mut crowd, &[1]);
    crowd.proved(Duration::ZERO, Ticket(0));
    assert!(crowd.is_familiar(FAMILIAR_FOR / 2, source(1)));
    assert!(!crowd.is_familiar(FAMILIAR_FOR, source(1)));
}

#[test]
fn a_source_that_is_too_fast_pushes_out_its_own_alone() {
    let limits = CrowdLimits {
        total: 100,
        per_source: 100,
        per_second: 2,
    };
    let mut crowd = crowd(limits);
    assert_eq!(enter(&mut crowd, &[9, 1, 1, 1]), [None; 4]);
    let own = |name| Some((Pressure::Pace, name));
    assert_eq!(enter(&mut crowd, &[1, 1]), [own(1), own(2)]);
}

proptest! {
    /// Whatever comes and goes, nobody is refused, and the books are no larger than the crowd.
    #[test]
    fn the_books_agree_and_stay_small(
        steps in prop::collection::vec((0u8..8, 0u8..5, 0usize..40), 0..200),
    ) {
        let mut crowd = crowd(LIMITS);
        let mut tickets = Vec::new();
        for (last, what, which) in steps {
            match (what, tickets.get(which)) {
                (0, Some(ticket)) => { crowd.leave(*ticket); }
                (1, Some(ticket)) => crowd.proved(Duration::ZERO, *ticket),
                (2, Some(ticket)) => crowd.advance(*ticket, Standing::Speaking),
                _ => tickets.push(crowd.enter(Duration::ZERO, source(last), 0).0),
            }
            let n = crowd.len();
            prop_assert!(n <= LIMITS.total);
            prop_assert_eq!(crowd.by_rank.len(), 2 * n);
            prop_assert_eq!(crowd.counts.values().sum::<usize>(), 2 * n);
            prop_assert!(crowd.counts.values().all(|count| *count > 0));
            let spared = |standing| crowd.count(Scope::Of(source(last)), standing, true);
            prop_assert!(STANDINGS.map(spared).iter().sum::<usize>() <= LIMITS.per_source);
        }
    }
}
