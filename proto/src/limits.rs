//! Sizes and times that both ends must agree on, each with its reason.

use std::time::Duration;

/// The stages of the exchange, in payload bytes each way. One byte shows that anything passes at all. 1 KiB fits one
/// segment on every link. 24 KiB exceeds the 16–20 KiB at which some inspecting devices freeze a flow. 64 KiB exceeds
/// the first windows and buffers of most proxies.
pub const DEFAULT_STAGES: [u32; 4] = [1, 1024, 24 * 1024, 64 * 1024];

/// The maximum number of stages. No profile needs more, and each costs a round trip in the HTTP envelope.
pub const MAX_STAGES: usize = 8;

/// The maximum payload of one stage and direction, in bytes. It limits what one greeting can make a server send.
pub const MAX_STAGE_BYTES: u32 = 1024 * 1024;

/// The length in bytes to which every greeting's frame is padded. It fits one segment at the IPv6 minimum MTU together
/// with the TLS record and an envelope header, and leaves the testimony room for a saved SYN and the head of a request.
pub const GREETING_FRAME_BYTES: usize = 1024;

/// The longest body of a greeting's frame, in bytes. Greetings of a later version may be longer than those of this
/// version, but never longer than one page.
pub const MAX_GREETING_BODY: usize = 4096;

/// The longest body of every other frame, in bytes. A receipt of eight stages is the longest in use.
pub const MAX_FRAME_BODY: usize = 2048;

/// The longest hold that a session may ask for (`Greeting.hold_seconds`): longer than the longest idle timeout that
/// Azure allows for inbound flows, 30 minutes.
pub const MAX_HOLD: Duration = Duration::from_secs(35 * 60);

/// The maximum length of a request's `path` text; a proxy's URL without credentials is far shorter.
pub const MAX_PATH_TEXT: usize = 255;

/// The prefix lengths whose digests a sighting keeps. A digest distinguishes a connection from others once it covers
/// something random: in TLS from byte 19 on, in a raw greeting from byte 103, in HTTP from byte 103 after the head, in
/// X.224 and MC-NMF inside the ClientHello that follows the preface.
pub const SIGHTING_PREFIXES: [usize; 4] = [64, 128, 256, 512];

/// The mark: the hop limit of every SYN that a client sends. No system starts at it, so a device that opens the
/// connection anew loses it, while a device that only translates addresses keeps it.
pub const HOP_LIMIT_MARK: u8 = 100;
