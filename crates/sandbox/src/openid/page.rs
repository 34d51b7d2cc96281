//! What a person sees: who they can be, or what is wrong. No script, nothing from elsewhere, light and dark.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use keyless_loopback::respond;

use crate::cast::Person;

/// The page on which somebody chooses who to be; the choice goes to `/sign-in`.
pub(super) fn choose(
    people: &[Person],
    client_id: &str,
    redirect_uri: &str,
    request: &str,
) -> Response<Bytes> {
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
    html(
        StatusCode::OK,
        "Choose who to be",
        &format!(
            "<p><strong>{}</strong> asks who you are. Nobody here is real, so take your pick.</p>\n\
             <form method=\"post\" action=\"/sign-in\">\n<input type=\"hidden\" name=\"request\" value=\"{}\">\n\
             <ul aria-label=\"People\">\n{choices}</ul>\n\
             <button class=\"refuse\" name=\"refuse\" value=\"yes\">Refuse to sign in</button>\n</form>\n\
             <p class=\"small\">You go back to <code>{}</code></p>",
            escaped(client_id),
            escaped(request),
            escaped(redirect_uri)
        ),
    )
}

/// The page that says why there is no way back to the application.
pub(super) fn problem(what: &str) -> Response<Bytes> {
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
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"),
    );
    response
}

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
";
