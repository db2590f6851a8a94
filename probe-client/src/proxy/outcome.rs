//! The result of a dialogue with a proxy, as far as it concerns the user's credentials.

use probe_core::observation::Failure;
use probe_core::proxy::{ProxyDialogue, ProxyRefusal};

use super::credential_gate::{Leave, Turn};
use super::{Opening, ProxyWay};
use crate::proxy_authentication::{Identification, WITHHELD};

impl Opening<'_> {
    /// Reports to the run's other dialogues what this one shows about the credentials. Only a connection, or an answer
    /// about the path beyond the proxy, shows that they were accepted.
    pub(super) async fn tell_others(
        &mut self,
        dialogue: &ProxyDialogue,
        failure: Option<&Failure>,
    ) {
        let refusal = self.account.refusal.as_ref();
        let authentication = &mut self.account.authentication;
        let sent = !authentication.tried.is_empty();
        let wrong = match refusal {
            Some(ProxyRefusal::Status(http)) if http.asks_for_credentials() => {
                let identification = self.identification.as_ref();
                identification.is_some_and(Identification::is_refused)
            }
            Some(refusal) => sent && refusal.is_about_who_asks(),
            None => false,
        };
        let accepted = dialogue.let_in()
            || failure.is_none()
            || sent && refusal.is_some_and(ProxyRefusal::is_about_the_way_on);
        match (self.leave.take(), failure) {
            (Some(Leave::First(first)), _) if wrong => {
                let trouble = authentication.trouble.take();
                let answered = refusal.filter(|refusal| !asks(refusal));
                let answered = answered
                    .map(|refusal| format!("the proxy answered them with \"{}\"", refusal.brief()));
                let all = trouble
                    .into_iter()
                    .chain(answered)
                    .chain([SENT_ONCE.to_owned()]);
                authentication.trouble = Some(all.collect::<Vec<_>>().join("; "));
                first.not_taken(authentication);
            }
            (Some(Leave::Given), _) if wrong => {
                self.way.gate.not_taken(authentication).await;
            }
            (Some(Leave::First(first)), _) if accepted => first.taken(),
            (Some(Leave::First(first)), Some(failure)) if sent => {
                first.undecided(failure, refusal.map(ProxyRefusal::brief));
            }
            (Some(Leave::Denied(told)), _) => *authentication = told,
            (Some(Leave::Unsettled(why)), _) => authentication.trouble = Some(why),
            (Some(Leave::First(_) | Leave::Given | Leave::Unanswered(_)) | None, _) => {}
        }
    }

    /// Records whether the proxy would accept only a password in clear, and whether it closed a connection before the
    /// authentication was complete.
    pub(super) fn record_hindrances(&mut self) {
        let by_basic = self
            .identification
            .as_ref()
            .is_some_and(Identification::withholds);
        let by_socks = self.way.guarded && self.account.refusal == Some(ProxyRefusal::SocksMethods);
        let authentication = &mut self.account.authentication;
        authentication.withheld = by_basic || by_socks;
        authentication.cut_off = self
            .identification
            .as_ref()
            .is_some_and(Identification::is_cut_off);
        if by_socks {
            authentication.trouble = Some(WITHHELD.to_owned());
        }
    }
}

/// Returns whether the credentials may be sent. Until it is known whether the proxy accepts them, only one dialogue at
/// a time may send them.
pub(super) async fn may_send<'a>(
    leave: &mut Option<Leave<'a>>,
    way: &'a ProxyWay,
    turn: &Turn<'a>,
) -> Result<bool, Failure> {
    let leave = match leave {
        Some(leave) => leave,
        None => leave.insert(way.gate.leave(turn).await),
    };
    match leave {
        Leave::First(_) | Leave::Given => Ok(true),
        Leave::Denied(_) | Leave::Unsettled(_) => Ok(false),
        Leave::Unanswered(failure) => Err(failure.clone()),
    }
}

/// Returns whether the answer asks for credentials, whether or not some were sent.
fn asks(refusal: &ProxyRefusal) -> bool {
    match refusal {
        ProxyRefusal::Status(http) => http.asks_for_credentials(),
        ProxyRefusal::SocksCredentials => true,
        ProxyRefusal::SocksReply { .. }
        | ProxyRefusal::SocksMethods
        | ProxyRefusal::Foreign { .. }
        | ProxyRefusal::HeadTooLong { .. } => false,
    }
}

const SENT_ONCE: &str =
    "sent once for the whole run, since accounts are locked after a few wrong passwords";
