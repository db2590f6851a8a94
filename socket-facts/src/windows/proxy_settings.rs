//! Reads the proxy settings of Windows, and asks its proxy scripts (learn.microsoft.com, "WinHTTP AutoProxy Support",
//! "WinHttpGetProxyForUrl function"). All of these calls exist from Windows XP SP1 on.

use std::ffi::c_void;
use std::io;
use std::ptr;

use thiserror::Error;
use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, GlobalFree};
use windows_sys::Win32::Networking::WinHttp::{
    ERROR_WINHTTP_AUTODETECTION_FAILED, ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT,
    ERROR_WINHTTP_LOGIN_FAILURE, ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR,
    ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT, WINHTTP_ACCESS_TYPE_NAMED_PROXY,
    WINHTTP_ACCESS_TYPE_NO_PROXY, WINHTTP_AUTO_DETECT_TYPE_DHCP, WINHTTP_AUTO_DETECT_TYPE_DNS_A,
    WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTOPROXY_CONFIG_URL, WINHTTP_AUTOPROXY_OPTIONS,
    WINHTTP_CURRENT_USER_IE_PROXY_CONFIG, WINHTTP_PROXY_INFO, WinHttpCloseHandle,
    WinHttpGetDefaultProxyConfiguration, WinHttpGetIEProxyConfigForCurrentUser,
    WinHttpGetProxyForUrl, WinHttpOpen, WinHttpSetTimeouts,
};

/// Proxies and exceptions, in the forms of WINHTTP_PROXY_INFO.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamedProxies {
    pub proxies: String,
    pub exceptions: String,
}

/// The Internet settings of the user who runs this program.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UserProxySettings {
    /// Whether to look for a script in the network (WPAD).
    pub detect: bool,
    /// The URL of a script.
    pub script: Option<String>,
    pub fixed: Option<NamedProxies>,
}

/// The answer of a proxy script about a destination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScriptAnswer {
    Direct,
    Through(NamedProxies),
    /// The network does not name a script.
    NoScript,
}

/// The reason why a proxy script gave no answer.
#[derive(Debug, Error)]
pub enum ScriptError {
    #[error("it cannot be fetched")]
    NotFetched,
    #[error("it does not run")]
    Bad,
    #[error("its server requires authentication, and does not accept this user")]
    Login,
    #[error("WinHTTP's error {0}")]
    Other(u32),
}

/// The part of WinHTTP that runs proxy scripts.
#[derive(Debug)]
pub struct ProxyScripts {
    session: *mut c_void,
}

/// Returns the Internet settings of the current user.
///
/// # Errors
/// Windows cannot read the settings.
pub fn user_proxy_settings() -> io::Result<UserProxySettings> {
    let mut config = WINHTTP_CURRENT_USER_IE_PROXY_CONFIG::default();
    #[expect(
        unsafe_code,
        reason = "no maintained crate that Windows 7 can run asks for it"
    )]
    // SAFETY: the structure outlives the call, which fills it.
    let told = unsafe { WinHttpGetIEProxyConfigForCurrentUser(&raw mut config) };
    if told == 0 {
        let error = last_error();
        return match error {
            // The user has never changed these settings.
            ERROR_FILE_NOT_FOUND => Ok(UserProxySettings::default()),
            _ => Err(os_error(error)),
        };
    }
    let script = take(config.lpszAutoConfigUrl);
    let (proxies, exceptions) = (take(config.lpszProxy), take(config.lpszProxyBypass));
    Ok(UserProxySettings {
        detect: config.fAutoDetect != 0,
        script,
        fixed: named(proxies, exceptions),
    })
}

/// Returns WinHTTP's own setting, which `netsh winhttp` changes; `None` if it says to connect directly.
///
/// # Errors
/// Windows cannot read the setting.
pub fn winhttp_proxy_setting() -> io::Result<Option<NamedProxies>> {
    let mut info = WINHTTP_PROXY_INFO::default();
    #[expect(
        unsafe_code,
        reason = "no maintained crate that Windows 7 can run asks for it"
    )]
    // SAFETY: the structure outlives the call, which fills it.
    let told = unsafe { WinHttpGetDefaultProxyConfiguration(&raw mut info) };
    if told == 0 {
        return Err(os_error(last_error()));
    }
    Ok(named_in(&info))
}

impl ProxyScripts {
    /// Opens a session of WinHTTP.
    ///
    /// # Errors
    /// WinHTTP cannot be used.
    pub fn open() -> io::Result<Self> {
        let agent = wide("fwprobe");
        #[expect(
            unsafe_code,
            reason = "no maintained crate that Windows 7 can run asks scripts"
        )]
        // SAFETY: `agent` ends with a zero and outlives the call; the other pointers may be null.
        let session = unsafe {
            WinHttpOpen(
                agent.as_ptr(),
                WINHTTP_ACCESS_TYPE_NO_PROXY,
                ptr::null(),
                ptr::null(),
                0,
            )
        };
        if session.is_null() {
            return Err(os_error(last_error()));
        }
        let opened = Self { session };
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: the session is open as long as `opened` lives.
        let limited = unsafe { WinHttpSetTimeouts(opened.session, WAIT, WAIT, WAIT, WAIT) };
        if limited == 0 {
            return Err(os_error(last_error()));
        }
        Ok(opened)
    }

    /// Asks the script at `script`, or the one that the network names, for the proxy to `url`. It blocks for as long as
    /// it takes to find, fetch and run the script.
    ///
    /// # Errors
    /// The script cannot be fetched or run.
    pub fn ask(&self, script: Option<&str>, url: &str) -> Result<ScriptAnswer, ScriptError> {
        // The script's server learns who the user is only if it requires that.
        match self.ask_as(script, url, false) {
            Err(ScriptError::Login) => self.ask_as(script, url, true),
            other => other,
        }
    }

    fn ask_as(
        &self,
        script: Option<&str>,
        url: &str,
        log_on: bool,
    ) -> Result<ScriptAnswer, ScriptError> {
        let (script, url) = (script.map(wide), wide(url));
        let mut options = WINHTTP_AUTOPROXY_OPTIONS {
            fAutoLogonIfChallenged: log_on.into(),
            ..WINHTTP_AUTOPROXY_OPTIONS::default()
        };
        if let Some(script) = &script {
            options.dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL;
            options.lpszAutoConfigUrl = script.as_ptr();
        } else {
            options.dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT;
            options.dwAutoDetectFlags =
                WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
        }
        let mut info = WINHTTP_PROXY_INFO::default();
        #[expect(
            unsafe_code,
            reason = "no maintained crate that Windows 7 can run asks scripts"
        )]
        // SAFETY: the session is open as long as `self` lives; both texts end with a zero and outlive the call, and so
        // do the structures.
        let told = unsafe {
            WinHttpGetProxyForUrl(self.session, url.as_ptr(), &raw mut options, &raw mut info)
        };
        if told != 0 {
            return Ok(named_in(&info).map_or(ScriptAnswer::Direct, ScriptAnswer::Through));
        }
        match last_error() {
            ERROR_WINHTTP_AUTODETECTION_FAILED => Ok(ScriptAnswer::NoScript),
            ERROR_WINHTTP_UNABLE_TO_DOWNLOAD_SCRIPT => Err(ScriptError::NotFetched),
            ERROR_WINHTTP_BAD_AUTO_PROXY_SCRIPT | ERROR_WINHTTP_SCRIPT_EXECUTION_ERROR => {
                Err(ScriptError::Bad)
            }
            ERROR_WINHTTP_LOGIN_FAILURE => Err(ScriptError::Login),
            other => Err(ScriptError::Other(other)),
        }
    }
}

impl Drop for ProxyScripts {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "what was opened has to be closed")]
        // SAFETY: the session is open, and nothing else uses it.
        unsafe {
            WinHttpCloseHandle(self.session);
        }
    }
}

fn named_in(info: &WINHTTP_PROXY_INFO) -> Option<NamedProxies> {
    let (proxies, exceptions) = (take(info.lpszProxy), take(info.lpszProxyBypass));
    named(proxies, exceptions).filter(|_| info.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY)
}

fn named(proxies: Option<String>, exceptions: Option<String>) -> Option<NamedProxies> {
    let proxies = proxies.filter(|proxies| !proxies.trim().is_empty())?;
    Some(NamedProxies {
        proxies,
        exceptions: exceptions.unwrap_or_default(),
    })
}

/// Returns a text that WinHTTP has allocated, and frees it.
fn take(text: *mut u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let mut units = Vec::new();
    #[expect(unsafe_code, reason = "the text is WinHTTP's")]
    // SAFETY: WinHTTP's texts end with a zero, and nothing after it is read; the caller must free each of them once,
    // with GlobalFree.
    unsafe {
        let mut at = text;
        while *at != 0 {
            units.push(*at);
            at = at.add(1);
        }
        GlobalFree(text.cast());
    }
    units.truncate(MAX_TEXT);
    Some(String::from_utf16_lossy(&units))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16()
        .filter(|unit| *unit != 0)
        .chain([0])
        .collect()
}

fn last_error() -> u32 {
    let code = io::Error::last_os_error().raw_os_error();
    code.map_or(0, i32::cast_unsigned)
}

fn os_error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

/// The limit in milliseconds for each step of fetching a script.
const WAIT: i32 = 5_000;

/// The maximum length of a text in UTF-16 units. A longer list of proxies would not help.
const MAX_TEXT: usize = 64 * 1024;
