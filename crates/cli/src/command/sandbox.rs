//! `keyless sandbox`: the sandbox as a server.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use keyless_sandbox::{Role, Sandbox as Running, Shape};
use serde_json::{Map, Value, json};

use crate::args::Sandbox;
use crate::context::{Context, run as run_async};
use crate::exit::{Failure, INVALID, Outcome, USAGE};
use crate::output::{self, Tone};

pub(super) fn run(context: &Context, args: &Sandbox) -> Outcome {
    let own = own_roles(&args.roles)?;
    let claims = args.claims.as_deref().map(claims_of).transpose()?;
    run_async(async {
        let mut builder = Running::builder().ports(args.port_issuer, args.port_sts);
        for (name, policy) in &own {
            builder = builder.role(Role::new(name, policy));
        }
        for (name, value) in claims.iter().flatten() {
            builder = builder.claim(name, value);
        }
        if let Some(shape) = args.shape {
            builder = builder.shaped_like(shape);
        }
        if let Some(person) = &args.sign_in_as {
            builder = builder.sign_in_as(person);
        }
        let sandbox = builder
            .start()
            .await
            .map_err(|error| Failure::new(INVALID, error.to_string()))?;
        let introduction = if args.json {
            line(&sandbox, &own)
        } else {
            story(context, args, &sandbox, &own)
        };
        output::data(&introduction)?;
        // To be interrupted is how it ends, and no failure.
        let _ = tokio::signal::ctrl_c().await;
        sandbox.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
    .or_else(|failure| {
        if failure.code == crate::exit::INTERRUPTED {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(failure)
        }
    })
}

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

const ROLES: [(&str, &str); 5] = [
    ("Developer", "alice and bob, by their email"),
    ("ReadOnly", "everybody who signs in"),
    ("Admin", "carol, by her subject"),
    ("Deploy", "the role Developer, by --via"),
    ("saml-dev", "everybody who signs in by SAML"),
];

/// The roles of `NAME=FILE`, each with its trust policy.
fn own_roles(named: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let read = |role: &String| {
        let (name, file) = role.split_once('=').ok_or_else(|| {
            Failure::new(USAGE, format!("expected NAME=FILE, found {role:?}"))
                .with_advice("give it as --role mine=trust-policy.json")
        })?;
        let policy = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(
                INVALID,
                format!("the trust policy {file:?} cannot be read: {error}"),
            )
        })?;
        Ok((name.to_owned(), policy))
    };
    named.iter().map(read).collect()
}

/// The members of the JSON object in `file`.
fn claims_of(file: &Path) -> Result<Map<String, Value>, Failure> {
    let unreadable = |reason: String| {
        Failure::new(INVALID, format!("the claims {} cannot be read: {reason}", file.display()))
            .with_advice("write them as one JSON object, such as {\"https://aws.amazon.com/roles\": [\"arn:…\"]}")
    };
    let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

fn line(sandbox: &Running, own: &[(String, String)]) -> String {
    let names = ROLES.iter().map(|(name, _)| *name);
    let roles: Map<_, _> = names
        .chain(own.iter().map(|(name, _)| name.as_str()))
        .map(|name| (name.to_owned(), sandbox.role_arn(name).into()))
        .collect();
    let line = json!({
        "issuer": sandbox.issuer(),
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(),
        "sts_endpoint": sandbox.sts_endpoint(),
        "account": sandbox.account_id(),
        "saml": {
            "issuer": sandbox.saml_issuer(),
            "sso_url": sandbox.saml_sso_url(),
            "provider": sandbox.saml_provider_arn(),
        },
        "roles": roles,
        "people": PEOPLE,
    });
    format!("{line}\n")
}

/// What an identity must say whose application has a secret. It is the sandbox's, and no secret to anybody.
fn secret_line(sandbox: &Running) -> String {
    sandbox.client_secret().map_or_else(String::new, |secret| {
        format!("  client_secret = {{ command = [\"echo\", \"{secret}\"] }}\n")
    })
}

/// What an identity must say besides, since the sandbox's address does not tell whose ways it has.
fn demands(shape: Shape) -> &'static str {
    match shape {
        Shape::EntraV1 | Shape::EntraV2 => "  redirect_host = \"localhost\"\n",
        Shape::Cognito => "  redirect_host = \"localhost\"\n  port         = 8400\n",
        Shape::Auth0 | Shape::OktaOrg | Shape::OktaCustom | Shape::GitLab => {
            "  port         = 8400\n"
        }
        _ => "",
    }
}

fn story(context: &Context, args: &Sandbox, sandbox: &Running, own: &[(String, String)]) -> String {
    let strong = |text: &str| context.output.on_stdout(text, Tone::Strong);
    let (issuer, client, sts) = (
        sandbox.issuer(),
        sandbox.client_id(),
        sandbox.sts_endpoint(),
    );
    let (saml_issuer, saml_sso, saml_provider) = (
        sandbox.saml_issuer(),
        sandbox.saml_sso_url(),
        sandbox.saml_provider_arn(),
    );
    let who = match &args.sign_in_as {
        Some(person) => format!("{person} is signed in at once, without a page"),
        None => "a page lets you choose: alice, bob or carol".to_owned(),
    };
    let secret = sandbox
        .client_secret()
        .map_or_else(String::new, |secret| format!("  secret     {secret}\n"));
    let mut roles = String::new();
    for (name, whom) in ROLES {
        let _ = writeln!(roles, "  {:<45} {whom}", sandbox.role_arn(name));
    }
    for (name, _) in own {
        let _ = writeln!(roles, "  {:<45} as its policy says", sandbox.role_arn(name));
    }
    let developer = sandbox.role_arn("Developer");
    let (secret_line, way) = (secret_line(sandbox), args.shape.map_or("", demands));
    format!(
        "\
{}
  issuer     {issuer}
  client id  {client}
{secret}  STS        {sts}
  people     {who}

{}
  metadata   {saml_issuer}, which is the issuer, too
  sign-in    {saml_sso}
  provider   {saml_provider}
  to use it  saml_url = \"{saml_sso}\" in place of issuer and client_id, and the role saml-dev

{}
{roles}
{}
  [identity.sandbox]
  issuer       = \"{issuer}\"
  client_id    = \"{client}\"
{secret_line}{way}
  [profile.sandbox]
  identity     = \"sandbox\"
  role         = \"{developer}\"
  region       = \"eu-west-1\"
  endpoint_url = \"{sts}\"

{}
  keyless login sandbox --write-aws-config sandbox
  AWS_ENDPOINT_URL_STS={sts} aws --profile sandbox sts get-caller-identity
  keyless exec -p sandbox -- aws sts get-caller-identity

The ports are others each time; --port-issuer and --port-sts keep them. Ctrl-C ends it.
",
        strong("The sandbox is ready"),
        strong("The same people, by SAML"),
        strong("Roles, and whom their trust policies let in"),
        strong("For ~/.config/keyless/config.toml"),
        strong("Then, in another terminal"),
    )
}
