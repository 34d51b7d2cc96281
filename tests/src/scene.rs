//! What a story is set in: a sandbox, a clock that the story moves, and a store of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use keyless::login::LoginBuilder;
use keyless::{Clock, FileStore, Http, IdToken, Login, Provider, ProviderBuilder, Source};
use keyless_sandbox::{Builder, Sandbox};

use crate::person::Person;

/// A sandbox with everything that signs in at it.
#[derive(Debug)]
pub struct Scene {
    /// The identity provider and STS.
    pub sandbox: Sandbox,
    ahead: Arc<AtomicU64>,
    folder: tempfile::TempDir,
}

impl Scene {
    /// The sandbox as it is by default.
    pub async fn new() -> Self {
        Self::of(Sandbox::builder()).await
    }

    /// The sandbox as `builder` has it, on the story's clock.
    pub async fn of(builder: Builder) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let clock = clock(&ahead);
        let sandbox = builder
            .clock(move || clock.now())
            .start()
            .await
            .expect("the sandbox starts");
        Self {
            sandbox,
            ahead,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, time: Duration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    /// The story's clock.
    pub fn clock(&self) -> Clock {
        clock(&self.ahead)
    }

    /// The store that everybody in the story shares.
    pub fn store(&self) -> FileStore {
        FileStore::new(self.folder.path().join("store"))
    }

    /// The folder that the store lies in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A sign-in at the sandbox, for `person`, kept in the store.
    pub fn login(&self, person: &Person) -> Login {
        self.login_builder(person).build().expect("a login")
    }

    /// The same, still to be changed.
    pub fn login_builder(&self, person: &Person) -> LoginBuilder {
        self.login_at(self.sandbox.issuer(), person)
    }

    /// The same, at another issuer.
    pub fn login_at(&self, issuer: &str, person: &Person) -> LoginBuilder {
        Login::builder(issuer, self.sandbox.client_id(), Http::default())
            .prompt(person.clone())
            .store(self.store())
            .clock(self.clock())
    }

    /// A provider of the sandbox's role `name`, which keeps its session in the store and may ask.
    pub fn provider(&self, name: &str, source: impl Source<IdToken>) -> Provider {
        self.provider_builder(name, source)
            .build()
            .expect("a provider")
    }

    /// The same, still to be changed.
    pub fn provider_builder(&self, name: &str, source: impl Source<IdToken>) -> ProviderBuilder {
        Provider::builder(self.sandbox.role_arn(name))
            .source(source)
            .endpoint_url(self.sandbox.sts_endpoint())
            .environment(keyless::Environment::of::<String, String>([]))
            .store(self.store())
            .clock(self.clock())
            .interactive()
    }
}

fn clock(ahead: &Arc<AtomicU64>) -> Clock {
    let ahead = Arc::clone(ahead);
    Clock::new(move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::SeqCst)))
}
