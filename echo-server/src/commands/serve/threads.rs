//! Limits the number of threads that serve. The runtime would start one for each CPU, and up to 512 that wait for the
//! kernel. On a host with many CPUs that exceeds the service's limit (`TasksMax=` of the unit, `pids_limit` of the
//! container), and a server that cannot start a thread ends.

use std::io;
use std::num::NonZero;

use tokio::runtime::{Builder, Runtime};

pub(super) fn start() -> io::Result<Runtime> {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads(workers(cpus))
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
}

fn workers(cpus: usize) -> usize {
    cpus.min(MAX_WORKERS)
}

/// The maximum number of worker threads: more than strangers and clients can keep busy, since a session is a few round
/// trips of small packets.
const MAX_WORKERS: usize = 32;
/// The maximum number of blocking threads. They look for half-open connections, which takes a moment each; more threads
/// would only wait for the same kernel.
const BLOCKING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// The threads of the process that are not in the runtime: the first thread, which waits for the others, and a few
    /// that have just ended and may still be counted.
    const BESIDE: usize = 1 + 4;

    #[test]
    fn all_threads_of_a_large_host_are_within_what_the_service_may_have() {
        let unit = include_str!("../../../../deploy/systemd/fwprobe-echo.service");
        let container = include_str!("../../../../deploy/container/compose.yaml");
        for (file, key) in [(unit, "TasksMax="), (container, "pids_limit: ")] {
            let mut lines = file.lines().map(str::trim);
            let most = lines.find_map(|line| line.strip_prefix(key)).unwrap();
            let most: usize = most.parse().unwrap();
            for cpus in [1, 2, 32, 96, 1024] {
                assert!(workers(cpus) + BLOCKING + BESIDE <= most, "{key}{most}");
            }
        }
    }

    #[test]
    fn a_small_host_has_a_thread_for_each_cpu() {
        assert_eq!(workers(2), 2);
    }
}
