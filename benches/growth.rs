//! What grows with what: the hot path with the entries that a store holds (goal: flat), and with the profiles of the configuration (goal:
//! linear, at most 4 µs for each).
#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use keyless::profile::{Access, Config, Use};
use keyless::{Environment, Key};
use keyless_benches::{Subject, medians};
use keyless_sandbox::Sandbox;

const ENTRIES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
const PROFILES: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const ROUNDS: usize = 101;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sandbox = Sandbox::builder()
        .start()
        .await
        .expect("the sandbox starts");
    let home = tempfile::tempdir().expect("a folder");
    let token = sandbox.id_token_for("alice").expect("Alice");
    fs::write(home.path().join("token"), token).expect("written");

    let mut stores = Vec::new();
    for entries in ENTRIES {
        let home = Home::new(home.path(), &format!("entries-{entries}"), 1, &sandbox);
        home.fill(entries).await;
        stores.push(home);
    }
    show("entries in the store", ENTRIES, &stores);

    let mut configurations = Vec::new();
    for profiles in PROFILES {
        let home = Home::new(
            home.path(),
            &format!("profiles-{profiles}"),
            profiles,
            &sandbox,
        );
        home.fill(10).await;
        configurations.push(home);
    }
    let times = show("profiles in the configuration", PROFILES, &configurations);
    let each = (times[4] - times[0]).as_secs_f64() * 1e6 / 9_999.0;
    println!("{each:.2} µs for each profile");
}

/// What a `credential-process` does between its start and its output takes this long in each home.
fn show<const N: usize>(title: &str, sizes: [usize; N], homes: &[Home]) -> Vec<Duration> {
    let looks = homes.iter().map(|home| {
        let look = || {
            let access = home.access();
            let session = access.provider().expect("a provider").peek();
            assert!(session.is_some(), "nothing is kept");
        };
        ("", Box::new(look) as Box<dyn FnMut()>)
    });
    let times = medians(ROUNDS, &mut looks.collect::<Vec<Subject<'_>>>());
    println!("{title}, median of {ROUNDS}");
    for (size, time) in sizes.iter().zip(&times) {
        println!(
            "{size:>9}  {:>9.1} µs  {:>6.2} x",
            time.as_secs_f64() * 1e6,
            time.as_secs_f64() / times[0].as_secs_f64()
        );
    }
    times
}

/// A configuration and a store, with a session in it for the profile `p0`.
struct Home(Environment);

impl Home {
    fn new(folder: &Path, name: &str, profiles: usize, sandbox: &Sandbox) -> Self {
        let (config, store) = (folder.join(format!("{name}.toml")), folder.join(name));
        let mut text = format!(
            "[identity.job]\ntoken_file = \"{}\"\n",
            folder.join("token").display()
        );
        for number in 0..profiles {
            text += &format!(
                "[profile.p{number}]\nidentity = \"job\"\nrole = \"{}\"\n",
                sandbox.role_arn("Developer")
            );
        }
        fs::write(&config, text).expect("written");
        let variables = [
            ("KEYLESS_CONFIG", config.into_os_string()),
            ("KEYLESS_STORE_DIR", store.into_os_string()),
            ("AWS_ENDPOINT_URL_STS", sandbox.sts_endpoint().into()),
        ];
        Self(Environment::of(variables))
    }

    fn access(&self) -> Access {
        let config = Config::load(&self.0).expect("a configuration");
        let profile = config.profile(Some("p0"), &self.0).expect("a profile");
        profile.access(&self.0, Use::default()).expect("access")
    }

    /// Gets a session, and puts `entries` others around it. Nobody opens those, so they are empty.
    async fn fill(&self, entries: usize) {
        let provider = self.access().provider().expect("a provider");
        provider.session().await.expect("a session");
        let store = self.0.store_directory().expect("a folder");
        for number in 0..entries {
            let key = Key::of("other").part("number", number.to_string()).finish();
            File::create(store.join(format!("{key}.json"))).expect("made");
        }
    }
}
