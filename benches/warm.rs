//! `provide_credentials()` on a provider whose session is fresh and in memory: goal 150 ns and one allocation. Beside it the SDK's own cache.
#![allow(clippy::print_stdout)]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{ResolveCachedIdentity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::config_bag::ConfigBag;

use aws_credential_types::provider::ProvideCredentials;
use keyless::{IdToken, Provider, source_fn};
use keyless_benches::median;
use keyless_sandbox::Sandbox;

const CALLS: u32 = 100_000;
const ROUNDS: usize = 21;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sandbox = Sandbox::builder()
        .start()
        .await
        .expect("the sandbox starts");
    let token = sandbox.id_token_for("alice").expect("Alice");
    let provider = Provider::builder(sandbox.role_arn("Developer"))
        .source(source_fn(move |_| {
            std::future::ready(IdToken::parse(&token))
        }))
        .endpoint_url(sandbox.sts_endpoint())
        .build()
        .expect("a provider");
    let session = provider.session().await.expect("a session");

    // The SDK's cache over the simplest of providers, which always has the same credentials.
    let trivial = SharedCredentialsProvider::new(session.credentials().clone());
    let resolver = SharedIdentityResolver::new(trivial);
    let components = RuntimeComponentsBuilder::for_tests()
        .with_sleep_impl(Some(TokioSleep::new()))
        .with_time_source(Some(SystemTimeSource::new()))
        .build()
        .expect("components");
    let (lazy, settings) = (IdentityCache::lazy().build(), ConfigBag::base());
    let sdk = || lazy.resolve_cached_identity(resolver.clone(), &components, &settings);
    sdk().await.expect("an identity");

    let (mut warm, mut theirs, mut cloned) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(provider.provide_credentials().await.expect("credentials"));
        }
        warm.push(start.elapsed() / CALLS);
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(sdk().await.expect("an identity"));
        }
        theirs.push(start.elapsed() / CALLS);
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(black_box(&session).credentials().clone());
        }
        cloned.push(start.elapsed() / CALLS);
    }
    let cloned = median(cloned);
    for (name, times, allocations) in [
        (
            "warm provide_credentials",
            warm,
            allocations(|| provider.provide_credentials()),
        ),
        ("the SDK's lazy cache", theirs, allocations(sdk)),
    ] {
        let time = median(times);
        println!(
            "{name:<26} {:>6} ns  {:>5.1} x a clone  {allocations} allocations",
            time.as_nanos(),
            time.as_secs_f64() / cloned.as_secs_f64()
        );
    }
    println!(
        "{:<26} {:>6} ns",
        "clone of the Credentials",
        cloned.as_nanos()
    );
    assert_eq!(
        sandbox.calls().assume_role_with_web_identity,
        1,
        "the provider was not warm"
    );
}

/// How often one call asks for memory.
fn allocations<F: Future>(call: impl Fn() -> F) -> u64 {
    let counted = allocation_counter::measure(|| {
        let answer = pin!(call());
        let mut context = Context::from_waker(Waker::noop());
        assert!(answer.poll(&mut context).is_ready(), "it was not warm");
    });
    counted.count_total
}
