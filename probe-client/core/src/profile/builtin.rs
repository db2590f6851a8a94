//! The compiled-in profiles: `profiles/*.toml`, in one array.

use std::sync::LazyLock;

use settings_file::nearest;

use super::{Profile, ProfileId};
use crate::excerpt::Excerpt;

/// A name that no compiled-in profile has.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no profile is called \"{name}\"{}", hint(nearest.as_ref()))]
pub struct UnknownProfile {
    /// The name.
    pub name: Excerpt,
    /// The profile name that was probably meant.
    pub nearest: Option<ProfileId>,
}

pub(super) fn all() -> &'static [Profile] {
    &ALL
}

pub(super) fn lookup(name: &str) -> Result<&'static Profile, UnknownProfile> {
    let named = |profile: &&Profile| profile.names().any(|known| known.as_str() == name);
    all().iter().find(named).ok_or_else(|| {
        let known = all().iter().flat_map(Profile::names);
        let nearest = nearest(name, known.map(ProfileId::as_str));
        UnknownProfile {
            name: Excerpt::cut(name, MAX_NAME_CHARS),
            nearest: nearest.and_then(|name| name.parse().ok()),
        }
    })
}

fn hint(nearest: Option<&ProfileId>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

static ALL: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let parsed = FILES.iter().map(|(file, text)| Profile::parse(file, text));
    let parsed: Result<_, _> = parsed.collect();
    parsed.expect("the texts are constants, and a test reads every one of them")
});

macro_rules! files {
    ($($name:literal,)+) => {
        &[$((
            concat!("profiles/", $name, ".toml"),
            include_str!(concat!("../../profiles/", $name, ".toml")),
        ),)+]
    };
}

/// The file name and the text of each profile.
pub(super) const FILES: &[(&str, &str)] = files![
    "hpc-2008r2-sp1",
    "hpc-2008r2-sp3",
    "hpc-burst",
    "hpc-2019-iaas",
    "cyclecloud",
    "slurm",
    "batch-classic",
    "batch-simplified",
    "arc-agent",
    "avd-sessionhost",
    "avd-client",
    "asr",
    "azure-files",
    "ad-ds",
];

/// The longest name that an error repeats.
const MAX_NAME_CHARS: usize = 60;

#[cfg(test)]
mod tests;
