//! How much of the failures and findings a table shows: everything, or as much as fits on a screen.

use std::io::{self, Write};

use crate::rows::Report;

/// How much of its parts a table shows. Headlines and claims are always whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Depth {
    /// What is left of each failure; `None` if all of it is shown.
    pub(super) folded: Option<Folded>,
    pub(super) notes: Notes,
    /// Whether the allow list has its ports and paths, or only its addresses.
    pub(super) allow_list: bool,
}

/// What is left of the failures of a table that is longer than a screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Folded {
    /// The maximum number of facts of each failure. The first facts carry its conclusion.
    pub(super) facts: usize,
    /// How many failures, from the first one on, have one fact more than that.
    pub(super) with_one_more: usize,
    pub(super) steps: Steps,
    /// Whether the traffic to look for in logs is shown.
    pub(super) logs: bool,
}

/// How much of each next step is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Steps {
    Whole,
    /// The first part, without remarks in parentheses. The claim stands on the line of the headline.
    First,
}

/// How much of the findings is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notes {
    Whole,
    /// Their ids.
    Names,
    None,
}

/// Returns the deepest table of `report` that fits on a screen, as `write` writes it: the whole one if `whole`, and the
/// shallowest if none fits.
pub(super) fn fitted(
    report: &Report,
    whole: bool,
    write: impl Fn(Depth, &mut dyn Write) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let at = |depth: Depth| -> io::Result<Vec<u8>> {
        let mut text: Vec<u8> = Vec::new();
        write(depth, &mut text)?;
        Ok(text)
    };
    let most = most_lines(report);
    let fits = |text: &[u8]| String::from_utf8_lossy(text).lines().count() <= most;
    let mut text: Vec<u8> = Vec::new();
    for depth in Depth::of(report, whole) {
        text = at(*depth)?;
        if !fits(&text) {
            continue;
        }
        if let Some(folded) = depth.folded.filter(|folded| folded.facts < DEEPEST.facts) {
            // All failures with one fact more would not fit, but the first ones may.
            for with_one_more in 1..=report.failures.len() {
                let longer = at(Depth {
                    folded: Some(Folded {
                        with_one_more,
                        ..folded
                    }),
                    ..*depth
                })?;
                if !fits(&longer) {
                    break;
                }
                text = longer;
            }
        }
        break;
    }
    Ok(text)
}

impl Depth {
    /// A table with everything.
    pub(super) const WHOLE: Self = Self {
        folded: None,
        notes: Notes::Whole,
        allow_list: true,
    };

    /// Returns the depths to try for `report`, the deepest first.
    ///
    /// A single failure is always whole: what else there is makes room for it.
    fn of(report: &Report, whole: bool) -> &'static [Self] {
        if whole || report.failures.is_empty() {
            &[Self::WHOLE]
        } else if report.failures.len() == 1 {
            AROUND_ONE_FAILURE
        } else {
            LADDER
        }
    }
}

/// Returns how many lines a table of `report` may have before it is folded.
fn most_lines(report: &Report) -> usize {
    if report.paths.len() > 1 {
        MOST_LINES_FOR_PATHS
    } else {
        MOST_LINES
    }
}

/// The depths for several failures, from the deepest to the shallowest. Claims, and whom to ask first, are never folded.
const LADDER: &[Depth] = &[
    Depth::WHOLE,
    Depth {
        notes: Notes::Whole,
        ..with(DEEPEST)
    },
    with(DEEPEST),
    with(BRIEF),
    with(Folded { facts: 1, ..BRIEF }),
    with(BARE),
    Depth {
        notes: Notes::None,
        ..with(BARE)
    },
    Depth {
        notes: Notes::None,
        ..with(WITHOUT_LOGS)
    },
    Depth {
        notes: Notes::None,
        allow_list: false,
        ..with(WITHOUT_LOGS)
    },
];

/// The depths for a single failure, from the deepest to the shallowest.
const AROUND_ONE_FAILURE: &[Depth] = &[
    Depth::WHOLE,
    Depth {
        notes: Notes::Names,
        ..Depth::WHOLE
    },
    Depth {
        notes: Notes::None,
        ..Depth::WHOLE
    },
    Depth {
        folded: None,
        notes: Notes::None,
        allow_list: false,
    },
];

/// Returns a table with folded failures and the names of the findings.
const fn with(folded: Folded) -> Depth {
    Depth {
        folded: Some(folded),
        notes: Notes::Names,
        allow_list: true,
    }
}

const DEEPEST: Folded = Folded {
    facts: 2,
    with_one_more: 0,
    steps: Steps::Whole,
    logs: true,
};

const BRIEF: Folded = Folded {
    steps: Steps::First,
    ..DEEPEST
};

const BARE: Folded = Folded { facts: 0, ..BRIEF };

const WITHOUT_LOGS: Folded = Folded {
    logs: false,
    ..BARE
};

/// Lines that fit on a screen beside the command that was typed.
const MOST_LINES: usize = 45;

/// The same for a run over several paths, which has a table of ports and paths, and the addresses to allow.
const MOST_LINES_FOR_PATHS: usize = 80;
