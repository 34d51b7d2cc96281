//! Many processes at the moment of expiry: one of them does the work, whatever becomes of it, and the others take the result.
#![cfg(unix)]
#![allow(
    clippy::print_stderr,
    reason = "how often something was lost is worth a line"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Machine, Ran};
use keyless_cache::{FileStore, Store};

/// A machine on which Alice stays signed in.
struct Desk(Machine);

impl Desk {
    async fn new() -> Self {
        let machine = Machine::new().await;
        let config = machine.read(".config/keyless/config.toml");
        let scopes =
            "client_id = \"keyless\"\nscopes = [\"openid\", \"email\", \"offline_access\"]";
        machine.write(
            ".config/keyless/config.toml",
            &config.replace("client_id = \"keyless\"", scopes),
        );
        let key = machine.write("key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
        private(&key);
        let desk = Self(machine);
        desk.sign_in();
        desk
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(arguments);
        command.env("KEYLESS_STORE_KEY_FILE", self.0.path("key"));
        command
    }

    fn sign_in(&self) {
        let command = self.command(&["login", "--no-browser", "--force", "dev"]);
        Machine::login_by(command).done();
    }

    fn start(&self) -> Child {
        let mut command = self.command(&["credential-process", "dev"]);
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().expect("started")
    }

    fn run(&self) -> Ran {
        Ran::new(self.start().wait_with_output().expect("ended"))
    }

    /// The token and the session expire; what is sealed stays.
    fn expire(&self) {
        for entry in self.0.entries(".json") {
            fs::remove_file(entry).expect("removed");
        }
    }

    /// How often a refresh token was spent, and a session fetched.
    fn calls(&self) -> (u64, u64) {
        let calls = self.0.sandbox.calls();
        (calls.refresh, calls.assume_role_with_web_identity)
    }

    /// Nobody holds a lock, nothing half written lies about, and somebody who comes now gets a session: at most after signing in, where
    /// a refresh token was lost with the process that had spent it.
    fn is_whole(&self, what: &str) -> bool {
        let before = self.calls();
        let ran = self.run();
        let was_lost = ran.code == Some(3);
        assert!(was_lost || ran.code == Some(0), "{what}: {ran:?}");
        let after = self.calls();
        assert!(after.0 - before.0 <= 1, "{what}: spent twice");
        if was_lost {
            self.sign_in();
        }
        for folder in [self.0.path("store"), self.0.path("store/sealed")] {
            let store = FileStore::new(&folder);
            for entry in store.list().expect("a store that can be read") {
                let lock = store.try_lock(&entry.key).expect("a store with locks");
                assert!(lock.is_some(), "{what}: {entry:?} is locked");
                let text = store.load(&entry.key).expect("an entry that can be read");
                let text = text.expect("an entry");
                serde_json::from_str::<serde_json::Value>(text.expose())
                    .unwrap_or_else(|error| panic!("{what}: {entry:?}: {error}"));
            }
        }
        was_lost
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_processes_spend_one_refresh_token() {
    let desk = Desk::new().await;
    for round in 1..=10 {
        desk.expire();
        let before = desk.calls();
        let processes: Vec<Child> = (0..200).map(|_| desk.start()).collect();
        let mut sessions = BTreeSet::new();
        for process in processes {
            let ran = Ran::new(process.wait_with_output().expect("ended")).done();
            sessions.insert(ran.json()["AccessKeyId"].to_string());
        }
        assert_eq!(sessions.len(), 1, "round {round}");
        let after = desk.calls();
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (1, 1),
            "round {round}: refreshes and sessions"
        );
    }
}

/// Where a process can end while it renews: the order is the order of its work.
const PLACES: [&str; 11] = [
    "fetch: locked",
    "refresh: before it is spent",
    "refresh: spent",
    "save: made",
    "save: written",
    "save: lasting",
    "save: renamed",
    "refresh: kept",
    "fetch: done",
    "fetch: saved",
    "fetch: unlocked",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_killed_at_any_step_leaves_a_working_store() {
    let desk = Desk::new().await;
    for place in PLACES {
        desk.expire();
        let before = desk.calls();
        let mut command = desk.command(&["credential-process", "dev"]);
        let killed = Ran::new(
            command
                .env("KEYLESS_FAULT", place)
                .output()
                .expect("started"),
        );
        assert_eq!(
            (killed.code, &*killed.data),
            (None, ""),
            "{place}: {killed:?}"
        );
        let others: Vec<Child> = (0..4).map(|_| desk.start()).collect();
        for other in others {
            let ran = Ran::new(other.wait_with_output().expect("ended"));
            assert!(matches!(ran.code, Some(0 | 3)), "{place}: {ran:?}");
        }
        let was_lost = desk.is_whole(place);
        // Only what the identity provider has taken back and nobody has written down is lost.
        let between = [
            "refresh: spent",
            "save: made",
            "save: written",
            "save: lasting",
        ];
        assert_eq!(was_lost, between.contains(&place), "{place}");
        assert!(desk.calls().0 - before.0 <= 2, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_at_random_times_leave_a_working_store() {
    let desk = Desk::new().await;
    let rounds = rounds(500, 20);
    let mut random = Random::new();
    let mut lost = 0;
    for round in 1..=rounds {
        desk.expire();
        let mut processes: Vec<Child> = (0..4).map(|_| desk.start()).collect();
        let victims = 1 + random.below(3);
        for victim in &mut processes[..victims] {
            std::thread::sleep(Duration::from_micros(random.below(25_000) as u64));
            victim.kill().expect("killed");
        }
        for (number, process) in processes.into_iter().enumerate() {
            let ran = Ran::new(process.wait_with_output().expect("ended"));
            let is_killed = number < victims && ran.code.is_none();
            assert!(
                is_killed || matches!(ran.code, Some(0 | 3)),
                "round {round}: {ran:?}"
            );
        }
        lost += usize::from(desk.is_whole(&format!("round {round} of seed {}", random.seed)));
    }
    eprintln!("{rounds} rounds: a refresh token was lost with its holder in {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_presses_ctrl_c_while_the_sign_in_is_renewed_stays_signed_in() {
    let desk = Desk::new().await;
    for round in 1..=10 {
        desk.expire();
        let before = desk.calls();
        let mut process = desk.start();
        loop {
            // In this order: one that has spent the token may end before this is looked at.
            let has_ended = process.try_wait().expect("a child").is_some();
            if desk.calls().0 != before.0 {
                break;
            }
            assert!(!has_ended, "{round}: it has spent none");
            std::thread::yield_now();
        }
        // The identity provider has taken the old refresh token back, and the new one is on its way.
        if process.try_wait().expect("a child").is_none() {
            let pid = rustix::process::Pid::from_child(&process);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("interrupted");
        }
        let ran = Ran::new(process.wait_with_output().expect("ended"));
        assert!(matches!(ran.code, Some(0 | 130)), "round {round}: {ran:?}");
        assert!(!desk.is_whole(&format!("round {round}")), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_and_two_jobs_on_one_home_never_get_each_others_session() {
    let desk = Desk::new().await;
    let machine = &desk.0;
    let mut config = machine.read(".config/keyless/config.toml");
    let role = machine.sandbox.role_arn("ReadOnly");
    config = config.replace(&machine.sandbox.role_arn("Developer"), &role);
    let sts = machine.sandbox.sts_endpoint();
    for job in ["one", "two"] {
        let token = machine.sandbox.mint(&serde_json::json!({
            "iss": machine.sandbox.issuer(), "sub": job, "aud": "keyless", "email": format!("{job}@example.com"),
            "iat": seconds_since_1970(), "exp": seconds_since_1970() + 3600,
        }));
        let file = machine.write(job, &token);
        private(&file);
        let profile = format!(
            "[identity.{job}]\ntoken_file = \"{}\"\n[profile.{job}]\nidentity = \"{job}\"\nrole = \"{role}\"\nendpoint_url = \"{sts}\"\nregion = \"eu-west-1\"\n",
            file.display()
        );
        config.push_str(&profile);
    }
    machine.write(".config/keyless/config.toml", &config);
    let whose = |ran: &Ran| {
        let key = ran.json()["AccessKeyId"].as_str().map(str::to_owned);
        machine
            .sandbox
            .whose(&key.expect("a key"))
            .expect("a session of the sandbox")
    };
    for person in ["alice", "bob"] {
        machine.sandbox.sign_in_as(person);
        desk.sign_in();
        let crowd: Vec<(&str, Child)> = (0..30)
            .map(|number| {
                let profile = ["dev", "one", "two"][number % 3];
                let mut command = desk.command(&["credential-process", profile]);
                let child = command
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn();
                (profile, child.expect("started"))
            })
            .collect();
        for (profile, process) in crowd {
            let ran = Ran::new(process.wait_with_output().expect("ended")).done();
            let expected = if profile == "dev" { person } else { profile };
            assert!(
                whose(&ran).ends_with(&format!("/{expected}@example.com")),
                "{profile}: {}",
                whose(&ran)
            );
        }
    }
}

fn seconds_since_1970() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

fn private(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("set");
}

/// How many rounds: all of them where somebody asks for it (`KEYLESS_ROUNDS=all`), else some.
fn rounds(all: usize, some: usize) -> usize {
    if std::env::var_os("KEYLESS_ROUNDS").is_some_and(|rounds| rounds == "all") {
        all
    } else {
        some
    }
}

/// Numbers from a seed that a failure names.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new() -> Self {
        let seed = seconds_since_1970();
        Self { seed, state: seed }
    }

    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % limit
    }
}
