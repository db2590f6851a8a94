//! Whatever a proxy says, in whatever pieces, the dialogue comes to an end, keeps little, and says
//! nothing more once it is over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::path::ProxyScheme;
use probe_core::proxy::{
    Authenticator, Challenge, ProxyCredentials, ProxyDialogue, ProxyStep, ProxyTarget,
};

/// Has an answer to everything.
#[derive(Debug)]
struct Eager;

impl Authenticator for Eager {
    fn answer(&mut self, challenges: &[Challenge], _: &str) -> Result<String, Option<String>> {
        assert!(challenges.len() <= 16);
        match challenges.first() {
            Some(challenge) => Ok(format!("{} {}", challenge.scheme, challenge.parameters)),
            None => Err(None),
        }
    }

    fn reconnected(&mut self) {}
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, piece, rest @ ..] = bytes else {
        return;
    };
    let scheme = ProxyScheme::ALL[usize::from(*choice % 4)];
    let credentials = ProxyCredentials {
        user: "user".to_owned(),
        password: "password".to_owned(),
    };
    let target = ProxyTarget {
        host: "echo.example".to_owned(),
        port: 443,
    };
    let mut dialogue =
        ProxyDialogue::new(scheme, &target, Some(&credentials), Some(Box::new(Eager)));
    let mut connections = 1;
    for piece in rest.chunks(usize::from(*piece).max(1)) {
        assert!(dialogue.transmit().len() <= 16 * 1024);
        match dialogue.receive(piece) {
            ProxyStep::Io => {}
            ProxyStep::Reconnect => {
                connections += 1;
                assert!(connections <= 8);
                dialogue.reconnected();
            }
            ProxyStep::Connected { unread } => {
                assert!(rest.ends_with(&unread) || unread.len() <= rest.len());
                return;
            }
            ProxyStep::Refused(_) => {
                return;
            }
        }
    }
    let _ = dialogue.closed();
    assert!(dialogue.authentication().offered.len() <= 16);
});
