//! The template engine. Templates see the rows of a report as plain values, in which no text can do harm.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use probe_core::excerpt::printable;
use serde::Serialize;

use crate::duration::milliseconds;
use crate::rows::listed;

/// Returns an environment in which an unknown name is an error.
///
/// Text is escaped in templates whose name ends in `.html`.
pub(crate) fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    // The default delimiters are valid.
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    environment.add_filter("milliseconds", milliseconds);
    environment.add_filter("listed", |numbers: Vec<u16>| {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        listed(&numbers, ", ")
    });
    environment
}

/// Renders a page, the last of `templates`. Each template is a name and a text, and the page imports the others.
///
/// # Errors
///
/// A template fails.
pub(crate) fn render<'a>(
    mut environment: Environment<'a>,
    templates: &[(&'a str, &'a str)],
    values: &Value,
) -> io::Result<String> {
    let mut page = "";
    for (name, text) in templates {
        environment
            .add_template(name, text)
            .map_err(io::Error::other)?;
        page = name;
    }
    let template = environment.get_template(page);
    template
        .and_then(|template| template.render(values))
        .map_err(io::Error::other)
}

/// Returns rows as a value for templates, with harmless texts.
pub(crate) fn value(of: &impl Serialize) -> Value {
    Value::from(Serde(plain(of)))
}

/// Returns rows as plain data. In every text, control characters are escaped and a text that is too long is cut.
pub(crate) fn plain(of: &impl Serialize) -> serde_json::Value {
    harmless(serde_json::to_value(of).unwrap_or(serde_json::Value::Null))
}

/// Returns `value` with harmless texts.
fn harmless(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Json::String(cut(&text)),
        Json::Array(values) => values.into_iter().map(harmless).collect(),
        Json::Object(map) => map.into_iter().map(|(k, v)| (k, harmless(v))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => value,
    }
}

fn cut(text: &str) -> String {
    let (kept, rest) = match text.char_indices().nth(MOST_CHARACTERS) {
        None => (text, 0),
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
    };
    let kept = printable(kept);
    if rest == 0 {
        return kept.into_owned();
    }
    format!("{kept}… ({rest} characters more)")
}

/// The longest text that a template sees. A run's own texts are far shorter.
const MOST_CHARACTERS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_an_odd_one_escaped() {
        let long = cut(&"x".repeat(MOST_CHARACTERS + 7));
        assert!(long.ends_with("x… (7 characters more)"), "{}", long.len());
        assert_eq!(cut("a\u{1b}b"), "a\\u{1b}b");
        assert_eq!(cut("plain"), "plain");
    }
}
