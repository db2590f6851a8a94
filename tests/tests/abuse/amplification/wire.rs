//! The TCP connection below a TLS client, which records what crosses it after the handshake.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use anyhow::Context as _;

#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    sent: usize,
    received: Vec<u8>,
}

impl Wire {
    pub(super) fn behind_handshake(tcp: TcpStream) -> Self {
        Self {
            tcp,
            sent: 0,
            received: Vec::new(),
        }
    }

    /// Returns the number of bytes of TCP payload that were sent.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Returns the lengths of the received records, including their headers (RFC 8446 section 5.1).
    pub(super) fn records(&self) -> anyhow::Result<Vec<usize>> {
        let mut records = Vec::new();
        let mut rest = &self.received[..];
        while let [_, _, _, high, low, ..] = *rest {
            let length = HEADER + usize::from(u16::from_be_bytes([high, low]));
            rest = rest.get(length..).context("a record without its end")?;
            records.push(length);
        }
        anyhow::ensure!(rest.is_empty(), "a record's header without its end");
        Ok(records)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tcp.read(buffer)?;
        self.received.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.tcp.write(bytes)?;
        self.sent += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

const HEADER: usize = 5;
