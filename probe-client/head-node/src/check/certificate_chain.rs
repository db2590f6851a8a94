//! `certificate-chain`: the other certificates of the file.

use std::collections::BTreeMap;

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::Certificate;
use super::certificate_validity::day;

pub(super) fn ask(certificate: &Certificate<'_>, now: Timestamp) -> Check {
    let id = CheckId::CertificateChain;
    let bundle = certificate.bundle;
    let mut wrong = Vec::new();
    for other in &bundle.others {
        if now.as_second() > other.not_after {
            let when = day(other.not_after);
            wrong.push(format!("{} expired on {when}", other.subject));
        }
    }
    let mut by_subject: BTreeMap<&str, usize> = BTreeMap::new();
    for one in bundle.others.iter().chain([&bundle.leaf]) {
        *by_subject.entry(&one.subject).or_default() += 1;
    }
    let twice = by_subject.into_iter().filter(|(_, count)| *count > 1);
    wrong.extend(twice.map(|(subject, count)| format!("{subject} is there {count} times")));
    if !wrong.is_empty() {
        return Check::new(id, CheckStatus::Warn, wrong.join("; ")).next(
            "Export the certificate again with its present chain, and remove old ones from \
                   the stores.",
        );
    }
    let text = match bundle.others.len() {
        0 => "there is no other certificate in the file".to_owned(),
        1 => "the other certificate in the file has not expired".to_owned(),
        n => format!("none of the {n} other certificates in the file has expired"),
    };
    Check::new(id, CheckStatus::Pass, text)
}
