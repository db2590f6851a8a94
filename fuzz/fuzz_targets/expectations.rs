//! Any text is either a file of expectations, or gives a list of problems.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::profile::Profile;
use probe_documents::expectations;

fuzz_target!(|text: &str| {
    let mut rules = Profile::all()[0].rules.clone();
    let read = settings_file::read("fuzz.toml", text, &expectations::FILE, |table, problems| {
        expectations::apply(table, &mut rules, problems)
    });
    match read.whole() {
        Ok(count) => assert!(count <= text.len()),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
    // Everything that a file expects can be written into a profile.
    let profile = Profile {
        rules,
        ..Profile::all()[0].clone()
    };
    let again = Profile::parse("again.toml", &profile.to_toml());
    assert!(again.is_ok(), "{again:?}");
});
