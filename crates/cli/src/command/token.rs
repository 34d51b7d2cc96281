//! `keyless token`: what the proof says, an identity token or a SAML response, or the proof itself.

use std::process::ExitCode;
use std::time::SystemTime;

use keyless::{IdToken, Interaction, SamlResponse, Source, text};
use serde_json::{Value, json};

use crate::args::Token;
use crate::context::{Asked, Chosen, Context};
use crate::exit::{Failure, Outcome};
use crate::output::{self, stdout_is_terminal};
use crate::words::{rfc3339, when};

pub(super) fn run(context: &Context, args: &Token) -> Outcome {
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    let asked = context.asking(&chosen, &args.asking)?;
    if let Some(source) = asked.access.saml() {
        let response = proof(context, &chosen, &asked, &source)?;
        let said = || cleaned(&said_by(&response));
        show(
            context,
            args,
            response.expose(),
            said,
            response.expires_at(),
        )
    } else {
        let token: IdToken = proof(context, &chosen, &asked, &asked.access)?;
        let said = || cleaned(&Value::Object(token.claims().clone()));
        show(context, args, token.expose(), said, token.expires_at())
    }
}

/// What is kept, or what is to be had where somebody may be asked.
fn proof<P: keyless_token::Proof>(
    context: &Context,
    chosen: &Chosen,
    asked: &Asked,
    source: &impl Source<P>,
) -> Result<P, Failure> {
    if let Some(held) = source.held() {
        return Ok(held);
    }
    asked.run(context, async {
        let interaction = match asked.prompt {
            Some(_) => Interaction::Allowed,
            None => Interaction::Forbidden,
        };
        let proof = source.proof(interaction).await;
        proof.map_err(|error| chosen.explain(error.into()))
    })
}

/// What it says for a person, as JSON that a terminal can be shown; for a program, the proof.
fn show(
    context: &Context,
    args: &Token,
    raw: &str,
    said: impl FnOnce() -> Value,
    end: SystemTime,
) -> Outcome {
    if args.raw || !(args.json || stdout_is_terminal()) {
        let newline = if stdout_is_terminal() { "\n" } else { "" }; // SDKs do not trim what they read from a file
        output::data(&format!("{raw}{newline}"))?;
    } else {
        output::data(&format!("{:#}\n", said()))?;
        let end = when(end, context.now());
        context.output.say(&format!("expires {end}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What AWS makes of a response.
fn said_by(response: &SamlResponse) -> Value {
    let roles = response.roles().iter();
    let roles: Vec<Value> = roles
        .map(|pair| json!({"role": pair.role, "provider": pair.provider}))
        .collect();
    let tags = response
        .tags()
        .map(|(key, value)| (key.to_owned(), value.into()));
    json!({
        "issuer": response.issuer(),
        "subject": response.name_id(),
        "subject_format": response.name_id_format(),
        "audience": response.audiences(),
        "recipient": response.recipient(),
        "destination": response.destination(),
        "in_response_to": response.in_response_to(),
        "issued_at": rfc3339(response.issued_at()),
        "expires_at": rfc3339(response.expires_at()),
        "roles": roles,
        "session_name": response.role_session_name(),
        "session_duration": response.session_duration().map(|time| time.as_secs()),
        "session_ends_at": response.session_not_on_or_after().map(rfc3339),
        "source_identity": response.source_identity(),
        "tags": Value::Object(tags.collect()),
    })
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(said) => text::printable(said).into(),
        Value::Array(values) => values.iter().map(cleaned).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (text::printable(name), cleaned(value)))
            .collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::cleaned;

    #[test]
    fn no_claim_reaches_the_terminal_as_a_command() {
        let claims = json!({"name": "ali\u{1b}[31mce", "a\u{202e}b": ["x\ny", {"z": 1}]});
        assert_eq!(
            cleaned(&claims),
            json!({"name": "ali[31mce", "ab": ["xy", {"z": 1}]})
        );
    }
}
