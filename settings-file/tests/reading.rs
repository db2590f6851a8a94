//! What a file's author is told: every problem at once, with its place and with what would be right.

use settings_file::{Defect, Field, MAX_FILE_BYTES, Problems, Read, Section, Table, read};

static FILE: Section = Section::new(
    "a file",
    &[
        ("name", r#"name = "site""#),
        ("size", "size = 10"),
        ("open", "open = true"),
        ("ports", "ports = [80, 443]"),
        ("word", r#"word = "big""#),
        ("date", r#"date = "2026-11-30""#),
        ("free", "[free] with any key"),
    ],
);

fn build(table: &Table<'_>, problems: &mut Problems<'_>) -> Vec<String> {
    let name = table.required("name", problems, Field::text);
    let size = table.optional("size", problems, |field, problems| {
        field.number(1, 20, problems)
    });
    let open = table.optional("open", problems, Field::boolean);
    let ports = table.optional("ports", problems, |field, problems| {
        let members = field.members(problems)?;
        let ports = members.into_iter().map(|port| port.port(1, problems));
        Ok(ports.flatten().collect::<Vec<_>>())
    });
    let word = table.optional("word", problems, |field, problems| {
        field.word(&["small", "big"], |word| word, problems)
    });
    let date = table.optional("date", problems, Field::parsed::<std::net::IpAddr>);
    let free = table.optional("free", problems, |field, problems| {
        let entries = field.entries("key = 1", problems)?;
        let written = entries.into_iter().map(|entry| -> Read<String> {
            let value = entry.scalar(problems)?;
            Ok(format!("{}={value}", entry.key()))
        });
        Ok(written.flatten().collect::<Vec<_>>())
    });
    vec![format!(
        "{name:?} {size:?} {open:?} {ports:?} {word:?} {date:?} {free:?}"
    )]
}

fn told(text: &str) -> String {
    let problems = read("f.toml", text, &FILE, build).whole();
    problems.expect_err("something is wrong").to_string()
}

#[test]
fn what_is_right_is_read() {
    let text = "name = 'a'\nsize = 0x10\nopen = false\nports = [80, 443]\nword = 'big'\n\
                date = '::1'\n[free]\na = 1\n'b c' = 2.5\nd = 'x'\n";
    let value = read("f.toml", text, &FILE, build).whole().unwrap();
    assert_eq!(
        value,
        [
            r#"Ok("a") Ok(Some(16)) Ok(Some(false)) Ok(Some([80, 443])) Ok(Some("big")) Ok(Some(::1)) Ok(Some(["a=1", "b c=2.5", "d=x"]))"#
        ]
    );
}

#[test]
fn everything_wrong_is_told_at_once_in_the_order_of_the_file() {
    let text = "nme = 1\nsize = 21\nopen = 'yes'\nports = [0, 443, 'x']\nword = 'bigger'\n\
                date = 'today'\n[free]\na = [1]\n\"\\u001b\" = \"\\u001b\"\n";
    assert_eq!(
        told(text),
        "f.toml:1:1: unknown key `nme`; did you mean `name`?\n\
         f.toml:1:1: this file has no `name`; add one, such as name = \"site\"\n\
         f.toml:2:8: `size` is 21; it may be 1 to 20\n\
         f.toml:3:8: `open` is a text; write it like open = true\n\
         f.toml:4:10: `ports` is 0; it may be 1 to 65535\n\
         f.toml:4:18: `ports` is a text; write it like ports = [80, 443]\n\
         f.toml:5:8: `word` is \"bigger\"; use one of small, big\n\
         f.toml:6:8: `date` is \"today\"; invalid IP address syntax\n\
         f.toml:8:5: `a` is a list; write it like key = 1\n\
         f.toml:9:12: `\\u{1b}` holds the character U+001B, which is not printable; remove it"
    );
}

#[test]
fn what_is_not_toml_or_too_large_is_told_alone() {
    assert_eq!(
        told("name = \n"),
        "f.toml:1:8: this is not valid TOML: string values must be quoted, expected literal string"
    );
    let large = format!("name = 'a'\n#{}", "x".repeat(MAX_FILE_BYTES));
    let problems = read("f.toml", &large, &FILE, build).problems;
    assert_eq!(problems[0].defect, Defect::TooLarge);
    assert_eq!(problems[0].place, None);
}
