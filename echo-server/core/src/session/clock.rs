//! Computes when a session runs out of time.

use std::time::Duration;

use super::Limits;

/// The times from which deadlines are counted, as time since the server's start.
#[derive(Debug)]
pub(super) struct Clock {
    accepted: Duration,
    last_heard: Option<Duration>,
    /// The last time at which the peer took bytes, or at which the queue for it was empty.
    last_drained: Duration,
    /// The time of the first authenticated greeting. Later ones, which may be replays, gain no time.
    greeted: Option<Duration>,
    hold: Duration,
    fresh: bool,
    closing: Option<Duration>,
}

/// The event that a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The peer has to read the bytes that are queued for it.
    Drain,
    /// The rest of a stage has to come.
    Stage,
    /// The next frame or request has to come.
    Frame,
}

impl Clock {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            accepted: now,
            last_heard: None,
            last_drained: now,
            greeted: None,
            hold: Duration::ZERO,
            fresh: false,
            closing: None,
        }
    }

    pub(super) fn heard(&mut self, now: Duration) {
        self.last_heard = Some(now);
    }

    pub(super) fn drained(&mut self, now: Duration) {
        self.last_drained = now;
    }

    pub(super) fn greeted(&mut self, now: Duration, hold: Duration) {
        self.greeted.get_or_insert(now);
        self.hold = hold;
    }

    /// Returns the hold that the latest greeting announced, or zero.
    pub(super) fn hold(&self) -> Duration {
        self.hold
    }

    pub(super) fn is_held(&self) -> bool {
        !self.hold.is_zero()
    }

    pub(super) fn proved_fresh(&mut self) {
        self.fresh = true;
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    pub(super) fn closing(&mut self, now: Duration) {
        self.closing.get_or_insert(now);
    }

    pub(super) fn deadline(&self, limits: &Limits, waiting: Waiting) -> Duration {
        if let Some(since) = self.closing {
            return since + limits.linger;
        }
        let active = self
            .last_drained
            .max(self.last_heard.unwrap_or(self.accepted));
        let next = match (self.fresh, self.greeted, waiting) {
            (false, Some(greeted), _) => greeted + limits.answer,
            (false, None, _) if self.last_heard.is_none() => {
                self.accepted + limits.first_byte.min(limits.greeting)
            }
            (false, None, _) => self.accepted + limits.greeting,
            // A peer that keeps sending may still not be reading.
            (true, _, Waiting::Drain) => self.last_drained + limits.write_stall,
            (true, _, Waiting::Stage) => {
                self.last_heard.unwrap_or(self.accepted) + limits.stage_gap
            }
            (true, _, Waiting::Frame) => active + limits.idle + self.hold,
        };
        next.min(self.accepted + limits.lifetime)
    }
}
