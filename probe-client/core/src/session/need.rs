//! What a session needs from the shell that runs it.

/// What a session needs next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// Send what `transmit` returns, and receive.
    Io,
    /// Do a TLS handshake, after sending everything that `transmit` returns.
    StartTls(TlsParameters),
    /// Open another connection to the same port (HTTP envelope), because the current one carries no further request.
    /// Call `reconnected`, then do what it returns.
    Reconnect,
    /// Nothing: the session has run to its end.
    Finished,
    /// Nothing: the session cannot go on, and its report says why. Bytes that have already arrived may still be passed
    /// to `receive`, for a longer quotation.
    Failed,
}

/// What a TLS handshake needs: the extensions to send, and the bytes already received.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsParameters {
    /// Whether to send the server's name.
    pub sni: bool,
    /// The one ALPN protocol to offer, if any.
    pub alpn: Option<&'static str>,
    /// Bytes received after the preface's answer, which belong to TLS.
    pub leftover: Vec<u8>,
}
