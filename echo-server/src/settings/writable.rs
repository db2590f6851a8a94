//! Finds users other than the owner who could change the files that decide who may connect. They could give themselves
//! access as easily as if they had read a key.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file, or a folder above one, that users other than its owner may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub(crate) enum Writable {
    #[error(
        "{}: {} can change this file, which decides who may connect; `chmod {} {}`",
        .0.display(), .1, .1.remedy(), .0.display()
    )]
    File(PathBuf, OtherWriters),
    #[error(
        "{}: {} can replace the files in this folder, which decide who may connect; `chmod {} {}`",
        .0.display(), .1, .1.remedy(), .0.display()
    )]
    Folder(PathBuf, OtherWriters),
}

/// The users, other than the owner, who may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OtherWriters {
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "other systems have no group of a file")
    )]
    Group,
    Everybody,
}

/// Returns all problems with the rights to `files` and to the folders above them. In the folder `whole` nobody else may
/// create files either, because even names that do not exist yet matter.
pub(super) fn writable(files: &[PathBuf], whole: &Path) -> Vec<Writable> {
    let mut found = Vec::new();
    for file in files {
        if let Some(who) = writers(file) {
            found.push(Writable::File(file.clone(), who));
        }
    }
    let mut folders: Vec<PathBuf> = vec![whole.to_owned()];
    for file in files {
        // Both the link's own folder and that of its target matter.
        folders.extend(folder(file));
        folders.extend(file.canonicalize().ok().as_deref().and_then(folder));
    }
    for folder in &folders {
        let exempt = folder != whole && is_sticky(folder);
        if let Some(who) = writers(folder).filter(|_| !exempt) {
            found.push(Writable::Folder(folder.clone(), who));
        }
        let Ok(folder) = folder.canonicalize() else {
            continue;
        };
        let above = folder.ancestors().skip(1);
        // Further up, write access for the group is accepted: on many systems each user has a group of their own, to
        // which the user's folders belong.
        let open = above
            .filter(|above| writers(above) == Some(OtherWriters::Everybody) && !is_sticky(above));
        found.extend(open.map(|above| Writable::Folder(above.to_owned(), OtherWriters::Everybody)));
    }
    found.sort();
    found.dedup();
    found
}

fn folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

/// Returns the users who may write to `path`. `None` on a file system that is mounted read-only, which is usual for
/// secrets and configurations in containers.
#[cfg(unix)]
fn writers(path: &Path) -> Option<OtherWriters> {
    let mode = mode(path)?;
    let who = if mode & 0o002 != 0 {
        OtherWriters::Everybody
    } else if mode & 0o020 != 0 {
        OtherWriters::Group
    } else {
        return None;
    };
    (!is_read_only(path)).then_some(who)
}

/// Returns whether the folder is sticky: then users cannot replace each other's files, as in /tmp.
#[cfg(unix)]
fn is_sticky(folder: &Path) -> bool {
    mode(folder).is_some_and(|mode| mode & 0o1000 != 0)
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(path.metadata().ok()?.permissions().mode())
}

#[cfg(unix)]
fn is_read_only(path: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(not(unix))]
fn writers(_: &Path) -> Option<OtherWriters> {
    None
}

#[cfg(not(unix))]
fn is_sticky(_: &Path) -> bool {
    false
}

impl OtherWriters {
    fn remedy(self) -> &'static str {
        match self {
            Self::Group => "g-w",
            Self::Everybody => "go-w",
        }
    }
}

impl std::fmt::Display for OtherWriters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Group => "every user of its group",
            Self::Everybody => "every user of this host",
        })
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// Returns a folder that contains a folder `in` with a file `f`, with these modes.
    fn tree(above: u32, folder: u32, file: u32) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("in");
        let path = inner.join("f");
        fs::create_dir(&inner).unwrap();
        fs::write(&path, "").unwrap();
        for (path, mode) in [(&path, file), (&inner, folder)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(root.path(), Permissions::from_mode(above)).unwrap();
        (root, inner, path)
    }

    #[test]
    fn what_more_than_its_owner_may_change_is_told_by_who_may() {
        use OtherWriters::{Everybody, Group};
        for (modes, of_above, of_folder, of_file) in [
            ((0o755, 0o755, 0o644), None, None, None),
            // These are the modes with which the service's user can read the file.
            ((0o755, 0o750, 0o640), None, None, None),
            ((0o755, 0o755, 0o602), None, None, Some(Everybody)),
            ((0o755, 0o755, 0o660), None, None, Some(Group)),
            ((0o755, 0o777, 0o600), None, Some(Everybody), None),
            ((0o755, 0o775, 0o666), None, Some(Group), Some(Everybody)),
            ((0o777, 0o700, 0o600), Some(Everybody), None, None),
            ((0o775, 0o700, 0o600), None, None, None),
            ((0o1777, 0o1777, 0o600), None, None, None),
        ] {
            let (root, inner, path) = tree(modes.0, modes.1, modes.2);
            let above = root.path().canonicalize().unwrap();
            let mut expected = Vec::new();
            expected.extend(of_file.map(|who| Writable::File(path.clone(), who)));
            expected.extend(of_above.map(|who| Writable::Folder(above.clone(), who)));
            expected.extend(of_folder.map(|who| Writable::Folder(inner.clone(), who)));
            expected.sort();
            let found = writable(&[path], Path::new("/"));
            assert_eq!(found, expected, "{modes:?}");
        }
    }

    /// Others could create a file that does not exist yet, for example the certificate of a next roll-over.
    #[test]
    fn a_folder_of_which_every_name_counts_is_for_its_owner_alone() {
        let (_root, inner, path) = tree(0o755, 0o1777, 0o600);
        let expected = [Writable::Folder(inner.clone(), OtherWriters::Everybody)];
        assert_eq!(writable(&[path], &inner), expected);
    }

    #[test]
    fn a_link_counts_where_it_stands_and_where_it_leads() {
        let (_one, inner, path) = tree(0o755, 0o777, 0o600);
        let (_other, there, _) = tree(0o755, 0o755, 0o600);
        let link = there.join("link");
        symlink(&path, &link).unwrap();
        let inner = inner.canonicalize().unwrap();
        let expected = [Writable::Folder(inner, OtherWriters::Everybody)];
        assert_eq!(writable(&[link], &there), expected);
    }
}
