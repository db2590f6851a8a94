//! Reads curl's JSON and exit code, and the text of the system's error if curl has no exit code for that error.

use serde::Deserialize;

use super::super::said::{Said, Statement};
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
        return Said::Unclear.anywhere();
    };
    let Ok(written) = serde_json::from_str::<Written>(&output.stdout) else {
        return Said::Unclear.anywhere();
    };
    let why = written.errormsg.unwrap_or_default();
    let broken = ["reset", "SYSCALL", "unexpected eof", "Broken pipe"];
    // Exit codes as in curl(1).
    let said = match written.exitcode {
        _ if written.http_code > 0 => answered(written.http_code),
        1 | 8 => Said::OtherAnswer,
        7 => Said::of_system_error(&output.stderr),
        28 if written.num_connects == 0 => Said::NoAnswer,
        28 => Said::Stalls,
        35 if !broken.iter().any(|words| why.contains(words)) => Said::OtherAnswer,
        35 | 52 | 56 => Said::Ends,
        51 | 60 => Said::OtherCertificate,
        _ => Said::Unclear,
    };
    said.anywhere()
}
