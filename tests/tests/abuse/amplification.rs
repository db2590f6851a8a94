//! A stranger gets no more bytes out of the server than it has sent, whatever it sends first.

mod wire;

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::{bail, ensure};
use fwprobe_tests::siege::{Tls, answer_to, greeting, http2, request_with};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{ServerPlan, WATCHDOG};
use rustls::crypto::aws_lc_rs::cipher_suite;
use rustls::{StreamOwned, SupportedCipherSuite};

use self::wire::Wire;

pub(crate) fn trials() -> Trials {
    Trials::of("amplification")
        .on_both_families("no_opening_earns_more_than_it_costs", openings)
        .on_both_families("nor_does_any_inside_tls", openings_inside_tls)
}

/// Checks that the server sends no more payload bytes than it has received. TLS handshakes and alerts would not count,
/// but no opening here begins TLS.
fn openings(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let address = server.address(1);
    let recorded = greeting(address, &server.connection())?;
    let forged = greeting(address, &server.connection().with_another_secret())?;
    let openings: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("one byte", vec![0xf7]),
        ("a greeting, replayed", recorded.clone()),
        ("two of them", [&recorded[..], &recorded].concat()),
        ("a forged greeting", forged.clone()),
        ("half a greeting", recorded[..recorded.len() / 2].to_vec()),
        ("the shortest request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("many requests", b"GET / HTTP/1.1\r\n\r\n".repeat(50)),
        ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n".to_vec()),
        ("a replayed request", request_with(&recorded)),
        ("a forged request", request_with(&forged)),
        (
            "X.224 without TLS",
            hex::decode("030000130ee000000000000100080000000000")?,
        ),
        ("X.224 with TLS", x224()?),
        (
            "X.224 without negotiation",
            hex::decode("0300000b06e00000000000")?,
        ),
        ("MC-NMF", net_tcp()?),
        ("zeros", vec![0; 5000]),
    ];
    for (name, bytes) in openings {
        let out = answer_to(TcpStream::connect(address)?, &bytes)?;
        writeln!(io::stdout(), "{name}: {} bytes in, {out} out", bytes.len())?;
        ensure!(
            out <= bytes.len(),
            "{name}: {out} bytes for {}",
            bytes.len()
        );
    }
    server.stop().map(drop)
}

/// The bytes that a stranger sends inside TLS, and the bytes that it sends before TLS.
struct Inside {
    name: &'static str,
    /// The bytes before TLS, and the length of the server's answer to them.
    preface: (Vec<u8>, usize),
    alpn: &'static str,
    said: Vec<u8>,
}

/// Compares the bytes that TCP carries after the handshake, including the overhead of TLS. Each connection stays open
/// until the server ends it.
fn openings_inside_tls(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let address = server.address(1);
    let rows = inside(&greeting(address, &server.connection())?)?;
    let mut amplified = Vec::new();
    for suite in SUITES {
        let outcomes = std::thread::scope(|scope| {
            let ask = |row| move || crossing_inside_tls(address, row, suite);
            let asking: Vec<_> = rows.iter().map(|row| scope.spawn(ask(row))).collect();
            let answers = asking.into_iter().map(|asked| asked.join());
            answers.collect::<Vec<_>>()
        });
        for (row, outcome) in rows.iter().zip(outcomes) {
            let name = format!("{}, {:?}", row.name, suite.suite());
            let Ok(outcome) = outcome else {
                bail!("{name}: panicked");
            };
            let (said, out) = outcome?;
            let line = format!("{name}: {said} bytes in, {out} out");
            writeln!(io::stdout(), "{line}")?;
            if out > said {
                amplified.push(line);
            }
        }
    }
    ensure!(amplified.is_empty(), "{}", amplified.join("\n"));
    server.stop().map(drop)
}

/// Returns the cases; `recorded` is an authenticated client's greeting.
fn inside(recorded: &[u8]) -> anyhow::Result<Vec<Inside>> {
    let mut rows = Vec::new();
    let mut row = |name, preface, alpn, said| {
        rows.push(Inside {
            name,
            preface,
            alpn,
            said,
        });
    };
    let none = || (Vec::new(), 0);
    row("TLS, nothing", none(), "", Vec::new());
    row("TLS, a replayed greeting", none(), "", recorded.to_vec());
    row("TLS, zeros", none(), "", vec![0; 5000]);
    let (alpn, shortest) = ("http/1.1", b"GET / HTTP/1.1\r\n\r\n");
    row("HTTPS, nothing", none(), alpn, Vec::new());
    row("HTTPS, the shortest request", none(), alpn, shortest.into());
    row("HTTPS, many requests", none(), alpn, shortest.repeat(50));
    let request = request_with(recorded);
    row("HTTPS, a replayed request", none(), alpn, request);
    let rdp = || anyhow::Ok((x224()?, X224_CONFIRM));
    row("RDP, nothing", rdp()?, "", Vec::new());
    row("RDP, a replayed greeting", rdp()?, "", recorded.to_vec());
    let net_tcp = || anyhow::Ok((net_tcp()?, 1));
    row("MC-NMF, nothing", net_tcp()?, "", Vec::new());
    row("MC-NMF, preamble end", net_tcp()?, "", vec![0x0c]);
    row("MC-NMF, preamble and end", net_tcp()?, "", vec![0x0c, 0x07]);
    let enveloped = [&[0x0c, 0x06, 0x88, 0x08], recorded].concat();
    row("MC-NMF, a replayed greeting", net_tcp()?, "", enveloped);
    row("HTTP/2, nothing", none(), "h2", Vec::new());
    row(
        "HTTP/2, half a preface",
        none(),
        "h2",
        http2::PREFACE[..12].into(),
    );
    row("HTTP/2, zeros", none(), "h2", vec![0; 5000]);
    row("HTTP/2, its preface", none(), "h2", http2::PREFACE.into());
    row("HTTP/2, and settings", none(), "h2", calls(0));
    row("HTTP/2, a call", none(), "h2", calls(1));
    row("HTTP/2, many calls", none(), "h2", calls(100));
    Ok(rows)
}

/// Returns the bytes sent and received from the end of the handshake until the server ends the connection.
fn crossing_inside_tls(
    address: SocketAddr,
    row: &Inside,
    suite: SupportedCipherSuite,
) -> anyhow::Result<(usize, usize)> {
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(WATCHDOG))?;
    let (preface, answer) = &row.preface;
    tcp.write_all(preface)?;
    tcp.read_exact(&mut vec![0; *answer])?;
    let tls = Tls::over(suite, row.alpn)?.open(&mut tcp)?;
    // The server sends no session ticket, so everything from here on is payload, except for the alert at the end.
    let mut stream = StreamOwned::new(tls, Wire::behind_handshake(tcp));
    stream.write_all(&row.said)?;
    stream.flush()?;
    let said = stream.sock.sent();
    let ends_with_alert = match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) if is_an_end(&error) => false,
        Err(error) => return Err(error.into()),
    };
    let mut records = stream.sock.records()?;
    if ends_with_alert {
        records.pop();
    }
    Ok((said, records.iter().sum()))
}

fn is_an_end(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionReset, UnexpectedEof};
    matches!(error.kind(), ConnectionReset | UnexpectedEof)
}

/// Returns an X.224 connection request that offers TLS.
fn x224() -> anyhow::Result<Vec<u8>> {
    Ok(hex::decode("030000130ee000000000000100080001000000")?)
}

/// Returns an MC-NMF preamble that asks for TLS.
fn net_tcp() -> anyhow::Result<Vec<u8>> {
    Ok([
        &hex::decode("00010001020210")?[..],
        b"net.tcp://h:1/ab",
        &hex::decode("030809136170706c69636174696f6e2f73736c2d746c73")?,
    ]
    .concat())
}

/// Returns the opening of an HTTP/2 client, and `count` calls without a key.
fn calls(count: u32) -> Vec<u8> {
    let calls = (0..count).flat_map(|number| http2::call(number, http2::END_STREAM));
    http2::opening().into_iter().chain(calls).collect()
}

/// One cipher suite for each size of record overhead.
const SUITES: [SupportedCipherSuite; 3] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
const X224_CONFIRM: usize = 19;
