//! `keyless credential-process`: the session for an AWS SDK. Where one is kept: no runtime, no TLS, no lock.

mod desk;

use std::process::ExitCode;

use keyless::Session;
use serde::Serialize;

use crate::args::CredentialProcess;
use crate::context::{Context, PATIENCE};
use crate::exit::Outcome;
use crate::output;
use crate::words::rfc3339;

pub(super) fn run(context: &Context, args: &CredentialProcess) -> Outcome {
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    let access = context.access(&chosen, PATIENCE)?;
    let provider = access.provider()?;
    let session = match provider.peek() {
        Some(session) => session,
        None => desk::session(context, &chosen, &access, args.no_interactive)?,
    };
    output::data(&document(&session))?;
    Ok(ExitCode::SUCCESS)
}

/// What an SDK reads (AWS SDKs and Tools Reference Guide, process credential provider): one line, with a newline at its end.
///
/// Without `Expiration` it would never ask again, so it is always there; it is the true one, since SDKs refresh ahead by themselves.
pub(super) fn document(session: &Session) -> String {
    let credentials = session.credentials();
    let document = Document {
        version: 1,
        access_key_id: credentials.access_key_id(),
        secret_access_key: credentials.secret_access_key(),
        session_token: credentials.session_token(),
        expiration: rfc3339(session.expires_at()),
        account_id: session.account_id(),
    };
    let mut line =
        serde_json::to_string(&document).expect("texts and a number can be written as JSON");
    line.push('\n');
    line
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}
