//! The output of `fwprobe check`: failed checks first, and the skipped ones in a few lines.
#![expect(clippy::unwrap_used, reason = "tests fail if they cannot")]

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use head_node::check::{CHECK_DOCUMENT, CheckDocument, CheckSummary};
use probe_report::{Look, check_table};

#[test]
fn failed_checks_come_first_and_skipped_ones_are_folded() {
    let not_asked = "no server was named; give --host";
    let text = table(vec![
        Check::new(CheckId::Sources, CheckStatus::Pass, "all were read"),
        Check::new(CheckId::DefaultRoute, CheckStatus::Skipped, not_asked),
        Check::new(CheckId::Clock, CheckStatus::Warn, "it is 9 s late"),
        Check::new(CheckId::NameResolution, CheckStatus::Skipped, not_asked),
        Check::new(CheckId::ServicePack, CheckStatus::Fail, "there is none").next("install SP1"),
        about_a_file(CheckId::CertificateFile, CheckStatus::Pass, "it was read"),
        about_a_file(
            CheckId::CertificateKey,
            CheckStatus::Skipped,
            "no password was given",
        ),
    ]);
    let expected = [
        "fwprobe: checks of the head node",
        "FAIL  service-pack",
        "      there is none",
        "      next: install SP1",
        "warn  clock",
        "      it is 9 s late",
        "pass  sources",
        "      all were read",
        "-     2 skipped",
        "      default-route, name-resolution",
        "      why: --host lets fwprobe make some of them; --format json has the reason of each",
        "",
        "management.pfx",
        "pass  certificate-file",
        "      it was read",
        "-     certificate-key",
        "      no password was given",
        "",
        "2 passed, 1 to look at, 1 failed, 3 skipped",
        "",
    ];
    assert_eq!(text, expected.join("\n"));
}

fn about_a_file(id: CheckId, status: CheckStatus, text: &str) -> Check {
    Check {
        about: Some("management.pfx".to_owned()),
        ..Check::new(id, status, text)
    }
}

/// Returns the table of `checks` on a terminal that is wide enough for each of their lines.
fn table(checks: Vec<Check>) -> String {
    let document = CheckDocument {
        document: CHECK_DOCUMENT.to_owned(),
        made: "2026-11-30T05:34:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        summary: CheckSummary::of(&checks),
        checks,
        profile: None,
        notes: Vec::new(),
    };
    let look = Look {
        width: 100,
        ..Look::PLAIN
    };
    check_table(&document, look).unwrap()
}
