//! The drawing of a path, left to right, as coordinates for SVG.

use serde::Serialize;

use crate::rows::{Line, Stop, StopKind, WayRow};

/// A path as a picture.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    width: usize,
    stops: Vec<DrawnStop>,
    lines: Vec<DrawnLine>,
    /// The middle of the line that breaks off.
    gap: Option<usize>,
    /// The index of the stop after the break.
    broken_before: Option<usize>,
    /// The picture in words.
    description: String,
}

#[derive(Debug, Serialize)]
struct DrawnStop {
    x: usize,
    kind: StopKind,
    blamed: bool,
    title: String,
    /// The name, cut into lines that fit.
    name: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DrawnLine {
    from: usize,
    to: usize,
    line: Line,
}

impl Drawing {
    pub(super) fn of(way: &WayRow) -> Self {
        let x = |index: usize| STEP / 2 + index * STEP;
        let stops = way.stops.iter().enumerate().map(|(index, stop)| DrawnStop {
            x: x(index),
            kind: stop.kind,
            blamed: stop.blamed,
            title: stop.title.clone(),
            name: stop.name.as_deref().map(lines).unwrap_or_default(),
        });
        let lines = way.stops.iter().enumerate().skip(1);
        let lines = lines.map(|(index, stop)| DrawnLine {
            from: x(index - 1) + RADIUS,
            to: x(index) - RADIUS,
            line: stop.line,
        });
        Self {
            width: way.stops.len() * STEP,
            stops: stops.collect(),
            lines: lines.collect(),
            gap: way.gap.map(|gap| x(gap) - STEP / 2),
            broken_before: way.gap,
            description: description(way),
        }
    }
}

/// Returns the picture in words, from stop to stop.
fn description(way: &WayRow) -> String {
    let mut words = Vec::new();
    for (index, stop) in way.stops.iter().enumerate() {
        if way.gap == Some(index) {
            words.push("the way breaks off here".to_owned());
        }
        words.push(told(stop, index > 0));
    }
    format!("The way to port {}: {}.", way.port, words.join("; "))
}

fn told(stop: &Stop, has_line: bool) -> String {
    let mut text = stop.title.clone();
    if let Some(name) = &stop.name {
        text.push_str(&format!(" {name}"));
    }
    if has_line {
        text.push_str(match stop.line {
            Line::Proven => ", reached as the server confirms",
            Line::Answered => ", answered",
            Line::Sent => ", sent to, but not seen by anybody",
            Line::Beyond => ", behind the break",
        });
    }
    if stop.blamed {
        text.push_str(", blamed");
    }
    text
}

/// Splits a name into at most two lines that fit below a stop.
fn lines(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= LINE {
        return vec![name.to_owned()];
    }
    // Addresses and names are broken after a separator.
    let separators = characters[..LINE].iter().rposition(|c| ":.-".contains(*c));
    let at = separators.map_or(LINE, |at| at + 1);
    let first: String = characters[..at].iter().collect();
    let rest = &characters[at..];
    let second: String = if rest.len() <= LINE {
        rest.iter().collect()
    } else {
        rest[..LINE - 1].iter().chain(['…'].iter()).collect()
    };
    vec![first, second]
}

/// The distance between two stops.
const STEP: usize = 108;

/// The distance from the middle of a stop to the line.
const RADIUS: usize = 16;

/// The maximum number of characters that fit below a stop.
const LINE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_takes_two_lines() {
        assert_eq!(lines("10.0.0.1"), ["10.0.0.1"]);
        assert_eq!(
            lines("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
            ["2001:db8:aaaa:", "bbbb:cccc:dddd:…"].map(|s| s.to_owned())
        );
        assert!(
            lines(&"n".repeat(99))
                .iter()
                .all(|line| line.chars().count() <= LINE)
        );
    }
}
