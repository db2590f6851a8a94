//! The attacks, each on its own.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fwprobe_tests::siege::{Attack, Target, raise, request_with};
use fwprobe_tests::trial::{Need, Trials};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::SockRef;

pub(crate) fn trials() -> Trials {
    ATTACKS
        .into_iter()
        .fold(Trials::of("attacks"), |trials, (name, attack)| {
            trials.needing([Need::Tool("prlimit")], name, move || {
                raise(DESCRIPTORS, attack)
            })
        })
        // A client needs a moment to speak: with few places it would be crowded out before that.
        .needing(
            [Need::Tool("prlimit")],
            "silence_from_the_clients_own_address",
            || raise(4 * DESCRIPTORS, silence_beside_client),
        )
        .needing(
            [Need::Tool("prlimit")],
            "one_byte_a_second_from_2000_sockets",
            || raise(2 * SLOW_SOCKETS, one_byte_a_second),
        )
}

const ATTACKS: [(&str, Attack); 11] = [
    ("silence_beyond_every_descriptor", silence),
    ("one_byte_at_a_time", one_byte_at_a_time),
    ("connects_and_resets", connects),
    ("tls_handshakes", tls_handshakes),
    ("random_bytes", random_bytes),
    ("wrong_keys", wrong_keys),
    ("replayed_greetings", replayed_greetings),
    ("answers_that_nobody_reads", answers_that_nobody_reads),
    ("oversized_frames", oversized_frames),
    ("half_closed", half_closed),
    ("resets_at_every_stage", resets_at_every_stage),
];

/// Does `one` thing after the other, and holds on to what it gives until it holds `many`. What is
/// older has to go then: by that time the server has closed it, or keeps it for good.
fn again_and_again<T>(
    target: &Target,
    begun: &Sender<()>,
    many: usize,
    mut one: impl FnMut(usize) -> anyhow::Result<T>,
) -> anyhow::Result<()> {
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
    // For docs/reliability.md.
    let a_second = f64::from(done) / began.elapsed().as_secs_f64();
    writeln!(io::stdout(), "{a_second:.0} times a second")?;
    Ok(())
}

fn silence(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| target.connect())
}

/// The same, and the server cannot tell attacker and client apart by where they come from.
fn silence_beside_client(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| {
        target.connect_beside_client()
    })
}

/// As many connections as there is room for, each of which says one byte more in its turn.
fn one_byte_at_a_time(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
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
fn one_byte_a_second(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    let mut descriptors = getrlimit(Resource::Nofile);
    descriptors.current = descriptors.maximum;
    setrlimit(Resource::Nofile, descriptors)?;
    let greeting = target.greeting()?;
    let mut slow: Vec<(TcpStream, usize)> = Vec::new();
    let mut turn = Instant::now();
    again_and_again(target, begun, 1, |_| {
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
        std::thread::sleep(turn.saturating_duration_since(Instant::now()));
        Ok(())
    })
}

fn connects(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    again_and_again(target, begun, 0, |_| target.connect().map(drop))
}

/// A ClientHello, and never a word after the server's answer, which has cost it a signature.
fn tls_handshakes(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
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

fn random_bytes(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let bytes: [u8; 1024] = rand::random();
        say(target.connect()?, &bytes[..=round % 1024])
    })
}

fn wrong_keys(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    again_and_again(target, begun, DESCRIPTORS, |_| {
        say(target.connect()?, &target.forged_greeting()?)
    })
}

/// One recorded greeting, on as many connections as there is room for.
fn replayed_greetings(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    let recorded = target.greeting()?;
    again_and_again(target, begun, 2 * DESCRIPTORS, |_| {
        say(target.connect()?, &recorded)
    })
}

/// One recorded greeting in request after request, and no answer to any of them is ever read.
fn answers_that_nobody_reads(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
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
fn oversized_frames(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    let greeting = target.greeting()?;
    let mut huge = greeting[..MAGIC_AND_TYPE].to_vec();
    huge.extend_from_slice(&u32::MAX.to_be_bytes());
    huge.resize(64 * 1024, 0xaa);
    again_and_again(target, begun, DESCRIPTORS, |_| {
        say(target.connect()?, &huge)
    })
}

fn half_closed(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
    let greeting = target.greeting()?;
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let stream = say(target.connect()?, &greeting[..round % greeting.len()])?;
        // Where the server was faster, it is closed already.
        let _ = stream.shutdown(Shutdown::Write);
        Ok(stream)
    })
}

/// The known client's own greeting, cut off by a reset after each of its bytes, or read as far as the
/// first bytes of its answer.
fn resets_at_every_stage(target: &Target, begun: &Sender<()>) -> anyhow::Result<()> {
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
/// At most, however slow the run that goes on meanwhile.
const MAX_ROUNDS: usize = 2_000_000;
/// docs/wire.md.
const MAGIC_AND_TYPE: usize = 9;
