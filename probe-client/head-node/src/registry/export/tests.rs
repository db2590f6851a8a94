use super::*;

const HPC: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\HPC";

fn v5(body: &str) -> String {
    format!("Windows Registry Editor Version 5.00\r\n\r\n{body}\r\n\r\n").replace("\r\n", "\n")
}

fn values(body: &str) -> Export {
    parse_export(v5(&format!("[{HPC}]\n{body}")).as_bytes()).unwrap()
}

fn value(body: &str) -> Value {
    let export = values(body);
    assert_eq!(export.problems, [], "{body}");
    export.registry.value(HPC, "v").unwrap().clone()
}

fn problem(body: &str) -> LineProblem {
    let export = values(body);
    assert!(export.registry.has_gaps && !export.registry.covers(HPC));
    export.problems[0]
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xff, 0xfe].into_iter().chain(units).collect()
}

#[test]
fn every_form_of_value_is_read() {
    assert_eq!(
        value(r#""v"="a \"b\" \\ c""#),
        Value::Text(r#"a "b" \ c"#.into())
    );
    assert_eq!(value("\"v\"=dword:0000001f"), Value::Dword(31));
    assert_eq!(value("\"V\"=DWORD:FF ; note"), Value::Dword(255));
    assert_eq!(value("\"v\"=hex:01,02,ff"), Value::Binary(vec![1, 2, 255]));
    assert_eq!(value("\"v\"=hex:"), Value::Binary(vec![]));
    assert_eq!(
        value("\"v\"=hex:01,\\\n  02,\\\n  03"),
        Value::Binary(vec![1, 2, 3])
    );
    assert_eq!(
        value("\"v\"=hex(2):41,00,42,00,00,00"),
        Value::Text("AB".into())
    );
    assert_eq!(
        value("\"v\"=hex(7):48,00,4e,00,00,00,43,00,4e,00,00,00,00,00"),
        Value::Texts(vec!["HN".into(), "CN".into()])
    );
    assert_eq!(
        value("\"v\"=hex(b):01,00,00,00,00,00,00,00"),
        Value::Qword(1)
    );
    assert_eq!(
        value("\"v\"=hex(4):01,00"),
        Value::Other { kind: 4, bytes: 2 }
    );
    assert_eq!(value("\"v\"=hex(5):00,00,00,02"), Value::Dword(2));
    assert_eq!(
        value("\"v\"=hex(100000):01"),
        Value::Other {
            kind: 0x0010_0000,
            bytes: 1
        }
    );
    assert_eq!(
        value("\"v\"=\"two\nlines [x]\n\""),
        Value::Text("two\nlines [x]\n".into())
    );
}

#[test]
fn the_default_value_has_the_empty_name() {
    let export = values("@=\"default\"\n; a comment\n\n");
    assert_eq!(
        export.registry.value(HPC, ""),
        Some(&Value::Text("default".into()))
    );
    assert_eq!((export.keys, export.values), (1, 1));
}

#[test]
fn every_encoding_gives_the_same() {
    let text = v5(&format!("[{HPC}]\n\"v\"=\"é\""));
    let expected = Some(Value::Text("é".into()));
    let mut ansi = text.replace('é', "?").into_bytes();
    let at = ansi.iter().rposition(|b| *b == b'?').unwrap();
    ansi[at] = 0xe9;
    let unmarked = utf16(&text)[2..].to_vec();
    let big: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    let marked = [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat();
    for bytes in [utf16(&text), unmarked, big, marked, text.into_bytes(), ansi] {
        let export = parse_export(&bytes).unwrap();
        assert_eq!(export.problems, [], "{:?}", export.encoding);
        assert_eq!(
            export.registry.value(HPC, "V").cloned(),
            expected,
            "{:?}",
            export.encoding
        );
    }
}

#[test]
fn the_old_form_has_narrow_texts() {
    let text = format!("REGEDIT4\n\n[{HPC}]\n\"v\"=hex(7):48,4e,00,43,4e,00,00\n\n");
    let export = parse_export(text.as_bytes()).unwrap();
    let expected = Value::Texts(vec!["HN".into(), "CN".into()]);
    assert_eq!(export.registry.value(HPC, "v"), Some(&expected));
}

/// In code page 932, U+8868 is 0x95 0x5C, whose second byte looks like the backslash that escapes the quote after it.
#[test]
fn a_value_that_ends_in_a_trail_byte_is_named_and_not_guessed() {
    let text = |value: &[u8]| {
        let head = format!("REGEDIT4\r\n\r\n[{HPC}]\r\n\"v\"=\"");
        let rest = b"\"\r\n\"w\"=dword:00000001\r\n\r\n";
        [head.as_bytes(), value, rest].concat()
    };
    let export = parse_export(&text(&[0x95, 0x5c])).unwrap();
    let lines: Vec<usize> = export.problems.iter().map(|p| p.line).collect();
    assert_eq!(lines, [4], "{:?}", export.problems);
    assert!(export.registry.has_gaps && !export.registry.covers(HPC));
    assert_eq!(export.registry.value(HPC, "v"), None);
    // The same character followed by another one hides no quote.
    let export = parse_export(&text(&[0x95, 0x5c, 0x8e, 0xa6])).unwrap();
    assert_eq!(export.registry.value(HPC, "w"), Some(&Value::Dword(1)));
}

#[test]
fn keys_are_found_in_any_case_and_with_brackets_in_their_names() {
    let text = v5(
        "[hkey_local_machine\\Software\\MICROSOFT\\hpc]\n\"A\"=dword:1\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\x]y]",
    );
    let export = parse_export(text.as_bytes()).unwrap();
    assert_eq!(export.registry.value(HPC, "a"), Some(&Value::Dword(1)));
    assert_eq!((export.keys, export.problems.len()), (2, 0));
}

#[test]
fn deletions_are_carried_out_and_told() {
    let export = values(&format!(
        "\"v\"=dword:1\n\"v\"=-\n\"w\"=dword:2\n[-{HPC}]\n\"x\"=\"y\""
    ));
    assert!(!export.registry.has_key(HPC));
    let lines: Vec<usize> = export.problems.iter().map(|p| p.line).collect();
    assert_eq!(lines, [5, 7, 8]);
}

#[test]
fn what_cannot_be_read_is_named_by_its_line() {
    for body in [
        "nonsense",
        "\"v",
        "\"v\"",
        "\"v\"=dword:",
        "\"v\"=dword:123456789",
        "\"v\"=dword:+1",
        "\"v\"=hex:1g",
        "\"v\"=hex:1,,2",
        "\"v\"=hex(zz):01",
        "\"v\"=1",
        "[unclosed",
        "\"v\"=hex:01,\\",
        "\"v\"=\"open",
    ] {
        assert_eq!(problem(body).line, 4, "{body}");
    }
    // The other lines are still used.
    let export = values("\"v\"=dword:x\n\"w\"=dword:2");
    assert_eq!(export.registry.value(HPC, "w"), Some(&Value::Dword(2)));
}

#[test]
fn a_file_cut_short_has_gaps_wherever_it_is_cut() {
    let whole = utf16(&v5(&format!(
        "[{HPC}]\n\"UseSp2AzurePorts\"=dword:00000001"
    )));
    for length in 0..whole.len() {
        match parse_export(&whole[..length]) {
            Err(ExportError::Empty | ExportError::NoHeader) => {}
            Err(ExportError::TooLarge(_)) => panic!("{length}"),
            Ok(export) => {
                let read = export.registry.value(HPC, "UseSp2AzurePorts");
                let complete = read == Some(&Value::Dword(1));
                assert!(complete || !export.registry.covers(HPC), "{length}");
            }
        }
    }
}

#[test]
fn what_an_export_covers_follows_from_its_keys() {
    let export = |key: &str| {
        parse_export(v5(&format!("[{key}]")).as_bytes())
            .unwrap()
            .registry
    };
    assert!(export(r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft").covers(HPC));
    assert!(export(HPC).covers(HPC));
    assert!(!export(r"HKEY_LOCAL_MACHINE").covers(HPC));
    assert!(!export(r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\HPCX").covers(HPC));
    assert!(!export(r"HKEY_LOCAL_MACHINE\SYSTEM").covers(HPC));
}

#[test]
fn other_files_are_refused() {
    assert_eq!(parse_export(b""), Err(ExportError::Empty));
    for other in [
        &b"MZ\x90\0\x03\0"[..],
        b"regf",
        b"\xff\xfe",
        b"\0\0\0\0\0\0",
        b"hello\n",
        b"\n;x\n",
    ] {
        assert_eq!(parse_export(other), Err(ExportError::NoHeader));
    }
    let large = vec![b' '; MAX_EXPORT_BYTES + 1];
    assert!(matches!(
        parse_export(&large),
        Err(ExportError::TooLarge(_))
    ));
}

#[test]
fn problems_are_few_and_the_text_of_a_value_may_hold_quotes_without_end() {
    let export = values(&"junk\n".repeat(1000));
    assert_eq!(export.problems.len(), MAX_PROBLEMS);
    let long = format!("\"v\"=\"{}", "\\\"\n".repeat(200_000));
    assert_eq!(problem(&long).line, 4);
}
