//! `keyless login`: a person signs in, and the session is fetched at once.

use std::process::ExitCode;

use keyless::profile::Who;
use keyless::{Interaction, Session, text};
use serde_json::json;

use super::explain::denied::explained;
use super::status::session_json;
use crate::args::Login;
use crate::aws_config;
use crate::context::{Asked, Chosen, Context};
use crate::exit::{Failure, Outcome};
use crate::output::{self, Screen};
use crate::words::{rfc3339, when};

pub(super) fn run(context: &Context, args: &Login) -> Outcome {
    let chosen = context.choose(args.profile.name.as_deref(), &args.flags)?;
    context.prune();
    // What would fail anyway is told before a person is bothered.
    let plan_for = |chosen: &Chosen| {
        let name = args.write_aws_config.as_deref();
        name.map(|name| aws_config::plan(context, name, chosen))
            .transpose()
    };
    let may_pick = chosen.profile.role.is_none() && Screen::open(true).is_terminal();
    let mut plan = if may_pick { None } else { plan_for(&chosen)? };
    let asked = context.signing_in(&chosen, args.no_browser, args.timeout)?;
    if chosen.profile.role.is_some() {
        asked.access.provider()?;
    }
    if let Some(login) = asked.access.any_login() {
        login.forget_refusal(); // somebody wants to try again
    }
    let who = asked.run(context, sign_in(context, &asked, args.force))?;
    let (chosen, asked) = if may_pick {
        let (chosen, asked) = context.with_a_role(chosen, asked)?;
        plan = plan_for(&chosen)?;
        (chosen, asked)
    } else {
        (chosen, asked)
    };
    let session = asked.run(context, session(context, &chosen, &asked))?;
    let done = Done { who, session };
    if let (true, Err(error)) = (is_new(&asked), asked.access.stays_signed_in()) {
        context.output.warning(&format!(
            "the refresh token is not kept, and you must sign in again when this token expires: {error}"
        ));
        context.output.hint(error.advice());
    }
    if args.json {
        output::data(&done.json(&chosen))?;
    } else {
        done.tell(context);
    }
    if let Some(plan) = plan {
        plan.carry_out(context)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Who is signed in now, and the session of the role.
struct Done {
    who: Option<Who>,
    session: Option<Session>,
}

/// Whether somebody has signed in just now, rather than before or elsewhere.
fn is_new(asked: &Asked) -> bool {
    let prompt = asked.prompt.as_ref();
    prompt.is_some_and(|prompt| prompt.has_signed_in())
}

/// Who is signed in, once somebody is.
async fn sign_in(context: &Context, asked: &Asked, force: bool) -> Result<Option<Who>, Failure> {
    let access = &asked.access;
    let who = match access.any_login() {
        None => {
            context
                .output
                .say("nobody needs to sign in: the token comes from elsewhere");
            None
        }
        Some(_) if force => Some(access.sign_in().await?),
        // Whoever waited while somebody signed in elsewhere need not do it once more.
        Some(login) => Some(login.who(Interaction::Allowed).await?),
    };
    if let (Some(known), false) = (&who, is_new(asked)) {
        output::tell(&format!(
            "already signed in as {} at {} until {}",
            known.who,
            text::printable(&known.issuer),
            when(known.expires_at, context.now())
        ));
        context.output.say("use --force to sign in again");
    }
    Ok(who)
}

/// The session of the role, where there is one.
async fn session(
    context: &Context,
    chosen: &Chosen,
    asked: &Asked,
) -> Result<Option<Session>, Failure> {
    let access = &asked.access;
    let session = match (&chosen.profile.role, is_new(asked)) {
        (None, _) => return Ok(None),
        // The kept one was had with the sign-in before: its name, tags and length are of then.
        (Some(_), true) => access.provider()?.renew().await,
        (Some(_), false) => access.provider()?.session().await,
    };
    let session = session.map_err(|error| explained(context, chosen, access, error))?;
    Ok(Some(session))
}

impl Done {
    fn tell(&self, context: &Context) {
        if self.session.is_none() {
            let without =
                "no session was asked for: the profile names no role; give it one, or --role";
            context.output.say(without);
        }
        if let Some(session) = &self.session {
            context
                .output
                .say(&format!("role     {}", text::printable(session.role_arn())));
            context.output.say(&format!(
                "session  {} until {}",
                text::printable(session.credentials().access_key_id()),
                when(session.expires_at(), context.now())
            ));
        }
    }

    fn json(&self, chosen: &Chosen) -> String {
        let identity = self.who.as_ref().map(|who| {
            json!({
                "who": who.who,
                "issuer": who.issuer,
                "subject": who.subject,
                "expires_at": rfc3339(who.expires_at),
            })
        });
        let line = json!({"profile": chosen.profile.name, "identity": identity, "session": self.session.as_ref().map(session_json)});
        format!("{line}\n")
    }
}
