//! Third-party programs against the server's session kinds: OpenSSL and curl on TLS and HTTP, nmap on the RDP
//! negotiation, Wireshark's dissectors on the bytes before TLS.
//!
//! Also runs scanners, which must learn no more than docs/operate/threat-model.md lists.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, ServerPlan};
use libtest_mimic::Arguments;
use serde::Deserialize;

fn main() -> ExitCode {
    const OPENSSL: &[Need] = &[Need::Tool("openssl")];
    const CURL: &[Need] = &[Need::Tool("curl")];
    const WIRESHARK: &[Need] = &[Need::Tool("text2pcap"), Need::Tool("tshark")];
    let trials = Trials::of("peers")
        .needing(OPENSSL, "openssl_shakes_hands_with_tls_1_3", || {
            openssl_shakes_hands("-tls1_3", "TLSv1.3")
        })
        .needing(OPENSSL, "openssl_shakes_hands_with_tls_1_2", || {
            openssl_shakes_hands("-tls1_2", "TLSv1.2")
        })
        .needing(CURL, "curl_gets_404_over_http", || curl_gets_404("http"))
        .needing(CURL, "curl_gets_404_over_https", || curl_gets_404("https"))
        .needing(
            [Need::Tool("nmap")],
            "nmap_gets_past_the_rdp_negotiation",
            nmap_negotiates_rdp,
        )
        .needing(
            [Need::Tool("nmap")],
            "nmap_names_no_service_and_no_version",
            nmap_names_nothing,
        )
        .needing(
            [Need::Tool("testssl")],
            "testssl_finds_no_weakness",
            testssl_finds_no_weakness,
        )
        .once("a_scanner_gets_what_protocols_force_and_no_more", scanned)
        .needing(WIRESHARK, "dissects_the_x224_exchange", || {
            let expected = ["Negotiate Request", "Negotiate Response"];
            dissected(X224_REQUEST, 19, "tpkt", &expected)
        })
        .needing(WIRESHARK, "dissects_the_net_tcp_preamble", || {
            let expected = [
                "Via Record",
                "Upgrade Request Record",
                "Upgrade Response Record",
            ];
            dissected(NET_TCP_PREAMBLE, 1, "mc-nmf", &expected)
        });
    libtest_mimic::run(&Arguments::from_args(), trials.into_vec()).exit_code()
}

fn server() -> anyhow::Result<(EchoServer, SocketAddr)> {
    let server = ServerPlan::on(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .ports(1)
        .start()?;
    let address = server.address(1);
    Ok((server, address))
}

fn openssl_shakes_hands(version: &str, expected: &str) -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("openssl")
            .args(["s_client", "-brief", version, "-connect"])
            .arg(address.to_string()),
    )?;
    ensure!(said.contains("CONNECTION ESTABLISHED"), "{said}");
    ensure!(said.contains(expected), "{said}");
    Ok(())
}

fn curl_gets_404(scheme: &str) -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("curl")
            .args(["--silent", "--insecure", "--http1.1", "--max-time", "60"])
            .args([
                "--noproxy",
                "*",
                "--output",
                "-",
                "--write-out",
                "[%{http_code} %{size_download}]",
            ])
            .arg(format!("{scheme}://{address}/")),
    )?;
    ensure!(said.trim() == "[404 0]", "{said}");
    Ok(())
}

fn nmap_negotiates_rdp() -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("nmap")
            .args([
                "-Pn",
                "-n",
                "--unprivileged",
                "--script",
                "+rdp-enum-encryption",
                "-p",
            ])
            .arg(address.port().to_string())
            .arg(address.ip().to_string()),
    )?;
    ensure!(said.contains("SSL: SUCCESS"), "{said}");
    Ok(())
}

/// nmap waits several seconds for an answer to each of its probes: three minutes in all.
fn nmap_names_nothing() -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let port = address.port().to_string();
    let arguments = ["-Pn", "-n", "--unprivileged", "-sV", "-p", &port];
    let said = said_by(
        Command::new("timeout")
            .args([LONGEST_SCAN, "nmap"])
            .args(arguments)
            .arg(address.ip().to_string()),
    )?;
    let line = said.lines().find(|line| line.starts_with(&port));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    ensure!(matches!(words[..], [_, "open", "ssl/unknown"]), "{said}");
    // nmap prints the answers to its probes, and none of them may reveal which program has sent them.
    let answers = said.replace("\nSF:", "");
    for told in ["fwprobe", "Server:", env!("CARGO_PKG_VERSION")] {
        ensure!(!answers.contains(told), "{said}");
    }
    Ok(())
}

/// One line of testssl.sh's report.
#[derive(Debug, Deserialize)]
struct Remark {
    id: String,
    severity: String,
    finding: String,
}

/// testssl.sh tests protocols, ciphers and which side prefers them, forward secrecy, the certificate, HTTP headers,
/// client compatibility, and all known attacks.
fn testssl_finds_no_weakness() -> anyhow::Result<()> {
    let remarks = testssl()?;
    let of = |id: &str| remarks.iter().find(|remark| remark.id == id);
    for tested in [
        "TLS1_3",
        "cipherlist_NULL",
        "PFS",
        "cipher_order",
        "HTTP_status_code",
        "banner_server",
        "heartbleed",
        "ROBOT",
        "RC4",
    ] {
        ensure!(of(tested).is_some(), "{tested}: {remarks:?}");
    }
    // One simulated client is as old as the oldest head node with TLS 1.2, the other is current.
    for client in ["ie_11_win7", "openssl_303"] {
        let finding = of(&format!("clientsimulation-{client}")).map_or("", |r| &*r.finding);
        ensure!(finding.starts_with("TLSv1."), "{client}: {finding}");
    }
    let weaknesses: Vec<String> = remarks
        .iter()
        .filter(|r| !["OK", "INFO", "LOW", "WARN", "DEBUG"].contains(&&*r.severity))
        .filter(|r| !OF_A_PINNED_CERTIFICATE.contains(&&*r.id) && r.id != OF_PAGES)
        .map(|r| format!("{} {}: {}", r.severity, r.id, r.finding))
        .collect();
    ensure!(weaknesses.is_empty(), "{weaknesses:?}");
    Ok(())
}

fn testssl() -> anyhow::Result<Vec<Remark>> {
    let (_server, address) = server()?;
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let mut command = Command::new("timeout");
    command.args([LONGEST_SCAN, "testssl", "--quiet", "--color", "0"]);
    command.args(["--warnings", "off", "--nodns", "none"]);
    command.args(["-p", "-s", "-f", "-P", "-S", "-h", "-c", "-U"]);
    command.arg("--jsonfile").arg(&report);
    let said = said_by(command.arg(address.to_string()))?;
    let text = std::fs::read_to_string(&report).with_context(|| said.clone())?;
    serde_json::from_str(&text).with_context(|| said)
}

fn scanned() -> anyhow::Result<()> {
    let (_server, address) = server()?;
    for (name, opening, expected) in openings() {
        let opening = match opening {
            Opening::Text(text) => text.as_bytes().to_vec(),
            Opening::Hex(digits) => hex::decode(digits)?,
        };
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
        stream.write_all(&opening)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error).context(name),
        }
        ensure!(answer == expected, "{name}: {}", answer.escape_ascii());
    }
    Ok(())
}

/// The first bytes that a scanner sends.
enum Opening {
    Text(&'static str),
    Hex(&'static str),
}

/// Returns scanners' opening bytes, and the complete answer to each.
fn openings() -> [(&'static str, Opening, &'static [u8]); 13] {
    use Opening::{Hex, Text};
    const NOTHING: &[u8] = b"";
    const NOT_FOUND: &[u8] = b"HTTP/1.1 404 \r\n\r\n";
    const PRI: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SMB: &str = "0000002fff534d4272000000001801280000000000000000000000000000";
    const VERSION_BIND: &str = "001e0006010000010000000000000776657273696f6e0462696e640000100003";
    const CONFIRM: &[u8] =
        b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x01\x00\x00\x00";
    [
        ("silence", Text(""), NOTHING),
        ("a line end", Text("\r\n\r\n"), NOTHING),
        ("SSH", Text("SSH-2.0-scanner\r\n"), NOTHING),
        ("SMTP", Text("EHLO scanner\r\n"), NOTHING),
        ("Redis", Text("*1\r\n$4\r\nINFO\r\n"), NOTHING),
        ("HTTP/2 in clear", Text(PRI), NOTHING),
        ("SMB", Hex(SMB), NOTHING),
        ("DNS over TCP", Hex(VERSION_BIND), NOTHING),
        ("HTTP", Text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), NOT_FOUND),
        (
            "OPTIONS",
            Text("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            NOT_FOUND,
        ),
        (
            "a proxy",
            Text("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            NOT_FOUND,
        ),
        ("RDP", Hex(X224_REQUEST), CONFIRM),
        ("net.tcp", Hex(NET_TCP_PREAMBLE), b"\x0a"),
    ]
}

/// Sends `request` (in hexadecimal) to the server, and lets Wireshark decode the request and the `answer` bytes that
/// come back, as `protocol`.
///
/// Its output must contain each of `expected`, and nothing malformed.
fn dissected(
    request: &str,
    answer: usize,
    protocol: &str,
    expected: &[&str],
) -> anyhow::Result<()> {
    let request = hex::decode(request)?;
    let (_server, address) = server()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    stream.write_all(&request)?;
    let mut reply = vec![0; answer];
    stream
        .read_exact(&mut reply)
        .context("the server's answer")?;

    let folder = tempfile::tempdir()?;
    let (text, capture) = (
        folder.path().join("bytes.txt"),
        folder.path().join("bytes.pcap"),
    );
    std::fs::write(&text, format!("O\n{}I\n{}", dump(&request), dump(&reply)))?;
    said_by(
        Command::new("text2pcap")
            .args(["-q", "-D", "-T", &format!("50000,{SERVED_AS}")])
            .args([&text, &capture]),
    )?;
    let said = packets(&capture, protocol)?;
    for wanted in expected {
        ensure!(said.contains(wanted), "no {wanted} in {said}");
    }
    ensure!(
        !said.contains("MALFORMED") && !said.contains("COMPLAINT"),
        "{said}"
    );
    Ok(())
}

/// Returns one line for each packet, with Wireshark's description and its complaints.
fn packets(capture: &Path, protocol: &str) -> anyhow::Result<String> {
    let fields = ["_ws.col.Info", "_ws.malformed", "_ws.expert.message"];
    let mut command = Command::new("tshark");
    command
        .args([
            "-n",
            "-d",
            &format!("tcp.port=={SERVED_AS},{protocol}"),
            "-T",
            "fields",
        ])
        .arg("-Eseparator=|")
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(capture);
    let said = said_by(&mut command)?;
    let mut out = String::new();
    for line in said.lines().filter(|line| line.contains('|')) {
        let parts: Vec<&str> = line.splitn(3, '|').collect();
        out.push_str(parts[0]);
        if parts.get(1).is_some_and(|malformed| !malformed.is_empty()) {
            out.push_str(" MALFORMED");
        }
        if parts.get(2).is_some_and(|message| !message.is_empty()) {
            out.push_str(&format!(" COMPLAINT {}", parts[2]));
        }
        out.push('\n');
    }
    Ok(out)
}

/// Returns the bytes in the format that text2pcap reads.
fn dump(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .enumerate()
        .map(|(line, chunk)| {
            let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:06x} {}\n", line * 16, hex.join(" "))
        })
        .collect()
}

/// Returns everything that a program writes to both streams.
fn said_by(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?}"))?;
    Ok(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// An X.224 request that offers TLS or CredSSP, with a cookie ([MS-RDPBCGR] 2.2.1.1).
const X224_REQUEST: &str = "0300002b26e00000000000436f6f6b69653a206d737473686173683d70726f62650d0a\
    0100080003000000";

/// A preamble: duplex, binary with a session dictionary, upgrade to TLS ([MC-NMF] 2.2.3 and 2.2.6).
const NET_TCP_PREAMBLE: &str = "000100010202446e65742e7463703a2f2f3230332e302e3131332e31303a373939382f4d6963726f736f66742e4870632e417a7572652e456e64706f696e742e46696c6553746167696e67030809136170706c69636174696f6e2f73736c2d746c73";

/// testssl.sh's remarks on issuer, validity and revocation, which do not matter because clients know the certificate by
/// its key.
const OF_A_PINNED_CERTIFICATE: [&str; 3] = [
    "cert_chain_of_trust",
    "cert_revocation",
    "cert_validityPeriod",
];

/// testssl.sh's remark on headers that protect pages in browsers; an answer without content needs none.
const OF_PAGES: &str = "security_headers";

/// The time limit of a scan in seconds.
const LONGEST_SCAN: &str = "600";

/// A port for which Wireshark has no dissector, so that only `protocol` is tried.
const SERVED_AS: u16 = 47_998;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
