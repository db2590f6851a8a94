//! The version in a Windows program file: `VS_FIXEDFILEINFO` in its resources (Windows SDK, verrsrc.h).

use super::Version;

/// Returns the file version of a program; `None` if its bytes contain none.
///
/// Searches for the structure's signature, so that neither the file's headers nor its resource tree has to be trusted.
pub fn file_version(program: &[u8]) -> Option<Version> {
    let at = program
        .windows(SIGNATURE.len())
        .position(|bytes| bytes == SIGNATURE)?;
    let numbers = program.get(at + SIGNATURE.len()..)?;
    let number = |index: usize| -> Option<u16> {
        let bytes = numbers.get(2 * index..)?.first_chunk()?;
        Some(u16::from_le_bytes(*bytes))
    };
    let (minor, major) = (number(0)?, number(1)?);
    let (revision, build) = (number(2)?, number(3)?);
    Some(Version {
        major,
        minor,
        build: Some(build.into()),
        revision: Some(revision.into()),
    })
}

/// `dwSignature` and `dwStrucVersion`; `dwFileVersionMS` and `dwFileVersionLS` follow.
const SIGNATURE: [u8; 8] = [0xbd, 0x04, 0xef, 0xfe, 0, 0, 1, 0];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns bytes as a linker writes version 3.3.3950.7 into a program.
    fn program() -> Vec<u8> {
        let mut bytes = b"MZ and what else there is".to_vec();
        bytes.extend(SIGNATURE);
        for number in [3_u16, 3, 7, 3950] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([0; 36]);
        bytes
    }

    #[test]
    fn the_parts_stand_in_their_order() {
        let version = file_version(&program()).unwrap();
        assert_eq!(version.to_string(), "3.3.3950.7");
    }

    #[test]
    fn a_file_that_ends_early_has_none() {
        let whole = program();
        for length in 0..whole.len() - 36 {
            assert_eq!(file_version(&whole[..length]), None, "{length}");
        }
    }
}
