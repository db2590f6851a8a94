//! The destination of a report: a regular file, which is replaced as a whole, or anything else that the path names. A
//! device, a pipe or a socket is written to and never replaced; a symbolic link is followed.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// An open destination of one report.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file, which need not exist yet.
    Regular {
        /// The path after following all symbolic links.
        path: PathBuf,
        /// The temporary file, in the same folder so that renaming it is atomic.
        beside: NamedTempFile,
    },
    /// Anything else that can be written to, such as `/dev/null` or a named pipe.
    Stream(File),
}

impl Target {
    /// Opens the target of `path` without changing it.
    ///
    /// # Errors
    ///
    /// The target cannot be written, or is a pipe without a reader.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(existing) if !existing.is_file() => open_stream(path).map(Self::Stream),
            Ok(existing) => Self::regular(std::fs::canonicalize(path)?, Some(&existing)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::regular(behind_links(path)?, None)
            }
            Err(error) => Err(error),
        }
    }

    fn regular(path: PathBuf, existing: Option<&Metadata>) -> io::Result<Self> {
        if existing.is_some() {
            // A read-only file is not replaced, although its folder would allow it.
            File::options().append(true).open(&path)?;
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fwprobe-");
        readable_like_any_new_file(&mut builder);
        let beside = builder.tempfile_in(folder).map_err(without_its_name)?;
        if let Some(existing) = existing {
            beside.as_file().set_permissions(existing.permissions())?;
        }
        Ok(Self::Regular { path, beside })
    }

    /// Writes `report` to the target.
    ///
    /// # Errors
    ///
    /// The target cannot be written. A regular file is then left unchanged.
    pub(crate) fn fill(self, report: &[u8]) -> io::Result<()> {
        match self {
            Self::Regular { path, mut beside } => {
                // Writes to the inner file, since an error of `tempfile` contains the temporary name.
                beside.as_file_mut().write_all(report)?;
                beside.as_file().sync_all()?;
                beside.persist(path).map_err(|failed| failed.error)?;
                Ok(())
            }
            Self::Stream(mut stream) => {
                stream.write_all(report)?;
                stream.flush()
            }
        }
    }
}

/// Returns the error without the name of the temporary file, which means nothing to users. `tempfile` appends it.
pub(crate) fn without_its_name(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((why, _)) => io::Error::new(error.kind(), why),
        None => error,
    }
}

/// Returns the file that `path` would create, following links to files that do not exist yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => {
                let folder = path.parent().unwrap_or_else(|| Path::new(""));
                path = folder.join(target);
            }
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "too many symbolic links, one leading to the next",
    ))
}

/// Opens a pipe only if it has a reader: waiting for one would stop the run for ever.
#[cfg(unix)]
fn open_stream(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let opened = open(path, flags, Mode::empty()).map_err(|error| {
        if error == rustix::io::Errno::NXIO {
            io::Error::new(
                io::ErrorKind::NotConnected,
                "it is a pipe or socket, and nobody reads from it: start the reader first",
            )
        } else {
            error.into()
        }
    })?;
    fcntl_setfl(&opened, fcntl_getfl(&opened)? - OFlags::NONBLOCK)?;
    Ok(opened.into())
}

#[cfg(not(unix))]
fn open_stream(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// Gives the file the mode of any new file, subject to the umask. Temporary files are private by default.
#[cfg(unix)]
pub(crate) fn readable_like_any_new_file(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

/// Leaves the mode as it is, because these systems have none.
#[cfg(not(unix))]
pub(crate) fn readable_like_any_new_file(_builder: &mut tempfile::Builder<'_, '_>) {}

/// Maximum number of links in a chain, as in Linux (path_resolution(7)).
const MOST_LINKS: usize = 40;

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn written(path: &Path) -> io::Result<()> {
        Target::open(path)?.fill(b"report")
    }

    #[test]
    fn a_regular_file_is_replaced_and_keeps_its_mode() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("run.json");
        std::fs::write(&path, "an older and longer report")?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640))?;
        written(&path)?;
        assert_eq!(std::fs::read(&path)?, b"report");
        assert_eq!(
            std::fs::metadata(&path)?.permissions().mode() & 0o777,
            0o640
        );
        Ok(())
    }

    #[test]
    fn a_link_stays_a_link() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (link, dangling) = (folder.path().join("link"), folder.path().join("dangling"));
        std::fs::write(folder.path().join("old"), "old")?;
        symlink("old", &link)?;
        symlink("new", &dangling)?;
        for (link, target) in [(&link, "old"), (&dangling, "new")] {
            written(link)?;
            assert!(std::fs::symlink_metadata(link)?.is_symlink());
            assert_eq!(std::fs::read(folder.path().join(target))?, b"report");
        }
        Ok(())
    }

    #[test]
    fn links_in_a_circle_are_an_error() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        symlink("b", folder.path().join("a"))?;
        symlink("a", folder.path().join("b"))?;
        assert!(Target::open(&folder.path().join("a")).is_err());
        Ok(())
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // The pipe has no reader yet.
        assert!(Target::open(&path).is_err());
        let mut reader = File::options().read(true).write(true).open(&path)?;
        written(&path)?;
        let mut read = [0; 6];
        reader.read_exact(&mut read)?;
        assert_eq!(&read, b"report");
        assert!(std::fs::symlink_metadata(&path)?.file_type().is_fifo());
        Ok(())
    }

    #[test]
    fn a_device_is_a_stream() -> io::Result<()> {
        assert!(matches!(
            Target::open(Path::new("/dev/null"))?,
            Target::Stream(_)
        ));
        Ok(())
    }
}
