//! A session's needs, which the shell that runs it has to meet.

/// The next need of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// The shell sends what `transmit` returns, and receives.
    Io,
    /// The shell does a TLS handshake, after sending everything that `transmit` returns.
    StartTls(TlsParameters),
    /// The shell opens another connection to the same port (HTTP envelope), because the current one carries no further
    /// request. It then calls `reconnected`, and does what that returns.
    Reconnect,
    /// Nothing: the session has run to its end.
    Finished,
    /// Nothing: the session cannot go on, and its report says why. Bytes that have already arrived may still be passed
    /// to `receive`, for a longer quotation.
    Failed,
}

/// The parameters of a TLS handshake: the extensions to send, and the bytes already received.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsParameters {
    /// Whether to send the server's name.
    pub sni: bool,
    /// The one ALPN protocol to offer, if any.
    pub alpn: Option<&'static str>,
    /// Bytes received after the preface's answer, which belong to TLS.
    pub leftover: Vec<u8>,
}
