//! Tests of the times of runs in virtual time: the clocks, sleeps and the length of runs are drawn at random.

use std::time::Duration;

use proptest::prelude::*;

use super::{Moment, Rhythm, RunDecision, RunTimes};

const MINUTE: Duration = Duration::from_secs(60);

/// A host whose clocks are set by the test.
#[derive(Debug)]
struct Host {
    now: Moment,
}

impl Host {
    fn new() -> Self {
        Self {
            now: Moment {
                running: Duration::from_secs(5),
                date: Duration::from_secs(1_700_000_000),
            },
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now.running += time;
        self.now.date += time;
    }

    /// Waits as the shell does, and returns how long this took by the running clock.
    fn wait(&mut self, times: &mut RunTimes) -> Duration {
        let began = self.now.running;
        while let Some(pause) = times.wait(self.now) {
            self.pass(pause);
        }
        times.begins(self.now);
        self.now.running - began
    }
}

/// What happens during one run and the wait after it.
#[derive(Clone, Debug)]
struct Round {
    took: Duration,
    decision: RunDecision,
    chance: f64,
    event: Event,
}

/// What happens to the host while it waits.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    /// The date is set back.
    Back(Duration),
    /// The date is set forward.
    Forward(Duration),
    /// The host sleeps, and one clock with it.
    Sleep(Duration),
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Nothing),
        1 => seconds(1..1_000_000).prop_map(Event::Back),
        1 => seconds(1..1_000_000).prop_map(Event::Forward),
        1 => seconds(1..1_000_000).prop_map(Event::Sleep),
    ]
}

fn round(took: std::ops::Range<u64>) -> impl Strategy<Value = Round> {
    let decision = prop::sample::select(vec![RunDecision::Decided, RunDecision::Undecided]);
    (seconds(took), decision, 0.0..1.0, event()).prop_map(|(took, decision, chance, event)| Round {
        took,
        decision,
        chance,
        event,
    })
}

fn rhythm() -> impl Strategy<Value = Rhythm> {
    (1u64..3_600, 0.0..1.0).prop_map(|(interval, part)| {
        let interval = Duration::from_secs(interval);
        Rhythm {
            interval,
            jitter: interval.mul_f64(part),
        }
    })
}

proptest! {
    #[test]
    fn a_run_rests_and_the_next_one_comes(
        rhythm in rhythm(),
        rounds in prop::collection::vec(round(0..7_200), 1..30),
    ) {
        let mut host = Host::new();
        let mut times = RunTimes::new(rhythm, host.now);
        prop_assert_eq!(host.wait(&mut times), Duration::ZERO);
        for round in rounds {
            host.pass(round.took);
            let next = times.ended(round.decision, host.now, round.chance);
            prop_assert!(next.pause >= rhythm.interval / 4);
            prop_assert!(next.pause <= rhythm.interval * 2 + rhythm.jitter);
            prop_assert_eq!(next.overlong.is_some(), round.took > rhythm.interval);
            match round.event {
                Event::Nothing | Event::Sleep(_) => {}
                Event::Back(by) => host.now.date -= by,
                Event::Forward(by) => host.now.date += by,
            }
            if let Event::Sleep(time) = round.event {
                host.now.date += time;
            }
            let waited = host.wait(&mut times);
            match round.event {
                Event::Nothing | Event::Back(_) => prop_assert_eq!(waited, next.pause),
                Event::Forward(by) | Event::Sleep(by) => {
                    prop_assert_eq!(waited, next.pause.saturating_sub(by));
                }
            }
        }
    }

    #[test]
    fn short_runs_begin_at_the_interval_without_drift(
        rhythm in rhythm(),
        chances in prop::collection::vec(0.0..1.0, 1..50),
    ) {
        let mut host = Host::new();
        let began = host.now.running;
        let mut times = RunTimes::new(rhythm, host.now);
        host.wait(&mut times);
        for (count, chance) in (1..).zip(chances) {
            host.pass(Duration::from_millis(100));
            times.ended(RunDecision::Decided, host.now, chance);
            host.wait(&mut times);
            let since = host.now.running - began;
            let rested = (rhythm.jitter + Duration::from_millis(100)) * count;
            prop_assert!(since >= rhythm.interval * count);
            prop_assert!(since <= rhythm.interval * count + rhythm.jitter.max(rested));
        }
    }
}

#[test]
fn a_server_that_is_down_is_asked_half_as_often_until_it_answers() {
    let mut host = Host::new();
    let rhythm = Rhythm {
        interval: MINUTE,
        jitter: Duration::ZERO,
    };
    let mut times = RunTimes::new(rhythm, host.now);
    let mut pauses = Vec::new();
    for decision in [
        RunDecision::Undecided,
        RunDecision::Undecided,
        RunDecision::Undecided,
        RunDecision::Decided,
        RunDecision::Undecided,
    ] {
        host.wait(&mut times);
        pauses.push(times.ended(decision, host.now, 0.0).pause.as_secs());
    }
    assert_eq!(pauses, [60, 120, 120, 60, 60]);
}

#[test]
fn a_long_sleep_is_followed_by_one_run_and_not_by_many() {
    let mut host = Host::new();
    let rhythm = Rhythm {
        interval: MINUTE,
        jitter: Duration::ZERO,
    };
    let mut times = RunTimes::new(rhythm, host.now);
    host.wait(&mut times);
    times.ended(RunDecision::Decided, host.now, 0.0);
    // The host sleeps, but its clocks go on.
    host.pass(MINUTE * 1_000);
    assert_eq!(host.wait(&mut times), Duration::ZERO);
    assert_eq!(
        times.ended(RunDecision::Decided, host.now, 0.0).pause,
        MINUTE
    );
}
