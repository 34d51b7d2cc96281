//! A service that calls AWS with the identity that it is given, and asks AWS who it is.
//!
//! `cargo run --example service -- PROFILE` uses a profile of the configuration file. With no argument the token is taken from the
//! file and the role that Kubernetes on AWS gives a pod: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`.
#![allow(clippy::print_stdout)]

use aws_config::BehaviorVersion;
use keyless::{FileSource, Provider};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credentials = match std::env::args().nth(1) {
        Some(profile) => Provider::from_profile(&profile)?,
        None => Provider::builder(std::env::var("AWS_ROLE_ARN")?)
            .source(FileSource::new(std::env::var(
                "AWS_WEB_IDENTITY_TOKEN_FILE",
            )?))
            .build()?,
    };
    let config = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .http_client(keyless::http_client())
        .load()
        .await;

    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await?;
    println!("{}", identity.arn().unwrap_or("nobody"));
    Ok(())
}
