//! The token alone, with nothing of AWS: who does the identity provider say this is?
//!
//! `cargo run --example token_only -- FILE` reads a token from a file, as a pod or a CI job has it.
#![allow(clippy::print_stdout)]

use keyless_token::{FileSource, IdToken, Interaction, Source, text};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args()
        .nth(1)
        .ok_or("give the path of a file that holds an ID token")?;
    let token: IdToken = FileSource::new(file).proof(Interaction::Forbidden).await?;
    println!("issuer    {}", text::printable(token.issuer()));
    println!("subject   {}", text::printable(token.subject()));
    println!(
        "audience  {}",
        text::printable(&token.audience().join(", "))
    );
    println!("expires   {}", text::time(token.expires_at()));
    Ok(())
}
