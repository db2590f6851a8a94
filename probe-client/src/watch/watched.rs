//! Keeps the last run, and what the watch remembers of earlier runs, for answers over HTTP.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use probe_documents::RunDocument;
use probe_documents::watch::{Changes, ConfirmedChange, Recent};
use probe_report::metrics::{Exposition, WatchFigures};
use probe_report::status_page::{PastChange, StatusPage};

/// The state of a watch. A request reads the last run and starts none.
#[derive(Debug)]
pub(crate) struct Watched {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: Option<Arc<RunDocument>>,
    /// When the last run ended, or when the first begins.
    alive: Instant,
    recent: Recent,
    changes: Changes,
    /// The last changes, newest first.
    past_changes: VecDeque<PastChange>,
    figures: WatchFigures,
}

impl Watched {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            state: Mutex::new(State {
                last: None,
                alive: Instant::now(),
                recent: Recent::default(),
                changes: Changes::default(),
                past_changes: VecDeque::new(),
                figures: WatchFigures {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    interval,
                    ..WatchFigures::default()
                },
            }),
        }
    }

    /// Notes that the first run begins after `delay`, so that it is not overdue before.
    pub(super) fn begins_in(&self, delay: Duration) {
        self.state().alive = Instant::now() + delay;
    }

    /// Takes in a run of an earlier watch.
    pub(super) fn recall(&self, run: &RunDocument) {
        let mut state = self.state();
        state.recent.add(run);
        state.observe(run);
    }

    /// Takes in a run that has just ended, and returns the changes that it confirms.
    pub(super) fn add(&self, run: Arc<RunDocument>, unwritten: usize) -> Vec<ConfirmedChange> {
        let mut state = self.state();
        let changes = state.observe(&run);
        state.recent.add(&run);
        let figures = &mut state.figures;
        match run.summary.exit_code {
            0 => figures.as_expected += 1,
            1 => figures.not_as_expected += 1,
            _ => figures.undecided += 1,
        }
        figures.changes += changes.len() as u64;
        figures.unwritten = unwritten as u64;
        state.alive = Instant::now();
        state.last = Some(run);
        changes
    }

    pub(super) fn metrics(&self, exposition: Exposition) -> String {
        let state = self.state();
        exposition.of_watch(state.last.as_deref(), &state.recent, &state.figures)
    }

    /// Returns the status page.
    ///
    /// # Errors
    ///
    /// The page's template fails.
    pub(super) fn page(&self) -> io::Result<String> {
        let state = &mut *self.state();
        StatusPage {
            run: state.last.as_deref(),
            recent: &state.recent,
            changes: state.past_changes.make_contiguous(),
            figures: &state.figures,
        }
        .write()
    }

    pub(super) fn last(&self) -> Option<Arc<RunDocument>> {
        self.state().last.clone()
    }

    /// Returns whether, as of `now`, runs end as often as they should.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.state().alive);
        since <= self.interval * OVERDUE + LONGEST_RUN
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after each of its changes, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes in a run, and remembers the changes that it confirms.
    fn observe(&mut self, run: &RunDocument) -> Vec<ConfirmedChange> {
        let changes = self.changes.observe(run);
        for change in &changes {
            self.past_changes.push_front(PastChange {
                time: run.run.finished.clone(),
                change: change.clone(),
            });
        }
        self.past_changes.truncate(SHOWN_CHANGES);
        changes
    }
}

/// The number of changes that the status page shows.
const SHOWN_CHANGES: usize = 20;
/// The number of intervals without a finished run after which something is wrong.
const OVERDUE: u32 = 3;
/// A run ends within a few minutes, whatever the network does.
const LONGEST_RUN: Duration = Duration::from_secs(600);
