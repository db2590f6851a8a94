//! Surveys of simulated networks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const FAILING: u16 = 5901;
const WORKING: u16 = 443;

/// A chain of routers with the server after the last one, and a device that treats one port differently.
#[derive(Clone, Debug)]
struct Network {
    /// For each router, whether it reports a used-up hop limit.
    routers: Vec<bool>,
    /// What the device does to the failing port, and from which hop limit on.
    fault: Fault,
    /// Source ports divisible by this number take a path that is one hop longer.
    detour: Option<u16>,
    /// The numbers of the SYNs that are lost.
    lost: BTreeSet<usize>,
    /// Says which of the first two SYNs to each port and hop limit are lost: those whose entry here is 0.
    pattern: Vec<usize>,
}

/// What happens to the failing port's SYNs that have at least this hop limit.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Dropped(u8),
    Reset(u8),
    Accepted(u8),
}

impl Network {
    fn server_at(&self) -> u8 {
        u8::try_from(self.routers.len()).unwrap() + 1
    }

    fn answer(&self, number: usize, nth: usize, syn: SurveySyn, source: u16) -> HopAnswer {
        let place = usize::from(syn.port) + usize::from(syn.hop_limit) * 7 + nth;
        let worn = !self.pattern.is_empty() && self.pattern[place % self.pattern.len()] == 0;
        if self.lost.contains(&number) || (worn && nth < 2) {
            return HopAnswer::Silence;
        }
        let longer = self
            .detour
            .is_some_and(|every| source.is_multiple_of(every));
        let hop_limit = if longer {
            syn.hop_limit - 1
        } else {
            syn.hop_limit
        };
        let at_fault = |from: u8| syn.port == FAILING && hop_limit >= from;
        match self.fault {
            Fault::Dropped(from) if at_fault(from) => HopAnswer::Silence,
            Fault::Reset(from) if at_fault(from) => HopAnswer::Reset,
            Fault::Accepted(from) if at_fault(from) => HopAnswer::SynAck,
            Fault::Dropped(_) | Fault::Reset(_) | Fault::Accepted(_) => self.undisturbed(hop_limit),
        }
    }

    fn undisturbed(&self, hop_limit: u8) -> HopAnswer {
        if hop_limit >= self.server_at() {
            return HopAnswer::SynAck;
        }
        let tells = hop_limit == 0 || self.routers[usize::from(hop_limit) - 1];
        if tells {
            HopAnswer::Expired {
                from: router(hop_limit),
            }
        } else {
            HopAnswer::Silence
        }
    }

    fn survey(&self, reference: bool, known: &[u8]) -> Survey {
        let answers = !matches!(self.fault, Fault::Dropped(_));
        let mut surveyor = Surveyor::new(FAILING, answers);
        if reference {
            surveyor = surveyor.comparing_with(WORKING, known.to_vec());
        }
        let (mut sent, mut tried) = (0, BTreeMap::new());
        loop {
            let mut batch = Vec::new();
            while let Some(syn) = surveyor.next_syn() {
                batch.push(syn);
            }
            if batch.is_empty() {
                assert!(!surveyor.is_waiting());
                return surveyor.finish();
            }
            for syn in batch {
                assert!(sent < MOST_SYNS, "it does not end");
                let source_port = 40_000 + u16::try_from(sent).unwrap();
                let sent_there = tried.entry((syn.port, syn.hop_limit)).or_insert(0);
                let answer = self.answer(sent, *sent_there, syn, source_port);
                *sent_there += 1;
                surveyor.ended(HopTry {
                    port: syn.port,
                    source_port,
                    hop_limit: syn.hop_limit,
                    start_us: 20_000 * sent as u64,
                    duration_us: 1_000,
                    answer,
                });
                sent += 1;
            }
        }
    }
}

fn router(hop: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, hop).into()
}

fn plain(routers: usize, fault: Fault) -> Network {
    Network {
        routers: vec![true; routers],
        fault,
        detour: None,
        lost: BTreeSet::new(),
        pattern: Vec::new(),
    }
}

#[test]
fn a_drop_is_placed_behind_the_last_hop_that_answers() {
    let at = |routers, from| {
        plain(routers, Fault::Dropped(from))
            .survey(true, &[])
            .last_hop()
    };
    let lost = |last, lost_before| LastHop::Lost { last, lost_before };
    assert_eq!(at(4, 3), lost(2, PastLastHop::Hop(3)));
    assert_eq!(at(4, 1), lost(0, PastLastHop::Hop(1)));
    assert_eq!(at(4, 5), lost(4, PastLastHop::Server(5)));
    assert_eq!(at(0, 1), lost(0, PastLastHop::Server(1)));
}

#[test]
fn routers_that_never_answer_widen_the_place() {
    let mut network = plain(5, Fault::Dropped(3));
    network.routers[2] = false;
    let expected = LastHop::Lost {
        last: 2,
        lost_before: PastLastHop::Hop(4),
    };
    assert_eq!(network.survey(true, &[]).last_hop(), expected);
    network.routers = vec![false; 5];
    let expected = LastHop::Lost {
        last: 0,
        lost_before: PastLastHop::Server(6),
    };
    assert_eq!(network.survey(true, &[6]).last_hop(), expected);
}

#[test]
fn without_a_port_that_works_there_is_a_last_hop_and_no_more() {
    for (routers, from) in [(3, 3), (3, 4), (12, 11), (20, 21)] {
        let survey = plain(routers, Fault::Dropped(from)).survey(false, &[]);
        let last = from - 1;
        assert_eq!(survey.last_hop(), LastHop::Answered { hop: last });
        assert_eq!(survey.address_of(last), Some(router(last)));
        // This leaves a margin for two address families at 50 SYNs per second within two seconds.
        if routers < 8 {
            assert!(survey.tries.len() <= 30, "{}", survey.tries.len());
        }
    }
    let mut silent = plain(3, Fault::Dropped(1));
    silent.routers = vec![false; 3];
    assert_eq!(silent.survey(false, &[]).last_hop(), LastHop::Unknown);
}

#[test]
fn a_reset_from_nearer_is_told_from_the_servers_own() {
    let compare = |from| plain(4, Fault::Reset(from)).survey(true, &[]).compare(&[]);
    let at = |hop| Distance {
        nearest: hop,
        farthest: hop,
    };
    for from in 1..=4 {
        let nearer = RelativeDistance::Nearer {
            answering: at(from),
            server: at(5),
        };
        assert_eq!(compare(from), nearer);
    }
    assert_eq!(compare(5), RelativeDistance::Same { distance: 5 });
}

#[test]
fn distances_need_no_icmp() {
    let mut network = plain(4, Fault::Accepted(2));
    network.routers = vec![false; 4];
    let comparison = network.survey(true, &[]).compare(&[]);
    assert!(matches!(comparison, RelativeDistance::Nearer { .. }));
}

#[test]
fn distances_known_from_sessions_save_syns() {
    let network = plain(10, Fault::Reset(3));
    let (all, few) = (
        network.survey(true, &[]),
        network.survey(true, &[11, 11, 11]),
    );
    assert_eq!(few.compare(&[11, 11, 11]), all.compare(&[]));
    // On the working port, the survey asks only for the addresses of the hops around the device.
    let mut asked: Vec<u8> = few.of_reference().map(|t| t.hop_limit).collect();
    asked.dedup();
    assert_eq!(asked, [2, 3]);
    assert_eq!(few.address_of(3), Some(router(3)));
    assert_eq!(few.compare(&[]), RelativeDistance::Undecided);
}

#[test]
fn unequal_ways_give_no_claim_where_they_overlap() {
    let mut network = plain(4, Fault::Reset(5));
    network.detour = Some(2);
    assert_eq!(
        network.survey(true, &[]).compare(&[]),
        RelativeDistance::Undecided
    );
    network.fault = Fault::Reset(2);
    let comparison = network.survey(true, &[]).compare(&[]);
    assert!(
        matches!(comparison, RelativeDistance::Nearer { .. }),
        "{comparison:?}"
    );
}

#[test]
fn of_a_relayed_port_hops_count_and_its_end_does_not() {
    let survey = |reference_is_relayed, dropped_at| {
        let network = Network {
            routers: vec![true; 3],
            fault: Fault::Dropped(dropped_at),
            detour: None,
            lost: BTreeSet::new(),
            pattern: Vec::new(),
        };
        Survey {
            reference_is_relayed,
            ..network.survey(true, &[])
        }
    };
    let hop = PastLastHop::Hop(2);
    for relayed in [false, true] {
        let expected = LastHop::Lost {
            last: 1,
            lost_before: hop,
        };
        assert_eq!(survey(relayed, 2).last_hop(), expected, "{relayed}");
    }
    let at_the_end = |relayed| survey(relayed, 4).last_hop();
    assert!(matches!(at_the_end(false), LastHop::Lost { .. }));
    assert_eq!(at_the_end(true), LastHop::Answered { hop: 3 });
    assert_eq!(survey(true, 4).server_distance(&[]), None);
}

#[test]
fn a_port_that_fails_alike_is_only_looked_at() {
    let mut surveyor = Surveyor::new(FAILING, false)
        .looking_at(6..=7)
        .comparing_with(WORKING, vec![13]);
    let first: Vec<SurveySyn> = std::iter::from_fn(|| surveyor.next_syn()).collect();
    let limits: Vec<u8> = first.iter().map(|w| w.hop_limit).collect();
    assert_eq!(limits, [6, 7]);
}

/// Returns the claims that lost packets must not change: where packets are dropped, or how far away an answer comes
/// from.
fn claims(network: &Network) -> (Option<LastHop>, RelativeDistance) {
    let survey = network.survey(true, &[]);
    let dropped = matches!(network.fault, Fault::Dropped(_));
    (dropped.then(|| survey.last_hop()), survey.compare(&[]))
}

fn networks() -> impl Strategy<Value = Network> {
    (
        prop::collection::vec(prop::bool::weighted(0.8), 0..12),
        0..3_u8,
        any::<u8>(),
    )
        .prop_map(|(routers, kind, at)| {
            let furthest = u8::try_from(routers.len()).unwrap() + 1;
            let from = 1 + at % furthest;
            let fault = match kind {
                0 => Fault::Dropped(from),
                1 => Fault::Reset(from),
                _ => Fault::Accepted(from),
            };
            Network {
                routers,
                fault,
                detour: None,
                lost: BTreeSet::new(),
                pattern: Vec::new(),
            }
        })
}

proptest! {
    /// Any two lost packets change no claim.
    #[test]
    fn single_losses_change_no_claim(network in networks(), lost in prop::collection::btree_set(0..80_usize, 1..=2)) {
        let with_loss = Network { lost, ..network.clone() };
        prop_assert_eq!(claims(&with_loss), claims(&network));
    }

    /// Heavy loss that never hits all tries of one place may make a distance unknown, but never claims another one.
    #[test]
    fn heavy_loss_moves_no_distance(network in networks(), pattern in prop::collection::vec(0..3_usize, 1..9)) {
        let with_loss = Network { pattern, ..network.clone() };
        let (claimed, true_one) = (claims(&with_loss).1, claims(&network).1);
        prop_assert!(claimed == true_one || claimed == RelativeDistance::Undecided, "{claimed:?} \
                                                  {true_one:?}");
    }

    /// With paths of two lengths in any mixture, the server's own answer is never blamed on a device.
    #[test]
    fn unequal_ways_never_make_a_device(routers in 1..10_usize, every in 2..4_u16) {
        let from = u8::try_from(routers).unwrap() + 1;
        let mut network = plain(routers, Fault::Reset(from));
        network.detour = Some(every);
        let comparison = network.survey(true, &[]).compare(&[]);
        prop_assert!(!matches!(comparison, RelativeDistance::Nearer { .. }), "{comparison:?}");
    }
}

/// The maximum number of SYNs of a survey: two ports on the longest path.
const MOST_SYNS: usize = 400;
