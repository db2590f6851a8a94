//! Puts measured values into words.

/// Returns a duration in words; `us` is in microseconds.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..1_000 => "less than 1 ms".to_owned(),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// Returns the first of `ports`, and the number of those left out.
pub(super) fn list(ports: &[u16]) -> String {
    let mut shown: Vec<String> = ports.iter().take(SHOWN).map(u16::to_string).collect();
    if ports.len() > SHOWN {
        shown.push(format!("and {} more", ports.len() - SHOWN));
    }
    shown.join(", ")
}

/// Joins words into `a`, `a and b` or `a, b and c`.
pub(super) fn in_a_sentence(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// The maximum number of ports that a sentence lists.
const SHOWN: usize = 12;
