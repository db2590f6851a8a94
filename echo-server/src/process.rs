//! The resources that this process uses, as the kernel counts them.

/// The resources that this process uses; each is `None` if this platform does not report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) resident_bytes: Option<usize>,
    pub(crate) descriptors: Option<usize>,
}

impl Usage {
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Self {
        Self {
            resident_bytes: resident_bytes(),
            // The directory itself is open while it is read, so it is not counted.
            descriptors: std::fs::read_dir(PROCESS.to_owned() + "/fd")
                .ok()
                .map(|open| open.count().saturating_sub(1)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Self {
        Self::default()
    }
}

/// Returns the resident memory in bytes: the second number of `statm`, in pages (proc_pid_statm(5)).
#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string(PROCESS.to_owned() + "/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// The directory of this process; the server reads nothing else in /proc.
#[cfg(target_os = "linux")]
pub(crate) const PROCESS: &str = "/proc/self";

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn one_more_descriptor_is_counted() {
        let usage = Usage::now();
        assert!(usage.resident_bytes.unwrap() > 1024 * 1024);
        assert!(usage.descriptors.unwrap() >= 3);
    }
}
