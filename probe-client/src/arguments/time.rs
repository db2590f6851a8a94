//! Times as users type them.

use std::time::Duration;

use proto::limits::MAX_HOLD;

/// Reads an idle timeout in seconds.
pub(super) fn idle_timeout(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (1.0..=60.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected 1 to 60 seconds".to_owned()),
    }
}

/// Reads the length of a silence in seconds: `90s`, `4m` or plain seconds.
pub(super) fn silence(text: &str) -> Result<u32, String> {
    let longest = u32::try_from(MAX_HOLD.as_secs()).unwrap_or(u32::MAX);
    match seconds(text) {
        Some(seconds) if (1..=longest).contains(&seconds) => Ok(seconds),
        _ => Err("expected a time between 1s and 35m, such as 90s or 4m".to_owned()),
    }
}

/// Reads the interval of repeated runs: `30s`, `5m`, `1h` or plain seconds.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Some(seconds) if (1..=LONGEST_INTERVAL).contains(&seconds) => {
            Ok(Duration::from_secs(seconds.into()))
        }
        _ => Err("expected a time between 1s and 7 days (168h), such as 30s, 5m or 1h".to_owned()),
    }
}

fn seconds(text: &str) -> Option<u32> {
    let (digits, unit) = [('s', 1), ('m', 60), ('h', 3_600)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .unwrap_or((text, 1));
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

/// The longest interval of repeated runs in seconds.
const LONGEST_INTERVAL: u32 = 7 * 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_seconds_minutes_and_hours() {
        for (text, expected) in [("30", 30), ("30s", 30), ("5m", 300), ("2h", 7_200)] {
            assert_eq!(interval(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for text in [
            "",
            "m",
            "0",
            "1d",
            "-5s",
            "1.5h",
            "169h",
            "5 m",
            "4294967295h",
        ] {
            assert!(interval(text).is_err(), "{text}");
        }
        assert_eq!(silence("4m"), Ok(240));
        assert!(silence("1h").is_err());
    }
}
