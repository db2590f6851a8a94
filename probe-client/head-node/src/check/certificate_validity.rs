//! `certificate-validity`: today is within the certificate's validity period.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::Certificate;

pub(super) fn ask(certificate: &Certificate<'_>, now: Timestamp) -> Check {
    let id = CheckId::CertificateValidity;
    let leaf = &certificate.bundle.leaf;
    let now = now.as_second();
    if now < leaf.not_before {
        return Check::new(
            id,
            CheckStatus::Fail,
            format!("it is valid only from {} on", day(leaf.not_before)),
        )
        .next("Look at this host's clock first, then at the certificate.");
    }
    if now > leaf.not_after {
        return Check::new(
            id,
            CheckStatus::Fail,
            format!("it expired on {}", day(leaf.not_after)),
        )
        .next("Issue a new one, and replace it in the subscription and in the stores.");
    }
    let days = (leaf.not_after - now) / SECONDS_OF_DAY;
    let text = format!(
        "it is valid until {}, {days} days from now",
        day(leaf.not_after)
    );
    if days < LEAST_DAYS {
        return Check::new(id, CheckStatus::Warn, text).next(
            "Issue a new one before that, and replace it in the subscription and in the stores.",
        );
    }
    Check::new(id, CheckStatus::Pass, text)
}

/// Returns the date in UTC. 9999-12-31 means no end (RFC 5280 section 4.1.2.5).
pub(super) fn day(unix_seconds: i64) -> String {
    match Timestamp::from_second(unix_seconds) {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
        // The time library's calendar ends a few hours before the end of that day.
        Err(_) if unix_seconds > 0 => "9999-12-31 or later, which stands for no end".to_owned(),
        Err(_) => "a day before the calendar begins".to_owned(),
    }
}

const SECONDS_OF_DAY: i64 = 86_400;
const LEAST_DAYS: i64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_the_calendar_is_told_as_no_end() {
        assert_eq!(day(0), "1970-01-01");
        // 99991231235959Z of RFC 5280 section 4.1.2.5.
        assert!(day(253_402_300_799).contains("no end"));
        assert!(day(i64::MAX).contains("no end"));
        assert!(day(i64::MIN).contains("before the calendar"));
    }
}
