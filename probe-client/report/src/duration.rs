//! Durations for people.

/// Returns a duration for people; `us` is in microseconds.
pub(crate) fn milliseconds(us: u64) -> String {
    match us {
        0..9_950 => format!("{:.1} ms", us as f64 / 1e3),
        9_950..999_500 => format!("{:.0} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_and_not_cut() {
        for (us, shown) in [
            (1_960, "2.0 ms"),
            (9_990, "10 ms"),
            (212_900, "213 ms"),
            (999_900, "1.0 s"),
            (3_960_000, "4.0 s"),
        ] {
            assert_eq!(milliseconds(us), shown);
        }
    }
}
