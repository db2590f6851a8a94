//! Shows live progress on a terminal's standard error, and nothing anywhere else: the rows that are decided so far, and
//! below them what the run does now. The block is redrawn in place, and the report replaces it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use probe_report::rows::PortRow;
use probe_report::{Look, rows_so_far};

/// The block on the terminal.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// `None` if nobody sees the block.
    board: Option<Arc<Mutex<Board>>>,
    /// The server whose rows this handle shows, by its place in the plan.
    server: usize,
}

/// A terminal that can show the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) look: Look,
    /// Number of lines.
    pub(crate) height: u16,
}

#[derive(Debug)]
struct Board {
    screen: Screen,
    rows: BTreeMap<usize, Vec<PortRow>>,
    /// The earliest time at which rows may be judged again.
    next: Instant,
}

impl Progress {
    /// Creates the block. Without a `screen`, nothing is shown.
    pub(crate) fn new(probes: usize, screen: Option<Screen>) -> Self {
        let target = match screen {
            Some(_) => ProgressDrawTarget::stderr(),
            None => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(probes as u64), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        // A pipe and a dumb terminal have no place that could be redrawn.
        let screen = screen.filter(|_| !bar.is_hidden());
        let board = screen.map(|screen| Board {
            screen,
            rows: BTreeMap::new(),
            next: Instant::now(),
        });
        Self {
            board: board.map(|board| Arc::new(Mutex::new(board))),
            bar,
            server: 0,
        }
    }

    /// Returns a handle that shows the rows of the server with this place in the plan.
    pub(crate) fn of_server(&self, server: usize) -> Self {
        Self {
            server,
            ..self.clone()
        }
    }

    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.bar.set_message(what);
    }

    pub(crate) fn one_done(&self) {
        self.bar.inc(1);
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.board.is_some()
    }

    /// Shows the rows that `judged` returns in place of this server's earlier ones.
    pub(crate) fn show(&self, judged: impl FnOnce() -> Vec<PortRow>) {
        let Some(board) = &self.board else { return };
        let begun = Instant::now();
        let rows = judged();
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        // Judging costs time, and must not slow down the run that is being judged.
        board.next = Instant::now() + (begun.elapsed() * SHARE).max(LEAST_PAUSE);
        board.rows.insert(self.server, rows);
        self.bar.set_prefix(board.block());
    }

    /// Shows the rows as [`Self::show`] does, but only if enough time has passed since they were last shown. Returns
    /// whether they were shown.
    pub(crate) fn show_in_time(&self, judged: impl FnOnce() -> Vec<PortRow>) -> bool {
        let Some(board) = &self.board else {
            return false;
        };
        let next = board.lock().unwrap_or_else(PoisonError::into_inner).next;
        let in_time = Instant::now() >= next;
        if in_time {
            self.show(judged);
        }
        in_time
    }

    /// Tells the user something else, without disturbing the block.
    pub(crate) fn aside(&self, tell: impl FnOnce()) {
        self.bar.suspend(tell);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Board {
    /// Returns the rows as lines, each with its end.
    fn block(&self) -> String {
        let rows: Vec<&PortRow> = self.rows.values().flatten().collect();
        let most = usize::from(self.screen.height.saturating_sub(OTHER_LINES)).max(1);
        let lines = rows_so_far(&rows, self.screen.look, most);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Returns the words with the ports that they are about.
pub(crate) fn named(words: &str, ports: &[u16]) -> String {
    let texts: Vec<String> = ports.iter().take(NAMED).map(u16::to_string).collect();
    if texts.is_empty() {
        return words.to_owned();
    }
    let noun = if ports.len() == 1 { "port" } else { "ports" };
    let left = ports.len() - texts.len();
    let more = if left > 0 {
        format!(" and {left} more")
    } else {
        String::new()
    };
    format!("{words} {noun} {}{more}", texts.join(", "))
}

const TEMPLATE: &str = "{prefix}{spinner} {pos}/{len} probes  {elapsed}  {wide_msg}";

/// The lines of the screen that are not for rows: the heading, the state of the run, and the command that was typed.
const OTHER_LINES: u16 = 3;

/// The pause after a judgement, as a multiple of the time that the judgement took.
const SHARE: u32 = 20;

/// The shortest time between two judgements of one run.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// Number of ports that are named.
const NAMED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ports_are_counted() {
        assert_eq!(named("waiting for", &[443]), "waiting for port 443");
        assert_eq!(
            named("waiting for", &[80, 443]),
            "waiting for ports 80, 443"
        );
        let many = named("waiting for", &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(many, "waiting for ports 1, 2, 3, 4, 5 and 2 more");
        assert_eq!(named("searching", &[]), "searching");
    }
}
