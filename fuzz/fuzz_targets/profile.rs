//! Any text is either a profile that can be written and read again, or gives a list of problems.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe_core::profile::Profile;

fuzz_target!(|text: &str| {
    match Profile::parse("fuzz.toml", text) {
        Ok(profile) => {
            let again = Profile::parse("again.toml", &profile.to_toml());
            assert_eq!(again.as_ref(), Ok(&profile));
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});
