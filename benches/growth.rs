//! What grows with what: the hot path with the entries that a store holds (goal: flat), and with the profiles of the configuration (goal:
//! linear, at most 4 µs for each).
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use keyless::login::{DeviceCode, Prompt, SignInPage, SignedIn};
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
        .sign_in_as("alice")
        .start()
        .await
        .expect("the sandbox starts");
    let folder = tempfile::tempdir().expect("a folder");
    let home = |name: &str, profiles| Home::new(folder.path(), name, profiles, &sandbox);
    let signed_in = home("signed-in", 1);
    signed_in.sign_in().await;

    let stores = ENTRIES.map(|entries| {
        let home = home(&format!("entries-{entries}"), 1);
        home.fill(&signed_in, entries);
        home
    });
    show("entries in the store", ENTRIES, &stores);

    let configurations = PROFILES.map(|profiles| {
        let home = home(&format!("profiles-{profiles}"), profiles);
        home.fill(&signed_in, 0);
        home
    });
    let times = show("profiles in the configuration", PROFILES, &configurations);
    let more = u32::try_from(PROFILES[4] - PROFILES[0]).expect("not so many");
    let each = times[4].saturating_sub(times[0]) / more;
    println!("{:>9.2} µs for each profile", each.as_secs_f64() * 1e6);
}

/// What a `credential-process` does between its start and its output takes this long in each home.
fn show<const N: usize>(title: &str, sizes: [usize; N], homes: &[Home]) -> Vec<Duration> {
    let looks = homes.iter().map(|home| {
        let look = || {
            let access = home.access(Use::default());
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
            "[identity.a]\nissuer = \"{}\"\nclient_id = \"{}\"\n",
            sandbox.issuer(),
            sandbox.client_id()
        );
        for number in 0..profiles {
            let role = sandbox.role_arn("Developer");
            let _ = writeln!(
                text,
                "[profile.p{number}]\nidentity = \"a\"\nrole = \"{role}\""
            ); // text takes everything
        }
        fs::write(&config, text).expect("written");
        let variables = [
            ("KEYLESS_CONFIG", config.into_os_string()),
            ("KEYLESS_STORE_DIR", store.into_os_string()),
            ("AWS_ENDPOINT_URL_STS", sandbox.sts_endpoint().into()),
        ];
        Self(Environment::of(variables))
    }

    fn access(&self, usage: Use) -> Access {
        let config = Config::load(&self.0).expect("a configuration");
        let profile = config.profile(Some("p0"), &self.0).expect("a profile");
        profile.access(&self.0, usage).expect("access")
    }

    fn store(&self) -> PathBuf {
        self.0.store_directory().expect("a folder")
    }

    async fn sign_in(&self) {
        let usage = Use {
            prompt: Some(Arc::new(Curl)),
            ..Use::default()
        };
        let provider = self.access(usage).provider().expect("a provider");
        provider.session().await.expect("a session");
    }

    /// Takes over what `other` keeps, and puts `entries` more around it. Nobody opens those, so they are empty.
    fn fill(&self, other: &Self, entries: usize) {
        self.private().expect("made");
        for entry in fs::read_dir(other.store()).expect("a store") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), self.store().join(entry.file_name())).expect("copied");
        }
        for number in 0..entries {
            let key = Key::of("other").part("number", number.to_string()).finish();
            File::create(self.store().join(format!("{key}.json"))).expect("made");
        }
    }

    #[cfg(unix)]
    fn private(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(self.store())
    }

    #[cfg(not(unix))]
    fn private(&self) -> std::io::Result<()> {
        fs::create_dir(self.store())
    }
}

/// A browser made of `curl`.
#[derive(Debug)]
struct Curl;

impl Prompt for Curl {
    fn sign_in(&self, page: &SignInPage<'_>) {
        let mut curl = Command::new("curl");
        curl.args(["-sL", page.link]).stdout(Stdio::null());
        let mut curl = curl.spawn().expect("curl starts");
        std::thread::spawn(move || curl.wait());
    }

    fn device(&self, _: &DeviceCode<'_>) {}

    fn signed_in(&self, _: &SignedIn<'_>) {}
}
