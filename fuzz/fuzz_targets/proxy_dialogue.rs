//! Whatever bytes a proxy sends, in whatever pieces, the dialogue ends, stores little, and sends nothing after its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::path::ProxyScheme;
use probe_core::proxy::{
    Authorization, Challenge, ProxyCredentials, ProxyDialogue, ProxyStep, ProxyTarget, Unanswered,
};

/// Answers every challenge.
fn eager(challenges: &[Challenge]) -> Result<Authorization, Unanswered> {
    assert!(challenges.len() <= 16);
    let challenge = challenges.first().ok_or(None)?;
    Ok(Authorization {
        method: Some(challenge.scheme.clone()),
        value: format!("{} {}", challenge.scheme, challenge.parameters),
        fresh: challenge.scheme.len() % 2 == 0,
    })
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
    let mut dialogue = ProxyDialogue::new(scheme, &target, Some(&credentials));
    let mut connections = 1;
    for piece in rest.chunks(usize::from(*piece).max(1)) {
        assert!(dialogue.transmit().len() <= 16 * 1024);
        let mut step = dialogue.receive(piece);
        if let ProxyStep::Challenged(challenged) = step {
            step = dialogue.answer(eager(&challenged.challenges));
        } else if step == ProxyStep::AskForLeave {
            step = dialogue.leave(true);
        }
        match step {
            ProxyStep::Io => {}
            ProxyStep::Challenged(_) | ProxyStep::AskForLeave => panic!("an answer is no question"),
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
