//! A source of one's own: anything that can give an ID token. Here it is the sandbox, so that the example runs by itself.
//!
//! `cargo run --example custom_source`
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use keyless::{BoxFuture, IdToken, Interaction, Provider, Source, TokenError, TokenErrorKind};
use keyless_sandbox::Sandbox;

/// A vault that knows who we are. A closure in `keyless::source_fn` would do as well; a type can say more.
#[derive(Debug)]
struct Vault {
    sandbox: Arc<Sandbox>,
}

impl Source<IdToken> for Vault {
    fn proof(&self, _: Interaction) -> BoxFuture<'_, Result<IdToken, TokenError>> {
        Box::pin(async {
            let raw = self.sandbox.id_token_for("alice").ok_or_else(|| {
                TokenError::new(TokenErrorKind::Refused, "the vault does not know alice")
                    .with_advice("ask its owner to let her in")
            })?;
            IdToken::parse(&raw)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Arc::new(Sandbox::builder().start().await?);
    let credentials = Provider::builder(sandbox.role_arn("Developer"))
        .source(Vault {
            sandbox: Arc::clone(&sandbox),
        })
        .endpoint_url(sandbox.sts_endpoint())
        .build()?;
    let session = credentials.session().await?;
    println!(
        "{} is {}",
        session.subject().who,
        session.assumed_role_arn()
    );
    Ok(())
}
