//! The XML of the query protocol.

use std::fmt::Write as _;

use keyless_trust::answer::Refusal;

use super::Outcome;

/// `<name>` around what is XML already.
pub(super) fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>\n")
}

/// `<name>` around text. Characters that XML cannot hold are left out.
pub(super) fn text(name: &str, text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text
        .chars()
        .filter(|letter| !letter.is_control() || "\t\n\r".contains(*letter))
    {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter => escaped.push(letter),
        }
    }
    format!("<{name}>{escaped}</{name}>\n")
}

pub(super) fn success(outcome: &Outcome, request_id: &str) -> String {
    let Outcome { action, result } = outcome;
    let mut body = format!("<{action}Response xmlns=\"{NAMESPACE}\">\n");
    body.push_str(&element(&format!("{action}Result"), result));
    body.push_str(&element("ResponseMetadata", &text("RequestId", request_id)));
    let _ = writeln!(body, "</{action}Response>");
    body
}

pub(super) fn failure(refusal: &Refusal, request_id: &str) -> String {
    let whose = if refusal.answer.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let error = [
        text("Type", whose),
        text("Code", refusal.answer.code),
        text("Message", &refusal.message),
    ]
    .concat();
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n{}{}</ErrorResponse>\n",
        element("Error", &error),
        text("RequestId", request_id)
    )
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
