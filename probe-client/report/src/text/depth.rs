//! How much of the failures and findings a table shows: everything, or as much as fits on a screen.

use crate::rows::Report;

/// How much of each failure, and of the findings, a table shows. Headlines and claims are always whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Depth {
    Whole,
    Folded(Folded),
}

/// What is left of a table that is longer than a screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Folded {
    /// The maximum number of facts of each failure. The first facts carry its conclusion.
    pub(super) facts: usize,
    pub(super) steps: Steps,
    pub(super) notes: Notes,
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

impl Depth {
    /// Returns the depths to try for `report`, the deepest first.
    ///
    /// A single failure is always whole: nothing else competes for the screen.
    pub(super) fn of(report: &Report, whole: bool) -> &'static [Self] {
        if whole || report.failures.len() < 2 {
            &[Self::Whole]
        } else {
            LADDER
        }
    }

    /// Returns what is left of a folded table; `None` if all of it is shown.
    pub(super) const fn folded(self) -> Option<Folded> {
        match self {
            Self::Whole => None,
            Self::Folded(folded) => Some(folded),
        }
    }
}

/// Returns how many lines a table of `report` may have before it is folded.
pub(super) fn most_lines(report: &Report) -> usize {
    if report.paths.len() > 1 {
        MOST_LINES_FOR_PATHS
    } else {
        MOST_LINES
    }
}

/// The depths, from the deepest to the shallowest. Claims, and whom to ask first, are never folded.
const LADDER: &[Depth] = &[
    Depth::Whole,
    Depth::Folded(Folded {
        notes: Notes::Whole,
        ..DEEPEST
    }),
    Depth::Folded(DEEPEST),
    Depth::Folded(BRIEF),
    Depth::Folded(Folded { facts: 1, ..BRIEF }),
    Depth::Folded(Folded { facts: 0, ..BRIEF }),
    Depth::Folded(Folded {
        facts: 0,
        notes: Notes::None,
        ..BRIEF
    }),
    Depth::Folded(Folded {
        facts: 0,
        notes: Notes::None,
        logs: false,
        ..BRIEF
    }),
];

const DEEPEST: Folded = Folded {
    facts: 2,
    steps: Steps::Whole,
    notes: Notes::Names,
    logs: true,
};

const BRIEF: Folded = Folded {
    steps: Steps::First,
    ..DEEPEST
};

/// Lines that fit on a screen beside the command that was typed.
const MOST_LINES: usize = 45;

/// The same for a run over several paths, which has a table of ports and paths, and the addresses to allow.
const MOST_LINES_FOR_PATHS: usize = 80;
