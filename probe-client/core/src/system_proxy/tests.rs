use super::*;

const FAR: Destination<'_> = Destination {
    http: false,
    host: "echo.example",
    port: 5901,
};

fn list(proxies: &str, exceptions: &str) -> ProxyList {
    ProxyList {
        proxies: proxies.to_owned(),
        exceptions: exceptions.to_owned(),
    }
}

fn way(proxies: &str, exceptions: &str, destination: &Destination<'_>) -> String {
    let settings = SystemSettings {
        user: Some(list(proxies, exceptions)),
        ..SystemSettings::default()
    };
    let choice = choose(&settings, destination, &mut |_, _| panic!("no script"));
    choice.unwrap().path.to_string()
}

#[test]
fn the_kind_of_traffic_has_its_own_proxy() {
    let plain = Destination { http: true, ..FAR };
    for (proxies, https, http) in [
        ("proxy:8080", "http://proxy:8080", "http://proxy:8080"),
        (
            "http=plain:80;https=tls:8080;ftp=none:21;socks=rest:1080",
            "http://tls:8080",
            "http://plain:80",
        ),
        (
            "HTTP=plain socks=rest",
            "socks5://rest:1080",
            "http://plain:80",
        ),
        (
            "https=http://tls:1\tother:2",
            "http://tls:1",
            "http://other:2",
        ),
        ("https=https://tls", "https://tls:443", "direct"),
        (
            "[2001:db8::7]:3128",
            "http://[2001:db8::7]:3128",
            "http://[2001:db8::7]:3128",
        ),
        ("ftp=only:21", "direct", "direct"),
        (" ;; ", "direct", "direct"),
    ] {
        assert_eq!(way(proxies, "", &FAR), https, "{proxies}");
        assert_eq!(way(proxies, "", &plain), http, "{proxies}");
    }
}

#[test]
fn who_is_an_exception() {
    for (exceptions, host, direct) in [
        ("<local>", "headnode", true),
        ("<LOCAL>", "echo.example", false),
        ("<local>", "2001:db8::7", false),
        ("echo.example", "ECHO.example", true),
        ("*.example", "echo.example", true),
        ("*.example", "example", false),
        ("*example", "example", true),
        ("ample", "echo.example", false),
        ("e*o.*x*e", "echo.example", true),
        ("10.*;192.168.*", "192.168.1.1", true),
        ("10.*;192.168.*", "192.169.1.1", false),
        ("a b\techo.example", "echo.example", true),
        ("*", "echo.example", true),
        ("echo.example:5901", "echo.example", true),
        ("echo.example:443", "echo.example", false),
        ("https://echo.example", "echo.example", true),
        ("http://echo.example", "echo.example", false),
        ("[2001:db8::7]:5901", "2001:db8::7", true),
        ("2001:db8::*", "2001:db8::7", true),
        ("<-loopback>", "127.0.0.1", false),
        ("", "", false),
    ] {
        let destination = Destination { host, ..FAR };
        let way = way("proxy:1", exceptions, &destination);
        assert_eq!(way == "direct", direct, "{host} in {exceptions}: {way}");
    }
}

#[test]
fn many_stars_take_no_time() {
    let exceptions = format!("{}x", "*a".repeat(200));
    let host = "a".repeat(250);
    let destination = Destination { host: &host, ..FAR };
    assert_eq!(way("proxy:1", &exceptions, &destination), "http://proxy:1");
}

#[test]
fn a_script_comes_before_what_is_fixed() {
    let settings = SystemSettings {
        detect: true,
        script: Some("http://u:sesame@wpad/proxy.pac".to_owned()),
        user: Some(list("fixed:1", "")),
        winhttp: Some(list("services:2", "")),
    };
    let through = |proxies: &str| ScriptResult::Through(list(proxies, ""));
    let failed = || ScriptResult::Failed("it is gone".to_owned());
    let (none, direct) = (ScriptResult::None, ScriptResult::Direct);
    for (detected, at, path, by, notes) in [
        (through("found:3"), through("at:4"), "found:3", "network", 0),
        (direct.clone(), through("at:4"), "direct", "network", 0),
        (none.clone(), through("at:4;b:5"), "at:4", "…@wpad/", 2),
        (failed(), direct, "direct", "…@wpad/", 1),
        (failed(), failed(), "fixed:1", "Internet settings", 2),
        (none.clone(), none, "fixed:1", "Internet settings", 2),
    ] {
        let choice = choose(&settings, &FAR, &mut |script, url| {
            assert_eq!(url, "https://echo.example:5901/");
            match script {
                Script::Detected => detected.clone(),
                Script::At(at_url) => {
                    assert_eq!(Some(*at_url), settings.script.as_deref());
                    at.clone()
                }
            }
        })
        .unwrap();
        assert_eq!(choice.path.to_string().trim_start_matches("http://"), path);
        assert!(choice.named_by.contains(by), "{choice:?}");
        assert_eq!(choice.notes.len(), notes, "{choice:?}");
        assert!(!format!("{choice:?}").contains("sesame"), "{choice:?}");
    }
}

#[test]
fn services_setting_counts_where_the_user_has_none() {
    let mut settings = SystemSettings {
        winhttp: Some(list("services:2", "*.near")),
        ..SystemSettings::default()
    };
    let ask = &mut |_: &Script<'_>, _: &str| ScriptResult::None;
    let choice = choose(&settings, &FAR, ask).unwrap();
    assert_eq!(choice.path.to_string(), "http://services:2");
    assert_eq!(choice.named_by, "WinHTTP's own setting");
    settings.winhttp = None;
    let choice = choose(&settings, &FAR, ask).unwrap();
    assert_eq!(
        (choice.path, choice.named_by.as_str()),
        (NetworkPath::Direct, "no setting")
    );
}

#[test]
fn what_is_no_proxy_is_a_problem_that_repeats_no_password() {
    for proxies in ["http://u:sesame@:x", "two:ports:3", "gopher://old"] {
        let settings = SystemSettings {
            user: Some(list(proxies, "")),
            ..SystemSettings::default()
        };
        let ask = &mut |_: &Script<'_>, _: &str| ScriptResult::None;
        let error = choose(&settings, &FAR, ask).unwrap_err().to_string();
        assert!(!error.contains("sesame"), "{error}");
    }
}
