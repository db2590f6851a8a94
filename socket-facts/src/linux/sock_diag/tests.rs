//! Tests the parser with recorded answers of a kernel.

use super::*;

const PORT: u16 = 5901;

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap();
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn connection_message(state: u8, local: &str, peer: &str) -> Vec<u8> {
    let (local, peer): (SocketAddr, SocketAddr) = (local.parse().unwrap(), peer.parse().unwrap());
    let mut body = [0; DIAG_MESSAGE];
    body[0] = if local.is_ipv4() { 2 } else { 10 };
    body[1] = state;
    for (endpoint, port_at, address_at) in [(local, 4, 8), (peer, 6, 24)] {
        body[port_at..port_at + 2].copy_from_slice(&endpoint.port().to_be_bytes());
        match endpoint.ip() {
            IpAddr::V4(ip) => body[address_at..address_at + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => body[address_at..address_at + 16].copy_from_slice(&ip.octets()),
        }
    }
    message(SOCK_DIAG_BY_FAMILY, 2, &body)
}

fn done() -> Vec<u8> {
    message(MESSAGE_DONE, 2, &0_i32.to_ne_bytes())
}

fn half_open_pair(local: &str, peer: &str) -> HalfOpen {
    HalfOpen {
        local: local.parse().unwrap(),
        peer: peer.parse().unwrap(),
    }
}

#[test]
fn reads_connections_of_both_families() {
    let datagram = [
        connection_message(3, "10.10.3.2:5901", "10.10.1.2:34828"),
        connection_message(3, "[2001:db8::1]:5901", "[2001:db8::2]:40000"),
        connection_message(3, "[::ffff:10.10.3.2]:5901", "[::ffff:10.10.1.2]:34829"),
        done(),
    ]
    .concat();
    assert_eq!(
        parse(&datagram, &[PORT]).unwrap(),
        Part {
            connections: vec![
                half_open_pair("10.10.3.2:5901", "10.10.1.2:34828"),
                half_open_pair("[2001:db8::1]:5901", "[2001:db8::2]:40000"),
                half_open_pair("10.10.3.2:5901", "10.10.1.2:34829"),
            ],
            interrupted: false,
            end: true,
        }
    );
}

/// The datagram is as Linux 6.18 sent it, with an attribute (`INET_DIAG_SHUTDOWN`) after the fixed struct.
#[test]
fn reads_what_linux_sent() {
    let datagram = hex("600000001400020001000000b2210000\
         02030100b327ec7e7f0000010000000000000000000000007f000001000000000000000000000000\
         000000000100000000000000740300000000000000000000000000000000000008000f0000000000");
    let part = parse(&datagram, &[45863]).unwrap();
    assert_eq!(
        part.connections,
        [half_open_pair("127.0.0.1:45863", "127.0.0.1:60542")]
    );
    assert!(!part.end);
}

#[test]
fn other_states_and_ports_are_passed_over() {
    let datagram = [
        connection_message(1, "10.10.3.2:5901", "10.10.1.2:34828"),
        connection_message(3, "10.10.3.2:5902", "10.10.1.2:34828"),
    ]
    .concat();
    assert_eq!(parse(&datagram, &[PORT]).unwrap().connections, []);
}

#[test]
fn each_port_has_its_own_list_and_is_full_on_its_own() {
    let on = |port: u16, peer: u16| {
        half_open_pair(&format!("10.0.0.1:{port}"), &format!("10.0.0.2:{peer}"))
    };
    let flood = (0..=HALF_OPEN_MAX).map(|peer| on(80, u16::try_from(peer).unwrap()));
    let all: Vec<_> = flood.chain([on(443, 1), on(22, 1)]).collect();
    let empty = HalfOpenView {
        connections: Vec::new(),
        complete: true,
    };
    let mut views = vec![empty; 2];
    sort(all, &[80, 443], &mut views);
    assert_eq!(views[0].connections.len(), HALF_OPEN_MAX);
    assert!(!views[0].complete);
    assert_eq!(views[1].connections, [on(443, 1)]);
    assert!(views[1].complete);
}

#[test]
fn an_interrupted_dump_says_so() {
    let datagram = message(
        MESSAGE_DONE,
        2 | FLAG_DUMP_INTERRUPTED,
        &0_i32.to_ne_bytes(),
    );
    assert!(parse(&datagram, &[PORT]).unwrap().interrupted);
}

#[test]
fn a_refusal_keeps_its_errno() {
    for kind in [MESSAGE_DONE, MESSAGE_ERROR] {
        let datagram = message(kind, 0, &(-libc::ENOENT).to_ne_bytes());
        let error = parse(&datagram, &[PORT]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }
}

#[test]
fn no_beginning_of_an_answer_is_taken_for_a_whole_one() {
    let one = connection_message(3, "10.10.3.2:5901", "10.10.1.2:34828");
    for length in 1..one.len() {
        let error = parse(&one[..length], &[PORT]).unwrap_err();
        assert_eq!(error.kind(), MALFORMED, "{length} bytes");
    }
}

#[test]
fn a_length_below_the_header_is_malformed() {
    for length in 0..16_u32 {
        let mut datagram = done();
        datagram[..4].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(parse(&datagram, &[PORT]).unwrap_err().kind(), MALFORMED);
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
