//! The session of the browser at the identity provider, ended after the logout on this machine.

use std::path::Path;

use keyless::login::{EndOfSession, SignOutPage, browser};
use keyless::{Login, text};

use crate::args::Logout;
use crate::context::{Chosen, Context, run as run_async};
use crate::exit::{Failure, INTERRUPTED};
use crate::output;
use crate::terminal::surroundings::browser_is_out_of_reach;
use crate::words::length;

/// Lets the person sign out at the identity provider. Whatever comes of it, the logout here has happened: it is told, and fails nothing.
pub(super) fn end_session(
    context: &Context,
    args: &Logout,
    chosen: &Chosen,
    login: &Login,
    hint: Option<&keyless::IdToken>,
) {
    let (output, environment) = (context.output, &context.environment);
    let issuer = text::printable(login.issuer());
    let command = chosen.profile.identity.browser.as_deref();
    let out_of_reach = (!args.no_browser)
        .then(|| browser_is_out_of_reach(environment, command.is_some(), Path::exists))
        .flatten();
    let open = |link: &str| {
        let variable = |name: &str| environment.os(name);
        !args.no_browser && out_of_reach.is_none() && browser::open(link, command, variable).is_ok()
    };
    let mut returns_to = String::new();
    let outcome = run_async(async {
        if let Some(reason) = &out_of_reach {
            output.say(&format!(
                "no browser is opened to sign out at {issuer}, because {reason}"
            ));
            return Ok(EndOfSession::NotOffered(login.sign_out_page().await?));
        }
        let show = |page: &SignOutPage<'_>| {
            let link = page.link;
            page.returns_to.clone_into(&mut returns_to);
            output::tell(&if open(link) {
                format!(
                    "sign out at {issuer} in your browser; if it does not open, follow this link:\n  {link}"
                )
            } else {
                format!(
                    "to sign out at {issuer}, open this link in a browser on this machine:\n  {link}"
                )
            });
            output.say(&format!(
                "waiting for the browser to come back, up to {}; press Ctrl-C if you are done",
                length(page.timeout)
            ));
        };
        Ok(login.end_session(hint, args.timeout, show).await?)
    });
    match outcome {
        Ok(EndOfSession::CameBack) => {
            output.say(&format!("{issuer} has ended the session of the browser"));
        }
        Ok(EndOfSession::NotSeen)
        | Err(Failure {
            code: INTERRUPTED, ..
        }) => {
            output.say(&format!(
                "the browser has not come back from {issuer}, so whether its session has ended is not known; here you are signed out"
            ));
            output.hint(&format!("if the page shows an error, let the application return to {returns_to} after a logout"));
        }
        Ok(EndOfSession::NotOffered(Some(page))) => {
            let opened = open(page.as_str());
            output.say(&if opened {
                format!("sign out at {issuer} in your browser, which does not come back:\n  {page}")
            } else {
                format!("to sign out at {issuer}, open this in the browser that you sign in with:\n  {page}")
            });
        }
        Ok(EndOfSession::NotOffered(None)) => {
            output.warning(&format!(
                "{issuer} does not offer to end the session of the browser (end_session_endpoint)"
            ));
            output.hint("sign out on its own pages, or delete its cookies in your browser");
        }
        Err(failure) => {
            output.warning(failure.message.as_deref().unwrap_or_default());
            if let Some(advice) = failure.advice {
                output.hint(&advice);
            }
        }
    }
}
