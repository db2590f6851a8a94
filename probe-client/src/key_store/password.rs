//! Finds the password of a certificate file: in a file, in the environment, or from the user at a terminal. It is never
//! an argument, which every user of the machine could read.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyStoreError, text};
use crate::environment::Environment;
use crate::given_file;

/// The place of the password; used only if a file needs one.
#[derive(Debug, Default)]
pub(crate) struct PasswordSource {
    file: Option<PathBuf>,
    variable: Option<Secret>,
}

struct Secret(Zeroizing<String>);

impl PasswordSource {
    pub(crate) fn new(file: Option<&Path>, environment: Environment<'_>) -> Self {
        Self {
            file: file.map(Path::to_owned),
            variable: environment(VARIABLE).map(|text| Secret(Zeroizing::new(text))),
        }
    }

    /// Returns the password for `path`; `None` if there is no terminal to ask at.
    pub(super) fn find(&self, path: &Path) -> Result<Option<Zeroizing<String>>, KeyStoreError> {
        if let Some(file) = &self.file {
            return read(file).map(Some);
        }
        if let Some(Secret(text)) = &self.variable {
            return Ok(Some(text.clone()));
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(None);
        }
        let typed = rpassword::prompt_password(format!("Password of {}: ", path.display()));
        // If the prompt fails, there is no usable terminal.
        Ok(typed.ok().map(Zeroizing::new))
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeyStoreError> {
    let failed = |why: String| KeyStoreError::PasswordFile {
        path: path.to_owned(),
        why,
    };
    let mut bytes = Zeroizing::new(Vec::new());
    given_file::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(error.to_string()))?;
    let length = bytes.len();
    let plain = text::plain(bytes);
    let text = std::str::from_utf8(&plain)
        .map_err(|_| failed("it is neither UTF-8 nor UTF-16; save it as UTF-8".to_owned()))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(failed(format!("it has more than {MAX_BYTES} bytes")));
    }
    // Editors end a file with a line break.
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The environment variable that holds the password.
pub(crate) const VARIABLE: &str = "FWPROBE_CERTIFICATE_PASSWORD";

/// Maximum size in bytes. Windows takes passwords of up to 32 characters in its dialogs, and somewhat longer ones
/// elsewhere.
const MAX_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, KeyStoreError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, bytes).unwrap();
        read(&path).map(|password| password.to_string())
    }

    fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    /// Editors and shells of Windows write all of these; `>` of PowerShell writes UTF-16 with a mark.
    #[test]
    fn a_password_is_read_in_every_encoding_of_unicode() {
        let text = "grüße-secret\r\n";
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            [vec![0xff, 0xfe], wide(text, u16::to_le_bytes)].concat(),
            [vec![0xfe, 0xff], wide(text, u16::to_be_bytes)].concat(),
            wide(text, u16::to_le_bytes),
        ] {
            assert_eq!(of(&bytes).unwrap(), "grüße-secret", "{bytes:x?}");
        }
        assert_eq!(of(b"").unwrap(), "");
    }

    /// A guess at the code page could yield a wrong password, and the user would not learn why.
    #[test]
    fn a_password_in_latin_1_is_refused_with_the_remedy() {
        let error = of(b"gr\xfc\xdfe-secret\r\n").unwrap_err();
        let KeyStoreError::PasswordFile { why, .. } = &error else {
            panic!("{error}");
        };
        assert!(why.contains("save it as UTF-8"), "{why}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
