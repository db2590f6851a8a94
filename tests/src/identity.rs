//! A server's identity, made by `fwprobe-echo identity` in a directory of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tempfile::TempDir;

use crate::scratch::open_directory;
use crate::{Connection, Finished, Place, Process, binaries};

/// An identity with one client key; clones share its directory.
#[derive(Clone, Debug)]
pub struct Identity {
    scratch: Arc<TempDir>,
    place: Place,
    connection: Connection,
}

impl Identity {
    /// Makes an identity, as the user of `place`, for a server that clients reach at `hosts`.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity new` fails.
    pub fn make(place: &Place, hosts: &[&str]) -> anyhow::Result<Self> {
        let scratch = open_directory()?;
        let mut words = vec!["new"];
        words.extend(hosts.iter().flat_map(|host| ["--host", *host]));
        let made = command(place, scratch.path(), &words)?;
        Ok(Self {
            connection: connection(&made)?,
            scratch: Arc::new(scratch),
            place: place.clone(),
        })
    }

    /// Returns the identity's directory.
    pub fn directory(&self) -> PathBuf {
        directory(self.scratch.path())
    }

    /// Returns the server's certificate and key, for a test device that has stolen them.
    ///
    /// # Errors
    /// Fails if the files cannot be read.
    pub fn certified(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let file = |name: &str| self.directory().join(name);
        let leaf = CertificateDer::from_pem_file(file("server-certificate.pem"))?;
        let key = PrivateKeyDer::from_pem_file(file("server-key.pem"))?;
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        Ok(Arc::new(CertifiedKey::new(vec![leaf], key)))
    }

    /// Returns the directory that contains the identity's directory; every user may write there.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Adds a client key.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity add-key` fails.
    pub fn add_key(&self, label: &str) -> anyhow::Result<Connection> {
        let words = ["add-key", "--key", label];
        connection(&command(&self.place, self.scratch.path(), &words)?)
    }

    /// Adds a client key with admin rights.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity add-key` fails.
    pub fn add_admin(&self) -> anyhow::Result<Connection> {
        let words = ["add-key", "--key", "admin", "--admin"];
        connection(&command(&self.place, self.scratch.path(), &words)?)
    }

    /// Makes the next certificate, and returns the pin that clients have to append to their connection strings.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity roll-over begin` fails.
    pub fn begin_roll_over(&self) -> anyhow::Result<String> {
        let made = command(&self.place, self.scratch.path(), &["roll-over", "begin"])?;
        let mut lines = made.stdout.lines();
        let pin = lines.find(|line| line.starts_with("&pin="));
        pin.map(str::to_owned)
            .with_context(|| format!("no pin in\n{}", made.stdout))
    }

    /// Replaces the current certificate with the next one.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity roll-over finish` fails.
    pub fn finish_roll_over(&self) -> anyhow::Result<()> {
        command(&self.place, self.scratch.path(), &["roll-over", "finish"]).map(drop)
    }

    /// Revokes the client key that was made with the identity.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity revoke-key` fails.
    pub fn revoke(&self) -> anyhow::Result<()> {
        self.revoke_key(&self.connection)
    }

    /// Revokes the client key of `connection`.
    ///
    /// # Errors
    /// Fails if `fwprobe-echo identity revoke-key` fails.
    pub fn revoke_key(&self, connection: &Connection) -> anyhow::Result<()> {
        let id = connection.inner().key_id.to_string();
        command(&self.place, self.scratch.path(), &["revoke-key", &id]).map(drop)
    }
}

/// Returns the first connection string that was printed.
fn connection(made: &Finished) -> anyhow::Result<Connection> {
    let mut lines = made.stdout.lines();
    let line = lines
        .find(|line| line.starts_with("fwprobe://"))
        .with_context(|| format!("no connection string in\n{}", made.stdout))?;
    Connection::parse(line)
}

fn directory(scratch: &Path) -> PathBuf {
    scratch.join("identity")
}

fn command(place: &Place, scratch: &Path, words: &[&str]) -> anyhow::Result<Finished> {
    let mut command = place.command(binaries::fwprobe_echo()?);
    command
        .arg("identity")
        .args(words)
        .arg("--dir")
        .arg(directory(scratch));
    Process::succeed(command)
}
