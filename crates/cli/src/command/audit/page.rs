//! What a survey found, as one page of HTML that needs nothing else.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_trust::audit::{Audience, Audit, Danger, Grant, Power, Role, Way};
use sha2::{Digest, Sha256};

use super::flow::Flow;
use super::{picture, table};
use crate::words::whole;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page. It may run the one script and use the one style that it holds, and load nothing at all.
pub(super) fn write(found: &Audit, whose: Option<&str>, now: &str) -> String {
    let (title, accounts) = ("Who can get in", accounts(found));
    let mut page = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}: {accounts}</title>
<style>{STYLE}</style>
<main>
<h1>{title}</h1>
<p class="soft">{accounts} · {} read · {} open to somebody outside</p>
"#,
        digest(SCRIPT),
        digest(STYLE),
        roles(found.roles_read),
        roles(found.roles.len()),
    );
    if found.is_truncated {
        page.push_str(
            "<p><b>This is the first part of an account:</b> AWS said that more follows.</p>\n",
        );
    }
    counts(&mut page, found);
    if let Some(whose) = whose {
        token(&mut page, found, whose);
    }
    if found.roles.is_empty() {
        page.push_str(
            "<h2>Nobody</h2>\n<p>No role that was read lets anybody in from outside.</p>\n",
        );
    } else {
        let flow = Flow::of(found);
        let _ = write!(
            page,
            "<h2>From whom, by which condition, into which role</h2>\n<figure><figcaption><span>from outside</span><span>narrowed to</span><span>role</span></figcaption>{}{}</figure>\n",
            picture::draw(&flow, &picture::WIDE),
            picture::draw(&flow, &picture::NARROW),
        );
        page.push_str("<h2>The roles, the most dangerous first</h2>\n<div class=\"tools\" hidden><input type=\"search\" placeholder=\"Search: a role, an issuer, a condition, a danger\" aria-label=\"Search the roles\"><button type=\"button\">Open all</button><output class=\"soft\"></output></div>\n<div class=\"roles\">\n");
        for (index, role) in found.roles.iter().enumerate() {
            details(&mut page, index, role);
        }
        page.push_str("</div>\n");
    }
    rest(&mut page, found);
    let _ = write!(
        page,
        "<footer><p>Made by <code>keyless audit</code> on {}. It judges by trust policies. It does not see what the organisation denies besides, nor which audiences an OpenID provider is registered for.</p></footer>\n</main>\n<script>{SCRIPT}</script>\n</html>\n",
        escaped(now)
    );
    page
}

/// What a content security policy calls a text that it lets through (CSP level 3, section 2.3.1).
fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// Text from outside, as text: neither HTML nor anything invisible.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in whole(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn accounts(found: &Audit) -> String {
    let shown: Vec<String> = found
        .accounts
        .iter()
        .take(4)
        .map(|account| escaped(account))
        .collect();
    let more = found.accounts.len().saturating_sub(4);
    let more = if more > 0 {
        format!(" and {more} others")
    } else {
        String::new()
    };
    match found.accounts.len() {
        0 => "no account".into(),
        1 => format!("account {}", shown[0]),
        _ => format!("accounts {}{more}", shown.join(", ")),
    }
}

fn roles(count: usize) -> String {
    format!("{count} {}", if count == 1 { "role" } else { "roles" })
}

fn counts(page: &mut String, found: &Audit) {
    page.push_str("<ul class=\"counts\">\n");
    for danger in Danger::ALL {
        let count = table::count(found, danger);
        let none = if count == 0 { " none" } else { "" };
        let meaning = match danger {
            Danger::Critical => "strangers get in",
            Danger::High => "more than can be meant",
            Danger::Medium => "another account, an administrator",
            Danger::Low => "those who are named",
        };
        let _ = writeln!(
            page,
            "<li class=\"{danger}{none}\"><b>{count}</b><span>{danger}</span><small>{meaning}</small></li>"
        );
    }
    page.push_str("</ul>\n");
}

fn token(page: &mut String, found: &Audit, whose: &str) {
    let _ = writeln!(
        page,
        "<h2>What a token would get</h2>\n<p>{}</p>\n<p>It can take {} of {}.</p>",
        escaped(whose),
        found.taken().count(),
        roles(found.roles_read)
    );
}

fn details(page: &mut String, index: usize, role: &Role) {
    let danger = role.danger;
    let _ = write!(
        page,
        "<details class=\"{danger}\" id=\"role-{index}\"><summary><span class=\"badge\">{danger}</span><span class=\"name\">{}<small>{}</small></span><span class=\"who\">",
        escaped(&role.name),
        power(role),
    );
    if let Some(way) = role.ways.first() {
        let _ = write!(
            page,
            "{}<small>{}</small>",
            escaped(&way.who()),
            escaped(&way.because())
        );
    }
    let more = role.ways.len().saturating_sub(1);
    if more > 0 {
        let _ = write!(
            page,
            "<small>and {more} more {}</small>",
            if more == 1 { "way in" } else { "ways in" }
        );
    }
    let _ = write!(
        page,
        "</span></summary>\n<div class=\"body\"><dl><dt>role</dt><dd><code>{}</code></dd>",
        escaped(&role.arn)
    );
    if let Power::Administrator { by, .. } = &role.power {
        let _ = write!(
            page,
            "<dt>administrator by</dt><dd><code>{}</code></dd>",
            escaped(by)
        );
    }
    if let Some(boundary) = &role.boundary {
        let _ = write!(
            page,
            "<dt>boundary</dt><dd><code>{}</code></dd>",
            escaped(boundary)
        );
    }
    if let Some(seconds) = role.max_session {
        let _ = write!(
            page,
            "<dt>longest session</dt><dd>{} min</dd>",
            seconds / 60
        );
    }
    if role.has_deny {
        page.push_str("<dt>denied</dt><dd>a Deny statement keeps some of them out</dd>");
    }
    if let Some(grant) = &role.token {
        let said = match grant {
            Grant::Taken { statement } => format!("takes it, by statement {statement}"),
            Grant::Near { miss } => format!("only just not: {}", table::words(miss)),
            Grant::Denied => "does not get in".into(),
        };
        let _ = write!(page, "<dt>the token</dt><dd>{}</dd>", escaped(&said));
    }
    page.push_str("</dl>");
    for each in &role.ways {
        way(page, each);
    }
    page.push_str("</div></details>\n");
}

fn power(role: &Role) -> String {
    match &role.power {
        Power::Limited => "limited permissions".into(),
        Power::Unknown => "permissions unknown".into(),
        Power::Administrator { bounded, .. } => {
            let bounded = if *bounded { ", within a boundary" } else { "" };
            format!("<span class=\"tag\">administrator{bounded}</span>")
        }
    }
}

fn way(page: &mut String, way: &Way) {
    let audience = match way.audience {
        Audience::Exactly => "pinned",
        Audience::ByPattern => "by a pattern",
        Audience::NotAtAll => "not pinned",
        Audience::NotApplicable => "",
    };
    let _ = write!(
        page,
        "<h3 class=\"{0}\"><span class=\"tag\">{0}</span> {1}</h3><dl><dt>because</dt><dd>{2}</dd><dt>statement</dt><dd>{3}</dd>",
        way.danger,
        escaped(&way.who()),
        escaped(&way.because()),
        way.statement,
    );
    if !audience.is_empty() {
        let _ = write!(page, "<dt>audience</dt><dd>{audience}</dd>");
    }
    for fault in &way.faults {
        let _ = write!(
            page,
            "<dt class=\"{}\"><span class=\"tag\">{}</span></dt><dd>{} <small class=\"mono soft\">keyless lint --rule {}</small></dd>",
            fault.danger,
            fault.danger,
            escaped(&fault.message),
            fault.rule
        );
    }
    page.push_str("<dt>conditions</dt><dd>");
    if way.conditions.is_empty() {
        page.push_str("none");
    } else {
        page.push_str("<ul>");
        for condition in &way.conditions {
            let (operator, key) = (escaped(&condition.operator), escaped(&condition.key));
            let _ = write!(page, "<li class=\"mono\">{operator} {key}");
            for value in &condition.values {
                let _ = write!(page, "<span class=\"values\">{}</span>", escaped(value));
            }
            page.push_str("</li>");
        }
        page.push_str("</ul>");
    }
    page.push_str("</dd></dl>");
}

fn rest(page: &mut String, found: &Audit) {
    if !found.unreadable.is_empty() {
        page.push_str("<h2>Not judged, as the trust policy cannot be read</h2>\n<dl>");
        for role in &found.unreadable {
            let _ = write!(
                page,
                "<dt><code>{}</code></dt><dd>{}</dd>",
                escaped(&role.arn),
                escaped(&role.why)
            );
        }
        page.push_str("</dl>\n");
    }
    if !found.services.is_empty() {
        let services: Vec<String> = found
            .services
            .iter()
            .map(|(name, count)| format!("{} {count}", escaped(name)))
            .collect();
        let _ = writeln!(
            page,
            "<h2>AWS's own services</h2>\n<p class=\"soft\">Roles that each may take: {}.</p>",
            services.join(", ")
        );
    }
}
