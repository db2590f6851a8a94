//! The resources that this process uses, as the kernel counts them.

/// `None`: this platform does not tell.
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
            // The directory itself is open while it is read.
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

/// The second number of `statm`, in pages (proc_pid_statm(5)).
#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string(PROCESS.to_owned() + "/statm").ok()?;
    let pages: usize = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// This process' own directory; nothing else of /proc is looked at.
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
