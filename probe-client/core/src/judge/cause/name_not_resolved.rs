//! `name-not-resolved`, or `inconclusive` if the resolver itself failed: then no answer said that the name has no
//! address.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::observation::{Failure, FailureKind};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Unresolved(failure) = evidence.ending() else {
        return None;
    };
    let host = &evidence.probe.host;
    let mut verdict = if failure.kind == FailureKind::ResolverFailed {
        resolver_failed(host, failure)
    } else {
        not_found(host)
    };
    verdict.evidence.extend(evidence.seen());
    Some(verdict)
}

fn not_found(host: &str) -> Verdict {
    Verdict::new(
        VerdictId::NameNotResolved,
        Segment::ThisHost,
        Confidence::High,
        format!("this host's resolver gives no address for {host}; nothing was sent"),
    )
    .next(format!(
        "check the spelling of {host} with the person who gave out the connection string; if it is \
         right, ask the DNS team that runs this host's name servers to resolve it there (compare \
         `nslookup {host}` here and on a host where it works: an internal zone may lack what \
         public DNS has); to test the ports meanwhile, give the server's address with --host"
    ))
}

fn resolver_failed(host: &str, failure: &Failure) -> Verdict {
    let why = failure.text.as_deref().unwrap_or("no reason given");
    Verdict::new(
        VerdictId::Inconclusive,
        Segment::ThisHost,
        Confidence::High,
        format!(
            "this host's resolver failed, so whether {host} has an address is not known ({why}); \
             nothing was sent to the server"
        ),
    )
    .next(resolver_step(host))
}

/// Returns the things to check if no name server gives a usable answer for `host`.
pub(super) fn resolver_step(host: &str) -> String {
    format!(
        "check which name servers this host uses (`resolvectl status` or /etc/resolv.conf; on \
         Windows `ipconfig /all`) and whether they answer `nslookup {host}`; if not, ask the DNS \
         and network teams whether they are up and whether UDP and TCP port 53 pass from this host \
         to them, answers included; then run again, or give an address in the place of the name \
         meanwhile (--host for the server)"
    )
}
