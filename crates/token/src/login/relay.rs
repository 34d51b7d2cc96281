//! What the browser brings behind the `#` of an address never reaches a server: a page of ours whose script passes it on.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use keyless_loopback::respond;

use super::page::Page;

/// The header without which nothing is taken. Another site's page cannot send it: the browser would ask us first (CORS), and is refused.
const HEADER: &str = "x-keyless-relay";

/// The page, whose script takes the fragment out of the address bar before anything else, then posts it to `to`. Chromium's history has
/// the address by then, and keeps it.
pub(super) fn page(to: &str) -> Response<Vec<u8>> {
    let nonce = to.trim_start_matches('/'); // as random as it has to be
    let script = format!("{TEXTS}<script nonce=\"{nonce}\" data-to=\"{to}\">{SCRIPT}</script>");
    let html = Page::relaying().html_with(&script);
    let mut response =
        respond(StatusCode::OK, "text/html; charset=utf-8", html).map(|body| body.to_vec());
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Whether the script of our own page sent it. What a browser says of a request's origin must be right; other programs say nothing.
pub(super) fn is_from_our_page(headers: &HeaderMap, origin: &str) -> bool {
    let is = |name: &str, wanted: &str| headers.get_all(name).iter().all(|value| value == wanted);
    headers.contains_key(HEADER) && is("sec-fetch-site", "same-origin") && is("origin", origin)
}

const TEXTS: &str = "\
<noscript><p>This page needs JavaScript to bring your sign-in to your terminal. Without, paste this page's whole address there.</p></noscript>\
<p data-text=\"empty\" hidden>There is nothing to bring: this page is only of use at the end of a sign-in.</p>\
<p data-text=\"other\" hidden>This belongs to another sign-in, and has changed nothing. Finish the sign-in in the tab that was opened last, or run the command again.</p>\
<p data-text=\"gone\" hidden>Nobody waits for this sign-in any more. Run the command again.</p>";

const SCRIPT: &str = "\
const to=document.currentScript.dataset.to,fragment=location.hash.slice(1);\
history.replaceState(null,'',location.pathname);\
const say=id=>document.querySelectorAll('[data-text]').forEach(text=>{text.hidden=text.dataset.text!==id});\
if(fragment==='')say('empty');\
else fetch(to,{method:'POST',body:fragment,redirect:'error',credentials:'omit',cache:'no-store',\
headers:{'content-type':'application/x-www-form-urlencoded','x-keyless-relay':'1'}})\
.then(answer=>answer.ok?answer.text().then(end=>location.replace(end)):say('other'))\
.catch(()=>say('gone'));";
