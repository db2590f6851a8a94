//! Reads the user's configuration file, which holds options that need not be typed each time.

use std::path::{Path, PathBuf};

use settings_file::{Field, FileErrors, Section};

use crate::environment::Environment;
use crate::given_file;

/// The keys of the file. All are optional.
#[derive(Debug, Default)]
pub(super) struct FileConfig {
    /// The connection string, `fwprobe://…`.
    connection: Option<String>,
    pub(super) profile: Option<String>,
    path: PathBuf,
}

impl FileConfig {
    /// Returns the connection string and the file that contains it.
    pub(super) fn connection(&self) -> Option<(String, PathBuf)> {
        let text = self.connection.clone()?;
        Some((text, self.path.clone()))
    }
}

/// Reads the file `explicit`, which must exist, or the default file, which need not.
pub(super) fn read(
    explicit: Option<&Path>,
    environment: Environment<'_>,
) -> Result<FileConfig, FileErrors> {
    let path = match explicit {
        Some(path) => path.to_owned(),
        None => match default_path(environment).filter(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(FileConfig::default()),
        },
    };
    let reading = given_file::toml(&path, &FILE, |table, problems| {
        let mut text = |key| {
            let read = table.optional(key, problems, Field::text);
            read.unwrap_or_default().map(str::to_owned)
        };
        FileConfig {
            connection: text("connection"),
            profile: text("profile"),
            path: path.clone(),
        }
    });
    reading.whole()
}

fn default_path(environment: Environment<'_>) -> Option<PathBuf> {
    let (base, rest): (_, &[&str]) = if cfg!(windows) {
        (environment("APPDATA")?, &[])
    } else if let Some(base) = environment("XDG_CONFIG_HOME").filter(|b| !b.is_empty()) {
        (base, &[])
    } else {
        (environment("HOME")?, &[".config"])
    };
    let mut path = PathBuf::from(base);
    path.extend(rest);
    path.extend(["fwprobe", "config.toml"]);
    Some(path)
}

static FILE: Section = Section::new(
    "a configuration",
    &[
        (
            "connection",
            r#"connection = "fwprobe://…", as the server printed it"#,
        ),
        ("profile", r#"profile = "hpc-2008r2-sp1""#),
    ],
);
