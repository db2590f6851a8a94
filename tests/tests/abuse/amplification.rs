//! Nobody gets more out of the server than he has put in, whatever he begins with.

use std::io::Write as _;
use std::net::{IpAddr, TcpStream};

use anyhow::ensure;
use fwprobe_tests::ServerPlan;
use fwprobe_tests::siege::{answer_to, greeting};
use fwprobe_tests::trial::Trials;

pub(crate) fn trials() -> Trials {
    Trials::of("amplification").on_both_families("no_opening_earns_more_than_it_costs", openings)
}

/// Payload out per byte in; TLS handshakes and alerts are apart, and none is begun here.
fn openings(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let address = server.address(1);
    let recorded = greeting(address, &server.connection())?;
    let forged = greeting(address, &server.connection().with_another_secret())?;
    let post = |body: &[u8]| {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
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
        ("a replayed request", post(&recorded)),
        ("a forged request", post(&forged)),
        (
            "X.224 without TLS",
            hex::decode("030000130ee000000000000100080000000000")?,
        ),
        (
            "X.224 with TLS",
            hex::decode("030000130ee000000000000100080001000000")?,
        ),
        (
            "X.224 without negotiation",
            hex::decode("0300000b06e00000000000")?,
        ),
        (
            "MC-NMF",
            [
                &hex::decode("00010001020210")?[..],
                b"net.tcp://h:1/ab",
                &hex::decode("030809136170706c69636174696f6e2f73736c2d746c73")?,
            ]
            .concat(),
        ),
        ("zeros", vec![0; 5000]),
    ];
    for (name, bytes) in openings {
        let out = answer_to(TcpStream::connect(address)?, &bytes)?;
        writeln!(
            std::io::stdout(),
            "{name}: {} bytes in, {out} out",
            bytes.len()
        )?;
        ensure!(
            out <= bytes.len(),
            "{name}: {out} bytes for {}",
            bytes.len()
        );
    }
    server.stop().map(drop)
}
