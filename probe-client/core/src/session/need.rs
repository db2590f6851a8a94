//! What a session asks of the shell that carries it.

/// What a session needs next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// To send what `transmit` gives, and to receive.
    Io,
    /// A TLS handshake, once all that `transmit` gives is out.
    StartTls(TlsParameters),
    /// Another connection to the same port (HTTP envelope): the one at hand carries no further
    /// request. First `reconnected`, then what that asks for.
    Reconnect,
    /// Nothing: the session has run to its end.
    Finished,
    /// Nothing: the session cannot go on, and its report says why. Bytes that have already come may
    /// still be given to `receive`, for a longer quotation.
    Failed,
}

/// What to put into a ClientHello, and what has already come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsParameters {
    /// Whether to send the server's name.
    pub sni: bool,
    /// The one protocol to offer, if any.
    pub alpn: Option<&'static str>,
    /// Bytes received behind the preface's answer. They belong to TLS.
    pub leftover: Vec<u8>,
}
