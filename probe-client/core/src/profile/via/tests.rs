use super::*;

use proptest::prelude::*;

fn render(template: &str, host: &str, address: &str) -> String {
    let template: ViaTemplate = template.parse().unwrap();
    template.render(host, address.parse().ok(), Port::new(7998).unwrap())
}

#[test]
fn a_name_or_the_address() {
    assert_eq!(
        render(
            "net.tcp://{host}:{port}/JobManager",
            "h.example",
            "203.0.113.10"
        ),
        "net.tcp://h.example:7998/JobManager"
    );
    assert_eq!(
        render(
            "net.tcp://{address}:{port}/FileStaging",
            "h.example",
            "203.0.113.10"
        ),
        "net.tcp://203.0.113.10:7998/FileStaging"
    );
    assert_eq!(
        render("net.tcp://fixed:1/x", "h", "203.0.113.10"),
        "net.tcp://fixed:1/x"
    );
}

#[test]
fn ipv6_stands_in_brackets() {
    assert_eq!(
        render("net.tcp://{address}/x", "h", "2001:db8::1"),
        "net.tcp://[2001:db8::1]/x"
    );
    assert_eq!(
        render("net.tcp://{host}/x", "2001:db8::1", "2001:db8::1"),
        "net.tcp://[2001:db8::1]/x"
    );
}

#[test]
fn a_host_name_is_not_read_as_a_template() {
    assert_eq!(
        render("net.tcp://{host}/x", "{port}", "203.0.113.10"),
        "net.tcp://{port}/x"
    );
}

#[test]
fn what_is_wrong_with_a_template() {
    let wrong = |text: &str| text.parse::<ViaTemplate>().unwrap_err();
    assert_eq!(wrong("http://{host}/"), InvalidVia::Scheme);
    assert_eq!(wrong("net.tcp://{host}/a b"), InvalidVia::Character);
    assert_eq!(wrong("net.tcp://{host}/ä"), InvalidVia::Character);
    assert_eq!(
        wrong("net.tcp://{hots}/"),
        InvalidVia::Placeholder("hots".into())
    );
    assert_eq!(
        wrong("net.tcp://{}/"),
        InvalidVia::Placeholder(String::new())
    );
    assert_eq!(
        wrong("net.tcp://{host}{host}/"),
        InvalidVia::Repeated("host")
    );
    for braces in [
        "net.tcp://{host",
        "net.tcp://host}",
        "net.tcp://{{host}}",
        "net.tcp://{host}}",
    ] {
        assert_eq!(wrong(braces), InvalidVia::Brace, "{braces}");
    }
    let long = format!("net.tcp://{}", "x".repeat(MAX_VIA_BYTES));
    assert_eq!(wrong(&long), InvalidVia::TooLong);
}

#[test]
fn the_longest_via_is_one_that_windows_accepts() {
    let frame = "net.tcp://{host}{address}:{port}/";
    let template = format!("{frame}{}", "x".repeat(MAX_VIA_BYTES - frame.len()));
    let address = "2001:db8:1111:2222:3333:4444:5555:6666";
    assert!(render(&template, &"h".repeat(255), address).len() < 2048);
}

proptest! {
    #[test]
    fn no_text_panics_and_an_accepted_one_is_filled_in_whole(tail in "[a-z{}/:]{0,40}") {
        let Ok(template) = format!("net.tcp://{tail}").parse::<ViaTemplate>() else {
            return Ok(());
        };
        let port = Port::new(7999).unwrap();
        let via = template.render("h.example", "203.0.113.10".parse().ok(), port);
        prop_assert!(!via.contains(['{', '}']), "{via}");
    }
}
