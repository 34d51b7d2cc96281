//! What is to be done with what was printed: remarks, the next command, and the profile that uses the role.

use keyless::text::printable;
use keyless_trust::setup::{Allow, Generated};

use crate::args::{Setup, SetupFormat};
use crate::context::Context;

/// Tells a person what to know and what to do.
pub(super) fn tell(context: &Context, args: &Setup, generated: &Generated) {
    let output = context.output;
    for remark in generated.remarks() {
        output.say(&format!("note: {remark}"));
    }
    if args.attach.is_empty() {
        output.say("note: the role may do nothing yet; --attach gives it a policy");
    }
    output.say(match args.format {
        SetupFormat::Terraform => "next: save it as a .tf file, and `terraform apply`",
        SetupFormat::Cloudformation => "next: save it, and deploy it as its second line says",
        SetupFormat::Script => {
            "next: save it, read it, and run it with bash, signed in to the account"
        }
        SetupFormat::Cloudshell => {
            "next: open CloudShell in the console of the account, and paste it there"
        }
        SetupFormat::Policy => "next: make it the trust policy of the role",
    });
    output.say(&format!(
        "then, in keyless' configuration:\n\n{}",
        profile(args, generated)
    ));
}

/// An identity and a profile for the role.
fn profile(args: &Setup, generated: &Generated) -> String {
    let source = args.allow.first().map(Allow::source);
    let proof = source.map_or("", |source| source.proof);
    let audience = generated.audiences().first().map_or("", String::as_str);
    let (name, proof) = if proof.is_empty() {
        let proof = format!(
            "issuer = {}\nclient_id = {}",
            quoted(generated.issuer()),
            quoted(audience)
        );
        ("corp", proof)
    } else {
        let proof = proof
            .replace(
                "audience=AUDIENCE",
                &format!("audience={}", encoded(audience)),
            )
            .replace("AUDIENCE", audience);
        (source.map_or("", |source| source.name), proof)
    };
    let role = generated.role_arn(args.account.as_deref().unwrap_or("ACCOUNT"));
    format!(
        "[identity.{name}]\n{proof}\n\n[profile.{name}]\nidentity = {}\nrole = {}\n",
        quoted(name),
        quoted(&role)
    )
}

fn quoted(text: &str) -> String {
    format!("{:?}", printable(text))
}

/// For a query (RFC 3986 §2.3), which in a command is also safe from a shell.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
