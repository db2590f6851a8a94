//! Authenticates, checks and records a greeting, in the same way for every envelope.

use std::time::Duration;

use proto::DIALOGUE_VERSION;
use proto::first_bytes::MAGIC;
use proto::frame::{Frame, FrameType};
use proto::key::{KeyId, Nonce, Secret};
use proto::transcript::Transcript;
use proto::wire::Refusal;
use proto::wire::refusal::Reason;

use super::link::{Link, Stop};
use super::{End, Env, Greeter, RunId, SessionId};
use crate::admission::Decision;

/// An authenticated greeting. It may still be a replay.
pub(super) struct OpenedGreeting<'e> {
    pub(super) secret: &'e Secret,
    pub(super) key: KeyId,
    pub(super) session: SessionId,
    /// The version of the dialogue that the client speaks.
    pub(super) version: u32,
    pub(super) client_nonce: Nonce,
    /// The length of the greeting's frame. The answer is at most as long.
    pub(super) frame_bytes: usize,
    /// The greeting's statement about the earlier rounds; only in the second and later requests of the HTTP envelope.
    pub(super) earlier: Option<EarlierRound>,
}

/// The part of a later round's greeting that refers to the earlier rounds.
pub(super) struct EarlierRound {
    pub(super) server_nonce: Nonce,
    pub(super) chain: Vec<u8>,
}

impl<'e> OpenedGreeting<'e> {
    /// Opens the greeting in `frame` and records its key, run and session in `link`.
    pub(super) fn open(
        env: &Env<'e>,
        link: &mut Link,
        frame: &Frame<'_>,
        transcript: &mut Transcript,
    ) -> Result<Self, Stop> {
        if frame.frame_type() != FrameType::Greeting {
            return Err(link.stop(End::NotAuthenticated));
        }
        link.outbox.credit(MAGIC.len() + frame.wire_len());
        let keyring = env.keyring;
        let (greeting, key) = keyring
            .open_greeting(frame, transcript)
            .map_err(|_| link.stop(End::NotAuthenticated))?;
        let (Ok(client_nonce), Ok(session), Ok(run)) = (
            greeting.nonce.try_into(),
            greeting.session_id.try_into(),
            greeting.run_id.try_into(),
        ) else {
            return Err(link.stop(End::NotAuthenticated));
        };
        let greeter = Greeter {
            key: key.id.clone(),
            run: RunId(run),
            session: SessionId(session),
        };
        link.greeted(
            env.now,
            greeter,
            Duration::from_secs(greeting.hold_seconds.into()),
        );
        Ok(Self {
            secret: &key.secret,
            key: key.id.clone(),
            session: SessionId(session),
            version: greeting.version,
            client_nonce,
            frame_bytes: frame.wire_len(),
            earlier: greeting
                .server_nonce
                .try_into()
                .ok()
                .map(|server_nonce| EarlierRound {
                    server_nonce,
                    chain: greeting.chain,
                }),
        })
    }
}

/// Returns the refusal that `key` gets instead of a testimony; `None` if the session may start. A client is refused if
/// it speaks a different `version` of the dialogue, or if the server has no room or is shutting down.
pub(super) fn refusal(
    env: &Env<'_>,
    link: &mut Link,
    key: &KeyId,
    version: u32,
    client_nonce: &Nonce,
) -> Option<Refusal> {
    let tell = |reason: Reason| Refusal {
        reason: reason.into(),
        instance: env.instance.to_owned(),
        client_nonce: client_nonce.to_vec(),
        version: DIALOGUE_VERSION,
    };
    if version != DIALOGUE_VERSION {
        link.refusal = Some("other-version");
        return Some(tell(Reason::OtherVersion));
    }
    let decision = link.permit.decide(env.now, key, link.clock.is_held());
    link.refusal = decision.refusal();
    let reason = match decision {
        Decision::Admit => return None,
        Decision::Overloaded(_) => Reason::Overloaded,
        Decision::Draining => Reason::Draining,
    };
    Some(tell(reason))
}
