//! `keyless sandbox`: the sandbox as a server.

use std::fmt::Write as _;
use std::process::ExitCode;

use keyless_sandbox::Sandbox as Running;
use serde_json::json;

use crate::args::Sandbox;
use crate::context::{Context, run as run_async};
use crate::exit::{Failure, INVALID, Outcome};
use crate::output::{self, Tone};

pub(super) fn run(context: &Context, args: &Sandbox) -> Outcome {
    run_async(async {
        let mut builder = Running::builder().ports(args.port_issuer, args.port_sts);
        if let Some(person) = &args.sign_in_as {
            builder = builder.sign_in_as(person);
        }
        let sandbox = builder
            .start()
            .await
            .map_err(|error| Failure::new(INVALID, error.to_string()))?;
        let introduction = if args.json {
            line(&sandbox)
        } else {
            story(context, args, &sandbox)
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

const ROLES: [(&str, &str); 4] = [
    ("Developer", "alice and bob, by their email"),
    ("ReadOnly", "everybody who signs in"),
    ("Admin", "carol, by her subject"),
    ("Deploy", "the role Developer, by --via"),
];

fn line(sandbox: &Running) -> String {
    let roles: serde_json::Map<_, _> = ROLES
        .iter()
        .map(|(name, _)| ((*name).to_owned(), sandbox.role_arn(name).into()))
        .collect();
    let line = json!({
        "issuer": sandbox.issuer(),
        "client_id": sandbox.client_id(),
        "sts_endpoint": sandbox.sts_endpoint(),
        "account": sandbox.account_id(),
        "roles": roles,
        "people": PEOPLE,
    });
    format!("{line}\n")
}

fn story(context: &Context, args: &Sandbox, sandbox: &Running) -> String {
    let strong = |text: &str| context.output.on_stdout(text, Tone::Strong);
    let (issuer, client, sts) = (
        sandbox.issuer(),
        sandbox.client_id(),
        sandbox.sts_endpoint(),
    );
    let who = match &args.sign_in_as {
        Some(person) => format!("{person} is signed in at once, without a page"),
        None => "a page lets you choose: alice, bob or carol".to_owned(),
    };
    let mut roles = String::new();
    for (name, whom) in ROLES {
        let _ = writeln!(roles, "  {:<45} {whom}", sandbox.role_arn(name));
    }
    let developer = sandbox.role_arn("Developer");
    format!(
        "\
{}
  issuer     {issuer}
  client id  {client}
  STS        {sts}
  people     {who}

{}
{roles}
{}
  [identity.sandbox]
  issuer       = \"{issuer}\"
  client_id    = \"{client}\"

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
        strong("Roles, and whom their trust policies let in"),
        strong("For ~/.config/keyless/config.toml"),
        strong("Then, in another terminal"),
    )
}
