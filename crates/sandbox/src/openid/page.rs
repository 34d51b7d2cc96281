//! What a person sees: who they can be, or what is wrong. No script but the one that goes back, nothing from elsewhere, light and dark.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use keyless_loopback::respond;
use sha2::{Digest as _, Sha256};

use crate::cast::Person;

/// The page on which somebody chooses who to be; the choice goes to `action`.
pub(crate) fn choose(
    action: &str,
    people: &[Person],
    client_id: &str,
    redirect_uri: &str,
    request: &str,
) -> Response<Bytes> {
    let lead = format!(
        "<p><strong>{}</strong> asks who you are. Nobody here is real, so take your pick.</p>",
        escaped(client_id)
    );
    let back = format!(
        "<p class=\"small\">You go back to <code>{}</code></p>",
        escaped(redirect_uri)
    );
    let form = choices(action, ("request", request), people);
    html(
        StatusCode::OK,
        "Choose who to be",
        &format!("{lead}\n{form}\n{back}"),
    )
}

/// The page for a device: is it your code, and who are you? RFC 8628 §3.3.1 and §5.4: the person has to be able to tell that it is
/// their own device that they sign in.
pub(super) fn device(
    action: &str,
    people: &[Person],
    client_id: &str,
    user_code: &str,
) -> Response<Bytes> {
    let lead = format!(
        "<p><strong>{}</strong> asks, from another device, who you are. Go on only if that device is in front of you and shows this code:</p>\n\
         <p class=\"code\"><code>{}</code></p>",
        escaped(client_id),
        escaped(user_code)
    );
    let form = choices(action, ("user_code", user_code), people);
    html(
        StatusCode::OK,
        "Sign in on your device",
        &format!("{lead}\n{form}"),
    )
}

/// The page on which somebody types what their device shows.
pub(super) fn user_code(action: &str, problem: Option<&str>) -> Response<Bytes> {
    let problem = problem.map_or_else(String::new, |problem| {
        format!("<p role=\"alert\">{}</p>\n", escaped(problem))
    });
    html(
        StatusCode::OK,
        "Sign in on your device",
        &format!(
            "{problem}<form method=\"get\" action=\"{}\">\n\
             <label for=\"user_code\">The code that your device shows</label>\n\
             <input id=\"user_code\" name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" required autofocus>\n\
             <button>Go on</button>\n</form>",
            escaped(action)
        ),
    )
}

/// The page that asks whether to sign out; the answer goes to `/sign-out`.
pub(super) fn sign_out(request: &str, who: Option<&str>) -> Response<Bytes> {
    let who = who.map_or_else(String::new, |who| {
        format!(" as <strong>{}</strong>", escaped(who))
    });
    html(
        StatusCode::OK,
        "Sign out?",
        &format!(
            "<p>An application asks to end your session here{who}.</p>\n<form method=\"post\" action=\"/sign-out\">\n\
             <input type=\"hidden\" name=\"request\" value=\"{}\">\n\
             <ul><li><button name=\"sign_out\" value=\"yes\">Sign out</button></li></ul>\n\
             <button class=\"refuse\" name=\"sign_out\" value=\"no\">Stay signed in</button>\n</form>",
            escaped(request)
        ),
    )
}

/// The page after which there is nothing left to do here.
pub(super) fn done(title: &str, what: &str) -> Response<Bytes> {
    html(
        StatusCode::OK,
        title,
        &format!("<p role=\"status\">{}</p>", escaped(what)),
    )
}

/// The page that posts the answer to the application by itself, or by its button where scripts are off (OAuth 2.0 Form Post
/// Response Mode).
pub(crate) fn form_post(action: &str, parameters: &[(&str, &str)]) -> Response<Bytes> {
    let mut fields = String::new();
    for (name, value) in parameters {
        let (name, value) = (escaped(name), escaped(value));
        let _ = writeln!(
            fields,
            "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
        );
    }
    let mut response = html(
        StatusCode::OK,
        "Back to the application",
        &format!(
            "<form method=\"post\" action=\"{}\">\n{fields}<button>Go on</button>\n</form>\n<script>{SUBMIT}</script>",
            escaped(action)
        ),
    );
    let policy = format!(
        "{POLICY}; script-src 'sha256-{}'",
        STANDARD.encode(Sha256::digest(SUBMIT))
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

const SUBMIT: &str = "document.forms[0].submit()";

/// The form with a button for each person and one to refuse.
fn choices(action: &str, (name, value): (&str, &str), people: &[Person]) -> String {
    let mut choices = String::new();
    for person in people {
        let (login, name, email) = (
            escaped(&person.login),
            escaped(&person.name),
            escaped(&person.email),
        );
        let initial = escaped(&person.name.chars().take(1).collect::<String>());
        let unverified = if person.email_verified {
            ""
        } else {
            "<span class=\"badge\">email not verified</span>"
        };
        let _ = writeln!(
            choices,
            "<li><button class=\"person\" name=\"person\" value=\"{login}\"><span class=\"initial\" aria-hidden=\"true\">{initial}</span>\
             <span class=\"who\"><strong>{name}</strong><span class=\"email\">{email}</span></span>{unverified}</button></li>"
        );
    }
    format!(
        "<form method=\"post\" action=\"{}\">\n<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n\
         <ul aria-label=\"People\">\n{choices}</ul>\n\
         <button class=\"refuse\" name=\"refuse\" value=\"yes\">Refuse to sign in</button>\n</form>",
        escaped(action),
        escaped(value)
    )
}

/// The page that says why there is no way back to the application.
pub(crate) fn problem(what: &str) -> Response<Bytes> {
    html(
        StatusCode::BAD_REQUEST,
        "This sign-in cannot go on",
        &format!("<p role=\"alert\">{}</p>", escaped(what)),
    )
}

fn html(status: StatusCode, title: &str, body: &str) -> Response<Bytes> {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · sandbox</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <p class=\"place\">Sandbox identity provider</p>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    let mut response = respond(status, "text/html; charset=utf-8", page);
    // The listener's own, but for `form-action`: browsers hold the redirect that follows a form against it, and that goes to the client.
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut escaped, letter| {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                letter => escaped.push(letter),
            }
            escaped
        })
}

const STYLE: &str = "
:root { --paper: #f4f5f7; --card: #fff; --ink: #1c2330; --quiet: #5a6474; --line: #d7dce3; --accent: #2457c5; --warn: #8a4b00; --warn-paper: #fff1dc }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161d; --card: #1b212b; --ink: #e8ecf2; --quiet: #a3adbb; --line: #323b49; --accent: #8db4ff; --warn: #ffc98a; --warn-paper: #3b2a12 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 27rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25 }
p { margin: 0 0 1.25rem }
.place { margin: 0 0 .25rem; color: var(--quiet); font-size: .875rem; letter-spacing: .02em }
.small { margin: 1.25rem 0 0; color: var(--quiet); font-size: .8125rem; overflow-wrap: anywhere }
ul { list-style: none; margin: 0 0 .75rem; padding: 0; display: grid; gap: .625rem }
button { font: inherit; color: inherit; width: 100%; min-height: 3rem; border: 1px solid var(--line); border-radius: .75rem; background: none; cursor: pointer }
button:hover { border-color: var(--accent) }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.person { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .875rem; padding: .75rem .875rem; text-align: left }
.initial { flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; place-items: center; background: var(--accent);
  color: var(--card); font-weight: 600 }
.who { flex: 1; min-width: 10rem; display: grid }
.email { color: var(--quiet); font-size: .9375rem; overflow-wrap: anywhere }
.badge { padding: .125rem .625rem; border-radius: 1rem; background: var(--warn-paper); color: var(--warn); font-size: .8125rem }
.refuse { color: var(--quiet) }
.code { font-size: 1.75rem; text-align: center; letter-spacing: .08em }
label { display: block; margin: 0 0 .375rem }
input { font: inherit; width: 100%; min-height: 3rem; margin: 0 0 .75rem; padding: 0 .875rem; border: 1px solid var(--line); border-radius: .75rem;
  background: none; color: inherit; text-transform: uppercase; letter-spacing: .08em }
";
