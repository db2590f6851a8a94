//! The rules by which statements are judged; the first one that fits counts.

use super::statement::Claim;
use super::truth::Truth;

/// The mark of a statement.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Mark {
    /// The state of the port and the class of its cause are right.
    Right,
    /// The statement is true, but misses the fault or leaves it undecided.
    CannotTell,
    /// The statement claims a false success, or a wrong cause.
    Wrong,
}

/// A rule: the mark that certain statements get if a certain truth holds.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub truths: &'static [Truth],
    pub says: &'static [Claim],
    /// Whether the rule holds only if the statement names the host that the scenario blames.
    pub there: bool,
    pub mark: Mark,
    pub because: &'static str,
}

impl Mark {
    pub const ALL: [Self; 3] = [Self::Right, Self::CannotTell, Self::Wrong];

    /// Returns the mark as the page shows it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::CannotTell => "?",
            Self::Wrong => "WRONG",
        }
    }
}

/// Returns the first rule that fits; the last rule fits everything.
pub fn judge(truth: Truth, said: Claim, there: bool) -> &'static Rule {
    let all = &RULES;
    let mut fits = all.iter().filter(|rule| rule.fits(truth, said, there));
    fits.next().unwrap_or(&all[all.len() - 1])
}

impl Rule {
    fn fits(&self, truth: Truth, said: Claim, there: bool) -> bool {
        let listed = self.truths.is_empty() || self.truths.contains(&truth);
        listed && (self.says.is_empty() || self.says.contains(&said)) && (there || !self.there)
    }
}

/// The statements that claim a success of any kind.
pub(super) const SUCCESS: &[Claim] = &[
    Claim::Open,
    Claim::OpenElsewhere,
    Claim::Served,
    Claim::ServedOtherwise,
];

/// The truths in which the server does not complete the handshake itself.
const ELSEWHERE: &[Truth] = &[
    Truth::DeviceAnswers,
    Truth::StrangerAnswers,
    Truth::Intercepted,
];

const DIES: &[Claim] = &[Claim::Stalls, Claim::Ends];

/// The rules in order. An empty list of truths or statements means all.
pub static RULES: [Rule; 28] = [
    Rule {
        id: "a1",
        truths: &[],
        says: &[Claim::Unclear],
        there: false,
        mark: Mark::CannotTell,
        because: "the program makes no claim",
    },
    Rule {
        id: "a2",
        truths: &[Truth::Works],
        says: SUCCESS,
        there: false,
        mark: Mark::Right,
        because: "the port works; programs are not asked about NAT, relays, loss or limits on the \
                  way",
    },
    Rule {
        id: "a3",
        truths: &[Truth::Works],
        says: &[],
        there: false,
        mark: Mark::Wrong,
        because: "the port works",
    },
    Rule {
        id: "b1",
        truths: &[Truth::Silent],
        says: &[Claim::NoAnswer],
        there: true,
        mark: Mark::Right,
        because: "it is dropped there: the last hop that answers is the one that drops",
    },
    Rule {
        id: "b2",
        truths: &[Truth::Silent, Truth::ServerUnreachable],
        says: &[Claim::NoAnswer],
        there: false,
        mark: Mark::CannotTell,
        because: "true, but the program says the same about a SYN dropped by a firewall, the cloud \
                  or the host, an answer dropped on the way back, and a server that is down",
    },
    Rule {
        id: "c1",
        truths: &[Truth::ResetOnTheWay],
        says: &[Claim::RefusedElsewhere],
        there: false,
        mark: Mark::Right,
        because: "the distance shows that a host other than the server's refuses; counted as right \
                  although the reader has to compare the numbers",
    },
    Rule {
        id: "c2",
        truths: &[Truth::ResetOnTheWay, Truth::ServerUnreachable],
        says: &[Claim::Refused],
        there: false,
        mark: Mark::Wrong,
        because: "closed and refused mean that nothing listens there (nmap's reference guide, \
                  connect(2)); the server listens there",
    },
    Rule {
        id: "d1",
        truths: &[Truth::Prohibited, Truth::OwnFirewall],
        says: &[Claim::Prohibited],
        there: true,
        mark: Mark::Right,
        because: "the program names the host that prohibits the connection",
    },
    Rule {
        id: "d2",
        truths: &[Truth::OwnFirewall],
        says: &[Claim::NotPermitted],
        there: false,
        mark: Mark::Right,
        because: "this host's own firewall does not permit the connection (connect(2))",
    },
    Rule {
        id: "d3",
        truths: &[Truth::Prohibited],
        says: &[
            Claim::NotPermitted,
            Claim::Prohibited,
            Claim::FilteredUnreachable,
            Claim::NoAnswer,
        ],
        there: false,
        mark: Mark::CannotTell,
        because: "the port is blocked; the program leaves open who blocks it, or how",
    },
    Rule {
        id: "d4",
        truths: &[Truth::OwnFirewall],
        says: &[
            Claim::Prohibited,
            Claim::FilteredUnreachable,
            Claim::NoAnswer,
        ],
        there: false,
        mark: Mark::CannotTell,
        because: "the port is blocked; the program leaves open who blocks it",
    },
    Rule {
        id: "d5",
        truths: &[Truth::Prohibited, Truth::OwnFirewall],
        says: &[Claim::NoRoute],
        there: false,
        mark: Mark::Wrong,
        because: "there is a route, but a rule forbids its use",
    },
    Rule {
        id: "e1",
        truths: &[Truth::NoRoute],
        says: &[Claim::NoRoute, Claim::FilteredUnreachable],
        there: false,
        mark: Mark::Right,
        because: "there is no route",
    },
    Rule {
        id: "e2",
        truths: &[Truth::NoRoute, Truth::NotListening],
        says: &[Claim::NoAnswer],
        there: false,
        mark: Mark::CannotTell,
        because: "nothing got through, and the program does not say why",
    },
    Rule {
        id: "f1",
        truths: &[Truth::NotListening],
        says: &[Claim::Refused],
        there: false,
        mark: Mark::Right,
        because: "the host refuses, since nothing listens",
    },
    Rule {
        id: "g1",
        truths: &[Truth::OtherPort],
        says: SUCCESS,
        there: false,
        mark: Mark::CannotTell,
        because: "the server is the right one; this end cannot see that a different port answers",
    },
    Rule {
        id: "h1",
        truths: ELSEWHERE,
        says: &[Claim::OpenElsewhere],
        there: false,
        mark: Mark::Right,
        because: "the distance shows that somebody else answers; counted as right although the \
                  reader has to compare the numbers",
    },
    Rule {
        id: "h2",
        truths: ELSEWHERE,
        says: &[Claim::OtherAnswer, Claim::OtherCertificate],
        there: false,
        mark: Mark::Right,
        because: "protocol, status or certificate show that somebody else answers",
    },
    Rule {
        id: "h3",
        truths: ELSEWHERE,
        says: SUCCESS,
        there: false,
        mark: Mark::Wrong,
        because: "somebody else answers in the server's place",
    },
    Rule {
        id: "h4",
        truths: ELSEWHERE,
        says: DIES,
        there: false,
        mark: Mark::CannotTell,
        because: "the session fails; the program does not say that the server was never reached",
    },
    Rule {
        id: "i1",
        truths: &[
            Truth::DiesAtFirstBytes,
            Truth::DiesLater,
            Truth::ServerStuck,
        ],
        says: DIES,
        there: false,
        mark: Mark::Right,
        because: "connections are accepted and sessions die; programs are not asked who ends them",
    },
    Rule {
        id: "i2",
        truths: &[Truth::DiesAtFirstBytes],
        says: &[Claim::ServedOtherwise],
        there: false,
        mark: Mark::CannotTell,
        because: "true for the session kind that was tried, which is not the port's own",
    },
    Rule {
        id: "i3",
        truths: &[Truth::DiesAtFirstBytes, Truth::ServerStuck],
        says: SUCCESS,
        there: false,
        mark: Mark::Wrong,
        because: "not one byte of a session is answered; a reader to whom \"open\" means only a \
                  handshake may count this as ?",
    },
    Rule {
        id: "i4",
        truths: &[Truth::DiesLater],
        says: SUCCESS,
        there: false,
        mark: Mark::CannotTell,
        because: "true of the little that was sent",
    },
    Rule {
        id: "i5",
        truths: &[
            Truth::DiesLater,
            Truth::DiesAtFirstBytes,
            Truth::ServerStuck,
        ],
        says: &[Claim::OtherAnswer],
        there: false,
        mark: Mark::CannotTell,
        because: "the session fails; why is left open",
    },
    Rule {
        id: "j1",
        truths: &[Truth::Undecided],
        says: &[],
        there: false,
        mark: Mark::CannotTell,
        because: "nothing can decide",
    },
    Rule {
        id: "k1",
        truths: &[],
        says: SUCCESS,
        there: false,
        mark: Mark::Wrong,
        because: "success where no session comes about",
    },
    Rule {
        id: "k2",
        truths: &[],
        says: &[],
        there: false,
        mark: Mark::Wrong,
        because: "the cause that is named is not the one that is there",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_decides_something() {
        for rule in &RULES {
            let decides = |truth: Truth| {
                let said = |said: &Claim| {
                    [false, true]
                        .iter()
                        .any(|there| judge(truth, *said, *there).id == rule.id)
                };
                Claim::ALL.iter().any(said)
            };
            let used = Truth::ALL.into_iter().any(decides);
            assert!(used, "{} never comes to its turn", rule.id);
        }
    }

    #[test]
    fn each_rule_has_an_id_of_its_own() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }

    #[test]
    fn no_success_is_right_but_on_a_port_that_works_or_by_its_distance() {
        for truth in Truth::ALL {
            for said in SUCCESS {
                let rule = judge(truth, *said, true);
                let shown = *said == Claim::OpenElsewhere && rule.id == "h1";
                let right = rule.mark == Mark::Right;
                assert_eq!(right, truth == Truth::Works || shown, "{truth:?} {said:?}");
            }
        }
    }

    #[test]
    fn who_claims_nothing_is_never_wrong() {
        for truth in Truth::ALL {
            assert_eq!(judge(truth, Claim::Unclear, true).mark, Mark::CannotTell);
        }
    }
}
