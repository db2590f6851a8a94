//! The part of HTTP/2 that attackers need (RFC 9113).

/// The first bytes of a client.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The frame flag that ends the client's side of a stream.
pub const END_STREAM: u8 = 1;

/// Returns the preface and settings with a header table of size 0, so that the server cannot compress headers that it
/// has sent before.
pub fn opening() -> Vec<u8> {
    let settings = frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
    [PREFACE, &settings[..]].concat()
}

/// Returns the headers of call `number` of a connection, with `flag` (0 for none). They contain no key, and are as
/// short as possible.
pub fn call(number: u32, flag: u8) -> Vec<u8> {
    // POST, https, "/", content-type: application/grpc. The first call adds the content type to the header table (RFC
    // 7541).
    let headers: &[u8] = match number {
        0 => b"\x83\x87\x84\x5f\x10application/grpc",
        _ => b"\x83\x87\x84\xbe",
    };
    frame(HEADERS, END_HEADERS | flag, stream(number), headers)
}

/// Returns the first `sent` bytes of the message of call `number`, which announces `announced` bytes.
pub fn message(number: u32, announced: u32, sent: usize) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(announced.to_be_bytes());
    message.resize(sent, 0xaa);
    frame(DATA, 0, stream(number), &message)
}

/// Returns the beginning of a headers frame: the frame header and one byte of headers.
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
