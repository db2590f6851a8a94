//! Delays packets in user space, because many kernels lack the netem module.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nfq::{Message, Queue, Verdict};
use rand::RngExt as _;
use rustix::process::setpriority_process;
use rustix::thread::gettid;

use super::DeviceContext;

pub(super) fn delay(
    context: &DeviceContext,
    number: u16,
    milliseconds: u64,
    jitter: u64,
    overtaking: u32,
) -> anyhow::Result<()> {
    let mut queue = Queue::open().context("a netfilter queue")?;
    queue.bind(number)?;
    // The packets are held without looking at their headers, so no bytes of them are copied.
    queue.set_copy_range(number, 0)?;
    // If the queue is full, a packet passes at once: too short a delay is better than a loss.
    queue.set_queue_max_len(number, MOST_HELD)?;
    queue.set_fail_open(number, true)?;
    queue.set_nonblocking(true);
    // This thread gets priority: if it ran late, more packets would arrive than the queue has room for.
    setpriority_process(Some(gettid()), BEFORE_OTHERS).context("a thread's priority")?;
    context.is_ready();
    let mut held: BinaryHeap<Reverse<QueuedPacket>> = BinaryHeap::new();
    let mut arrived = 0;
    while context.stands() {
        match queue.recv() {
            Ok(message) => {
                let mut wait = milliseconds * 1000 + rand::rng().random_range(0..=jitter * 1000);
                if rand::rng().random_range(0..100) < overtaking {
                    wait = 0;
                }
                arrived += 1;
                held.push(Reverse(QueuedPacket {
                    due: Instant::now() + Duration::from_micros(wait),
                    number: arrived,
                    message,
                }));
                continue;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the queue"),
        }
        while held
            .peek()
            .is_some_and(|Reverse(first)| first.due <= Instant::now())
        {
            if let Some(Reverse(mut first)) = held.pop() {
                first.message.set_verdict(Verdict::Accept);
                queue.verdict(first.message)?;
            }
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(())
}

/// A delayed packet. The order is by due time, then by arrival.
struct QueuedPacket {
    due: Instant,
    number: u64,
    message: Message,
}

impl QueuedPacket {
    fn order(&self) -> (Instant, u64) {
        (self.due, self.number)
    }
}

impl PartialEq for QueuedPacket {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for QueuedPacket {}

impl PartialOrd for QueuedPacket {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QueuedPacket {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

const MOST_HELD: u32 = 16_384;
const BEFORE_OTHERS: i32 = -15;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
