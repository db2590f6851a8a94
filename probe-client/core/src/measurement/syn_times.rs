//! Computes when a system sends the SYNs of a connection that gets no answer.

/// Returns when each SYN of an unanswered connection was sent, in microseconds since the first.
///
/// The connection was given up after `waited_us`. `counted` is the kernel's count of its SYNs. It also distinguishes
/// the two schedules. Without a count, the schedule with fewer SYNs applies.
pub fn syn_times(waited_us: u64, counted: Option<u32>) -> &'static [u64] {
    let doubling = 1 + repeated_within(&DOUBLING, waited_us);
    let count = counted.map_or(doubling, |count| usize::try_from(count).unwrap_or(doubling));
    let schedule: &[u64] = if count > doubling { &LINEAR } else { &DOUBLING };
    &schedule[..count.clamp(1, schedule.len())]
}

/// Returns the largest number of SYNs that a system sends again within one round trip, before the answer to the first
/// can have arrived.
pub(super) fn most_sent_again_within(round_trip_us: u64) -> u32 {
    let most = repeated_within(&LINEAR, round_trip_us.saturating_add(1));
    u32::try_from(most).unwrap_or(u32::MAX)
}

fn repeated_within(schedule: &[u64], waited_us: u64) -> usize {
    let repeated = schedule[1..].iter();
    repeated.take_while(|after| **after < waited_us).count()
}

/// The usual schedule: the second SYN follows after a second, and each further SYN after twice the time before (RFC
/// 6298 sections 2.1 and 5.5).
const DOUBLING: [u64; 5] = [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000];

/// The schedule of Linux 6.5 and later: a second between the first SYNs, and twice the time before only after these
/// (sysctl `net.ipv4.tcp_syn_linear_timeouts`, 4 unless changed).
const LINEAR: [u64; 8] = [
    0, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 7_000_000, 11_000_000,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_count_tells_the_schedules_apart() {
        assert_eq!(syn_times(2_500_000, None), [0, 1_000_000]);
        assert_eq!(syn_times(2_500_000, Some(2)), [0, 1_000_000]);
        assert_eq!(syn_times(2_500_000, Some(3)), [0, 1_000_000, 2_000_000]);
        assert_eq!(syn_times(6_000_000, Some(3)), [0, 1_000_000, 3_000_000]);
        assert_eq!(syn_times(6_000_000, Some(6)).last(), Some(&5_000_000));
    }

    #[test]
    fn at_least_one_syn_was_sent_and_never_more_than_the_schedule_has() {
        assert_eq!(syn_times(0, None), [0]);
        assert_eq!(syn_times(500_000, Some(0)), [0]);
        assert_eq!(syn_times(u64::MAX, Some(u32::MAX)).len(), LINEAR.len());
    }
}
