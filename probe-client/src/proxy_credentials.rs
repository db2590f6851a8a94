//! Reads a proxy's user name and password from a file, the environment, or the user at a terminal. They are never an
//! argument, which every user of the machine could read.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use probe_core::proxy::ProxyCredentials;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{given_file, terminal};

/// Returns the credentials from the first source that is given.
///
/// # Errors
///
/// The defect of the credentials. No message repeats any part of the credentials.
pub(crate) fn find(
    file: Option<&Path>,
    environment: Option<String>,
    ask: bool,
) -> Result<Option<ProxyCredentials>, CredentialsError> {
    if let Some(path) = file {
        let text = read(path)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        return parse(line, || format!("{}", path.display())).map(Some);
    }
    if ask {
        return prompt().map(Some);
    }
    let Some(text) = environment.map(Zeroizing::new) else {
        return Ok(None);
    };
    parse(&text, || format!("the variable {VARIABLE}")).map(Some)
}

/// Parses `user:password`; the password may contain further colons.
fn parse(text: &str, origin: impl Fn() -> String) -> Result<ProxyCredentials, CredentialsError> {
    let (user, password) = text
        .split_once(':')
        .filter(|(user, _)| !user.is_empty())
        .ok_or_else(|| CredentialsError::Malformed { origin: origin() })?;
    if text.chars().any(char::is_control) {
        return Err(CredentialsError::Control { origin: origin() });
    }
    Ok(ProxyCredentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

fn read(path: &Path) -> Result<Zeroizing<String>, CredentialsError> {
    let unreadable = |error: std::io::Error| CredentialsError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let facts = std::fs::metadata(path).map_err(unreadable)?;
    if facts.len() > MAX_BYTES {
        return Err(CredentialsError::TooLong {
            path: path.to_owned(),
            length: facts.len(),
        });
    }
    if given_file::mode(&facts).is_some_and(|mode| mode & 0o077 != 0) {
        terminal::tell(&format!(
            "warning: {} can be read by other users of this machine; chmod 600 would keep them out",
            path.display()
        ));
    }
    given_file::text(path, MAX_BYTES)
        .map(Zeroizing::new)
        .map_err(unreadable)
}

fn prompt() -> Result<ProxyCredentials, CredentialsError> {
    if !std::io::stdin().is_terminal() {
        return Err(CredentialsError::NoTerminal);
    }
    terminal::tell("user name for the proxy:");
    let mut user = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut user)
        .map_err(CredentialsError::Prompt)?;
    let password = rpassword::prompt_password("password: ").map_err(CredentialsError::Prompt)?;
    Ok(ProxyCredentials {
        user: user.trim_end_matches(['\r', '\n']).to_owned(),
        password,
    })
}

/// The reason why the credentials cannot be used.
#[derive(Debug, Error)]
pub(crate) enum CredentialsError {
    #[error("the proxy credentials file {} cannot be read: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the proxy credentials file {} has {length} bytes; expected one line of user:password", path.display())]
    TooLong { path: PathBuf, length: u64 },
    #[error("the proxy credentials in {origin} are not of the form user:password")]
    Malformed { origin: String },
    #[error("the proxy credentials in {origin} hold a control character or a second line")]
    Control { origin: String },
    #[error(
        "--ask-proxy-credentials needs a terminal; use --proxy-credentials-file or {VARIABLE} here"
    )]
    NoTerminal,
    #[error("the proxy credentials cannot be asked for: {0}")]
    Prompt(std::io::Error),
}

/// The environment variable that holds the credentials.
pub(crate) const VARIABLE: &str = "FWPROBE_PROXY_CREDENTIALS";

/// Maximum size in bytes; names and passwords are far shorter.
const MAX_BYTES: u64 = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_anything_printable() {
        let parsed = parse("DOM\\user:p:a@s/s w%r\u{f6}", String::new).unwrap();
        assert_eq!(parsed.user, "DOM\\user");
        assert_eq!(parsed.password, "p:a@s/s w%r\u{f6}");
        assert!(!format!("{parsed:?}").contains("user"));
    }

    #[test]
    fn what_is_none_is_refused_without_repeating_it() {
        for text in ["", "sesame", ":sesame", "u:sesame\nx", "u:\u{7}sesame"] {
            let error = parse(text, || "FILE".to_owned()).unwrap_err().to_string();
            assert!(
                error.contains("FILE") && !error.contains("sesame"),
                "{error}"
            );
        }
    }
}
