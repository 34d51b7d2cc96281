//! A configuration file, and everything that its profiles name, put together and not used.
#![no_main]

use std::path::PathBuf;

use keyless::profile::{Config, Use};
use keyless::{Environment, Error};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let config = match Config::parse(text, PathBuf::from("config.toml")) {
        Ok(config) => config,
        Err(error) => return check(&error.into()),
    };
    let bare = Environment::of::<String, String>([]);
    let with_store = Environment::of([("KEYLESS_STORE_DIR", "/nonexistent")]);
    for name in config.profiles() {
        let profile = config
            .profile(Some(name), &bare)
            .expect("a name from the list");
        for environment in [&bare, &with_store] {
            match profile.access(environment, Use::default()) {
                Ok(access) => {
                    let _ = format!("{access:?}");
                    if let Err(error) = access.provider() {
                        check(&error);
                    }
                }
                Err(error) => check(&error),
            }
        }
    }
    if let Err(error) = config.profile(None, &bare) {
        check(&error.into());
    }
    if let Err(error) = config.identity("corp") {
        check(&error.into());
    }
});

fn check(error: &Error) {
    for shown in [Some(error.to_string().as_str()), error.advice()]
        .into_iter()
        .flatten()
    {
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
