//! The drawing of a path, left to right, as coordinates for SVG.

use serde::Serialize;

use crate::rows::{Line, PlaceRow, Stop, StopKind, WayRow};

/// A path as a picture.
#[derive(Debug, Serialize)]
pub(super) struct Drawing {
    width: usize,
    stops: Vec<DrawnStop>,
    lines: Vec<DrawnLine>,
    place: Option<DrawnPlace>,
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

/// The bracket over the place that is blamed.
#[derive(Debug, Serialize)]
struct DrawnPlace {
    from: usize,
    to: usize,
    /// The x coordinate of the middle of the label.
    label: usize,
    words: String,
    known: bool,
    /// The first and the last half step of the place, for the drawing from top to bottom that narrow screens show.
    first: usize,
    last: usize,
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
        let widest = way.place.as_ref().map_or(0, |place| extent(&place.words));
        let width = (way.stops.len() * STEP).max(widest);
        Self {
            stops: stops.collect(),
            lines: lines.collect(),
            place: way.place.as_ref().map(|place| drawn(place, width)),
            width,
            description: description(way),
        }
    }
}

fn drawn(place: &PlaceRow, width: usize) -> DrawnPlace {
    // A half step is at a stop or in the middle of a line. A bracket around a single half step also has some width.
    let x = |half: usize| STEP / 2 + half * STEP / 2;
    let (from, to) = (x(place.from) - RADIUS - 8, x(place.to) + RADIUS + 8);
    let half = extent(&place.words) / 2;
    DrawnPlace {
        from,
        to,
        label: usize::midpoint(from, to).clamp(half, width - half),
        words: place.words.clone(),
        known: place.known,
        first: place.from,
        last: place.to,
    }
}

/// Returns the width of a label.
fn extent(words: &str) -> usize {
    words.chars().count() * CHARACTER + 2 * CHARACTER
}

/// Returns the picture in words, from stop to stop.
fn description(way: &WayRow) -> String {
    let stops = way.stops.iter().enumerate();
    let words: Vec<String> = stops.map(|(index, stop)| told(stop, index > 0)).collect();
    let place = match &way.place {
        None => String::new(),
        Some(place) if place.cut => format!(" It breaks off at: {}.", place.words),
        Some(place) => format!(" The cause: {}.", place.words),
    };
    format!("The way to port {}: {}.{place}", way.port, words.join("; "))
}

fn told(stop: &Stop, has_line: bool) -> String {
    let mut text = stop.title.clone();
    if let Some(name) = &stop.name {
        text.push_str(&format!(" {name}"));
    }
    if has_line {
        text.push_str(match stop.line {
            Line::Proven => ", reached (the server confirms it)",
            Line::Sent => ", packets were sent, but the server did not see them",
            Line::Gap => ", across the break",
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

/// The width of a character of a label, on average.
const CHARACTER: usize = 7;

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
