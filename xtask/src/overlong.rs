//! Finds string literals that exceed rustfmt's width. If there is one, rustfmt silently leaves the whole expression
//! around it unformatted, so that `cargo fmt --check` passes for every layout of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::literals::{Literal, literals};

/// rustfmt's `max_width`, which is its default here.
const WIDTH: usize = 100;
/// The maximum number of rounds of wrapping and formatting: formatting may move a literal further to the right.
const TURNS: usize = 5;

/// Fails if a literal that could be wrapped exceeds the width.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut found = Vec::new();
    for file in sources(root)? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        for (literal, _) in overlong(&text) {
            let line = text[..literal.span.start].matches('\n').count() + 1;
            found.push(format!("{}:{line}", file.display()));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "string literals past column {WIDTH} hide what is around them from rustfmt; `cargo xtask \
         wrap` wraps them:\n{}",
        found.join("\n")
    ))
}

/// Wraps the literals that exceed the width, with `\` at the end of the line, and runs the formatter.
pub(crate) fn wrap(root: &Path) -> Result<(), String> {
    for _ in 0..TURNS {
        for file in sources(root)? {
            let told = |error: std::io::Error| format!("{}: {error}", file.display());
            let text = fs::read_to_string(&file).map_err(told)?;
            let wrapped = wrapped(&text);
            if wrapped != text {
                fs::write(&file, wrapped).map_err(told)?;
            }
        }
        for arguments in [
            &["fmt", "--all"][..],
            &["fmt", "--manifest-path", "fuzz/Cargo.toml"],
        ] {
            let status = Command::new("cargo")
                .args(arguments)
                .current_dir(root)
                .status();
            if !status.is_ok_and(|status| status.success()) {
                return Err("cargo fmt failed".to_owned());
            }
        }
    }
    check(root)
}

/// Returns the literals of `text` that exceed the width and can be wrapped, each with its new form.
fn overlong(text: &str) -> Vec<(Literal, String)> {
    let found = literals(text).into_iter().filter(|literal| !literal.is_raw);
    found
        .filter(|literal| {
            let begin = text[..literal.span.start]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let lines = text[begin..literal.span.end].lines();
            lines.into_iter().any(|line| line.chars().count() > WIDTH)
        })
        .filter_map(|literal| {
            let old = &text[literal.span.clone()];
            let begin = text[..literal.span.start]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let new = reflowed(old, text[begin..literal.span.start].chars().count());
            (new != old).then_some((literal, new))
        })
        .collect()
}

fn wrapped(text: &str) -> String {
    let mut result = text.to_owned();
    for (literal, new) in overlong(text).into_iter().rev() {
        result.replace_range(literal.span, &new);
    }
    result
}

/// Returns `literal`, whose first quote is in `column`, wrapped anew at the width.
fn reflowed(literal: &str, column: usize) -> String {
    let indentation = (column + 1).min(WIDTH / 2);
    let (mut result, mut at) = (String::new(), column);
    let pieces = pieces(literal);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.iter().enumerate() {
        let length = piece.chars().count();
        // The line needs room for a `\`, or for the characters that may follow the literal.
        let room = if number == last { "),?".len() } else { 1 };
        if number > 0 && at + length + room > WIDTH && at > indentation {
            result.push_str("\\\n");
            result.push_str(&" ".repeat(indentation));
            at = indentation;
        }
        result.push_str(piece);
        at = match piece.rfind('\n') {
            // This is a line break of the text itself, or one that follows `\n\`.
            Some(end) => piece[end + 1..].chars().count(),
            None => at + length,
        };
    }
    result
}

/// Splits `literal` into parts between which it can be wrapped. Its present line breaks are dropped, except those after
/// the end of a line of the text itself (`\n\`).
fn pieces(literal: &str) -> Vec<String> {
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('\n')) => {
                let is_end_of_line = piece.ends_with("\\n");
                if is_end_of_line {
                    piece.push('\\');
                }
                while let Some(blank) = characters.next_if(|c| c.is_whitespace()) {
                    if is_end_of_line {
                        piece.push(blank);
                    }
                }
                if !is_end_of_line && piece.ends_with(' ') {
                    pieces.push(std::mem::take(&mut piece));
                }
            }
            ('\\', Some(_)) => {
                piece.push(character);
                piece.extend(characters.next());
            }
            // A wrapped line loses the blanks at its start, so the next line must begin with text.
            (' ', Some(next)) if !next.is_whitespace() && *next != '\\' && *next != '"' => {
                piece.push(character);
                pieces.push(std::mem::take(&mut piece));
            }
            _ => piece.push(character),
        }
    }
    pieces.push(piece);
    pieces
}

/// Returns every Rust file in the workspace and in `fuzz`.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git ls-files: {error}"))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let files: Vec<PathBuf> = listed
        .lines()
        .map(|line| root.join(line))
        .filter(|f| f.is_file())
        .collect();
    if files.is_empty() {
        return Err("git ls-files lists no source".to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, overlong, wrapped};

    #[test]
    fn what_hides_an_expression_is_found_and_wrapped() {
        let words = "a word ".repeat(30);
        let text = format!("fn f() {{\n    call(  \"{words}end\"  ,1);\n}}\n");
        assert_eq!(overlong(&text).len(), 1);
        let wrapped = wrapped(&text);
        assert!(overlong(&wrapped).is_empty(), "{wrapped}");
        assert!(
            wrapped.lines().all(|line| line.chars().count() <= WIDTH),
            "{wrapped}"
        );
        // The compiler reads the same text.
        let joined: String = wrapped
            .split("\\\n")
            .enumerate()
            .map(|(n, part)| if n == 0 { part } else { part.trim_start() })
            .collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn what_is_wrapped_too_far_out_is_filled_anew() {
        let wide = format!(
            "    call(\"{}\\\n         {}end\\n\\\n         next\")",
            "a word ".repeat(16),
            "a word ".repeat(3)
        );
        let wrapped = wrapped(&wide);
        assert!(
            wrapped.contains("a word a \\\n          word a word"),
            "{wrapped}"
        );
        assert!(wrapped.ends_with("end\\n\\\n         next\")"), "{wrapped}");
    }

    #[test]
    fn what_cannot_be_wrapped_is_left_alone() {
        let name = "x".repeat(120);
        let text = format!(
            "let a = \"{name}\";\nlet b = r\"{}\";\n",
            "a word ".repeat(30)
        );
        assert!(overlong(&text).is_empty());
        assert_eq!(wrapped(&text), text);
    }
}
