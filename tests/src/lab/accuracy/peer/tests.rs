//! Reads the output of each of the other programs as it was recorded in the lab, without the parts that do not matter.

use super::*;

const CLOUD: &str = "10.73.3.2";

fn errand(port: u16, kind: SessionKind) -> Errand {
    Errand {
        address: CLOUD.parse().unwrap(),
        port,
        kind,
    }
}

fn peer(name: &str) -> &'static Peer {
    PEERS.iter().find(|peer| peer.name == name).unwrap()
}

fn output(code: i32, stdout: &str, stderr: &str) -> Output {
    Output {
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

fn said(name: &str, outputs: &[Output]) -> Claim {
    peer(name)
        .statement(outputs, &errand(5901, SessionKind::Https))
        .said
}

#[test]
fn nmap_is_read_from_its_xml() {
    let state = |state: &str| {
        let xml = format!(
            "<?xml version=\"1.0\"?><nmaprun><host><ports><port protocol=\"tcp\" \
             portid=\"5901\">{state}<service name=\"vnc-1\"/></port>\n<port protocol=\"tcp\" \
             portid=\"8443\"><state state=\"open\" reason=\"syn-ack\" \
             reason_ttl=\"62\"/></port></ports></host></nmaprun>"
        );
        peer("nmap -sS").statement(&[output(0, &xml, "")], &errand(5901, SessionKind::Tcp))
    };
    let cases = [
        (
            r#"<state state="open" reason="syn-ack" reason_ttl="62"/>"#,
            Claim::Open,
        ),
        (
            r#"<state state="open" reason="syn-ack" reason_ttl="64"/>"#,
            Claim::OpenElsewhere,
        ),
        (
            r#"<state state="closed" reason="reset" reason_ttl="62"/>"#,
            Claim::Refused,
        ),
        (
            r#"<state state="closed" reason="reset" reason_ttl="64"/>"#,
            Claim::RefusedElsewhere,
        ),
        (
            r#"<state state="closed" reason="conn-refused" reason_ttl="0"/>"#,
            Claim::Refused,
        ),
        (
            r#"<state state="filtered" reason="no-response" reason_ttl="0"/>"#,
            Claim::NoAnswer,
        ),
        (
            r#"<state state="filtered" reason="host-unreach" reason_ttl="0"/>"#,
            Claim::FilteredUnreachable,
        ),
    ];
    for (xml, said) in cases {
        assert_eq!(state(xml).said, said, "{xml}");
    }
    let prohibited = state(
        r#"<state state="filtered" reason="admin-prohibited" reason_ttl="64" reason_ip="10.73.1.1"/>"#,
    );
    assert_eq!(prohibited.said, Claim::Prohibited);
    assert_eq!(prohibited.at, Some("10.73.1.1".parse().unwrap()));
    let by_target = r#"<state state="filtered" reason="admin-prohibited" reason_ttl="62"/>"#;
    assert_eq!(state(by_target).at, Some(CLOUD.parse().unwrap()));
    let by_errno = r#"<state state="filtered" reason="admin-prohibited" reason_ttl="0"/>"#;
    assert_eq!(state(by_errno), Claim::Prohibited.anywhere());
    let told = "setup_target: failed to determine route to 10.73.3.2\n";
    let no_route = output(0, "<nmaprun></nmaprun>", told);
    assert_eq!(said("nmap -sS", &[no_route]), Claim::NoRoute);
    let own = "sendto in send_ip_packet_sd: sendto(4, packet, 44, 0, 10.73.3.2, 16) => Operation \
               not permitted\n";
    assert_eq!(said("nmap -sS", &[output(0, "", own)]), Claim::NotPermitted);
    assert_eq!(said("nmap -sT", &[output(1, "<nmap", "")]), Claim::Unclear);
}

#[test]
fn nping_is_read_by_its_arrow_and_its_sum() {
    let done = |lines: &str, good: u8| {
        let text = format!(
            "{lines}\nTCP connection attempts: 3 | Successful connections: {good} | Failed: 0 \
             (0.00%)\n"
        );
        said("nping", &[output(0, &text, "")])
    };
    assert_eq!(
        done("RCVD (0.0019s) Handshake with 10.73.3.2:5901 completed", 3),
        Claim::Open
    );
    assert_eq!(
        done("SENT (0.0015s) Starting TCP Handshake > 10.73.3.2:5901", 0),
        Claim::NoAnswer
    );
    let rst = "RCVD (0.0017s) Possible TCP RST received from 10.73.3.2:7998 --> ";
    for (error, said) in [
        ("Connection refused", Claim::Refused),
        ("No route to host", Claim::NoRoute),
        ("Network is unreachable", Claim::NoRoute),
        ("Permission denied", Claim::NotPermitted),
        ("Invalid argument", Claim::Unclear),
    ] {
        assert_eq!(done(&format!("{rst}{error}"), 0), said, "{error}");
    }
    assert_eq!(
        said("nping", &[output(1, "", "nping: not found")]),
        Claim::Unclear
    );
}

#[test]
fn ncat_is_read_by_its_exit_code_and_text() {
    let cases = [
        (0, "Ncat: Connected to 10.73.3.2:5901.", Claim::Open),
        (1, "Ncat: TIMEOUT.", Claim::NoAnswer),
        (1, "Ncat: Connection refused.", Claim::Refused),
        (1, "Ncat: No route to host.", Claim::NoRoute),
        (1, "Ncat: Permission denied.", Claim::NotPermitted),
        (1, "Ncat: Invalid argument.", Claim::Unclear),
    ];
    for (code, text, expected) in cases {
        let text = format!("Ncat: Version 7.93 ( https://nmap.org/ncat )\n{text}\n");
        assert_eq!(said("ncat", &[output(code, "", &text)]), expected, "{text}");
    }
}

#[test]
fn curl_is_read_by_its_codes() {
    let written = |exit: u32, status: u32, connects: u32, why: &str| {
        let json = format!(
            r#"{{"errormsg":"{why}","exitcode":{exit},"http_code":{status},"num_connects":{connects},"time_connect":0.0}}"#
        );
        output(
            0,
            &json,
            "* connect to 10.73.3.2 port 7998 failed: Connection refused\n",
        )
    };
    let cases = [
        (0, 404, 1, "", Claim::Served),
        (0, 302, 1, "", Claim::OtherAnswer),
        (
            1,
            0,
            1,
            "Received HTTP/0.9 when not allowed",
            Claim::OtherAnswer,
        ),
        (7, 0, 0, "Failed to connect", Claim::Refused),
        (
            28,
            0,
            0,
            "Connection timed out after 8000 milliseconds",
            Claim::NoAnswer,
        ),
        (
            28,
            0,
            1,
            "Connection timed out after 8000 milliseconds",
            Claim::Stalls,
        ),
        (
            35,
            0,
            1,
            "Recv failure: Connection reset by peer",
            Claim::Ends,
        ),
        (
            35,
            0,
            1,
            "error:0A00010B:SSL routines::wrong version number",
            Claim::OtherAnswer,
        ),
        (52, 0, 1, "Empty reply from server", Claim::Ends),
        (60, 0, 1, "SSL certificate problem", Claim::OtherCertificate),
    ];
    for (exit, status, connects, why, expected) in cases {
        let output = written(exit, status, connects, why);
        assert_eq!(said("curl", &[output]), expected, "{exit} {why}");
    }
    assert_eq!(
        said("curl", &[output(2, "", "curl: option unknown")]),
        Claim::Unclear
    );
}

#[test]
fn an_exchange_in_another_shape_says_so() {
    let served = r#"{"errormsg":null,"exitcode":0,"http_code":404,"num_connects":1}"#;
    let of = |kind| {
        let outputs = [output(0, served, "")];
        peer("curl").statement(&outputs, &errand(443, kind)).said
    };
    assert_eq!(of(SessionKind::Https), Claim::Served);
    assert_eq!(of(SessionKind::Nettcp), Claim::ServedOtherwise);
}

#[test]
fn blackbox_is_read_by_its_metrics_and_log() {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    const THEN: &str = "2026-11-22T18:34:54.469271993Z";
    let probed = |status: u32, error: &str, tls: &str| {
        let text = format!(
            "ts=2026 caller=handler.go:117 level=error msg=\"Error for HTTP request\" \
             err=\"Get \\\"https://10.73.3.2:5901\\\": {error}\"\n\
             ts=2026 level=info msg=\"Response timings for roundtrip\" roundtrip=0 start={THEN} \
             gotConn={NEVER} tlsStart={tls} tlsDone={NEVER}\n\
             probe_http_status_code {status}\n"
        );
        said("blackbox_exporter", &[output(0, &text, "")])
    };
    assert_eq!(probed(404, "", THEN), Claim::Served);
    assert_eq!(probed(200, "", THEN), Claim::OtherAnswer);
    let cases = [
        ("context deadline exceeded", NEVER, Claim::NoAnswer),
        ("context deadline exceeded", THEN, Claim::Stalls),
        (
            "dial tcp 10.73.3.2:5901: connect: connection refused",
            NEVER,
            Claim::Refused,
        ),
        (
            "dial tcp 10.73.3.2:5901: connect: no route to host",
            NEVER,
            Claim::NoRoute,
        ),
        (
            "dial tcp 10.73.3.2:5901: i/o timeout",
            NEVER,
            Claim::NoAnswer,
        ),
        (
            "read tcp 10.73.1.2:34420->10.73.3.2:443: read: connection reset by peer",
            THEN,
            Claim::Ends,
        ),
        ("EOF", THEN, Claim::Ends),
        (
            "x509: certificate signed by unknown authority",
            THEN,
            Claim::OtherCertificate,
        ),
        (
            "tls: first record does not look like a TLS handshake",
            THEN,
            Claim::OtherAnswer,
        ),
    ];
    for (error, tls, expected) in cases {
        assert_eq!(probed(0, error, tls), expected, "{error}");
    }
    assert_eq!(
        said("blackbox_exporter", &[output(7, "", "")]),
        Claim::Unclear
    );
}

#[test]
fn tcptraceroute_is_compared_with_a_port_that_works() {
    const WORKING: &str =
        " 1  10.73.1.1  0.084 ms\n 2  10.73.2.2  0.081 ms\n 3  10.73.3.2 [open]  0.092 ms\n";
    let traced = |text: &str| {
        let outputs = [output(0, text, ""), output(0, WORKING, "")];
        let statement = peer("tcptraceroute").statement(&outputs, &errand(5901, SessionKind::Tcp));
        (statement.said, statement.at.map(|ip| ip.to_string()))
    };
    assert_eq!(traced(WORKING), (Claim::Open, None));
    assert_eq!(
        traced(" 1  10.73.3.2 [open]  0.092 ms  0.098 ms\n"),
        (Claim::OpenElsewhere, None)
    );
    assert_eq!(
        traced(" 1  10.73.1.1  0.1 ms\n 2  10.73.3.2 [closed]  0.092 ms\n"),
        (Claim::RefusedElsewhere, None)
    );
    assert_eq!(
        traced(" 1  10.73.1.1  0.098 ms\n 2  10.73.1.1  0.087 ms !A  0.078 ms !A\n"),
        (Claim::Prohibited, Some("10.73.1.1".to_owned()))
    );
    assert_eq!(
        traced(" 1  10.73.1.1  0.218 ms\n 2  * *\n 3  * *\nDestination not reached\n"),
        (Claim::NoAnswer, Some("10.73.1.1".to_owned()))
    );
    assert_eq!(
        traced(" 1  * *\n 2  * *\nDestination not reached\n"),
        (Claim::NoAnswer, None)
    );
    let no_route = [
        output(1, "", "connect: Network is unreachable\n"),
        Output::default(),
    ];
    assert_eq!(said("tcptraceroute", &no_route), Claim::NoRoute);
}

#[test]
fn commands_are_filled_in() {
    let curl = peer("curl").commands[0];
    let mut errand = errand(443, SessionKind::Nettcp);
    let words = errand.fill(curl, Path::new("/c.pem")).join(" ");
    assert!(
        words.ends_with("--cacert /c.pem -o /dev/null -w %{json} https://10.73.3.2:443/"),
        "{words}"
    );
    errand.address = "fd73:3::2".parse().unwrap();
    errand.kind = SessionKind::Http;
    let words = errand.fill(curl, Path::new("/c.pem")).join(" ");
    assert!(words.ends_with(" http://[fd73:3::2]:443/"), "{words}");
    let words = errand.fill(peer("ncat").commands[0], Path::new("/c.pem"));
    assert_eq!(
        words,
        ["ncat", "-6", "-z", "-v", "-w", "6", "fd73:3::2", "443"]
    );
    errand.address = CLOUD.parse().unwrap();
    let words = errand.fill(peer("ncat").commands[0], Path::new("/c.pem"));
    assert_eq!(words, ["ncat", "-z", "-v", "-w", "6", "10.73.3.2", "443"]);
}
