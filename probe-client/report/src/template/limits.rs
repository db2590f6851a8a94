//! Limits the source of a template. MiniJinja compiles a chain of operators by recursion, whatever its length, and a
//! chain that is too long ends the program.

/// Returns the line that exceeds a limit, and the limit in words.
pub(super) fn exceeded(source: &str) -> Option<(usize, String)> {
    let mut rest = source;
    let mut branches = 0;
    while let Some(start) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|open| rest.find(open))
        .min()
    {
        let tag = &rest[start..];
        if tag.starts_with("{#") {
            rest = tag.find("#}").map_or("", |end| &tag[end + 2..]);
            continue;
        }
        let (length, code) = measured(tag);
        let line = || source[..source.len() - tag.len()].matches('\n').count() + 1;
        if code > MOST_CODE {
            let what =
                format!("a tag has more than {MOST_CODE} characters, texts in it not counted");
            return Some((line(), what));
        }
        branches += usize::from(
            tag[2..]
                .trim_start_matches(['-', '+', ' '])
                .starts_with("elif"),
        );
        if branches > MOST_BRANCHES {
            return Some((line(), format!("it has more than {MOST_BRANCHES} `elif`")));
        }
        rest = &tag[length..];
    }
    None
}

/// Returns the length of a tag in bytes, and the number of its characters outside quoted texts. A tag without an end
/// extends to the end of the template.
fn measured(tag: &str) -> (usize, usize) {
    let end = if tag.starts_with("{{") { "}}" } else { "%}" };
    let (mut quote, mut escaped, mut code) = (None, false, 0);
    for (at, character) in tag.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if tag[at..].starts_with(end) => return (at + end.len(), code),
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None => code += 1,
        }
    }
    (tag.len(), code)
}

/// The maximum number of characters in one tag, quoted texts not counted. Each may be an operator.
const MOST_CODE: usize = 1024;
/// The maximum number of `elif` in one template. Each is nested in the one before it.
const MOST_BRANCHES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_templates_are_within_the_limits() {
        let long_text = format!("{{{{ \"{}\" }}}}", "}} + \\\" + ".repeat(1000));
        let many = "{{ run.id ~ 'a' }} {% if 1 %}{% elif 2 %}{% endif %}\n".repeat(90);
        let comment = format!("{{# {{{{ {} #}}", "+1".repeat(2000));
        for source in [
            "",
            "{{",
            "{{ run",
            "plain } text",
            "{#",
            &long_text,
            &many,
            &comment,
        ] {
            assert_eq!(exceeded(source), None, "{source:.40}");
        }
    }

    #[test]
    fn what_would_be_nested_too_deeply_is_named_with_its_line() {
        let chain = |operator: &str| format!("a\nb {{{{ 1{} }}}}", operator.repeat(2000));
        let branches = format!(
            "a\n{{% if 0 %}}{}{{% endif %}}",
            "{%- elif 0 %}".repeat(300)
        );
        let behind_text = format!("a\n{{{{ \"}}}}\"{} }}}}", "~1".repeat(2000));
        for source in [
            chain("+1"),
            chain("|upper"),
            branches,
            behind_text,
            chain(" and 1"),
        ] {
            let (line, what) = exceeded(&source).unwrap();
            assert_eq!(line, 2, "{what}");
        }
    }
}
