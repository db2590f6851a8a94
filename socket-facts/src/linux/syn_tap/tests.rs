//! Tests which segments pass the filter, by running it as the kernel does, over segments of both families.

use super::*;

#[test]
fn syns_that_came_and_answers_that_leave_pass_by_the_ports_own_number() {
    let ports = [80, 443];
    for v6 in [false, true] {
        for (port, known) in [(80, true), (443, true), (81, false)] {
            let syn = packet(v6, 40_000, port, SYN);
            let answer = packet(v6, port, 40_000, SYN | ACK);
            assert_eq!(passes(&ports, HOST, &syn), known);
            assert_eq!(passes(&ports, OUTGOING, &answer), known);
            // These segments belong to connections that this host dials, or that pass through it.
            assert!(!passes(&ports, OUTGOING, &syn));
            assert!(!passes(&ports, HOST, &answer));
            assert!(!passes(&ports, OTHER_HOST, &syn));
        }
    }
}

#[test]
fn nothing_else_passes() {
    let ports = [443];
    for v6 in [false, true] {
        for flags in [0, ACK, 0x04, 0x11, 0x18] {
            let segment = packet(v6, 40_000, 443, flags);
            assert!(!passes(&ports, HOST, &segment), "{flags}");
        }
        let syn = packet(v6, 40_000, 443, SYN);
        for length in 0..syn.bytes.len() - 6 {
            let cut = Packet {
                bytes: syn.bytes[..length].to_vec(),
                ..syn
            };
            assert!(!passes(&ports, HOST, &cut), "{length}");
        }
        assert!(!passes(&[], HOST, &syn));
        assert!(!passes(
            &ports,
            HOST,
            &Packet {
                protocol: 0x0806,
                ..syn.clone()
            }
        ));
        let mut udp = syn.clone();
        udp.bytes[if v6 { 6 } else { 9 }] = 17;
        assert!(!passes(&ports, HOST, &udp));
    }
    let mut fragment = packet(false, 40_000, 443, SYN);
    fragment.bytes[7] = 1;
    assert!(!passes(&ports, HOST, &fragment));
}

#[test]
fn ipv4_options_are_stepped_over() {
    let mut syn = packet(false, 40_000, 443, SYN);
    syn.bytes[0] = 0x46;
    syn.bytes.splice(20..20, [1; 4]);
    assert!(passes(&[443], HOST, &syn));
}

#[test]
fn as_many_ports_as_are_promised_fit() {
    let ports: Vec<u16> = (1..=1024).collect();
    assert_eq!(ports.len(), SYN_TAP_PORTS_MAX);
    let most = usize::try_from(libc::BPF_MAXINSNS).unwrap();
    assert!(program(&ports).len() <= most);
    assert!(passes(&ports, HOST, &packet(true, 1, 1024, SYN)));
}

#[derive(Clone)]
struct Packet {
    protocol: u32,
    bytes: Vec<u8>,
}

fn packet(v6: bool, from: u16, to: u16, flags: u8) -> Packet {
    let mut bytes = vec![0; if v6 { 40 } else { 20 }];
    if v6 {
        bytes[0] = 0x60;
        bytes[6] = 6;
    } else {
        bytes[0] = 0x45;
        bytes[9] = 6;
    }
    bytes.extend(from.to_be_bytes());
    bytes.extend(to.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend([5 << 4, flags, 0, 0, 0, 0, 0, 0]);
    Packet {
        protocol: if v6 { 0x86dd } else { 0x0800 },
        bytes,
    }
}

/// Runs the filter as the kernel documentation, networking/filter, defines the instructions.
fn passes(ports: &[u16], packet_type: u32, packet: &Packet) -> bool {
    let program = program(ports);
    let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
    loop {
        let (code, if_true, if_false, k) = program[at];
        at += 1;
        let size = if code & 0x18 == libc::BPF_H { 2 } else { 1 };
        let read = |from: u32| {
            let from = usize::try_from(from).unwrap();
            let bytes = packet.bytes.get(from..from + size)?;
            Some(
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
            )
        };
        let loaded = match code & 0xe7 {
            0x20 if k == EXTENSION => Some(packet.protocol),
            0x20 if k == PACKET_TYPE => Some(packet_type),
            0x20 => read(k),
            0x40 => read(x + k),
            0xa1 => read(k).map(|byte| (byte & 15) * 4),
            _ => Some(0),
        };
        // A load beyond the packet's end ends the program.
        let Some(loaded) = loaded else {
            return false;
        };
        match (code & 7, code & 0xf0) {
            (0, _) => a = loaded,
            (1, 0xb0) => x = loaded,
            (1, _) => x = k,
            (4, _) => a &= k,
            (5, 0x00) => at += usize::try_from(k).unwrap(),
            (5, 0x10) => at += usize::from(if a == k { if_true } else { if_false }),
            (5, _) => at += usize::from(if a & k != 0 { if_true } else { if_false }),
            _ => return k > 0,
        }
    }
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const HOST: u32 = 0;
const OTHER_HOST: u32 = 3;
const OUTGOING: u32 = 4;
