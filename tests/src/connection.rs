//! A connection string, and the mistakes that a user may make in it.

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proto::connection_string::{ConnectionString, Pin};
use proto::key::Secret;

/// A connection string: the address of a server, and one client key.
#[derive(Clone, Debug)]
pub struct Connection(ConnectionString);

impl Connection {
    /// Parses a connection string.
    ///
    /// # Errors
    /// Fails if `text` is not a connection string.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(Self(text.trim().parse().with_context(
            || "the connection string that identity printed",
        )?))
    }

    pub fn inner(&self) -> &ConnectionString {
        &self.0
    }

    /// Returns the connection string as the line of text that a user gets.
    pub fn text(&self) -> String {
        self.0.expose()
    }

    #[must_use]
    pub fn with_control_port(mut self, port: u16) -> Self {
        self.0.control_port = port;
        self
    }

    /// Replaces the key id.
    ///
    /// # Errors
    /// Fails if `id` is not a key id.
    pub fn with_key_id(mut self, id: &str) -> anyhow::Result<Self> {
        self.0.key_id = id.parse().context("a key id")?;
        Ok(self)
    }

    #[must_use]
    pub fn with_another_secret(mut self) -> Self {
        self.0.secret = Secret::new(rand::random());
        self
    }

    #[must_use]
    pub fn with_another_pin(mut self) -> Self {
        self.0.pins = vec![Pin(rand::random())];
        self
    }

    /// Adds `pin`, written as `&pin=sha256:…`.
    ///
    /// # Errors
    /// Fails if `pin` is not a pin.
    pub fn with_pin(&self, pin: &str) -> anyhow::Result<Self> {
        Self::parse(&format!("{}{pin}", self.text()))
    }

    /// Keeps only the last pin.
    #[must_use]
    pub fn with_last_pin(mut self) -> Self {
        let all = self.0.pins.len();
        self.0.pins.drain(..all.saturating_sub(1));
        self
    }

    /// Returns every encoding in which the secret could show up in an output.
    pub fn secret_texts(&self) -> Vec<String> {
        let bytes = self.0.secret.expose();
        vec![
            BASE64_URL_SAFE_NO_PAD.encode(bytes),
            BASE64_STANDARD.encode(bytes),
            hex::encode(bytes),
            hex::encode_upper(bytes),
            format!("{bytes:?}"),
        ]
    }
}
