//! The attacks, each in its own trial.

mod resets;

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use fwprobe_tests::siege::{Attack, Siege, Sources, SynFlood, Target, Tls, http2, request_with};
use fwprobe_tests::trial::{Need, Trials};
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

use self::resets::{half_closed, resets_after_each_byte, resets_at_every_stage};

pub(crate) fn trials() -> Trials {
    let few = ATTACKS.map(|(name, attack)| Row::of(name, DESCRIPTORS, attack));
    // With few places, the attack would push out the client before it can send its greeting.
    let beside = Row::of(
        "silence_from_the_clients_own_address",
        4 * DESCRIPTORS,
        silence_beside_client,
    );
    let slow = Row::of(
        "one_byte_a_second_from_2000_sockets",
        MANY_DESCRIPTORS,
        one_byte_a_second,
    );
    // With this number of descriptors, the cost per stranger is visible among everything else.
    let dear = DEAR.map(|(name, kib_for_each, attack)| Row {
        kib_for_each,
        ..Row::of(name, MANY_DESCRIPTORS, attack)
    });
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let mut trials = Trials::of("attacks");
    for row in few.into_iter().chain([beside, slow]).chain(dear) {
        trials = siege(trials, v4, Sources::One, row);
        trials = siege(trials, v6, Sources::Many, row);
    }
    for row in &few[..2] {
        trials = siege(trials, v4, Sources::Many, *row);
        trials = siege(trials, v6, Sources::One, *row);
    }
    trials
}

fn siege(trials: Trials, ip: IpAddr, sources: Sources, row: Row) -> Trials {
    let family = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    let from = match sources {
        Sources::One => "one",
        Sources::Many => "many",
    };
    let needs = [Need::Root, Need::Tool("prlimit"), Need::Tool("ip")];
    let name = format!("{}::{family}_from_{from}", row.name);
    trials.needing(needs, &name, move || {
        Siege::of(ip, row.descriptors)
            .from(sources)
            .with_kib_for_each(row.kib_for_each)
            .raise(row.attack)
    })
}

#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    /// The file descriptors of the server.
    descriptors: usize,
    /// The memory in KiB that each stranger may cost the server for bytes that it has to keep.
    kib_for_each: f64,
    attack: Attack,
}

impl Row {
    fn of(name: &'static str, descriptors: usize, attack: Attack) -> Self {
        Self {
            name,
            descriptors,
            kib_for_each: 0.0,
            attack,
        }
    }
}

/// All attacks on a server with few descriptors. The first two run in every combination of family and number of
/// sources.
pub(super) const ATTACKS: [(&str, Attack); 13] = [
    ("silence_beyond_every_descriptor", silence),
    ("wrong_keys", wrong_keys),
    ("one_byte_at_a_time", one_byte_at_a_time),
    ("connects_and_resets", connects),
    ("syns_from_nobody", syns),
    ("tls_handshakes", tls_handshakes),
    ("random_bytes", random_bytes),
    ("replayed_greetings", replayed_greetings),
    ("answers_that_nobody_reads", answers_that_nobody_reads),
    ("oversized_frames", oversized_frames),
    ("half_closed", half_closed),
    ("resets_after_each_byte", resets_after_each_byte),
    ("resets_at_every_stage", resets_at_every_stage),
];

/// Attacks on a server with many descriptors, and the KiB that each stranger may cost it beyond the general allowance.
///
/// The KiB cover the bytes that the stranger has sent, and half of that in addition, which the allocator loses between
/// these pieces. In the first and the last attack, every other stranger exceeds a limit and is disconnected.
pub(super) const DEAR: [(&str, f64, Attack); 3] = [
    ("half_hellos", 24.0, half_hellos),
    ("finished_handshakes", 40.0, finished_handshakes),
    ("unfinished_calls", 24.0, unfinished_calls),
];

/// Calls `one` repeatedly and holds its results until there are more than `many`; then it drops the oldest. Returns the
/// calls per second.
///
/// By the time a connection is dropped, the server has closed it, or would keep it forever.
pub(super) fn again_and_again<T>(
    target: &Target,
    begun: &Sender<()>,
    many: usize,
    one: impl FnMut(usize) -> anyhow::Result<T>,
) -> anyhow::Result<f64> {
    at_least(0, target, begun, many, one)
}

/// Works like [`again_and_again`], but makes at least `least` calls, even if the siege is over.
fn at_least<T>(
    least: usize,
    target: &Target,
    begun: &Sender<()>,
    many: usize,
    mut one: impl FnMut(usize) -> anyhow::Result<T>,
) -> anyhow::Result<f64> {
    let mut held = VecDeque::new();
    let began = Instant::now();
    let mut done = 0;
    for round in 0..MAX_ROUNDS {
        if target.is_over() && round >= least {
            break;
        }
        held.push_back(one(round)?);
        done += 1;
        if held.len() > many {
            held.pop_front();
        }
        if round == many {
            // Sending fails if the receiver was dropped, and then nobody waits for it.
            let _ = begun.send(());
        }
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// Runs the attack in several threads. If the kernel's queue is full, a connect waits for a second, while the other
/// threads go on.
pub(super) fn by_several(attack: impl Fn() -> anyhow::Result<f64> + Sync) -> anyhow::Result<f64> {
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(&attack)).collect();
        let mut a_second = 0.0;
        for hand in hands {
            a_second += hand.join().map_err(|_| anyhow!("panicked"))??;
        }
        Ok(a_second)
    })
}

fn silence(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| target.connect())
}

/// Opens silent connections from the client's own address, so that the server cannot tell attacker and client apart by
/// address.
fn silence_beside_client(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let mut turn = Instant::now();
    again_and_again(target, begun, 2 * DESCRIPTORS, |round| {
        // The attack has a fixed pace: a faster one from the client's own address is known to push the client out.
        if round % A_MILLISECOND == 0 {
            turn += Duration::from_millis(1);
            thread::sleep(turn.saturating_duration_since(Instant::now()));
        }
        target.connect_beside_client()
    })
}

/// Opens connections up to the number that the server has room for, and sends one more byte on each in turn.
fn one_byte_at_a_time(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    let mut slow = VecDeque::new();
    again_and_again(target, begun, DESCRIPTORS, |_| {
        if slow.len() < DESCRIPTORS / 4 {
            slow.push_back((target.connect()?, 0));
        }
        let (mut stream, at): (TcpStream, usize) = slow.pop_front().context("one is there")?;
        // A connection that the server has closed is not replaced here.
        if stream.write_all(&greeting[at..=at]).is_ok() && at + 2 < greeting.len() {
            slow.push_back((stream, at + 1));
        }
        Ok(())
    })
}

/// Opens [`SLOW_SOCKETS`] connections, sends one byte a second on each, and replaces those that the server closes.
fn one_byte_a_second(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    allow_many_descriptors()?;
    let greeting = target.greeting()?;
    let mut slow: Vec<(TcpStream, usize)> = Vec::new();
    let mut turn = Instant::now();
    let turns = again_and_again(target, begun, 1, |_| {
        while slow.len() < SLOW_SOCKETS && !target.is_over() {
            slow.push((target.connect()?, 0));
        }
        // Connections that the server has closed are removed, and replaced in the next turn.
        slow.retain_mut(|(stream, at)| {
            let said = stream.write_all(&greeting[*at..=*at]);
            *at += 1;
            said.is_ok() && *at + 1 < greeting.len()
        });
        // The attack needs this pace, so the thread sleeps.
        turn += Duration::from_secs(1);
        thread::sleep(turn.saturating_duration_since(Instant::now()));
        Ok(())
    })?;
    Ok(turns * SLOW_SOCKETS as f64)
}

fn connects(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 0, |_| target.connect().map(drop))
}

/// Sends a ClientHello and then nothing after the server's answer, which has cost the server a signature.
fn tls_handshakes(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let client = Tls::offering("")?;
    again_and_again(target, begun, DESCRIPTORS, |_| {
        say(target.connect()?, &client.hello()?)
    })
}

/// Sends part of a ClientHello that announces more bytes than arrive.
///
/// Half of the attempts send more than the server accepts. The others send a little less, so that the server keeps
/// these bytes until its deadline.
fn half_hellos(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    allow_many_descriptors()?;
    let record = Tls::offering("")?.hello()?;
    let mut message = record[RECORD_HEADER..].to_vec();
    message[1..4].copy_from_slice(&[0, 0xea, 0x60]);
    let hellos = [27 * 1024, 59_000].map(|length| {
        message.resize(length, 0);
        let records = message.chunks(16 * 1024).map(|piece| {
            let length = (piece.len() as u16).to_be_bytes();
            [&record[..3], &length, piece].concat()
        });
        records.collect::<Vec<_>>().concat()
    });
    again_and_again(target, begun, MANY_PLACES, |round| {
        say(target.connect()?, &hellos[round % hellos.len()])
    })
}

/// Completes handshakes with a certificate chain of nearly the maximum length, and sends nothing inside TLS.
fn finished_handshakes(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    allow_many_descriptors()?;
    let client = Tls::presenting(24 * 1024)?;
    let mut finished = 0;
    let a_second = again_and_again(target, begun, MANY_PLACES, |_| {
        let mut stream = target.connect()?;
        // A connection that the server has closed does not count.
        finished += u32::from(client.open(&mut stream).is_ok());
        Ok(stream)
    })?;
    writeln!(io::stdout(), "{finished} handshakes")?;
    ensure!(finished > 0, "no handshake was finished");
    Ok(a_second)
}

/// Makes the maximum number of calls that a connection may have under way. The calls have no key, and each has an
/// incomplete message.
///
/// Half of the attempts announce a client's longest message, and send as many bytes as HTTP/2's flow control allows.
/// The others send a little less than a stranger may send, so that the server keeps these bytes until its deadline.
fn unfinished_calls(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    allow_many_descriptors()?;
    let client = Tls::offering("h2")?;
    let openings = [(64 * 1024, 8_000), (4 * 1024, 1_900)].map(|(announced, sent)| {
        let calls = (0..CALLS).map(|number| {
            let message = http2::message(number, announced, sent);
            [http2::call(number, 0), message].concat()
        });
        [http2::opening(), calls.collect::<Vec<_>>().concat()].concat()
    });
    let mut begun_calls = 0;
    let a_second = again_and_again(target, begun, MANY_PLACES, |round| {
        let mut stream = target.connect()?;
        // A connection that the server has closed does not count.
        if let Ok(mut tls) = client.open(&mut stream) {
            let mut inside = rustls::Stream::new(&mut tls, &mut stream);
            let said = inside.write_all(&openings[round % openings.len()]);
            begun_calls += u32::from(said.and_then(|()| inside.flush()).is_ok());
        }
        Ok(stream)
    })?;
    writeln!(io::stdout(), "{begun_calls} connections with calls")?;
    ensure!(begun_calls > 0, "no call has begun");
    Ok(a_second)
}

fn random_bytes(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let bytes: [u8; 1024] = rand::random();
        say(target.connect()?, &bytes[..=round % 1024])
    })
}

fn wrong_keys(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    // Making the greetings is not part of the attack.
    let forged: Vec<_> = (0..FORGERIES)
        .map(|_| target.forged_greeting())
        .collect::<Result<_, _>>()?;
    by_several(|| {
        let least = WRONG_KEYS / HANDS;
        at_least(least, target, begun, DESCRIPTORS / HANDS, |round| {
            say(target.connect()?, &forged[round % FORGERIES])
        })
    })
}

/// Sends one recorded greeting on each of more connections than the server has room for.
fn replayed_greetings(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let recorded = target.greeting()?;
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| {
        say(target.connect()?, &recorded)
    })
}

/// Sends one recorded greeting in request after request, and never reads an answer.
fn answers_that_nobody_reads(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let requests = request_with(&target.greeting()?).repeat(64);
    let mut asking = VecDeque::new();
    again_and_again(target, begun, DESCRIPTORS, |_| {
        if asking.len() < DESCRIPTORS / 8 {
            let stream = target.connect()?;
            // With a tiny receive buffer, the answers wait in the server and not in the kernels.
            SockRef::from(&stream).set_recv_buffer_size(1)?;
            // A short timeout lets the attack go on to the next connection.
            stream.set_write_timeout(Some(Duration::from_millis(1)))?;
            asking.push_back((stream, 0));
        }
        let (mut stream, at): (TcpStream, usize) = asking.pop_front().context("one is there")?;
        match stream.write(&requests[at..]) {
            Ok(written) => asking.push_back((stream, (at + written) % requests.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                asking.push_back((stream, at));
            }
            // A connection that the server has closed is not replaced here.
            Err(_) => {}
        }
        Ok(())
    })
}

/// Sends a frame header that announces more than the maximum, and part of the frame.
fn oversized_frames(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    let mut huge = greeting[..MAGIC_AND_TYPE].to_vec();
    huge.extend_from_slice(&u32::MAX.to_be_bytes());
    huge.resize(64 * 1024, 0xaa);
    again_and_again(target, begun, DESCRIPTORS, |_| {
        say(target.connect()?, &huge)
    })
}

/// Sends more SYNs than the kernel has room for, from addresses that no answer reaches.
fn syns(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let flood = SynFlood::on(target.address)?;
    let before = SynFlood::overflows()?;
    let a_second = again_and_again(target, begun, SYNS_BEFORE, |round| flood.send(round))?;
    let overflows = SynFlood::overflows()? - before;
    ensure!(overflows > 0, "the kernel had room for all of them");
    Ok(a_second)
}

/// Raises this process's limit of descriptors to the maximum.
pub(super) fn allow_many_descriptors() -> anyhow::Result<()> {
    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    Ok(setrlimit(Resource::Nofile, descriptors)?)
}

/// Sends `bytes`. An error is ignored, because the server may close the connection before the end.
fn say(mut stream: TcpStream, bytes: &[u8]) -> anyhow::Result<TcpStream> {
    let _ = stream.write_all(bytes);
    Ok(stream)
}

/// The file descriptors of the server; attackers have more.
const DESCRIPTORS: usize = 300;
/// The file descriptors of a server with places for many strangers.
const MANY_DESCRIPTORS: usize = 2 * SLOW_SOCKETS;
/// More connections than a server with [`MANY_DESCRIPTORS`] allows to strangers.
const MANY_PLACES: usize = MANY_DESCRIPTORS / 4;
/// Connections in a millisecond from the client's own address: 8,000 a second.
const A_MILLISECOND: usize = 8;

/// The number of connections on which bytes are sent in turn, typical of a slow attack.
const SLOW_SOCKETS: usize = 2_000;
/// The number of threads of [`by_several`].
pub(super) const HANDS: usize = 8;
/// The number of forged greetings, each with a different secret.
const FORGERIES: usize = 256;
/// The minimum number of attempts, however fast the server and the client's run are.
const WRONG_KEYS: usize = 1_000;
/// The number of SYNs after which the kernel's queue is full.
const SYNS_BEFORE: usize = 5_000;
/// The maximum number of attempts, however slow the client's run is.
const MAX_ROUNDS: usize = 2_000_000;
/// The length of a TLS record header (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;
/// The number of calls that the server allows at once on a connection.
const CALLS: u32 = 8;
/// The length of the magic and a frame's type (docs/develop/wire.md).
const MAGIC_AND_TYPE: usize = 9;
