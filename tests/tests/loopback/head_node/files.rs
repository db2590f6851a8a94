//! The certificate files of these tests, which third-party programs make, and what fwprobe reports about them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use fwprobe_tests::Cli;
use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use head_node::check::CheckDocument;

/// Certificates made by OpenSSL, in their own directory.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) cli: Cli,
}

impl Files {
    pub(super) fn make() -> anyhow::Result<Self> {
        let files = Self {
            cli: Cli::fwprobe()?,
        };
        for arguments in BY_OPENSSL {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            files.openssl(&arguments)?;
        }
        // If root runs the test, fwprobe runs as another user, who has to read these files.
        for entry in files.cli.directory().read_dir()? {
            std::fs::set_permissions(entry?.path(), Permissions::from_mode(0o644))?;
        }
        files.join("both.pem", &["cert.pem", "key.pem"])?;
        files.join("encrypted.pem", &["encrypted.key", "cert.pem"])?;
        files.join("pkcs1.pem", &["cert.pem", "pkcs1.key"])?;
        files.join("foreign.pem", &["cert.pem", "other.key"])?;
        let text = std::fs::read_to_string(files.path("cert.pem"))?;
        files.cli.file(
            "text.pem",
            &format!("Bag Attributes\n{text}trailing text: é\n"),
        )?;
        Ok(files)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.cli.directory().join(name)
    }

    pub(super) fn join(&self, name: &str, parts: &[&str]) -> anyhow::Result<()> {
        let mut all = String::new();
        for part in parts {
            all.push_str(&std::fs::read_to_string(self.path(part))?);
        }
        self.cli.file(name, &all).map(drop)
    }

    pub(super) fn openssl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        tool("openssl", arguments, self.cli.directory())
    }

    pub(super) fn keytool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let store = [
            "-keystore",
            "java.p12",
            "-storetype",
            "PKCS12",
            "-storepass",
            PASSWORD,
        ];
        tool(
            "keytool",
            &[arguments, &store].concat(),
            self.cli.directory(),
        )
    }

    /// Runs `fwprobe check` on one file, and returns the document. An empty `password` means none.
    pub(super) fn check(&self, name: &str, password: &str) -> anyhow::Result<CheckDocument> {
        self.checked(name, (!password.is_empty()).then_some(password))
    }

    /// Runs `fwprobe check` on one file with the empty password, and returns the document.
    pub(super) fn check_with_empty(&self, name: &str) -> anyhow::Result<CheckDocument> {
        self.checked(name, Some(""))
    }

    fn checked(&self, name: &str, password: Option<&str>) -> anyhow::Result<CheckDocument> {
        let cli = Cli::fwprobe()?.args(["check", "--format", "json", "--certificate"]);
        let mut cli = cli.arg(self.path(name));
        if let Some(password) = password {
            let file = cli.file("password", &format!("{password}\r\n"))?;
            cli = cli.arg("--certificate-password-file").arg(file);
        }
        let password = password.unwrap_or_default();
        let finished = cli.run()?;
        ensure!(
            password.is_empty() || !finished.stdout.contains(password),
            "the password is told"
        );
        serde_json::from_str(&finished.stdout).with_context(|| finished.stderr.clone())
    }
}

fn tool(program: &str, arguments: &[&str], directory: &Path) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .with_context(|| program.to_owned())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments:?}: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(super) fn answer(document: &CheckDocument, id: CheckId) -> anyhow::Result<&Check> {
    let mut all = document.checks.iter();
    all.find(|c| c.id == id).with_context(|| format!("no {id}"))
}

pub(super) fn expect(
    document: &CheckDocument,
    name: &str,
    id: CheckId,
    status: CheckStatus,
) -> anyhow::Result<()> {
    let found = answer(document, id).with_context(|| name.to_owned())?;
    ensure!(found.status == status, "{name}: {found:?}");
    Ok(())
}

pub(super) const PASSWORD: &str = "correct-horse-battery";

/// The OpenSSL commands that make certificates with their keys, and further forms of the first one.
const BY_OPENSSL: [&str; 10] = [
    "req -x509 -newkey rsa:2048 -sha256 -days 400 -nodes -subj /CN=management -keyout key.pem -out \
     cert.pem",
    "req -x509 -newkey rsa:2048 -sha256 -days 400 -nodes -subj /CN=other -keyout other.key -out \
     other.pem",
    "req -x509 -newkey rsa:1024 -sha1 -days 400 -nodes -subj /CN=weak -keyout weak.key -out \
     weak.pem",
    "x509 -in cert.pem -outform DER -out cert.der",
    "pkey -in key.pem -aes256 -passout pass:correct-horse-battery -out encrypted.key",
    "rsa -in key.pem -traditional -out pkcs1.key",
    "pkcs12 -export -in cert.pem -inkey key.pem -passout pass:correct-horse-battery -out modern.pfx",
    "pkcs12 -export -legacy -in cert.pem -inkey key.pem -passout pass:correct-horse-battery -out \
     old.pfx",
    "crl2pkcs7 -nocrl -certfile cert.pem -certfile other.pem -out plain.p7b",
    "crl2pkcs7 -nocrl -certfile other.pem -certfile cert.pem -outform DER -out der.p7b",
];
