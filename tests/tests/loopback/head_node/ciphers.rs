//! Certificate files with ciphers of old programs and of tools other than OpenSSL: fwprobe reads the file, or names the
//! cipher that it does not support.

use std::fs::Permissions;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, ensure};
use head_node::answer::CheckStatus;
use head_node::catalogue::CheckId;

use super::files::{Files, PASSWORD, answer, expect};

/// A cipher that is not supported is named, and is mistaken neither for damage nor for a wrong password.
pub(super) fn are_named() -> anyhow::Result<()> {
    let files = Files::make()?;
    for (cipher, name) in [
        ("RC2-CBC", "RC2-CBC"),
        ("PBE-SHA1-RC4-128", "PBE-SHA1-RC4-128"),
        ("CAMELLIA-256-CBC", "Camellia-256-CBC"),
        ("ARIA-256-CBC", "ARIA-256-CBC"),
    ] {
        let file = format!("{name}.pfx");
        let words = format!(
            "pkcs12 -export -in cert.pem -inkey key.pem -certpbe {cipher} -keypbe {cipher} -out \
             {file}"
        );
        by_openssl(&files, &words)?;
        let document = files.check(&file, PASSWORD)?;
        expect(
            &document,
            &file,
            CheckId::CertificateFile,
            CheckStatus::Fail,
        )?;
        names(&answer(&document, CheckId::CertificateFile)?.text, name)?;
    }
    for (options, name) in [
        ("-v1 PBE-SHA1-3DES", "PBE-SHA1-3DES"),
        ("-v1 PBE-MD5-DES", "PBE-MD5-DES"),
        ("-v2 rc2-cbc", "RC2-CBC"),
        ("-v2 camellia-256-cbc", "Camellia-256-CBC"),
        ("-v2 aria-256-cbc", "ARIA-256-CBC"),
    ] {
        let words = format!("pkcs8 -topk8 -in key.pem {options} -out {name}.key");
        by_openssl(&files, &words)?;
        let file = format!("{name}.pem");
        files.join(&file, &["cert.pem", &format!("{name}.key")])?;
        let document = files.check(&file, PASSWORD)?;
        for id in [CheckId::CertificateFile, CheckId::CertificateValidity] {
            expect(&document, &file, id, CheckStatus::Pass)?;
        }
        let id = CheckId::CertificatePrivateKey;
        expect(&document, &file, id, CheckStatus::Fail)?;
        names(&answer(&document, id)?.text, name)?;
    }
    Ok(())
}

/// DES is as weak as RC2, but its files can still be read.
pub(super) fn des_is_read() -> anyhow::Result<()> {
    let files = Files::make()?;
    by_openssl(
        &files,
        "pkcs12 -export -in cert.pem -inkey key.pem -certpbe DES-CBC -keypbe DES-CBC -out des.pfx",
    )?;
    by_openssl(&files, "pkcs8 -topk8 -in key.pem -v2 des-cbc -out des.key")?;
    files.join("des.pem", &["cert.pem", "des.key"])?;
    for file in ["des.pfx", "des.pem"] {
        let document = files.check(file, PASSWORD)?;
        for id in [CheckId::CertificateFile, CheckId::CertificatePrivateKey] {
            expect(&document, file, id, CheckStatus::Pass)?;
        }
    }
    Ok(())
}

fn names(text: &str, cipher: &str) -> anyhow::Result<()> {
    let is_named = text.contains(&format!("the cipher {cipher},"));
    ensure!(is_named, "{cipher} is not in: {text}");
    for wrong in ["damaged", "password is wrong"] {
        ensure!(!text.contains(wrong), "{cipher}: {text}");
    }
    Ok(())
}

/// Runs OpenSSL with its old ciphers and the usual password.
fn by_openssl(files: &Files, words: &str) -> anyhow::Result<()> {
    let old = "-provider legacy -provider default -passout";
    let password = format!("pass:{PASSWORD}");
    let words = words.split_whitespace().chain(old.split(' '));
    let words: Vec<&str> = words.chain([password.as_str()]).collect();
    files.openssl(&words)?;
    readable(files)
}

/// HMAC with SHA-1 is the default of RFC 8018, so programs of its time used it and did not name it.
pub(super) fn sha1_as_the_prf() -> anyhow::Result<()> {
    let files = Files::make()?;
    files.keytool(&[
        "-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA1AndAES_256",
        "-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA1AndAES_256",
        "-genkeypair",
        "-alias",
        "one",
        "-keyalg",
        "RSA",
        "-keysize",
        "2048",
        "-dname",
        "CN=one",
        "-validity",
        "400",
    ])?;
    readable(&files)?;
    let document = files.check("java.p12", PASSWORD)?;
    for id in [CheckId::CertificateFile, CheckId::CertificatePrivateKey] {
        expect(&document, "java.p12", id, CheckStatus::Pass)?;
    }
    let document = files.check("java.p12", "not the password")?;
    let text = &answer(&document, CheckId::CertificateFile)?.text;
    ensure!(text.contains("the password is wrong"), "{text}");
    Ok(())
}

/// A file that was made without any password is read without a password and with the empty one.
pub(super) fn null_password() -> anyhow::Result<()> {
    let files = Files::make()?;
    for options in [
        "-certpbe AES-256-CBC -keypbe AES-256-CBC",
        "-certpbe DES-EDE3-CBC -keypbe DES-EDE3-CBC",
    ] {
        // These ciphers have the same key for no password and for an empty one.
        sealed_without_password(&files, "", options)?;
        for document in [files.check(NULL, "")?, files.check_with_empty(NULL)?] {
            for id in [CheckId::CertificateFile, CheckId::CertificatePrivateKey] {
                expect(&document, NULL, id, CheckStatus::Pass)?;
            }
        }
    }
    // With the older ciphers the two keys differ, and fwprobe does not know the key for no password.
    sealed_without_password(&files, "unknown", "-legacy")?;
    for document in [files.check(NULL, "")?, files.check_with_empty(NULL)?] {
        expect(&document, NULL, CheckId::CertificateFile, CheckStatus::Fail)?;
        let text = &answer(&document, CheckId::CertificateFile)?.text;
        ensure!(text.contains("no password at all"), "{text}");
    }
    Ok(())
}

/// Makes a file whose ciphers have the key of `password`, and whose MAC has the key of no password (RFC 7292 appendix
/// B).
fn sealed_without_password(files: &Files, password: &str, options: &str) -> anyhow::Result<()> {
    let password = format!("pass:{password}");
    let words =
        format!("pkcs12 -export -in cert.pem -inkey key.pem -out {NULL} -macalg sha256 {options}");
    let words: Vec<&str> = words.split(' ').chain(["-passout", &password]).collect();
    files.openssl(&words)?;
    let mut file = std::fs::read(files.path(NULL))?;
    // PFX is { version, { type, [0] { OCTET STRING } }, { { algorithm, digest }, salt, iterations } }.
    let [_, content, mac] = children(&file, &(0..file.len()), 1)?;
    let [_, tagged] = children(&file, &content, 0)?;
    let [octets] = children(&file, &tagged, 0)?;
    let [digest, salt, iterations] = children(&file, &mac, 0)?;
    let [_, digest] = children(&file, &digest, 0)?;
    let iterations = file[iterations]
        .iter()
        .fold(0, |all, byte| all << 8 | u32::from(*byte));
    let salt = format!("hexsalt:{}", hex::encode(&file[salt]));
    let iterations = format!("iter:{iterations}");
    let key = files.openssl(&[
        "kdf",
        "-keylen",
        "32",
        "-kdfopt",
        "digest:SHA256",
        "-kdfopt",
        "pass:",
        "-kdfopt",
        &salt,
        "-kdfopt",
        "id:3",
        "-kdfopt",
        &iterations,
        "PKCS12KDF",
    ])?;
    let key = format!("hexkey:{}", key.trim().replace(':', ""));
    std::fs::write(files.path("content"), &file[octets])?;
    let printed = files.openssl(&[
        "dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "content",
    ])?;
    let told = printed.rsplit(' ').next().context("a digest")?;
    file[digest].copy_from_slice(&hex::decode(told.trim())?);
    std::fs::write(files.path(NULL), file)?;
    readable(files)
}

/// Returns the ranges of the contents of the elements in `within`, after going down `deeper` levels.
fn children<const N: usize>(
    der: &[u8],
    within: &Range<usize>,
    deeper: usize,
) -> anyhow::Result<[Range<usize>; N]> {
    if deeper > 0 {
        let [only] = children(der, within, 0)?;
        return children(der, &only, deeper - 1);
    }
    let (mut at, mut found) = (within.start, Vec::new());
    while at < within.end {
        let length = usize::from(der[at + 1]);
        let (header, length) = match length.checked_sub(0x80) {
            None => (2, length),
            Some(digits) => {
                let digits = &der[at + 2..at + 2 + digits];
                let length = digits
                    .iter()
                    .fold(0, |all, byte| all << 8 | usize::from(*byte));
                (2 + digits.len(), length)
            }
        };
        found.push(at + header..at + header + length);
        at += header + length;
    }
    let count = found.len();
    found
        .try_into()
        .ok()
        .with_context(|| format!("{count} elements, not {N}"))
}

/// Lets the ordinary user who runs fwprobe read files that other programs made as root.
fn readable(files: &Files) -> anyhow::Result<()> {
    for entry in files.cli.directory().read_dir()? {
        std::fs::set_permissions(entry?.path(), Permissions::from_mode(0o644))?;
    }
    Ok(())
}

const NULL: &str = "null.pfx";
