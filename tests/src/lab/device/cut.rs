//! Passes the packets of a netfilter queue until a number of them have arrived, and then acts.

use std::io::ErrorKind;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Context as _;
use nfq::{Queue, Verdict};

use super::DeviceContext;

/// Drops everything once `after` TCP packets to `port` have passed.
pub(super) fn cut(
    context: &DeviceContext,
    number: u16,
    port: u16,
    after: usize,
) -> anyhow::Result<()> {
    let mut queue = open(number)?;
    context.is_ready();
    let mut passed = 0;
    while context.stands() {
        let Some(mut message) = next(&mut queue)? else {
            continue;
        };
        let is_cut = passed >= after;
        if destination_port(message.get_payload()) == Some(port) {
            passed += 1;
        }
        message.set_verdict(if is_cut {
            Verdict::Drop
        } else {
            Verdict::Accept
        });
        queue.verdict(message)?;
    }
    Ok(())
}

/// Passes everything, and calls `then` once, after `after` packets. Returns when `is_over` returns true.
pub(in super::super) fn count(
    number: u16,
    after: usize,
    ready: &Sender<anyhow::Result<()>>,
    is_over: impl Fn() -> bool,
    then: impl Fn(),
) -> anyhow::Result<()> {
    let mut queue = open(number)?;
    // The receiver waits for this message, so sending it does not fail.
    let _ = ready.send(Ok(()));
    let mut passed = 0;
    while !is_over() {
        let Some(mut message) = next(&mut queue)? else {
            continue;
        };
        message.set_verdict(Verdict::Accept);
        queue.verdict(message)?;
        passed += 1;
        if passed == after {
            then();
        }
    }
    Ok(())
}

fn open(number: u16) -> anyhow::Result<Queue> {
    let mut queue = Queue::open().context("a netfilter queue")?;
    queue.bind(number)?;
    queue.set_copy_range(number, HEADERS)?;
    queue.set_nonblocking(true);
    Ok(queue)
}

/// Returns the next packet; if there is none, sleeps briefly and returns `None`.
fn next(queue: &mut Queue) -> anyhow::Result<Option<nfq::Message>> {
    match queue.recv() {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            std::thread::sleep(BETWEEN_LOOKS);
            Ok(None)
        }
        Err(error) => Err(error).context("the queue"),
    }
}

/// Returns the destination port of a TCP packet without IPv6 extension headers; all packets here are of that form.
fn destination_port(packet: &[u8]) -> Option<u16> {
    let first = packet.first()?;
    let header = match first >> 4 {
        4 => usize::from(first & 0x0f) * 4,
        _ => IPV6_HEADER,
    };
    let bytes = packet.get(header + 2..header + 4)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

const HEADERS: u16 = 128;
const IPV6_HEADER: usize = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
