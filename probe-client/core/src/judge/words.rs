//! Puts measured values into words.

/// Returns a duration in words; `us` is in microseconds.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..1_000 => "less than 1 ms".to_owned(),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}
