//! Calls getsockopt and setsockopt for options that neither socket2 nor nix support.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsRawFd as _;

use socket2::Socket;

/// Reads an option of unknown length into `buffer` and returns the part that the kernel filled.
#[expect(
    unsafe_code,
    reason = "nix reads options of fixed types only, and these grow with the kernel"
)]
pub(super) fn read<'b>(
    socket: &Socket,
    level: c_int,
    name: c_int,
    buffer: &'b mut [u8],
) -> io::Result<&'b [u8]> {
    let mut length = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the descriptor is open as long as `socket` is borrowed; `buffer` is writable for `length` bytes, and
    // every byte value is valid; the kernel keeps neither pointer.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    let filled = usize::try_from(length).map_or(buffer.len(), |length| length.min(buffer.len()));
    Ok(&buffer[..filled])
}

/// Sets an option whose value is an `int`.
#[expect(unsafe_code, reason = "neither socket2 nor nix have these options")]
pub(super) fn write(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `socket` is borrowed; `value` is readable for its own size, which the
    // call receives; the kernel does not keep the pointer.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            INT_LENGTH,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

const INT_LENGTH: libc::socklen_t = size_of::<c_int>() as libc::socklen_t;
