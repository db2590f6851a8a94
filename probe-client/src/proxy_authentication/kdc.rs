//! Carries the messages of a Kerberos dialogue to a KDC and back, over TCP (RFC 4120 section 7.2.2).

use std::io::{Error as IoError, ErrorKind as IoErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use sspi::network_client::NetworkClient;
use sspi::{Error, ErrorKind, NetworkProtocol, NetworkRequest};

/// A client that reaches KDCs until a deadline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kdc {
    pub(super) deadline: Instant,
}

impl NetworkClient for Kdc {
    fn send(&self, request: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        let unreachable = |why: &str| {
            let url = &request.url;
            let text = format!("the Kerberos KDC {url} could not be reached: {why}");
            Error::new(ErrorKind::NoAuthenticatingAuthority, text)
        };
        let message = match request.protocol {
            NetworkProtocol::Tcp => request.data.clone(),
            // Every KDC accepts TCP as well, where a length precedes the message.
            NetworkProtocol::Udp => prefixed(&request.data),
            NetworkProtocol::Http | NetworkProtocol::Https => {
                return Err(unreachable("only tcp:// can be used"));
            }
        };
        let host = request.url.host_str().unwrap_or_default();
        let port = request.url.port().unwrap_or(KERBEROS);
        self.exchange(&format!("{host}:{port}"), &message)
            .map_err(|error| unreachable(&error.to_string()))
    }
}

impl Kdc {
    /// Returns the answer, including the length before it.
    fn exchange(&self, at: &str, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = self.connect(at)?;
        stream.set_write_timeout(Some(self.left()?))?;
        stream.write_all(message)?;
        let mut length = [0; 4];
        self.fill(&mut stream, &mut length)?;
        let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if size > MAX_ANSWER {
            let text = format!("its answer is longer than {MAX_ANSWER} bytes");
            return Err(IoError::new(IoErrorKind::InvalidData, text));
        }
        let mut answer = vec![0; length.len() + size];
        answer[..length.len()].copy_from_slice(&length);
        self.fill(&mut stream, &mut answer[length.len()..])?;
        Ok(answer)
    }

    fn connect(&self, at: &str) -> std::io::Result<TcpStream> {
        let mut last = IoError::from(IoErrorKind::AddrNotAvailable);
        for address in at.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.left()?) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Fills `buffer`. The deadline is for the whole answer, even if it arrives byte by byte.
    fn fill(&self, stream: &mut TcpStream, mut buffer: &mut [u8]) -> std::io::Result<()> {
        while !buffer.is_empty() {
            stream.set_read_timeout(Some(self.left()?))?;
            match stream.read(buffer)? {
                0 => return Err(IoErrorKind::UnexpectedEof.into()),
                n => buffer = &mut buffer[n..],
            }
        }
        Ok(())
    }

    fn left(&self) -> std::io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(IoErrorKind::TimedOut.into());
        }
        Ok(left)
    }
}

fn prefixed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// A KDC's port (RFC 4120 section 7.2.3).
const KERBEROS: u16 = 88;

/// Maximum size of an answer in bytes; a Windows ticket has at most 48,000 ([MS-KILE], MaxTokenSize).
const MAX_ANSWER: usize = 256 * 1024;
