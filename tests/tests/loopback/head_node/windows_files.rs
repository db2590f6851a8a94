//! Certificate files in the forms that Windows, its tools and people who copy text make.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use anyhow::ensure;
use head_node::answer::CheckStatus;
use head_node::catalogue::CheckId;

use super::files::{Files, PASSWORD, answer, expect};

/// Reads every file that can be read. If Windows itself does not accept a form everywhere, the report names the form
/// and says how to convert the file.
pub(super) fn are_read_or_named() -> anyhow::Result<()> {
    let files = Files::make()?;
    let certificate = std::fs::read_to_string(files.path("cert.pem"))?;
    let headers = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,MIC-CLEAR\nContent-Domain: RFC822\n\n";
    let headed = certificate.replace("-----BEGIN CERTIFICATE-----\n", headers);
    files.cli.file("headers.pem", &headed)?;
    let list = std::fs::read_to_string(files.path("plain.p7b"))?;
    files
        .cli
        .file("encoded.p7b", &list.replace(" PKCS7-", " CERTIFICATE-"))?;
    for name in ["headers.pem", "encoded.p7b"] {
        let document = files.check(name, PASSWORD)?;
        for id in [CheckId::CertificateFile, CheckId::CertificateValidity] {
            expect(&document, name, id, CheckStatus::Pass)?;
        }
    }
    let key = "-----BEGIN DSA PRIVATE KEY-----\nMAA=\n-----END DSA PRIVATE KEY-----\n";
    files.cli.file("dsa.pem", &format!("{certificate}{key}"))?;
    let document = files.check("dsa.pem", PASSWORD)?;
    let id = CheckId::CertificatePrivateKey;
    expect(
        &document,
        "dsa.pem",
        CheckId::CertificateFile,
        CheckStatus::Pass,
    )?;
    expect(&document, "dsa.pem", id, CheckStatus::Fail)?;
    let text = &answer(&document, id)?.text;
    ensure!(text.contains("DSA key"), "{text}");
    for (of, name) in [("cert.der", "bare.cer"), ("modern.pfx", "bare.pfx")] {
        let encoded = BASE64_STANDARD.encode(std::fs::read(files.path(of))?);
        let lines: Vec<&str> = wrapped(&encoded).collect();
        files.cli.file(name, &lines.join("\r\n"))?;
        let document = files.check(name, PASSWORD)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Fail)?;
        let text = &answer(&document, CheckId::CertificateFile)?.text;
        ensure!(text.contains("in base64 without"), "{name}: {text}");
        ensure!(text.contains("certutil -decode"), "{name}: {text}");
    }
    Ok(())
}

/// Returns the lines of 64 characters that programs cut base64 into.
fn wrapped(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
}
