//! Finds the string literals of Rust source without a parser. It recognises comments, characters and lifetimes.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// The literal's range in bytes, from the first quote to the last.
    pub(crate) span: Range<usize>,
    /// Whether the literal has no escapes: `r"…"`, `r#"…"#`.
    pub(crate) is_raw: bool,
}

/// Returns the string literals of `source`, in order.
pub(crate) fn literals(source: &str) -> Vec<Literal> {
    let bytes = source.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let rest = &source[at..];
        at = match bytes[at] {
            b'/' if rest.starts_with("//") => at + rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => after_block_comment(bytes, at),
            b'\'' => after_quote(source, at),
            b'"' => {
                let hashes = raw_hashes(bytes, at);
                let end = match hashes {
                    Some(hashes) => after_raw(source, at, hashes),
                    None => after_string(bytes, at),
                };
                found.push(Literal {
                    span: at..end,
                    is_raw: hashes.is_some(),
                });
                end
            }
            _ => at + 1,
        };
        while !source.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

/// Returns the position after a block comment; block comments nest.
fn after_block_comment(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from + 2, 1);
    while depth > 0 && at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// Returns the position after a character literal, or after the single quote that begins a lifetime.
fn after_quote(source: &str, at: usize) -> usize {
    let mut characters = source[at + 1..].char_indices();
    match characters.next() {
        Some((_, '\\')) => {
            // The escaped character may be a quote itself.
            characters.next();
            let end = characters.find(|(_, c)| *c == '\'');
            end.map_or(source.len(), |(offset, _)| at + 1 + offset + 1)
        }
        Some(_) => match characters.next() {
            Some((offset, '\'')) => at + 1 + offset + 1,
            _ => at + 1,
        },
        None => source.len(),
    }
}

/// Returns the number of hashes between `r` and the quote at `at`, or `None` if the literal is not raw.
fn raw_hashes(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[..at].iter().rev().take_while(|b| **b == b'#').count();
    let before = &bytes[..at - hashes];
    let prefix = before.last() == Some(&b'r');
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let earlier = before.len().checked_sub(2).map(|i| before[i]);
    // `br"…"` and `cr"…"` are raw too; `for"…"` is a word before a literal.
    let alone = match earlier {
        Some(b'b' | b'c') => !before
            .len()
            .checked_sub(3)
            .is_some_and(|i| is_word(&before[i])),
        Some(other) => !is_word(&other),
        None => true,
    };
    (prefix && alone).then_some(hashes)
}

fn after_raw(source: &str, at: usize, hashes: usize) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    source[at + 1..]
        .find(&end)
        .map_or(source.len(), |offset| at + 1 + offset + end.len())
}

fn after_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::literals;

    #[test]
    fn literals_are_told_from_what_looks_like_them() {
        let source = r###"
            // "a comment"
            /* "another /* nested */ one" */
            let quote = '"'; let escaped = '\''; fn f<'a>(x: &'a str) {}
            let text = "with \" and // inside"; let raw = r#"a "quote""#; let bytes = br"x";
            for x in ["ä", "ö"] {}
        "###;
        let found: Vec<&str> = literals(source)
            .iter()
            .map(|l| &source[l.span.clone()])
            .collect();
        assert_eq!(
            found,
            [
                r#""with \" and // inside""#,
                r##""a "quote""#"##,
                r#""x""#,
                "\"ä\"",
                "\"ö\""
            ]
        );
        assert_eq!(
            literals(source)
                .iter()
                .map(|l| l.is_raw)
                .collect::<Vec<_>>(),
            [false, true, true, false, false]
        );
    }
}
