//! `keyless demo`: the whole story on a sandbox inside this process. Nothing leaves this machine, and nothing stays behind.

mod roles;
mod scripted;
mod telling;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use keyless::login::Prompt;
use keyless::profile::{Access, Identity, Profile, Use};
use keyless::{Environment, Error, Http, IdToken, Interaction, Session, Source, Sts};
use keyless_sandbox::Sandbox;
use keyless_trust::evaluate::Decision;

use self::roles::{ADMIN, DEVELOPER};
use self::scripted::ScriptedBrowser;
use self::telling::{Telling, command, fact, text};
use crate::args::Demo;
use crate::context::{Context, run as run_async};
use crate::exit::{Failure, INTERNAL, Outcome};
use crate::output::Screen;
use crate::prompt::TerminalPrompt;
use crate::words::{role_name, when};

pub(super) fn run(context: &Context, args: &Demo) -> Outcome {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::new(
            INTERNAL,
            format!("no temporary folder could be made: {error}"),
        )
    })?;
    run_async(async {
        let builder = roles::both()
            .into_iter()
            .fold(Sandbox::builder(), keyless_sandbox::Builder::role);
        let builder = if args.browser {
            builder
        } else {
            builder.sign_in_as("alice")
        };
        let sandbox = builder
            .start()
            .await
            .map_err(|error| Failure::new(INTERNAL, error.to_string()))?;
        let stage = Stage {
            context,
            sandbox: &sandbox,
            // Only what is here: a proxy, a region or an endpoint of the person's own would lead elsewhere.
            environment: Environment::of([("KEYLESS_STORE_DIR", folder.path())]),
            http: Http::default(),
        };
        let told = tell(&stage, args, folder.path()).await;
        sandbox.shutdown().await;
        told
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Where the story takes place.
struct Stage<'a> {
    context: &'a Context,
    sandbox: &'a Sandbox,
    environment: Environment,
    http: Http,
}

async fn tell(stage: &Stage<'_>, args: &Demo, folder: &Path) -> Result<(), Failure> {
    let mut telling = Telling::new(stage.context.output);
    text(
        "This is keyless on a sandbox: an identity provider and an AWS STS that answer as the real ones do, inside this process. No account is needed, nothing leaves this machine, nothing stays behind.",
    )?;
    let token = sign_in(stage, &mut telling, args).await?;
    what_the_token_says(stage, &mut telling, &token)?;
    let (role, other) = which_role(stage, &mut telling, &token)?;
    let session = session(stage, &mut telling, role).await?;
    call(stage, &mut telling, &session).await?;
    second_run(stage, &mut telling, role, folder)?;
    denial(stage, &mut telling, other).await?;
    for_real(&mut telling)
}

impl Stage<'_> {
    /// What a process has at its beginning: the profile, and what is on the disk.
    fn access(
        &self,
        role: Option<&str>,
        prompt: Option<Arc<dyn Prompt>>,
    ) -> Result<Access, Failure> {
        let profile = Profile {
            identity: Identity {
                issuer: Some(self.sandbox.issuer().to_owned()),
                client_id: Some(self.sandbox.client_id().to_owned()),
                ..Identity::default()
            },
            role: role.map(|role| self.sandbox.role_arn(role)),
            endpoint_url: Some(self.sandbox.sts_endpoint().to_owned()),
            ..Profile::default()
        };
        let usage = Use {
            prompt,
            ..Use::default()
        };
        Ok(profile.access(&self.environment, usage)?)
    }

    fn until(&self, at: std::time::SystemTime) -> String {
        when(at, self.context.now())
    }
}

async fn sign_in(
    stage: &Stage<'_>,
    telling: &mut Telling,
    args: &Demo,
) -> Result<IdToken, Failure> {
    let context = stage.context;
    let prompt: Arc<dyn Prompt> = if args.browser {
        telling.step("You sign in")?;
        Arc::new(TerminalPrompt::new(
            context.output,
            context.environment.clone(),
            Screen::open(false),
        ))
    } else {
        telling.step("Alice signs in")?;
        Arc::new(ScriptedBrowser::new(stage.http.clone()))
    };
    let token = stage
        .access(None, Some(prompt))?
        .proof(Interaction::Allowed)
        .await?;
    let who = if args.browser {
        "You went"
    } else {
        "Her browser (a scripted one) went"
    };
    text(&format!(
        "{who} to the identity provider and came back with a code, which keyless traded for an identity token: OpenID Connect with PKCE, the signature and every claim checked."
    ))?;
    Ok(token)
}

fn what_the_token_says(
    stage: &Stage<'_>,
    telling: &mut Telling,
    token: &IdToken,
) -> Result<(), Failure> {
    telling.step("What the token says")?;
    fact("issuer", token.issuer())?;
    fact("subject", token.subject())?;
    fact("audience", &token.audience().join(", "))?;
    fact("email", token.text_claim("email").unwrap_or("none"))?;
    fact("expires", &stage.until(token.expires_at()))
}

/// The role that lets the person in, and why; and the one that does not.
fn which_role(
    stage: &Stage<'_>,
    telling: &mut Telling,
    token: &IdToken,
) -> Result<(&'static str, &'static str), Failure> {
    let ask = |role| roles::ask(stage.sandbox, role, token, stage.context.now());
    let developer = ask(DEVELOPER)?;
    let (role, other, decision): (_, _, Decision) = if developer.is_allowed() {
        (DEVELOPER, ADMIN, developer)
    } else {
        (ADMIN, DEVELOPER, ask(ADMIN)?)
    };
    telling.step("Which role, and why it is allowed")?;
    fact("role", &stage.sandbox.role_arn(role))?;
    let columns = |wanted: &str, found: &str| format!("{wanted:<38}  {found}");
    fact(
        "claim",
        &columns("what its trust policy wants", "what the token has"),
    )?;
    for report in decision
        .statements
        .iter()
        .flat_map(|statement| &statement.conditions)
    {
        let (claim, wanted, found) = roles::condition(report);
        fact(claim, &columns(&wanted, &found))?;
    }
    text(&format!(
        "AWS evaluates the policy: {}.",
        decision.to_string().replace('\n', "; ")
    ))?;
    Ok((role, other))
}

async fn session(stage: &Stage<'_>, telling: &mut Telling, role: &str) -> Result<Session, Failure> {
    telling.step("The session")?;
    let session = stage
        .access(Some(role), None)?
        .provider()?
        .session()
        .await?;
    fact("key id", session.credentials().access_key_id())?;
    fact("until", &stage.until(session.expires_at()))?;
    text(
        "AWS gave it for the token alone. There was no access key before, and there is none to rotate, to leak or to forget afterwards.",
    )?;
    Ok(session)
}

async fn call(stage: &Stage<'_>, telling: &mut Telling, session: &Session) -> Result<(), Failure> {
    telling.step("A call that uses it")?;
    let sts = Sts::new(stage.http.clone()).endpoint_url(stage.sandbox.sts_endpoint());
    let caller = keyless_sts::caller_identity(&sts, session).await?;
    fact(
        "call",
        "aws sts get-caller-identity, signed with the session",
    )?;
    fact("answer", &caller.arn)
}

fn second_run(
    stage: &Stage<'_>,
    telling: &mut Telling,
    role: &str,
    folder: &Path,
) -> Result<(), Failure> {
    telling.step("A second run")?;
    let before = stage.sandbox.calls();
    let start = Instant::now();
    let session = stage.access(Some(role), None)?.provider()?.peek();
    let took = start.elapsed();
    if session.is_none() || stage.sandbox.calls() != before {
        return Err(Failure::new(
            INTERNAL,
            format!("the session was not kept in {}", folder.display()),
        ));
    }
    text(&format!(
        "The session comes from a file that only you can read, in {:.1} ms: no network, no browser. The identity provider and STS have not been asked again.",
        took.as_secs_f64() * 1000.0
    ))
}

async fn denial(stage: &Stage<'_>, telling: &mut Telling, role: &str) -> Result<(), Failure> {
    telling.step("A role that is not given")?;
    fact("role", &stage.sandbox.role_arn(role))?;
    let refused = match stage.access(Some(role), None)?.provider()?.session().await {
        Err(Error::Exchange(error)) => error,
        Err(other) => return Err(other.into()),
        Ok(session) => {
            let name = role_name(session.role_arn());
            return Err(Failure::new(
                INTERNAL,
                format!("the role {name} was given, and should not have been"),
            ));
        }
    };
    let bare = match refused.answer() {
        Some(answer) => format!("{}: {}", answer.code, answer.text),
        None => refused.to_string(),
    };
    text(&format!("AWS says no more than: {bare}."))?;
    if let Some(reason) = stage.sandbox.last_denial() {
        text(&format!(
            "The reason, by AWS's own rules: {}.",
            reason.replace('\n', "; ")
        ))?;
    }
    Ok(())
}

fn for_real(telling: &mut Telling) -> Result<(), Failure> {
    telling.title("Now with your own identity provider and AWS account")?;
    command("keyless login --issuer https://YOUR-ISSUER/ --client-id YOUR-CLIENT \\")?;
    command("  --role arn:aws:iam::ACCOUNT:role/NAME --write-aws-config dev")?;
    command("aws --profile dev sts get-caller-identity")?;
    text(
        "The README sets it up in five minutes. `keyless demo --browser` lets you do the signing-in, `keyless sandbox` keeps the sandbox running.",
    )
}
