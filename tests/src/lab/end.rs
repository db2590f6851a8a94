//! Ends the server in the middle of a run, and perhaps starts it again, on an event of the run rather than after a
//! time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{anyhow, ensure};
use serde::Deserialize;

use super::network::Network;
use super::{Family, Host, device};
use crate::{EchoServer, Identity};

/// The end of the server, as a scenario file describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct End {
    /// The server is killed when `after` packets to this port have arrived at its host.
    port: u16,
    after: usize,
    /// Whether another server process replaces the killed one at once.
    #[serde(default)]
    comes_back: bool,
}

/// An event that the killing thread waits for.
#[derive(Debug)]
enum Event {
    Now,
    /// The run is over, so the server will not be killed any more.
    Never,
}

impl End {
    /// Calls `run` while `server` runs, kills the server meanwhile, and calls `start` for a new one if `comes_back` is
    /// set. Returns the server that runs afterwards, if any.
    ///
    /// # Errors
    /// Fails if one of these fails, or if the run is over before the packets have arrived.
    pub(super) fn during<T: Send>(
        &self,
        network: &Network,
        family: Family,
        server: EchoServer,
        start: impl FnOnce(Identity) -> anyhow::Result<EchoServer>,
        run: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<(Option<EchoServer>, T)> {
        let (events, came) = channel();
        let _watch = Watch::start(self, network, family, events.clone())?;
        // The server is started in this thread, because a program is killed when the thread that started it ends.
        let mut left = None;
        let done = thread::scope(|scope| {
            let running = scope.spawn(move || {
                let done = run();
                // If the receiver has its event already, it does not read this one.
                let _ = events.send(Event::Never);
                done
            });
            let ended = self.when_it_comes(&came, server, start);
            let done = running.join().map_err(|_| anyhow!("the run panicked"))?;
            left = ended?;
            done
        })?;
        Ok((left, done))
    }

    fn when_it_comes(
        &self,
        came: &Receiver<Event>,
        server: EchoServer,
        start: impl FnOnce(Identity) -> anyhow::Result<EchoServer>,
    ) -> anyhow::Result<Option<EchoServer>> {
        let now = matches!(came.recv()?, Event::Now);
        ensure!(now, "the run ended before the server was killed");
        let identity = server.kill()?;
        self.comes_back.then(|| start(identity)).transpose()
    }
}

/// Counts packets until it is dropped.
#[derive(Debug)]
struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    fn start(
        end: &End,
        network: &Network,
        family: Family,
        events: Sender<Event>,
    ) -> anyhow::Result<Self> {
        let words = format!(
            "-I INPUT -p tcp --dport {} -j NFQUEUE --queue-num {QUEUE} --queue-bypass",
            end.port
        );
        network.run(Host::Cloud, family.iptables(), words.split(' '))?;
        let way_in = network.host(Host::Cloud).way_in()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stands, after) = (Arc::clone(&stop), end.after);
        let (ready, is_ready) = channel();
        let thread = thread::spawn(move || {
            let counted = way_in.take().and_then(|()| {
                let is_over = || stands.load(Ordering::Relaxed);
                let now = || drop(events.send(Event::Now));
                device::count(QUEUE, after, &ready, is_over, now)
            });
            if let Err(error) = counted {
                // If the count was ready before, nobody reads this message.
                let _ = ready.send(Err(error));
            }
        });
        let watch = Self {
            stop,
            thread: Some(thread),
        };
        is_ready
            .recv()
            .map_err(|_| anyhow!("the count ended at once"))??;
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// The number of a netfilter queue that no scenario uses.
const QUEUE: u16 = 99;
