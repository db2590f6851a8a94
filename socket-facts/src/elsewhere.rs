//! The answers of platforms other than Linux to questions that only Linux can answer: [`FactError::NotAvailable`].

use std::time::Duration;

use socket2::Socket;

use crate::{Fact, FactError, HalfOpenView, IpFamily, SocketError};

#[cfg(not(windows))]
pub(crate) fn tcp_facts(_: &Socket) -> Result<crate::TcpFacts, FactError> {
    Err(FactError::NotAvailable(Fact::Tcp))
}

pub(crate) fn save_syn(_: &Socket) -> Result<(), FactError> {
    Err(FactError::NotAvailable(Fact::SavedSyn))
}

pub(crate) fn saved_syn(_: &Socket) -> Result<Option<Vec<u8>>, FactError> {
    Err(FactError::NotAvailable(Fact::SavedSyn))
}

pub(crate) fn set_recv_err(_: &Socket, _: IpFamily) -> Result<(), FactError> {
    Err(FactError::NotAvailable(Fact::ErrorQueue))
}

pub(crate) fn clear_recv_err(_: &Socket, _: IpFamily) -> Result<(), FactError> {
    Err(FactError::NotAvailable(Fact::ErrorQueue))
}

pub(crate) fn drain_error_queue(_: &Socket) -> Result<Vec<SocketError>, FactError> {
    Err(FactError::NotAvailable(Fact::ErrorQueue))
}

pub(crate) fn half_open_of(_: &[u16]) -> Result<Vec<HalfOpenView>, FactError> {
    Err(FactError::NotAvailable(Fact::HalfOpen))
}

pub(crate) fn half_open_kept() -> Result<usize, FactError> {
    Err(FactError::NotAvailable(Fact::HalfOpen))
}

pub(crate) fn open_syn_tap() -> Result<Socket, FactError> {
    Err(FactError::NotAvailable(Fact::Syns))
}

pub(crate) fn filter_syns(_: &Socket, _: &[u16]) -> Result<(), FactError> {
    Err(FactError::NotAvailable(Fact::Syns))
}

pub(crate) fn lost_packets(_: &Socket) -> Result<u32, FactError> {
    Err(FactError::NotAvailable(Fact::Syns))
}

pub(crate) fn set_mss(_: &Socket, _: u16) -> Result<(), FactError> {
    Err(FactError::NotAvailable(Fact::MaximumSegmentSize))
}

pub(crate) fn give_back_memory() {}

pub(crate) fn processor_time() -> Option<Duration> {
    None
}

#[cfg(not(windows))]
pub(crate) fn keep_memory_private() {}
