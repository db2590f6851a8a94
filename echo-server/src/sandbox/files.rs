//! The Landlock layer: no writing anywhere, no reading except named files, and no binding or dialling of TCP ports
//! (Linux 5.13, and 6.7 for the ports; kernel documentation, userspace-api/landlock).

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, path_beneath_rules,
};

use crate::process::PROCESS;

pub(super) fn only(readable: &[&Path]) -> Result<(), String> {
    match restrict(readable) {
        Ok(RulesetStatus::FullyEnforced) => Ok(()),
        Ok(RulesetStatus::PartiallyEnforced) => {
            Err("this kernel supports only a part of this layer; that part is in force".to_owned())
        }
        Ok(RulesetStatus::NotEnforced) => Err("not in this kernel, or not enabled".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn restrict(readable: &[&Path]) -> Result<RulesetStatus, RulesetError> {
    // The metrics read this process' own figures there.
    let own = [Path::new(PROCESS)];
    let readable = readable.iter().chain(&own);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ENOUGH))?
        .handle_access(AccessNet::from_all(ENOUGH))?
        .create()?
        .add_rules(path_beneath_rules(
            readable,
            AccessFs::ReadFile | AccessFs::ReadDir,
        ))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The first ABI version with ports, from Linux 6.7; Ubuntu 24.04 has 6.8. The next version adds `ioctl` on devices,
/// which seccomp forbids anyway. Requesting it would make every kernel before 6.10 count as incomplete.
const ENOUGH: ABI = ABI::V4;

#[cfg(test)]
mod tests {
    use std::io::ErrorKind::PermissionDenied;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_thread_under_it_reads_what_is_named_and_neither_writes_nor_opens_ports() {
        let directory = tempfile::tempdir().unwrap();
        let [named, other] = ["named", "other"].map(|name| directory.path().join(name));
        for folder in [&named, &other] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("file"), "text").unwrap();
        }
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        let under = move || {
            rustix::thread::set_no_new_privs(true).unwrap();
            if let Err(lack) = only(&[&named]) {
                assert!(
                    std::env::var_os("FWPROBE_NO_SKIP").is_none(),
                    "FWPROBE_NO_SKIP is set, and Landlock is {lack}"
                );
                eprintln!("skipped: Landlock is {lack}");
                return;
            }
            assert_eq!(std::fs::read(named.join("file")).unwrap(), b"text");
            for refused in [
                std::fs::read(other.join("file")).map(drop),
                std::fs::write(named.join("file"), "more"),
                std::fs::write(named.join("new"), "more"),
                std::fs::remove_file(named.join("file")),
                TcpListener::bind("127.0.0.1:0").map(drop),
                TcpStream::connect(address).map(drop),
            ] {
                assert_eq!(refused.unwrap_err().kind(), PermissionDenied);
            }
        };
        std::thread::spawn(under).join().unwrap();
    }
}
