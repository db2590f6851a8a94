//! Tests which connection makes room for which newcomer.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

const LIMITS: StrangerLimits = StrangerLimits {
    total: 6,
    per_source: 3,
    per_second: 1000,
};

fn source(last: u8) -> Source {
    IpAddr::from([192, 0, 2, last]).into()
}

type TestTable = StrangerTable<usize, BuildHasherDefault<DefaultHasher>>;

/// Returns a table whose hash key is the same each time.
fn table(limits: StrangerLimits) -> TestTable {
    StrangerTable::new(limits, BuildHasherDefault::default())
}

/// Returns an empty table in which source 1 is familiar.
fn table_that_knows_1() -> TestTable {
    let mut table = table(LIMITS);
    enter(&mut table, &[1]);
    table.proved(Duration::ZERO, Ticket(0));
    assert!(table.is_empty());
    table
}

/// The eviction of connection `name` because its own source has too many.
fn own(name: usize) -> Option<(Pressure, usize)> {
    Some((Pressure::Source, name))
}

/// Enters connections of these sources, each named by its number, and returns the evicted ones.
fn enter(table: &mut TestTable, sources: &[u8]) -> Vec<Option<(Pressure, usize)>> {
    let first = usize::try_from(table.next).unwrap();
    let entered = sources
        .iter()
        .zip(first..)
        .map(|(last, name)| table.enter(Duration::ZERO, source(*last), name).1);
    entered.collect()
}

#[test]
fn a_source_that_crowds_pushes_out_its_own_oldest() {
    let mut table = table(LIMITS);
    assert_eq!(enter(&mut table, &[1, 2, 1, 1]), [None; 4]);
    let pushed_out = enter(&mut table, &[1, 1, 2]);
    assert_eq!(pushed_out, [own(0), own(2), None]);
}

#[test]
fn where_all_together_crowd_the_oldest_of_all_goes() {
    let mut table = table(LIMITS);
    assert_eq!(enter(&mut table, &[1, 2, 3, 4, 5, 6]), [None; 6]);
    assert_eq!(enter(&mut table, &[7]), [Some((Pressure::Total, 0))]);
    assert!(!table.leave(Ticket(0)));
    assert!(table.leave(Ticket(1)));
    assert_eq!(enter(&mut table, &[8]), [None]);
}

#[test]
fn a_source_of_known_clients_is_spared_within_what_one_source_may_have() {
    let mut table = table_that_knows_1();
    assert_eq!(enter(&mut table, &[2, 1, 1, 1, 3, 4]), [None; 6]);
    let over_total = |name| Some((Pressure::Total, name));
    assert_eq!(enter(&mut table, &[4, 3]), [1, 5].map(over_total));
    // Beyond its share, the oldest connection of the same source leaves.
    assert_eq!(enter(&mut table, &[1, 1]), [2, 3].map(own));
    // Other connections leave before those of a familiar source within its limit.
    for name in [6, 7, 8] {
        assert_eq!(table.push_out(), Some(name));
    }
    assert_eq!(table.push_out(), Some(4));
}

#[test]
fn a_source_of_known_clients_may_have_what_nobody_else_wants() {
    let mut table = table_that_knows_1();
    assert_eq!(enter(&mut table, &[1; 6]), [None; 6]);
    let over_total = |name| Some((Pressure::Total, name));
    assert_eq!(enter(&mut table, &[2, 3]), [1, 2].map(over_total));
}

#[test]
fn a_crowd_from_a_known_clients_source_pushes_out_no_newcomer_of_another() {
    let mut table = table_that_knows_1();
    enter(&mut table, &[1; 6]);
    let (newcomer, _) = table.enter(Duration::ZERO, source(2), 99);
    let pushed_out = enter(&mut table, &[1; 100]);
    assert!(
        pushed_out
            .iter()
            .all(|who| matches!(who, Some((Pressure::Source, _))))
    );
    assert!(table.leave(newcomer));
}

#[test]
fn a_known_client_outlives_as_many_of_its_source_as_one_source_may_have() {
    let mut table = table_that_knows_1();
    enter(&mut table, &[1; 6]);
    let (known, _) = table.enter(Duration::ZERO, source(1), 99);
    enter(&mut table, &[1; 3]);
    // The connection no longer counts as silent.
    table.advance(known, Standing::Greeted);
    enter(&mut table, &[1; 100]);
    assert!(table.leave(known));
}

#[test]
fn a_silent_crowd_of_ones_own_source_spares_who_has_greeted() {
    let mut table = table(StrangerLimits {
        total: 100,
        per_source: 5,
        per_second: 1000,
    });
    enter(&mut table, &[1; 5]);
    table.advance(Ticket(0), Standing::Greeted);
    assert_eq!(enter(&mut table, &[1, 1]), [own(1), own(2)]);
}

#[test]
fn without_the_key_nobody_knows_who_shares_a_pace() {
    let shares = |hasher: RandomState| {
        let table: StrangerTable<()> = StrangerTable::new(LIMITS, hasher);
        let first = table.place_of_pace(source(0));
        [1, 2, 3, 4, 5, 6, 7].map(|last| table.place_of_pace(source(last)).abs_diff(first))
    };
    assert_ne!(shares(RandomState::new()), shares(RandomState::new()));
}

#[test]
fn a_silent_crowd_spares_who_speaks_and_who_has_greeted() {
    let mut table = table(LIMITS);
    enter(&mut table, &[1, 2, 3, 4, 5, 6]);
    table.advance(Ticket(0), Standing::Greeted);
    table.advance(Ticket(0), Standing::Speaking);
    table.advance(Ticket(1), Standing::Speaking);
    let over_total = |name| Some((Pressure::Total, name));
    let pushed_out = enter(&mut table, &[7, 8, 9, 10]);
    assert_eq!(pushed_out, [2, 3, 4, 5].map(over_total));
}

#[test]
fn a_speaking_crowd_spares_who_has_just_come() {
    let mut table = table(LIMITS);
    enter(&mut table, &[1, 2, 3, 4, 5, 6]);
    for name in 0..6 {
        table.advance(Ticket(name), Standing::Speaking);
    }
    let over_total = |name| Some((Pressure::Total, name));
    assert_eq!(enter(&mut table, &[7, 8]), [0, 1].map(over_total));
}

#[test]
fn familiarity_ends() {
    let mut table = table(LIMITS);
    enter(&mut table, &[1]);
    table.proved(Duration::ZERO, Ticket(0));
    assert!(table.is_familiar(FAMILIAR_FOR / 2, source(1)));
    assert!(!table.is_familiar(FAMILIAR_FOR, source(1)));
}

#[test]
fn a_source_that_is_too_fast_pushes_out_its_own_alone() {
    let limits = StrangerLimits {
        total: 100,
        per_source: 100,
        per_second: 2,
    };
    let mut table = table(limits);
    assert_eq!(enter(&mut table, &[9, 1, 1, 1]), [None; 4]);
    let own = |name| Some((Pressure::Pace, name));
    assert_eq!(enter(&mut table, &[1, 1]), [own(1), own(2)]);
}

proptest! {
    /// Whatever connections come and go, the table refuses no newcomer, and its indexes are no larger than the table.
    #[test]
    fn the_books_agree_and_stay_small(
        steps in prop::collection::vec((0u8..8, 0u8..5, 0usize..40), 0..200),
    ) {
        let mut table = table(LIMITS);
        let mut tickets = Vec::new();
        for (last, what, which) in steps {
            match (what, tickets.get(which)) {
                (0, Some(ticket)) => { table.leave(*ticket); }
                (1, Some(ticket)) => table.proved(Duration::ZERO, *ticket),
                (2, Some(ticket)) => table.advance(*ticket, Standing::Speaking),
                _ => tickets.push(table.enter(Duration::ZERO, source(last), 0).0),
            }
            let n = table.len();
            prop_assert!(n <= LIMITS.total);
            prop_assert_eq!(table.by_rank.len(), 2 * n);
            prop_assert_eq!(table.counts.values().sum::<usize>(), 2 * n);
            prop_assert!(table.counts.values().all(|count| *count > 0));
            let spared = |standing| table.count(Scope::Of(source(last)), standing, true);
            prop_assert!(STANDINGS.map(spared).iter().sum::<usize>() <= LIMITS.per_source);
        }
    }
}
