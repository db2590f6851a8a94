//! Who makes room for whom.

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

/// Enters connections of these sources, each named by its place, and says who was pushed out.
fn enter(crowd: &mut Crowd<usize>, sources: &[u8]) -> Vec<Option<(Pressure, usize)>> {
    let first = usize::try_from(crowd.next).unwrap();
    let entered = sources
        .iter()
        .zip(first..)
        .map(|(last, name)| crowd.enter(Duration::ZERO, source(*last), name).1);
    entered.collect()
}

#[test]
fn a_source_that_crowds_pushes_out_its_own_oldest() {
    let mut crowd = Crowd::new(LIMITS);
    assert_eq!(enter(&mut crowd, &[1, 2, 1, 1]), [None; 4]);
    let pushed_out = enter(&mut crowd, &[1, 1, 2]);
    let own = |name| Some((Pressure::Source, name));
    assert_eq!(pushed_out, [own(0), own(2), None]);
}

#[test]
fn where_all_together_crowd_the_oldest_of_all_goes() {
    let mut crowd = Crowd::new(LIMITS);
    assert_eq!(enter(&mut crowd, &[1, 2, 3, 4, 5, 6]), [None; 6]);
    assert_eq!(enter(&mut crowd, &[7]), [Some((Pressure::Crowd, 0))]);
    assert!(!crowd.leave(Ticket(0)));
    assert!(crowd.leave(Ticket(1)));
    assert_eq!(enter(&mut crowd, &[8]), [None]);
}

#[test]
fn a_source_of_known_clients_is_spared_and_may_crowd() {
    let mut crowd = Crowd::new(LIMITS);
    enter(&mut crowd, &[1]);
    crowd.proved(Duration::ZERO, Ticket(0));
    assert!(crowd.is_empty());
    assert_eq!(enter(&mut crowd, &[1, 1, 1, 1, 2, 3]), [None; 6]);
    let pushed_out = enter(&mut crowd, &[4, 4, 1]);
    let crowded = |name| Some((Pressure::Crowd, name));
    assert_eq!(pushed_out, [crowded(5), crowded(6), crowded(7)]);
    // Of nobody but known clients' sources, the oldest goes.
    assert_eq!(crowd.push_out(), Some(8));
    assert_eq!(crowd.push_out(), Some(1));
}

#[test]
fn a_silent_crowd_spares_who_speaks_and_who_has_greeted() {
    let mut crowd = Crowd::new(LIMITS);
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
    let mut crowd = Crowd::new(LIMITS);
    enter(&mut crowd, &[1, 2, 3, 4, 5, 6]);
    for name in 0..6 {
        crowd.advance(Ticket(name), Standing::Speaking);
    }
    let crowded = |name| Some((Pressure::Crowd, name));
    assert_eq!(enter(&mut crowd, &[7, 8]), [0, 1].map(crowded));
}

#[test]
fn familiarity_ends() {
    let mut crowd = Crowd::new(LIMITS);
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
    let mut crowd = Crowd::new(limits);
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
        let mut crowd = Crowd::new(LIMITS);
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
            prop_assert_eq!(crowd.by_source.len(), n);
            prop_assert_eq!(crowd.by_rank.len(), n);
            prop_assert_eq!(crowd.by_standing.values().sum::<usize>(), n);
            prop_assert_eq!(crowd.present.values().sum::<usize>(), n);
        }
    }
}
