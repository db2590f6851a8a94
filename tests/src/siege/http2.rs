//! HTTP/2 as far as attackers speak it (RFC 9113).

/// What a client's side begins with.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Flag of a frame: the stream brings no more.
pub const END_STREAM: u8 = 1;

/// The preface, and settings that forbid the server to shorten headers that it has sent before.
pub fn opening() -> Vec<u8> {
    let settings = frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
    [PREFACE, &settings[..]].concat()
}

/// The headers of a connection's call of this number, with this flag or none: they have no key, and are as short as
/// can be.
pub fn call(number: u32, flag: u8) -> Vec<u8> {
    // POST, https, "/", content-type: application/grpc, which is remembered (RFC 7541).
    let headers: &[u8] = match number {
        0 => b"\x83\x87\x84\x5f\x10application/grpc",
        _ => b"\x83\x87\x84\xbe",
    };
    frame(HEADERS, END_HEADERS | flag, stream(number), headers)
}

/// Of that call's message, so much: it announces that it has `announced` bytes.
pub fn message(number: u32, announced: u32, sent: usize) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(announced.to_be_bytes());
    message.resize(sent, 0xaa);
    frame(DATA, 0, stream(number), &message)
}

/// A frame's first bytes, whose headers have only begun.
pub fn half_a_call() -> Vec<u8> {
    let mut frame = frame(HEADERS, END_HEADERS, stream(0), &[0x83; 100]);
    frame.truncate(FRAME_HEADER + 1);
    frame
}

fn stream(number: u32) -> u32 {
    2 * number + 1
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_HEADERS: u8 = 4;
const FRAME_HEADER: usize = 9;
