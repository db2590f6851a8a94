//! A packet socket (packet(7)) with a classic BPF filter, which the kernel runs over every packet (kernel
//! documentation, networking/filter). Offsets count from the IP header on, as on every socket of type DGRAM.

use std::io;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::option;
use crate::SYN_TAP_PORTS_MAX;

/// One instruction: its code, the jumps if true and if false, and a constant.
type Instruction = (u32, u8, u8, u32);

pub(super) fn open() -> io::Result<Socket> {
    // The socket asks for all protocols, because a socket for one protocol does not see outgoing packets.
    let all = u16::try_from(libc::ETH_P_ALL)
        .expect("a 16-bit number")
        .to_be();
    let socket = Socket::new(
        Domain::PACKET,
        Type::DGRAM,
        Some(Protocol::from(i32::from(all))),
    )?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

pub(super) fn filter(socket: &Socket, ports: &[u16]) -> io::Result<()> {
    if ports.len() > SYN_TAP_PORTS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let program: Vec<SockFilter> = program(ports)
        .into_iter()
        .map(|(code, if_true, if_false, k)| {
            let code = u16::try_from(code).expect("codes have 16 bits");
            SockFilter::new(code, if_true, if_false, k)
        })
        .collect();
    socket.attach_filter(&program)
}

/// Returns the number of packets dropped since the last call; `struct tpacket_stats` contains packets and drops.
pub(super) fn lost(socket: &Socket) -> io::Result<u32> {
    let mut buffer = [0; 8];
    match option::read(
        socket,
        libc::SOL_PACKET,
        libc::PACKET_STATISTICS,
        &mut buffer,
    )? {
        [_, _, _, _, drops @ ..] => Ok(drops.first_chunk().map_or(0, |d| u32::from_ne_bytes(*d))),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns the filter. No jump is longer than a few instructions, for any number of ports.
fn program(ports: &[u16]) -> Vec<Instruction> {
    if ports.is_empty() {
        return vec![DROP];
    }
    let mut program = vec![
        // IPv6: without extension headers, TCP is at a fixed offset.
        load(HALF, EXTENSION + libc::SKF_AD_PROTOCOL.cast_unsigned()),
        equals(libc::ETH_P_IPV6.cast_unsigned(), 0, 4),
        load(BYTE, 6),
        equals(TCP, 0, 12),
        (libc::BPF_LDX | libc::BPF_W | libc::BPF_IMM, 0, 0, 40),
        jump(6),
        // IPv4: only the first fragment, or an unfragmented packet; TCP follows a header of variable length.
        equals(libc::ETH_P_IP.cast_unsigned(), 0, 9),
        load(BYTE, 9),
        equals(TCP, 0, 7),
        load(HALF, 6),
        (JUMP | libc::BPF_JSET, 5, 0, 0x1fff),
        (libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0),
        // SYN and ACK decide which direction the packet must have, and which of its ports counts.
        load_behind(BYTE, 13),
        (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0x12),
        equals(0x02, 2, 0),
        equals(0x12, 5, 0),
        DROP,
        load(BYTE, PACKET_TYPE),
        equals(u32::from(libc::PACKET_HOST), 0, 6),
        load_behind(HALF, 2),
        jump(5),
        load(BYTE, PACKET_TYPE),
        equals(u32::from(libc::PACKET_OUTGOING), 0, 2),
        load_behind(HALF, 0),
        jump(1),
        DROP,
    ];
    for port in ports {
        program.push(equals((*port).into(), 0, 1));
        program.push(PASS);
    }
    program.push(DROP);
    program
}

const fn load(size: u32, at: u32) -> Instruction {
    (libc::BPF_LD | size | libc::BPF_ABS, 0, 0, at)
}

/// Loads from an offset that counts from the TCP header on.
const fn load_behind(size: u32, at: u32) -> Instruction {
    (libc::BPF_LD | size | libc::BPF_IND, 0, 0, at)
}

const fn equals(value: u32, if_true: u8, if_false: u8) -> Instruction {
    (JUMP | libc::BPF_JEQ, if_true, if_false, value)
}

const fn jump(over: u32) -> Instruction {
    (libc::BPF_JMP | libc::BPF_JA, 0, 0, over)
}

const JUMP: u32 = libc::BPF_JMP | libc::BPF_K;
const BYTE: u32 = libc::BPF_B;
const HALF: u32 = libc::BPF_H;
const TCP: u32 = libc::IPPROTO_TCP.cast_unsigned();
/// The base of offsets at which the kernel's own data about the packet are loaded.
const EXTENSION: u32 = libc::SKF_AD_OFF.cast_unsigned();
const PACKET_TYPE: u32 = EXTENSION + libc::SKF_AD_PKTTYPE.cast_unsigned();
const DROP: Instruction = (libc::BPF_RET | libc::BPF_K, 0, 0, 0);
/// Passes more bytes than the longest headers have.
const PASS: Instruction = (libc::BPF_RET | libc::BPF_K, 0, 0, 256);

#[cfg(test)]
mod tests;
