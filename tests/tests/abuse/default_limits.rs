//! A server with its default limits, and the memory that strangers can make it hold: in the most expensive way that
//! exists, and with all attacks one after another.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;

use anyhow::ensure;
use fwprobe_tests::siege::{Attack, Bounds, Siege, Sources, Target, Tls, http2};
use fwprobe_tests::trial::{Need, Trials};

use super::attacks::{ATTACKS, DEAR, HANDS, again_and_again, allow_many_descriptors, by_several};

pub(crate) fn trials() -> Trials {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    let mut trials = Trials::of("default_limits");
    for (name, ip, sources, at_most) in [
        (
            "dearest_strangers::ipv4_from_one",
            v4,
            Sources::One,
            FROM_ONE,
        ),
        (
            "dearest_strangers::ipv6_from_many",
            v6,
            Sources::Many,
            FROM_ALL,
        ),
    ] {
        trials = siege(trials, name, ip, at_most, move || {
            vec![("dearest strangers", sources, dearest as Attack); 2]
        });
    }
    trials = siege(trials, "all_attacks_in_a_row::ipv4", v4, FROM_ALL, || {
        let dear = DEAR.map(|(name, _, attack)| (name, attack));
        let kinds: Vec<_> = ATTACKS.into_iter().chain(dear).collect();
        let from = |sources| {
            let kinds = kinds.iter();
            kinds.map(move |(name, attack)| (*name, sources, *attack))
        };
        from(Sources::One).chain(from(Sources::Many)).collect()
    });
    trials
}

fn siege(
    trials: Trials,
    name: &str,
    ip: IpAddr,
    at_most: f64,
    attacks: impl Fn() -> Vec<(&'static str, Sources, Attack)> + Send + 'static,
) -> Trials {
    let needs = [Need::Root, Need::Tool("prlimit"), Need::Tool("ip")];
    let bounds = Bounds {
        at_most,
        at_rest: AT_REST,
    };
    trials.needing(needs, name, move || {
        Siege::of(ip, DESCRIPTORS).in_a_row(&attacks(), bounds)
    })
}

/// Makes the server keep everything that a stranger can make it keep at once: the longest accepted certificate chain,
/// incomplete calls to the control service, and an incomplete TLS record.
fn dearest(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    allow_many_descriptors()?;
    let client = Tls::presenting_to(CERTIFICATES, "h2")?;
    let calls = (0..CALLS).map(|number| {
        let message = http2::message(number, 4 * 1024, SAID_IN_EACH);
        [http2::call(number, 0), message].concat()
    });
    let inside = [http2::opening(), calls.collect::<Vec<_>>().concat()].concat();
    // A record of application data with the maximum length.
    let mut record = vec![23, 3, 3, 0x40, 0x00];
    record.resize(RECORD, 0xaa);
    let held = AtomicU32::new(0);
    let a_second = by_several(|| {
        let mut unfinished = VecDeque::new();
        again_and_again(target, begun, PLACES / HANDS, |_| {
            let mut stream = target.connect()?;
            // A connection that the server has closed does not count.
            if let Ok(tls) = client.open(&mut stream) {
                unfinished.push_back((stream.try_clone()?, tls));
            }
            // Bytes that arrive together with the end of the handshake count as part of it, so other connections are
            // opened first.
            if unfinished.len() > UNFINISHED
                && let Some((mut stream, mut tls)) = unfinished.pop_front()
            {
                let mut both = rustls::Stream::new(&mut tls, &mut stream);
                let said = both.write_all(&inside).and_then(|()| both.flush());
                if said.and_then(|()| stream.write_all(&record)).is_ok() {
                    held.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(stream)
        })
    })?;
    let held = held.into_inner();
    writeln!(io::stdout(), "{held} strangers of the dearest kind")?;
    ensure!(held > 0, "nobody came so far");
    Ok(a_second)
}

/// The file descriptors, as on the machine of docs/operate/reliability.md.
const DESCRIPTORS: usize = 20_000;
/// More connections than the server allows to strangers.
const PLACES: usize = 4_800;
/// The length in bytes of a certificate chain, a little below the maximum that the server accepts in a handshake.
const CERTIFICATES: usize = 24 * 1024;
/// The number of calls that a connection may have under way.
const CALLS: u32 = 8;
/// The bytes sent of each call's message; together a little less than a stranger may send.
const SAID_IN_EACH: usize = 1_900;
/// The number of connections in each thread whose handshakes have just ended.
const UNFINISHED: usize = 16;
/// The bytes sent of the record: all but the last ones.
const RECORD: usize = 16_000;

/// The limits in MiB (docs/operate/threat-model.md), of which about 25 are for the server itself.
const FROM_ALL: f64 = 240.0;
const FROM_ONE: f64 = 120.0;
const AT_REST: f64 = 40.0;
