//! `keyless token`: what the identity token says, or the token itself.

use std::process::ExitCode;

use keyless::{IdToken, Interaction, Source, text};
use serde_json::Value;

use crate::args::Token;
use crate::context::Context;
use crate::exit::Outcome;
use crate::output::{self, stdout_is_terminal};
use crate::words::when;

pub(super) fn run(context: &Context, args: &Token) -> Outcome {
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    let asked = context.asking(&chosen, &args.asking)?;
    let token = match asked.access.held() {
        Some(token) => token,
        None => asked.run(context, async {
            let interaction = if asked.prompt.is_some() {
                Interaction::Allowed
            } else {
                Interaction::Forbidden
            };
            let token = asked.access.proof(interaction).await;
            token.map_err(|error| chosen.explain(error.into()))
        })?,
    };
    if args.raw || !(args.json || stdout_is_terminal()) {
        let end = if stdout_is_terminal() { "\n" } else { "" }; // SDKs do not trim what they read from a file
        output::data(&format!("{}{end}", token.expose()))?;
    } else {
        output::data(&claims(&token))?;
        context.output.say(&format!(
            "expires {}",
            when(token.expires_at(), context.now())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every claim, as JSON that a terminal can be shown.
fn claims(token: &IdToken) -> String {
    let claims = cleaned(&Value::Object(token.claims().clone()));
    format!("{claims:#}\n")
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
