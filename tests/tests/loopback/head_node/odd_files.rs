//! Certificate files from other tools and older times, and keys that cannot be opened.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use head_node::answer::CheckStatus;
use head_node::catalogue::CheckId;

use super::files::{Files, PASSWORD, answer, expect};

/// Reads files completely despite the additions of Windows editors and shells, and with ciphers and hashes from before
/// 2010.
pub(super) fn are_read() -> anyhow::Result<()> {
    let files = Files::make()?;
    let pass = "pass:correct-horse-battery";
    for (name, options) in [
        ("des3.pfx", "-certpbe DES-EDE3-CBC -keypbe DES-EDE3-CBC"),
        (
            "aes128.pfx",
            "-certpbe AES-128-CBC -keypbe AES-128-CBC -macalg sha1",
        ),
    ] {
        let words = format!("pkcs12 -export -in cert.pem -inkey key.pem -out {name} {options}");
        let words: Vec<&str> = words.split(' ').chain(["-passout", pass]).collect();
        files.openssl(&words)?;
    }
    for (name, options) in [
        ("sha1-prf", "-v2 aes-256-cbc -v2prf hmacWithSHA1"),
        ("des3-key", "-v2 des3"),
    ] {
        let words = format!("pkcs8 -topk8 -in key.pem -out {name} {options}");
        let words: Vec<&str> = words.split(' ').chain(["-passout", pass]).collect();
        files.openssl(&words)?;
        files.join(&format!("{name}.pem"), &["cert.pem", name])?;
    }
    let zeros = [std::fs::read(files.path("modern.pfx"))?, vec![0; 8]].concat();
    std::fs::write(files.path("zeros.pfx"), zeros)?;
    let text = std::fs::read_to_string(files.path("both.pem"))?;
    files.cli.file("mark.pem", &format!("\u{feff}{text}"))?;
    files
        .cli
        .file("indented.pem", &text.replace("\n", "\n  "))?;
    let wide: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(files.path("wide.pem"), wide)?;
    for name in [
        "des3.pfx",
        "aes128.pfx",
        "sha1-prf.pem",
        "des3-key.pem",
        "zeros.pfx",
        "mark.pem",
        "indented.pem",
        "wide.pem",
    ] {
        std::fs::set_permissions(files.path(name), Permissions::from_mode(0o644))?;
        let document = files.check(name, PASSWORD)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Pass)?;
        expect(
            &document,
            name,
            CheckId::CertificatePrivateKey,
            CheckStatus::Pass,
        )?;
    }
    Ok(())
}

/// If a file has a key that does not open, its certificate is still checked.
pub(super) fn keys_that_do_not_open() -> anyhow::Result<()> {
    let files = Files::make()?;
    files.openssl(&[
        "rsa",
        "-in",
        "key.pem",
        "-traditional",
        "-aes256",
        "-passout",
        "pass:correct-horse-battery",
        "-out",
        "old-encryption.key",
    ])?;
    let broken = "-----BEGIN RSA PRIVATE KEY-----\n!\n-----END RSA PRIVATE KEY-----\n";
    files.cli.file("broken.key", broken)?;
    for name in ["old-encryption", "broken"] {
        files.join(
            &format!("{name}.pem"),
            &["cert.pem", &format!("{name}.key")],
        )?;
    }
    let many = ["encrypted.key"; 40];
    files.join("many.pem", &[&["cert.pem"], &many[..]].concat())?;
    for (name, password, expected) in [
        ("old-encryption.pem", PASSWORD, "Proc-Type"),
        ("broken.pem", PASSWORD, "damaged"),
        ("encrypted.pem", "not the password", "the password is wrong"),
        ("encrypted.pem", "", "needs a password"),
        ("many.pem", "not the password", "the password is wrong"),
    ] {
        let document = files.check(name, password)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Pass)?;
        expect(
            &document,
            name,
            CheckId::CertificateValidity,
            CheckStatus::Pass,
        )?;
        expect(
            &document,
            name,
            CheckId::CertificatePrivateKey,
            CheckStatus::Fail,
        )?;
        let text = &answer(&document, CheckId::CertificatePrivateKey)?.text;
        ensure!(text.contains(expected), "{name}: {text}");
    }
    Ok(())
}

/// With RSA-PSS, the hash is in the parameters and not in the algorithm identifier.
pub(super) fn weak_hash_behind_pss() -> anyhow::Result<()> {
    let files = Files::make()?;
    for (hash, expected) in [("sha1", CheckStatus::Warn), ("sha256", CheckStatus::Pass)] {
        let name = format!("{hash}.pem");
        let words = format!(
            "req -x509 -key key.pem -out {name} -days 400 -subj /CN=pss -{hash} -sigopt \
             rsa_padding_mode:pss -sigopt rsa_mgf1_md:{hash}"
        );
        let words: Vec<&str> = words.split_whitespace().collect();
        files.openssl(&words)?;
        std::fs::set_permissions(files.path(&name), Permissions::from_mode(0o644))?;
        let document = files.check(&name, PASSWORD)?;
        expect(&document, &name, CheckId::CertificateSignature, expected)?;
    }
    Ok(())
}

/// Files of other types are named as what they are.
pub(super) fn other_forms() -> anyhow::Result<()> {
    let files = Files::make()?;
    files.openssl(&[
        "req",
        "-new",
        "-key",
        "key.pem",
        "-subj",
        "/CN=hpc",
        "-out",
        "request.pem",
    ])?;
    files.openssl(&[
        "req",
        "-in",
        "request.pem",
        "-outform",
        "DER",
        "-out",
        "request.der",
    ])?;
    files.openssl(&[
        "x509",
        "-in",
        "cert.pem",
        "-outform",
        "DER",
        "-out",
        "whole.cer",
    ])?;
    let whole = std::fs::read(files.path("whole.cer"))?;
    std::fs::write(files.path("cut.cer"), &whole[..whole.len() / 2])?;
    std::fs::write(
        files.path("store.jks"),
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
    )?;
    std::fs::write(files.path("key.pvk"), [0x1e, 0xf1, 0xb5, 0xb0, 0, 0, 0, 0])?;
    for (name, expected) in [
        ("request.pem", "request for a certificate"),
        ("request.der", "request for a certificate"),
        ("cut.cer", "cut short"),
        ("store.jks", "Java key store"),
        ("key.pvk", "PVK"),
    ] {
        std::fs::set_permissions(files.path(name), Permissions::from_mode(0o644))?;
        let document = files.check(name, PASSWORD)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Fail)?;
        let text = &answer(&document, CheckId::CertificateFile)?.text;
        ensure!(text.contains(expected), "{name}: {text}");
    }
    Ok(())
}
