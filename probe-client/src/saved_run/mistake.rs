//! Describes mistakes in JSON for users: the place comes first, and the program's types are not named.

use serde_json::Error;
use settings_file::nearest;

/// Returns the mistake, with its line and column.
pub(super) fn told(error: &Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    format!(
        "line {}, column {}: {}",
        error.line(),
        error.column(),
        plain(what)
    )
}

/// Returns the mistake in a text that is JSON. Of a value that is not a name where a name is expected, serde_json says
/// only that it expected a value.
pub(super) fn within_json(error: &Error) -> String {
    let told = told(error);
    match told.strip_suffix(NO_VALUE) {
        Some(place) => format!("{place}a value of the wrong kind"),
        None => told,
    }
}

const NO_VALUE: &str = "expected value";

/// Returns serde's message in words for users.
fn plain(what: &str) -> String {
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        let both = what
            .strip_prefix(kind)
            .and_then(|rest| rest.split_once(", expected "));
        if let Some((found, expected)) = both {
            return format!("expected {}, found {}", thing(expected), thing(found));
        }
    }
    if let Some(names) = what.strip_prefix("unknown variant ") {
        return unknown(names);
    }
    for (kind, word) in [
        ("missing field ", "it lacks the field "),
        ("duplicate field ", "it has twice the field "),
        ("unknown field ", "there is no field "),
    ] {
        if let Some(rest) = what.strip_prefix(kind) {
            return format!("{word}{}", rest.replace(", there are no fields", ""));
        }
    }
    what.to_owned()
}

/// Returns serde's message about an unknown name, from the name on: the name that was found, then the known ones.
fn unknown(names: &str) -> String {
    let mut each = names.split('`').skip(1).step_by(2);
    let found = each.next().unwrap_or_default();
    match nearest(found, each) {
        Some(meant) => format!("there is no value `{found}`; did you mean `{meant}`?"),
        None => format!("there is no value {names}"),
    }
}

/// Returns the JSON name of a type in serde's message.
fn thing(name: &str) -> String {
    let name = name.trim();
    match name {
        "map" => return "an object".to_owned(),
        "sequence" | "a sequence" => return "a list".to_owned(),
        "null" | "unit" | "unit value" => return "null".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => return "a whole number that fits".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => return "a whole number".to_owned(),
        "f32" | "f64" => return "a number".to_owned(),
        "str" | "a string" => return "a text".to_owned(),
        _ => {}
    }
    for (kind, word) in [
        ("string ", "the text "),
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("boolean ", ""),
    ] {
        if let Some(value) = name.strip_prefix(kind) {
            return format!("{word}{}", value.trim_matches('`'));
        }
    }
    for kind in [
        "struct ",
        "internally tagged enum ",
        "adjacently tagged enum ",
    ] {
        if name.starts_with(kind) {
            return "an object".to_owned();
        }
    }
    if name.starts_with("enum ") || name.starts_with("variant identifier") {
        return "the name of a value".to_owned();
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_the_program_is_named() {
        for (said, plainly) in [
            (
                "invalid type: map, expected a string",
                "expected a text, found an object",
            ),
            (
                "invalid type: string \"x\", expected struct RunInfo",
                "expected an object, found the text \"x\"",
            ),
            (
                "invalid value: integer `-1`, expected u64",
                "expected a whole number that fits, found the number -1",
            ),
            (
                "invalid type: null, expected a sequence",
                "expected a list, found null",
            ),
            ("missing field `run`", "it lacks the field `run`"),
            (
                "unknown variant `gopher`, expected one of `tcp`, `tls`",
                "there is no value `gopher`, expected one of `tcp`, `tls`",
            ),
            (
                "unknown variant `droped`, expected one of `reachable`, `dropped`",
                "there is no value `droped`; did you mean `dropped`?",
            ),
            (
                "unknown variant ``, expected `tcp` or `tls`",
                "there is no value ``, expected `tcp` or `tls`",
            ),
            ("expected value", "expected value"),
        ] {
            assert_eq!(plain(said), plainly);
        }
    }
}
