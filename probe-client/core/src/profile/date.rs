//! The date of a source, as precise as it is known: a year, a month or a day.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `2012`, `2012-05` or `2012-05-09`.
#[derive(
    Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(try_from = "String")]
#[schemars(!try_from)]
pub struct SourceDate(#[schemars(regex(pattern = r"^\d{4}(-\d{2}(-\d{2})?)?$"))] String);

/// A text that is not a date of this form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write a date as 2012, 2012-05 or 2012-05-09")]
pub struct InvalidDate;

impl SourceDate {
    /// Returns the date as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SourceDate {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The date is completed to a day, so that the calendar can check all three forms.
        let day = match text.len() {
            4 => format!("{text}-01-01"),
            7 => format!("{text}-01"),
            _ => text.to_owned(),
        };
        let plain = day.len() == 10
            && day.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let real = plain && day.parse::<jiff::civil::Date>().is_ok();
        real.then(|| Self(text.to_owned())).ok_or(InvalidDate)
    }
}

impl TryFrom<String> for SourceDate {
    type Error = InvalidDate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_a_month_or_a_day() {
        for good in ["2012", "2012-05", "2012-05-09", "2024-02-29"] {
            assert_eq!(good.parse::<SourceDate>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "12",
            "2012-13",
            "2023-02-29",
            "2012-5-9",
            "20120509",
            "May 2012",
            "2012-05-09T00",
        ] {
            assert_eq!(bad.parse::<SourceDate>(), Err(InvalidDate), "{bad}");
        }
    }
}
