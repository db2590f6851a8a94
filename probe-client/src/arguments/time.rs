//! Times as users type them.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
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

/// Reads a moment: a date in UTC, a date with a time, or the time that has passed since then (`7d`, `12h`, `30m`).
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let since = || {
        let passed = SignedDuration::from_secs(seconds(text)?.into());
        Timestamp::now().checked_sub(passed).ok()
    };
    let date = || {
        let midnight = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp())
    };
    // A plain number is refused, since `since` would read it as seconds.
    let is_a_time = text.contains(['d', 'h', 'm', '-']);
    let read = || text.parse().ok().or_else(date).or_else(since);
    is_a_time.then(read).flatten().ok_or_else(|| {
        "expected a time such as 2026-11-30, 2026-11-30T08:00:00Z or 7d (also h and m)".to_owned()
    })
}

fn seconds(text: &str) -> Option<u32> {
    let (digits, unit) = [('s', 1), ('m', 60), ('h', 3_600), ('d', 24 * 3_600)]
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
    fn moments_are_dates_times_or_ago() {
        let parsed = |text: &str| moment(text).map(|moment| moment.to_string());
        for (text, expected) in [
            ("2026-11-30", "2026-11-30T00:00:00Z"),
            ("2026-11-30T08:00:00Z", "2026-11-30T08:00:00Z"),
            ("2026-11-30T08:00:00+02:00", "2026-11-30T06:00:00Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(expected));
        }
        let (before, ago, after) = (Timestamp::now(), moment("7d").unwrap(), Timestamp::now());
        let week = SignedDuration::from_hours(7 * 24);
        assert!(before - week <= ago && ago <= after - week);
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "5",
            "-1d",
            "d",
            "99999999999d",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn units_are_seconds_minutes_hours_and_days() {
        for (text, expected) in [
            ("30", 30),
            ("30s", 30),
            ("5m", 300),
            ("2h", 7_200),
            ("1d", 86_400),
        ] {
            assert_eq!(interval(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for text in [
            "",
            "m",
            "0",
            "8d",
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
