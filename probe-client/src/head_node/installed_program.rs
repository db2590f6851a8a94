//! Reads the programs of HPC Pack as a source. Their file version is the only thing on a head node that is sure to show
//! the service pack.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use head_node::{HeadNode, Origin, ProductVersion, Reading, Version, file_version};

use crate::environment::Environment;

/// Adds the version of the first program that exists and has a version.
pub(super) fn read(node: &mut HeadNode, environment: Environment<'_>) {
    let Some(home) = environment("CCP_HOME").filter(|home| !home.is_empty()) else {
        return;
    };
    let folder = Path::new(&home).join("Bin");
    for name in PROGRAMS {
        let path = folder.join(name);
        if let Ok(Some(version)) = version_of(&path) {
            node.version = Reading::Found(
                Origin::Program(path.display().to_string()),
                ProductVersion {
                    version,
                    shows_service_pack: true,
                },
            );
            return;
        }
    }
}

fn version_of(path: &Path) -> io::Result<Option<Version>> {
    let mut program = Vec::new();
    File::open(path)?
        .take(MAX_BYTES)
        .read_to_end(&mut program)?;
    Ok(file_version(&program))
}

/// The files to look at. Microsoft's own scripts read the version of the first (HPC Pack 2016 and later). That the
/// second serves the same purpose in earlier versions is from memory, and unconfirmed.
const PROGRAMS: [&str; 2] = ["HpcCommon.dll", "HpcScheduler.exe"];

/// Maximum size of a program in bytes; these have a few megabytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the facts about a head node with these programs in `Bin`, each with the version 3.3.3950.`index`.
    fn head_node(programs: &[&str]) -> HeadNode {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("Bin")).unwrap();
        for (index, name) in (0..).zip(programs) {
            let mut bytes = b"MZ....".to_vec();
            bytes.extend([0xbd, 4, 0xef, 0xfe, 0, 0, 1, 0]);
            bytes.extend([3, 0, 3, 0, index, 0, 0x6e, 0x0f]);
            std::fs::write(home.path().join("Bin").join(name), bytes).unwrap();
        }
        let text = home.path().to_str().unwrap().to_owned();
        let mut node = HeadNode::default();
        read(&mut node, &|name| {
            (name == "CCP_HOME").then(|| text.clone())
        });
        node
    }

    #[test]
    fn the_first_program_that_is_there_tells_the_service_pack() {
        for (programs, expected) in [
            (&["HpcCommon.dll", "HpcScheduler.exe"][..], "3.3.3950.0"),
            (&["HpcScheduler.exe"], "3.3.3950.0"),
        ] {
            let node = head_node(programs);
            let known = node.version.value().unwrap();
            assert_eq!(known.version.to_string(), expected);
            assert_eq!(node.release().unwrap().pair(), (3, 3));
        }
    }

    #[test]
    fn without_programs_nothing_is_known() {
        assert_eq!(head_node(&[]).version, Reading::NotRead);
        let mut node = HeadNode::default();
        read(&mut node, &|_| None);
        assert_eq!(node.version, Reading::NotRead);
    }
}
