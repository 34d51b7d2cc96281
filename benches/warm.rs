//! `provide_credentials()` on a provider whose session is fresh and in memory: goal 150 ns.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

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

    let (mut warm, mut cloned) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(provider.provide_credentials().await.expect("credentials"));
        }
        warm.push(start.elapsed() / CALLS);
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(black_box(&session).credentials().clone());
        }
        cloned.push(start.elapsed() / CALLS);
    }
    let (warm, cloned) = (median(warm), median(cloned));
    println!("warm provide_credentials   {:>6} ns", warm.as_nanos());
    println!("clone of the Credentials   {:>6} ns", cloned.as_nanos());
    println!(
        "ratio                      {:>6.1}",
        warm.as_secs_f64() / cloned.as_secs_f64()
    );
    assert_eq!(
        sandbox.calls().assume_role_with_web_identity,
        1,
        "the provider was not warm"
    );
}
