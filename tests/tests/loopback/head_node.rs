//! The checks of the head node as a user runs them: certificate files from third-party tools, registry exports, and the
//! certificate on the wire.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::{Middlebox, Onward};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Authority, Cli, Probe, ServerPlan};
use head_node::answer::CheckStatus;
use head_node::catalogue::CheckId;
use probe_core::catalogue::FindingId;
use probe_core::session_kind::SessionKind;

use self::files::{Files, PASSWORD, answer, expect};

mod ciphers;
mod files;
mod odd_files;
mod windows_files;

pub(crate) fn trials() -> Trials {
    of_certificate_files(Trials::of("head_node"))
        .needing(OPENSSL, "a_client_certificate_arrives", || {
            on_the_wire(false)
        })
        .needing(OPENSSL, "a_client_certificate_is_lost", || {
            on_the_wire(true)
        })
        .once(
            "an_export_chooses_the_profile",
            an_export_chooses_the_profile,
        )
        .once("nothing_chooses_the_profile", nothing_chooses_the_profile)
        .once("a_run_reports_its_checks", a_run_reports_its_checks)
        .once("bad_flags_are_told_at_once", bad_flags_are_told_at_once)
}

fn of_certificate_files(trials: Trials) -> Trials {
    const BOTH: &[Need] = &[Need::Tool("openssl"), Need::Tool("keytool")];
    trials
        .needing(OPENSSL, "every_form_of_certificate_file", every_form)
        .needing(
            OPENSSL,
            "what_is_wrong_with_a_certificate_file",
            what_is_wrong,
        )
        .needing(BOTH, "a_key_store_by_keytool", by_keytool)
        .needing(
            OPENSSL,
            "files_of_older_and_other_programs",
            odd_files::are_read,
        )
        .needing(
            OPENSSL,
            "a_key_that_cannot_be_opened_costs_its_own_check_alone",
            odd_files::keys_that_do_not_open,
        )
        .needing(
            OPENSSL,
            "a_weak_hash_behind_rsassa_pss",
            odd_files::weak_hash_behind_pss,
        )
        .needing(
            OPENSSL,
            "files_that_are_no_certificates_are_named",
            odd_files::other_forms,
        )
        .needing(
            OPENSSL,
            "a_cipher_that_is_not_supported_is_named",
            ciphers::are_named,
        )
        .needing(OPENSSL, "files_in_des_are_read", ciphers::des_is_read)
        .needing(
            BOTH,
            "keys_derived_by_hmac_with_sha1",
            ciphers::sha1_as_the_prf,
        )
        .needing(
            OPENSSL,
            "a_pfx_without_any_password",
            ciphers::null_password,
        )
        .needing(
            OPENSSL,
            "files_as_windows_writes_them",
            windows_files::are_read_or_named,
        )
}

/// Reads one certificate in all forms, and finds the key matching in each form that has one.
fn every_form() -> anyhow::Result<()> {
    let files = Files::make()?;
    let forms: [(&str, CheckStatus); 10] = [
        ("cert.pem", CheckStatus::Warn),
        ("cert.der", CheckStatus::Warn),
        ("both.pem", CheckStatus::Pass),
        ("encrypted.pem", CheckStatus::Pass),
        ("pkcs1.pem", CheckStatus::Pass),
        ("modern.pfx", CheckStatus::Pass),
        ("old.pfx", CheckStatus::Pass),
        ("plain.p7b", CheckStatus::Warn),
        ("der.p7b", CheckStatus::Warn),
        ("text.pem", CheckStatus::Warn),
    ];
    for (name, key) in forms {
        let document = files.check(name, PASSWORD)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Pass)?;
        expect(&document, name, CheckId::CertificatePrivateKey, key)?;
        expect(&document, name, CheckId::CertificateKey, CheckStatus::Pass)?;
        expect(
            &document,
            name,
            CheckId::CertificateValidity,
            CheckStatus::Pass,
        )?;
    }
    // OpenSSL prints the same thumbprint.
    let printed = files.openssl(&["x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha1"])?;
    let thumbprint = printed.rsplit('=').next().context("a fingerprint")?;
    let thumbprint = thumbprint.trim().replace(':', "");
    let document = files.check("cert.pem", PASSWORD)?;
    let told = &answer(&document, CheckId::CertificateThumbprint)?.text;
    ensure!(told.contains(&thumbprint), "{told} without {thumbprint}");
    Ok(())
}

/// Each problem gets a clear message, the other checks still run, and the password is not printed.
fn what_is_wrong() -> anyhow::Result<()> {
    let files = Files::make()?;
    let large = vec![b'-'; 2 * 1024 * 1024];
    std::fs::write(files.path("large.pem"), large)?;
    std::fs::write(files.path("empty.cer"), "")?;
    std::fs::write(files.path("garbage.pfx"), [0u8, 1, 2, 3, 255, 254])?;
    let whole = std::fs::read(files.path("modern.pfx"))?;
    std::fs::write(files.path("cut.pfx"), &whole[..whole.len() / 2])?;
    std::fs::create_dir(files.path("directory.pfx"))?;
    let cases = [
        ("large.pem", PASSWORD, "more than 1048576 bytes"),
        ("empty.cer", PASSWORD, "is empty"),
        (
            "garbage.pfx",
            PASSWORD,
            "none of DER, PEM, PKCS#12 and PKCS#7",
        ),
        ("cut.pfx", PASSWORD, "damaged or cut short"),
        ("directory.pfx", PASSWORD, "is a directory"),
        ("missing.pfx", PASSWORD, "cannot be read"),
        ("modern.pfx", "not the password", "the password is wrong"),
        ("old.pfx", "not the password", "the password is wrong"),
        ("modern.pfx", "", "needs a password"),
    ];
    for (name, password, expected) in cases {
        let document = files.check(name, password)?;
        expect(&document, name, CheckId::CertificateFile, CheckStatus::Fail)?;
        let text = &answer(&document, CheckId::CertificateFile)?.text;
        ensure!(text.contains(expected), "{name}: {text}");
        ensure!(answer(&document, CheckId::DefaultRoute).is_ok(), "{name}");
    }
    let document = files.check("foreign.pem", PASSWORD)?;
    expect(
        &document,
        "foreign",
        CheckId::CertificatePrivateKey,
        CheckStatus::Fail,
    )?;
    let document = files.check("weak.pem", PASSWORD)?;
    expect(
        &document,
        "weak",
        CheckId::CertificateKey,
        CheckStatus::Fail,
    )?;
    expect(
        &document,
        "weak",
        CheckId::CertificateSignature,
        CheckStatus::Warn,
    )
}

/// keytool writes PBES2, and two keys in one file.
fn by_keytool() -> anyhow::Result<()> {
    let files = Files::make()?;
    for alias in ["one", "two"] {
        let name = format!("CN={alias}");
        files.keytool(&[
            "-genkeypair",
            "-alias",
            alias,
            "-keyalg",
            "RSA",
            "-keysize",
            "2048",
            "-dname",
            &name,
            "-validity",
            "400",
        ])?;
        let document = files.check("java.p12", PASSWORD)?;
        expect(
            &document,
            "java.p12",
            CheckId::CertificateFile,
            CheckStatus::Pass,
        )?;
        let key = if alias == "one" {
            CheckStatus::Pass
        } else {
            CheckStatus::Warn
        };
        expect(&document, "java.p12", CheckId::CertificatePrivateKey, key)?;
    }
    Ok(())
}

/// The client certificate is presented with every kind of TLS, and compared with the server's testimony.
fn on_the_wire(intercepted: bool) -> anyhow::Result<()> {
    let files = Files::make()?;
    let ip = Ipv4Addr::LOCALHOST.into();
    let authority = Arc::new(Authority::new()?);
    let (server, devices) = ServerPlan::on(ip).start_behind(&[()], |seat, upstream, ()| {
        if intercepted {
            Middlebox::interceptor(seat, upstream, Arc::clone(&authority), Onward::Tls)
        } else {
            Middlebox::relay(seat, upstream)
        }
    })?;
    let run = Probe::of(&server)?
        .kinds(devices[0].port(), [SessionKind::Tls, SessionKind::Nettcp])
        .arg("--client-certificate")
        .arg(files.path("both.pem"))
        .run()?;
    for probe in &run.document()?.probes {
        let lost = probe
            .findings
            .iter()
            .any(|f| f.id == FindingId::ClientCertificateLost);
        ensure!(lost == intercepted, "{:?}\n{}", probe.findings, run.text());
        let testimony = probe.measurement.session.as_ref();
        let testimony = testimony.and_then(|s| s.testimony.as_ref());
        ensure!(testimony.is_some(), "nothing was told:\n{}", run.text());
    }
    server.stop().map(drop)
}

fn an_export_chooses_the_profile() -> anyhow::Result<()> {
    for (value, profile) in [
        ("dword:00000001", "hpc-2008r2-sp1"),
        ("dword:00000000", "hpc-2008r2-sp3"),
    ] {
        let cli = Cli::fwprobe()?;
        let text = format!(
            "Windows Registry Editor Version \
             5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\HPC]\r\n\
             \"UseSp2AzurePorts\"={value}\r\n\r\n"
        );
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let export = cli.directory().join("hpc.reg");
        std::fs::write(&export, [&[0xff, 0xfe][..], &units].concat())?;
        let connection = cli.file("echo.txt", CONNECTION)?;
        let printed = cli
            .args([
                "plan",
                "--format",
                "json",
                "--assume",
                "sp=3",
                "--registry-export",
            ])
            .arg(export)
            .arg("--connection-file")
            .arg(connection)
            .succeeds()?;
        let plan: serde_json::Value = serde_json::from_str(&printed)?;
        ensure!(plan["profile"] == profile, "{value}: {}", plan["profile"]);
    }
    Ok(())
}

fn nothing_chooses_the_profile() -> anyhow::Result<()> {
    for (assumed, expected) in [
        (None, "--registry-export FILE or --assume sp=3"),
        (Some("sp=0"), "the version 3.0 has no Azure nodes"),
        (Some("version=7.0"), "the version 7.0 is not in the table"),
    ] {
        let cli = Cli::fwprobe()?;
        let connection = cli.file("echo.txt", CONNECTION)?;
        let cli = cli.arg("plan").arg("--connection-file").arg(connection);
        let cli = match assumed {
            Some(text) => cli.args(["--assume", text]),
            None => cli,
        };
        let finished = cli.run()?;
        ensure!(finished.code()? == 2, "{assumed:?}");
        ensure!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    Ok(())
}

/// Checks are in the document and in the table; a failed check does not change the exit code.
fn a_run_reports_its_checks() -> anyhow::Result<()> {
    let server = ServerPlan::on(Ipv4Addr::LOCALHOST.into())
        .ports(1)
        .start()?;
    let run = Probe::of(&server)?
        .port(server.port(0), SessionKind::Tcp)
        .args(["--assume", "sp=0", "--node-type", "worker"])
        .run()?;
    run.expect_exit(0)?;
    let checks = &run.document()?.checks;
    let status = |id| checks.iter().find(|c| c.id == id).map(|c| c.status);
    ensure!(status(CheckId::NodeType) == Some(CheckStatus::Fail));
    ensure!(status(CheckId::Clock) == Some(CheckStatus::Pass));
    ensure!(status(CheckId::NameResolution) == Some(CheckStatus::Pass));
    ensure!(
        status(CheckId::CertificateFile).is_none(),
        "nobody named a file"
    );
    ensure!(run.finished.stdout.contains("This head node"));
    server.stop().map(drop)
}

fn bad_flags_are_told_at_once() -> anyhow::Result<()> {
    let cli = Cli::fwprobe()?.args(["check", "--assume", "sp=9", "--assume", "version=x"]);
    let finished = cli.run()?;
    ensure!(finished.code()? == 2 && finished.stdout.is_empty());
    for expected in ["error: --assume sp=9: ", "error: --assume version=x: "] {
        ensure!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    Ok(())
}

/// A well-formed connection string for a server that does not exist.
const CONNECTION: &str = "fwprobe://nobody:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@echo.example.net?pin=sha256:0000000000000000000000000000000000000000000000000000000000000000";

const OPENSSL: &[Need] = &[Need::Tool("openssl")];
