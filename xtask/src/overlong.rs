//! String literals that reach past rustfmt's width. Where one does, rustfmt leaves the whole expression around it as
//! it is and says nothing, so that `cargo fmt --check` passes whatever it looks like.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::literals::{Literal, literals};

/// rustfmt's `max_width`, which is its default here.
const WIDTH: usize = 100;
/// How often wrapping and formatting take turns: formatting may move a literal further to the right.
const TURNS: usize = 5;

/// Fails where a literal that could be wrapped reaches past the width.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut found = Vec::new();
    for file in sources(root)? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        for literal in overlong(&text) {
            let line = text[..literal.span.start].matches('\n').count() + 1;
            found.push(format!("{}:{line}", file.display()));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "string literals past column {WIDTH} hide what is around them from rustfmt; `cargo xtask wrap` wraps them:\n{}",
        found.join("\n")
    ))
}

/// Wraps these literals with `\` at the end of the line, and formats.
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

/// The literals of `text` that reach past the width and have a place to break.
fn overlong(text: &str) -> Vec<Literal> {
    let mut all = literals(text);
    all.retain(|literal| !literal.is_raw && broken(text, literal).is_some());
    all
}

fn wrapped(text: &str) -> String {
    let mut result = text.to_owned();
    for literal in literals(text).into_iter().rev() {
        if literal.is_raw {
            continue;
        }
        // One break at a time: the next line is measured anew.
        let mut literal = literal;
        while let Some((at, indent)) = broken(&result, &literal) {
            let inserted = format!("\\\n{}", " ".repeat(indent));
            result.insert_str(at, &inserted);
            literal.span.end += inserted.len();
        }
    }
    result
}

/// Where the first line of `literal` that is too long can be broken, and how far the next one is indented.
fn broken(text: &str, literal: &Literal) -> Option<(usize, usize)> {
    let mut begin = text[..literal.span.start]
        .rfind('\n')
        .map_or(0, |at| at + 1);
    while begin < literal.span.end {
        let end = text[begin..].find('\n').map_or(text.len(), |at| begin + at);
        if text[begin..end].chars().count() > WIDTH {
            let from = literal.span.start.max(begin);
            let to = end.min(literal.span.end - 1);
            if let Some(found) = place(text, begin, from, to, literal.span.start) {
                return Some(found);
            }
        }
        begin = end + 1;
    }
    None
}

/// The last place behind a space, between `from` and `to` of the line that begins at `begin`, that leaves room for `\`.
fn place(text: &str, begin: usize, from: usize, to: usize, quote: usize) -> Option<(usize, usize)> {
    let line = &text[begin..to];
    let is_first = from == quote;
    let indentation = if is_first {
        let start = text[..quote].rfind('\n').map_or(0, |at| at + 1);
        text[start..quote].chars().count() + 1
    } else {
        line.chars().take_while(|c| *c == ' ').count()
    };
    let first_text = if is_first {
        from + 1
    } else {
        begin + line.len() - line.trim_start().len()
    };
    let mut best = None;
    for (column, (offset, character)) in line.char_indices().enumerate() {
        let next = begin + offset + 1;
        // The break strips blanks, so that text must follow; an escape is not torn apart.
        let is_torn = text[..next].ends_with("\\ ");
        let goes_on = text[next..to].starts_with(|c: char| !c.is_whitespace() && c != '\\');
        if character == ' ' && next > first_text + 1 && column + 2 <= WIDTH && goes_on && !is_torn {
            best = Some(next);
        }
    }
    best.map(|at| (at, indentation.min(WIDTH / 2)))
}

/// Every file of Rust in the workspace and in `fuzz`.
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
        // What the compiler reads is the same.
        let joined: String = wrapped
            .split("\\\n")
            .enumerate()
            .map(|(n, part)| if n == 0 { part } else { part.trim_start() })
            .collect();
        assert_eq!(joined, text);
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
