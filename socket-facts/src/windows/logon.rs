//! Handshakes in which Windows itself authenticates the user (SSPI; learn.microsoft.com, "InitializeSecurityContext
//! (General) function"). All of these calls exist from Windows 2000 on.

use std::fmt;
use std::ptr;

use thiserror::Error;
use windows_sys::Win32::Foundation::{
    SEC_E_LOGON_DENIED, SEC_E_NO_AUTHENTICATING_AUTHORITY, SEC_E_NO_CREDENTIALS, SEC_E_OK,
    SEC_E_SECPKG_NOT_FOUND, SEC_E_TARGET_UNKNOWN, SEC_E_UNKNOWN_CREDENTIALS,
    SEC_I_COMPLETE_AND_CONTINUE, SEC_I_COMPLETE_NEEDED, SEC_I_CONTINUE_NEEDED,
};
use windows_sys::Win32::Security::Authentication::Identity::{
    AcquireCredentialsHandleW, CompleteAuthToken, DeleteSecurityContext, FreeCredentialsHandle,
    InitializeSecurityContextW, SECBUFFER_TOKEN, SECBUFFER_VERSION, SECPKG_CRED_OUTBOUND,
    SECURITY_NATIVE_DREP, SecBuffer, SecBufferDesc,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use windows_sys::Win32::System::Rpc::{SEC_WINNT_AUTH_IDENTITY_UNICODE, SEC_WINNT_AUTH_IDENTITY_W};
use zeroize::Zeroizing;

/// An account other than the logged-on one.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub user: &'a str,
    /// The account's domain. Empty if the user's name contains it (`user@REALM`), or if there is none.
    pub domain: &'a str,
    pub password: &'a str,
}

/// One side of a handshake in progress.
pub struct LogonHandshake {
    credentials: SecHandle,
    context: Option<SecHandle>,
    /// The service's name, with a terminating zero.
    service: Vec<u16>,
}

/// The reason why Windows made no token.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum LogonError {
    #[error("Windows has no credentials for it")]
    NoCredentials,
    /// The password, or the account, is not accepted.
    #[error("the credentials are not accepted")]
    Denied,
    #[error("no domain controller is reached")]
    NoAuthority,
    #[error("the domain does not know this service")]
    UnknownService,
    #[error("this Windows does not know the scheme")]
    NoPackage,
    #[error("Windows' error {0:#010x}")]
    Other(i32),
}

impl LogonHandshake {
    /// Begins a handshake by `package` (`Negotiate`, `NTLM`) with `service` (`HTTP/proxy.example`), and returns it with
    /// its first token. It uses `account`, or the logged-on one if there is none. It blocks while Windows contacts a
    /// domain controller.
    ///
    /// # Errors
    /// Windows made no token.
    pub fn begin(
        package: &str,
        account: Option<&Account<'_>>,
        service: &str,
    ) -> Result<(Self, Vec<u8>), LogonError> {
        let mut begun = Self {
            credentials: acquire(package, account)?,
            context: None,
            service: wide(service),
        };
        let token = begun.step(None)?;
        Ok((begun, token))
    }

    /// Returns the token that answers `token` from the other side.
    ///
    /// # Errors
    /// Windows made no token.
    pub fn go_on(&mut self, token: &[u8]) -> Result<Vec<u8>, LogonError> {
        self.step(Some(token))
    }

    #[expect(unsafe_code, reason = "the logged-on account is Windows' to use")]
    fn step(&mut self, token: Option<&[u8]>) -> Result<Vec<u8>, LogonError> {
        // Windows does not write to its input, although the pointer's type allows it.
        let mut given = token.unwrap_or_default().to_vec();
        let mut input = buffer(&mut given);
        let input = described(&mut input);
        let mut made = vec![0; MAX_TOKEN];
        let mut output = buffer(&mut made);
        let mut outputs = described(&mut output);
        let context = self.context.as_ref().map_or(ptr::null(), ptr::from_ref);
        let mut next = self.context.unwrap_or_default();
        let mut granted = 0;
        // SAFETY: all handles are open; every pointer is null where that is allowed, or points to memory that outlives
        // the call; both buffers have the stated lengths.
        let status = unsafe {
            InitializeSecurityContextW(
                &raw const self.credentials,
                context,
                self.service.as_ptr(),
                0,
                0,
                SECURITY_NATIVE_DREP,
                token.map_or(ptr::null(), |_| &raw const input),
                0,
                &raw mut next,
                &raw mut outputs,
                &raw mut granted,
                ptr::null_mut(),
            )
        };
        if !matches!(
            status,
            SEC_E_OK | SEC_I_CONTINUE_NEEDED | SEC_I_COMPLETE_NEEDED | SEC_I_COMPLETE_AND_CONTINUE
        ) {
            return Err(LogonError::of(status));
        }
        self.context = Some(next);
        if matches!(status, SEC_I_COMPLETE_NEEDED | SEC_I_COMPLETE_AND_CONTINUE) {
            // SAFETY: the context is open, and the buffers are those that were just filled.
            let completed = unsafe { CompleteAuthToken(&raw const next, &raw const outputs) };
            if completed != SEC_E_OK {
                return Err(LogonError::of(completed));
            }
        }
        let length = usize::try_from(output.cbBuffer).unwrap_or(usize::MAX);
        made.truncate(length);
        Ok(made)
    }
}

impl LogonError {
    fn of(status: i32) -> Self {
        match status {
            SEC_E_NO_CREDENTIALS => Self::NoCredentials,
            SEC_E_LOGON_DENIED | SEC_E_UNKNOWN_CREDENTIALS => Self::Denied,
            SEC_E_NO_AUTHENTICATING_AUTHORITY => Self::NoAuthority,
            SEC_E_TARGET_UNKNOWN => Self::UnknownService,
            SEC_E_SECPKG_NOT_FOUND => Self::NoPackage,
            other => Self::Other(other),
        }
    }
}

impl Drop for LogonHandshake {
    #[expect(unsafe_code, reason = "what was opened has to be closed")]
    fn drop(&mut self) {
        // SAFETY: both handles are open, and nothing else uses them.
        unsafe {
            if let Some(context) = &self.context {
                DeleteSecurityContext(context);
            }
            FreeCredentialsHandle(&raw const self.credentials);
        }
    }
}

impl fmt::Debug for LogonHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogonHandshake(…)")
    }
}

impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(…)")
    }
}

#[expect(unsafe_code, reason = "the logged-on account is Windows' to use")]
fn acquire(package: &str, account: Option<&Account<'_>>) -> Result<SecHandle, LogonError> {
    let package = wide(package);
    let mut texts = account.map(|account| {
        [account.user, account.domain, account.password].map(|text| Zeroizing::new(wide(text)))
    });
    let identity = texts.as_mut().map(|[user, domain, password]| {
        // The length does not include the terminating zero.
        let length = |text: &[u16]| u32::try_from(text.len() - 1).unwrap_or(0);
        SEC_WINNT_AUTH_IDENTITY_W {
            UserLength: length(user),
            User: user.as_mut_ptr(),
            DomainLength: length(domain),
            Domain: domain.as_mut_ptr(),
            PasswordLength: length(password),
            Password: password.as_mut_ptr(),
            Flags: SEC_WINNT_AUTH_IDENTITY_UNICODE,
        }
    });
    let identity = identity.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut credentials = SecHandle::default();
    // SAFETY: every pointer is null where that is allowed, or points to memory that outlives the call; the texts have
    // the stated lengths.
    let status = unsafe {
        AcquireCredentialsHandleW(
            ptr::null(),
            package.as_ptr(),
            SECPKG_CRED_OUTBOUND,
            ptr::null(),
            identity.cast(),
            None,
            ptr::null(),
            &raw mut credentials,
            ptr::null_mut(),
        )
    };
    if status == SEC_E_OK {
        Ok(credentials)
    } else {
        Err(LogonError::of(status))
    }
}

fn buffer(bytes: &mut [u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: u32::try_from(bytes.len()).unwrap_or(0),
        BufferType: SECBUFFER_TOKEN,
        pvBuffer: bytes.as_mut_ptr().cast(),
    }
}

fn described(buffer: &mut SecBuffer) -> SecBufferDesc {
    SecBufferDesc {
        ulVersion: SECBUFFER_VERSION,
        cBuffers: 1,
        pBuffers: buffer,
    }
}

/// Converts text to UTF-16 with a terminating zero, and without any other zero.
fn wide(text: &str) -> Vec<u16> {
    let units = text.encode_utf16().filter(|unit| *unit != 0);
    units.chain([0]).collect()
}

/// The maximum length of a token in bytes; Windows makes none that is longer ([MS-KILE], MaxTokenSize, is 48,000 at
/// most; Negotiate adds a little to it).
const MAX_TOKEN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_windows_knows_is_named() {
        let begun = LogonHandshake::begin("no such package", None, "HTTP/proxy.example");
        assert_eq!(begun.err(), Some(LogonError::NoPackage));
    }
}
