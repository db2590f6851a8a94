//! `certificate-file`: the file can be read.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use crate::{CertificateContents, CertificateFile};

pub(super) fn ask(file: &CertificateFile) -> Check {
    let id = CheckId::CertificateFile;
    let check = match &file.contents {
        CertificateContents::Unreadable(why) => Check::new(id, CheckStatus::Fail, why.clone()),
        CertificateContents::Read(bundle) => {
            let more = match bundle.others.len() {
                0 => String::new(),
                1 => " and one other certificate".to_owned(),
                n => format!(" and {n} other certificates"),
            };
            let text = format!("{} with {}{more}", bundle.form, bundle.leaf.subject);
            Check::new(id, CheckStatus::Pass, text)
        }
    };
    Check {
        about: Some(file.file.clone()),
        ..check
    }
}

pub(super) fn none_given() -> Check {
    Check::new(
        CheckId::CertificateFile,
        CheckStatus::Skipped,
        "--certificate FILE names the management certificate (.pfx, .cer, .pem or .p7b)",
    )
}
