//! For every answer of a proxy script and every list of exceptions, the result is a path or a reason why there is none,
//! and both are short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::system_proxy::{Destination, ProxyList, ScriptResult, SystemSettings, choose};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (proxies, exceptions) = text.split_once('\n').unwrap_or((&text, ""));
    let list = ProxyList {
        proxies: proxies.to_owned(),
        exceptions: exceptions.to_owned(),
    };
    let settings = SystemSettings {
        detect: true,
        ..SystemSettings::default()
    };
    for http in [false, true] {
        let destination = Destination {
            http,
            host: "echo.example",
            port: 5901,
        };
        let answered = choose(&settings, &destination, &mut |_, _| {
            ScriptResult::Through(list.clone())
        });
        match answered {
            Ok(choice) => {
                assert!(choice.notes.len() <= 4);
                // The path's text can be parsed back.
                let path = choice.path.to_string();
                assert_eq!(path.parse(), Ok(choice.path));
            }
            Err(error) => assert!(error.to_string().len() <= 4096),
        }
    }
});
