//! Reads curl's JSON and exit code, and the text of the system's error if curl has no exit code for that error.

use serde::Deserialize;

use super::super::statement::{Claim, Statement};
use super::{Errand, Output, answered};

/// The fields that are read from the output of `-w '%{json}'`.
#[derive(Debug, Deserialize)]
struct Written {
    exitcode: u32,
    http_code: u64,
    num_connects: u32,
    errormsg: Option<String>,
}

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let [output] = outputs else {
        return Claim::Unclear.anywhere();
    };
    let Ok(written) = serde_json::from_str::<Written>(&output.stdout) else {
        return Claim::Unclear.anywhere();
    };
    let why = written.errormsg.unwrap_or_default();
    let broken = ["reset", "SYSCALL", "unexpected eof", "Broken pipe"];
    // Exit codes as in curl(1).
    let said = match written.exitcode {
        _ if written.http_code > 0 => answered(written.http_code),
        1 | 8 => Claim::OtherAnswer,
        7 => Claim::of_system_error(&output.stderr),
        28 if written.num_connects == 0 => Claim::NoAnswer,
        28 => Claim::Stalls,
        35 if !broken.iter().any(|words| why.contains(words)) => Claim::OtherAnswer,
        35 | 52 | 56 => Claim::Ends,
        51 | 60 => Claim::OtherCertificate,
        _ => Claim::Unclear,
    };
    said.anywhere()
}
