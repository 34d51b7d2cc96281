//! From one role to the next: the identity assumes `Developer`, and `Developer` assumes `Deploy`. On the sandbox, so that the
//! example runs by itself.
//!
//! `cargo run --example role_chain`
#![allow(clippy::print_stdout)]

use keyless::{AssumeRole, Exchange, Http, IdToken, Provider, Sts, WebIdentity, source_fn};
use keyless_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().start().await?;
    let token = sandbox
        .id_token_for("alice")
        .ok_or("alice is one of the sandbox's people")?;
    let source = source_fn(move |_| std::future::ready(IdToken::parse(&token)));

    // `Provider::builder(..).via(role)` does the same; exchanges by themselves can be put together in any way.
    let sts = Sts::new(Http::default()).endpoint_url(sandbox.sts_endpoint());
    let exchange = WebIdentity::builder(sandbox.role_arn("Developer"), sts.clone())
        .build()?
        .then(AssumeRole::builder(sandbox.role_arn("Deploy"), sts).build()?);

    let session = Provider::new(source, exchange).session().await?;
    println!("{}", session.assumed_role_arn());
    Ok(())
}
