//! The attacks, each on its own.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use fwprobe_tests::siege::{Attack, Moment, Siege, Sources, SynFlood, Target, request_with};
use fwprobe_tests::trial::{Need, Trials};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::SockRef;

pub(crate) fn trials() -> Trials {
    let few = ATTACKS.map(|(name, attack)| (name, DESCRIPTORS, attack));
    // A client needs a moment to speak: with few places it would be crowded out before that.
    let beside: Row = (
        "silence_from_the_clients_own_address",
        4 * DESCRIPTORS,
        silence_beside_client,
    );
    let slow: Row = (
        "one_byte_a_second_from_2000_sockets",
        2 * SLOW_SOCKETS,
        one_byte_a_second,
    );
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let mut trials = Trials::of("attacks");
    for row in few.into_iter().chain([beside, slow]) {
        trials = siege(trials, v4, Sources::One, row);
        trials = siege(trials, v6, Sources::Many, row);
    }
    for row in &few[..2] {
        trials = siege(trials, v4, Sources::Many, *row);
        trials = siege(trials, v6, Sources::One, *row);
    }
    trials
}

fn siege(trials: Trials, ip: IpAddr, sources: Sources, (name, descriptors, attack): Row) -> Trials {
    let family = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    let from = match sources {
        Sources::One => "one",
        Sources::Many => "many",
    };
    let needs = [Need::Root, Need::Tool("prlimit"), Need::Tool("ip")];
    trials.needing(needs, &format!("{name}::{family}_from_{from}"), move || {
        Siege::of(ip, descriptors).from(sources).raise(attack)
    })
}

/// Name, descriptors of the server, attack.
type Row = (&'static str, usize, Attack);

/// The first two in every combination of family and number of attackers.
const ATTACKS: [(&str, Attack); 13] = [
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

/// Does `one` thing after the other, and holds on to what it gives until it holds `many`. What is
/// older has to go then: by that time the server has closed it, or keeps it for good. How often in a second is
/// what it returns.
fn again_and_again<T>(
    target: &Target,
    begun: &Sender<()>,
    many: usize,
    mut one: impl FnMut(usize) -> anyhow::Result<T>,
) -> anyhow::Result<f64> {
    let mut held = VecDeque::new();
    let began = Instant::now();
    let mut done = 0;
    for round in 0..MAX_ROUNDS {
        if target.is_over() {
            break;
        }
        held.push_back(one(round)?);
        done += 1;
        if held.len() > many {
            held.pop_front();
        }
        if round == many {
            // Nobody waits any more where this fails.
            let _ = begun.send(());
        }
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// Does the same in several threads: where the kernel's queue is full, a connect waits for a second, and the others
/// go on.
fn by_several(attack: impl Fn() -> anyhow::Result<f64> + Sync) -> anyhow::Result<f64> {
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

/// The same, and the server cannot tell attacker and client apart by where they come from.
fn silence_beside_client(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| {
        target.connect_beside_client()
    })
}

/// As many connections as there is room for, each of which says one byte more in its turn.
fn one_byte_at_a_time(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    let mut slow = VecDeque::new();
    again_and_again(target, begun, DESCRIPTORS, |_| {
        if slow.len() < DESCRIPTORS / 4 {
            slow.push_back((target.connect()?, 0));
        }
        let (mut stream, at): (TcpStream, usize) = slow.pop_front().context("one is there")?;
        // One that was let go is not missed.
        if stream.write_all(&greeting[at..=at]).is_ok() && at + 2 < greeting.len() {
            slow.push_back((stream, at + 1));
        }
        Ok(())
    })
}

/// So many at once, each of which says one byte a second until it is let go, and is replaced then.
fn one_byte_a_second(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    setrlimit(Resource::Nofile, descriptors)?;
    let greeting = target.greeting()?;
    let mut slow: Vec<(TcpStream, usize)> = Vec::new();
    let mut turn = Instant::now();
    let turns = again_and_again(target, begun, 1, |_| {
        while slow.len() < SLOW_SOCKETS && !target.is_over() {
            slow.push((target.connect()?, 0));
        }
        // One that was let go is not missed.
        slow.retain_mut(|(stream, at)| {
            let said = stream.write_all(&greeting[*at..=*at]);
            *at += 1;
            said.is_ok() && *at + 1 < greeting.len()
        });
        // The pace is the attack.
        turn += Duration::from_secs(1);
        thread::sleep(turn.saturating_duration_since(Instant::now()));
        Ok(())
    })?;
    Ok(turns * SLOW_SOCKETS as f64)
}

fn connects(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 0, |_| target.connect().map(drop))
}

/// A ClientHello, and never a word after the server's answer, which has cost it a signature.
fn tls_handshakes(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_root_certificates(RootCertStore::empty())
    .with_no_client_auth();
    let config = Arc::new(config);
    again_and_again(target, begun, DESCRIPTORS, |_| {
        let name = ServerName::try_from("echo.example")?;
        let mut tls = ClientConnection::new(Arc::clone(&config), name)?;
        let mut hello = Vec::new();
        tls.write_tls(&mut hello)?;
        say(target.connect()?, &hello)
    })
}

fn random_bytes(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let bytes: [u8; 1024] = rand::random();
        say(target.connect()?, &bytes[..=round % 1024])
    })
}

fn wrong_keys(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    // To make them is no part of the attack.
    let forged: Vec<_> = (0..FORGERIES)
        .map(|_| target.forged_greeting())
        .collect::<Result<_, _>>()?;
    let a_second = by_several(|| {
        again_and_again(target, begun, DESCRIPTORS / HANDS, |round| {
            say(target.connect()?, &forged[round % FORGERIES])
        })
    })?;
    ensure!(
        a_second >= WRONG_KEYS_A_SECOND,
        "this machine is too slow for the attack: {a_second:.0} wrong keys a second, and not \
         {WRONG_KEYS_A_SECOND}"
    );
    Ok(a_second)
}

/// One recorded greeting, on as many connections as there is room for.
fn replayed_greetings(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let recorded = target.greeting()?;
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| {
        say(target.connect()?, &recorded)
    })
}

/// One recorded greeting in request after request, and no answer to any of them is ever read.
fn answers_that_nobody_reads(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let requests = request_with(&target.greeting()?).repeat(64);
    let mut asking = VecDeque::new();
    again_and_again(target, begun, DESCRIPTORS, |_| {
        if asking.len() < DESCRIPTORS / 8 {
            let stream = target.connect()?;
            // So that the answers wait with the server, and not in kernels.
            SockRef::from(&stream).set_recv_buffer_size(1)?;
            // Others are asked meanwhile.
            stream.set_write_timeout(Some(Duration::from_millis(1)))?;
            asking.push_back((stream, 0));
        }
        let (mut stream, at): (TcpStream, usize) = asking.pop_front().context("one is there")?;
        match stream.write(&requests[at..]) {
            Ok(written) => asking.push_back((stream, (at + written) % requests.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                asking.push_back((stream, at));
            }
            // One that was let go is not missed.
            Err(_) => {}
        }
        Ok(())
    })
}

/// A frame's header that announces more than there can be, and some of it.
fn oversized_frames(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    let mut huge = greeting[..MAGIC_AND_TYPE].to_vec();
    huge.extend_from_slice(&u32::MAX.to_be_bytes());
    huge.resize(64 * 1024, 0xaa);
    again_and_again(target, begun, DESCRIPTORS, |_| {
        say(target.connect()?, &huge)
    })
}

fn half_closed(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let stream = say(target.connect()?, &greeting[..round % greeting.len()])?;
        // Where the server was faster, it is closed already.
        let _ = stream.shutdown(Shutdown::Write);
        Ok(stream)
    })
}

/// More than the kernel has room for, and no answer ever reaches anybody.
fn syns(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let flood = SynFlood::on(target.address)?;
    let before = SynFlood::overflows()?;
    let a_second = again_and_again(target, begun, SYNS_BEFORE, |round| flood.send(round))?;
    let overflows = SynFlood::overflows()? - before;
    ensure!(overflows > 0, "the kernel had room for all of them");
    Ok(a_second)
}

/// Connections under a key that is good, cut off by a reset wherever they can be.
fn resets_at_every_stage(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let mut reached = [0; Moment::ALL.len()];
    let a_second = again_and_again(target, begun, 8 * Moment::ALL.len(), |round| {
        let index = round % Moment::ALL.len();
        let mut stream = target.connect()?;
        let moment = Moment::ALL[index];
        // A key has only so many sessions a second, and a crowd pushes out its own.
        let so_far = moment.reach(&mut stream, target.address, &target.insider);
        reached[index] += u32::from(so_far.is_ok());
        drop(stream);
        Ok(())
    })?;
    writeln!(io::stdout(), "{:?}: {reached:?}", Moment::ALL)?;
    ensure!(!reached.contains(&0), "not every stage was reached");
    Ok(a_second)
}

/// The known client's own greeting, cut off by a reset after each of its bytes, or read as far as the
/// first bytes of its answer.
fn resets_after_each_byte(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 64, |round| {
        let greeting = target.greeting()?;
        let end = round % (greeting.len() + 1);
        let mut stream = say(target.connect()?, &greeting[..end])?;
        if end == greeting.len() {
            let _ = stream.read(&mut [0; 16]);
        }
        drop(stream);
        Ok(())
    })
}

/// Says `bytes`; a server that has closed in the middle of them has heard enough.
fn say(mut stream: TcpStream, bytes: &[u8]) -> anyhow::Result<TcpStream> {
    let _ = stream.write_all(bytes);
    Ok(stream)
}

/// Of the server. Attackers have more.
const DESCRIPTORS: usize = 300;
/// In turn, as many as a slow attacker of the usual kind has.
const SLOW_SOCKETS: usize = 2_000;
/// Of [`by_several`].
const HANDS: usize = 8;
/// Other secrets each.
const FORGERIES: usize = 256;
/// What the server is to bear, at least.
const WRONG_KEYS_A_SECOND: f64 = 1000.0;
/// From then on the kernel's queue is full.
const SYNS_BEFORE: usize = 5_000;
/// At most, however slow the run that goes on meanwhile.
const MAX_ROUNDS: usize = 2_000_000;
/// docs/wire.md.
const MAGIC_AND_TYPE: usize = 9;
