//! What a response says, for whom it is and for how long, and what is none. Forged ones are in a file of their own.
#![allow(clippy::too_many_lines, reason = "tables")]

mod hostile;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keyless_cache::{Clock, Interaction};

use super::*;
use crate::{CommandSource, EnvSource, FileSource, Source};

/// A good response: signed assertion, one role.
const GOOD: &str = include_str!("example.xml");

/// The part of it that is the assertion.
fn assertion() -> &'static str {
    let (_, rest) = GOOD.split_once("  <Assertion").expect("an assertion");
    let (inside, _) = rest.split_once("</Assertion>").expect("its end");
    let length = "<Assertion".len() + inside.len() + "</Assertion>".len();
    let start = GOOD.find("<Assertion").expect("its start");
    &GOOD[start..start + length]
}

/// The signature in it.
fn signature() -> &'static str {
    let start = GOOD.find("<ds:Signature ").expect("a signature");
    let end = GOOD.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
    &GOOD[start..end]
}

fn read(xml: &str) -> Result<SamlResponse, TokenError> {
    SamlResponse::parse(&BASE64_STANDARD.encode(xml))
}

fn good() -> SamlResponse {
    read(GOOD).expect("a good response")
}

/// Noon of the day on which the response was issued.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(498_708)
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn what_a_good_response_says() {
    let response = good();
    assert_eq!(response.issuer(), "https://idp.example");
    assert_eq!(response.destination(), Some("http://127.0.0.1:8001/saml"));
    assert_eq!(response.in_response_to(), Some("_q"));
    assert_eq!(response.name_id(), "alice-1");
    assert_eq!(
        response.name_id_format(),
        Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")
    );
    assert_eq!(response.recipient(), "https://signin.aws.amazon.com/saml");
    assert_eq!(response.audiences(), ["urn:amazon:webservices"]);
    assert_eq!(response.issued_at(), noon());
    assert_eq!(
        response.not_before(),
        Some(noon() - Duration::from_secs(30))
    );
    assert_eq!(response.not_on_or_after(), Some(noon() + minutes(10)));
    assert_eq!(response.confirmed_until(), noon() + minutes(5));
    assert_eq!(response.expires_at(), noon() + minutes(5));
    assert_eq!(
        response.session_not_on_or_after(),
        Some(noon() + minutes(8 * 60))
    );
    assert_eq!(response.role_session_name(), Some("alice@example.com"));
    assert_eq!(response.who(), "alice@example.com");
    assert_eq!(
        (response.session_duration(), response.source_identity()),
        (None, None)
    );
    assert_eq!(
        response.roles(),
        [SamlRole {
            role: "arn:aws:iam::111122223333:role/Developer".into(),
            provider: "arn:aws:iam::111122223333:saml-provider/corp".into(),
        }]
    );
    response
        .check(&Expected::default(), noon())
        .expect("good for AWS");
}

#[test]
fn a_response_is_signed_by_itself_or_in_its_assertion_or_both() {
    let of_response = signature().replace("#_a", "#_r");
    let unsigned = GOOD.replace(signature(), "");
    let after_issuer = |xml: &str| xml.replacen("</Issuer>", &format!("</Issuer>{of_response}"), 1);
    read(&after_issuer(&unsigned)).expect("the response signed");
    read(&after_issuer(GOOD)).expect("both signed");
}

#[test]
fn what_is_no_base64_says_what_it_is() {
    let form = BASE64_STANDARD.encode(GOOD).replace('=', "%3D");
    for (given, advice) in [
        (GOOD, "as base64"),
        (&*form, "decode it as a form field first"),
        ("SAMLResponse=PHM", "nothing else"),
        ("", "as it came"),
    ] {
        let error = SamlResponse::parse(given).expect_err(given);
        assert!(
            error.advice().is_some_and(|said| said.contains(advice)),
            "{given}: {error:?}"
        );
    }
    let mut latin = GOOD.as_bytes().to_vec();
    latin.extend(b"\xe4");
    let error = SamlResponse::parse(&BASE64_STANDARD.encode(latin)).expect_err("Latin 1");
    assert_eq!(error.to_string(), "the SAML response is not text in UTF-8");
}

#[test]
fn lines_and_spaces_in_the_base64_are_no_part_of_it() {
    let raw = BASE64_STANDARD.encode(GOOD);
    let lines: Vec<&str> = (0..raw.len())
        .step_by(76)
        .map(|at| &raw[at..raw.len().min(at + 76)])
        .collect();
    let response =
        SamlResponse::parse(&format!("\n{}\r\n ", lines.join("\r\n"))).expect("in lines");
    assert_eq!(response.expose(), raw);
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    // The shortest of it that would be read is no base64, and that is not what is said of it.
    for huge in ["!".repeat(10 << 20), "A".repeat(LONGEST + 1)] {
        let begin = Instant::now();
        let error = SamlResponse::parse(&huge).expect_err("huge");
        assert_eq!(
            error.to_string(),
            format!(
                "the SAML response is {} characters long, and AWS takes at most 100000",
                huge.len()
            )
        );
        assert!(
            begin.elapsed() < Duration::from_mins(1),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[test]
fn elements_within_elements_do_no_harm() {
    let deep = format!("{}{}", "<x>".repeat(8_000), "</x>".repeat(8_000));
    let response = read(&GOOD.replacen(
        "<AttributeValue>alice",
        &format!("<AttributeValue>{deep}alice"),
        1,
    ));
    response.expect_err("an element in a text");
    let elsewhere = format!(
        "<Attribute Name=\"x\"><AttributeValue>{deep}y</AttributeValue></Attribute></AttributeStatement>"
    );
    let response =
        read(&GOOD.replacen("</AttributeStatement>", &elsewhere, 1)).expect("somebody's attribute");
    assert!(
        response
            .attributes()
            .contains(&("x".into(), vec!["y".into()]))
    );
}

#[test]
fn an_identity_provider_that_says_no_is_quoted() {
    let success = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>";
    let denied = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:RequestDenied\"/></samlp:StatusCode>";
    for (status, said) in [
        (
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Requester\"/>",
            "(Requester)",
        ),
        (denied, "(Responder, RequestDenied)"),
        (
            &*format!("{denied}<samlp:StatusMessage>not\u{202e} you\n</samlp:StatusMessage>"),
            "(Responder, RequestDenied: not you)",
        ),
        ("<samlp:StatusCode Value=\"Success\"/>", "(Success)"),
        ("<samlp:StatusCode/>", "(no code)"),
    ] {
        // Such a response has no assertion, and is often not signed.
        let error =
            read(&GOOD.replace(success, status).replace(assertion(), "")).expect_err(status);
        assert_eq!(error.kind(), TokenErrorKind::Refused, "{status}");
        assert_eq!(
            error.to_string(),
            format!("the identity provider did not sign you in {said}")
        );
    }
}

#[test]
fn roles_are_pairs_in_either_order() {
    let (role, provider) = (
        "arn:aws:iam::111122223333:role/team/x",
        "arn:aws:iam::111122223333:saml-provider/corp",
    );
    let pair =
        "arn:aws:iam::111122223333:role/Developer,arn:aws:iam::111122223333:saml-provider/corp";
    let with = |values: &str| {
        read(&GOOD.replace(&format!("<AttributeValue>{pair}</AttributeValue>"), values))
            .expect("a response")
    };
    for (value, read) in [
        (format!("{role},{provider}"), true),
        (format!("{provider},{role}"), true),
        (format!("\n  {provider} ,\t{role}\n"), true),
        (format!("{role}{provider}"), false),
        (format!("{role};{provider}"), false),
        (format!("{role},{role}"), false),
        (format!("{provider},{provider}"), false),
        (format!("{role},{provider},{role}"), false),
        (format!("{role}\u{9b}31m,{provider}"), false),
        (format!("{role}\u{202e},{provider}"), false),
        (format!("{role},{provider}\u{e9}"), false),
        ("Developer".into(), false),
        (String::new(), false),
    ] {
        let response = with(&format!("<AttributeValue>{value}</AttributeValue>"));
        let expected: &[SamlRole] = &[SamlRole {
            role: role.into(),
            provider: provider.into(),
        }];
        assert_eq!(
            response.roles(),
            if read { expected } else { &[] },
            "{value:?}"
        );
    }
    // Three hundred, one of them twice, and something that is none.
    let many = (0..300).fold(String::new(), |before, n| {
        before
            + "<AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">"
            + &pair.replace("Developer", &format!("R{n}"))
            + "</AttributeValue>"
    });
    let response = with(&format!(
        "{many}<AttributeValue>none</AttributeValue><AttributeValue>{}</AttributeValue>",
        pair.replace("Developer", "R7")
    ));
    assert_eq!(response.roles().len(), 300);
    assert_eq!(
        response.roles()[299].role,
        "arn:aws:iam::111122223333:role/R299"
    );
}

#[test]
fn attributes_of_aws_are_read_and_others_are_kept() {
    let more = "<Attribute Name=\"https://aws.amazon.com/SAML/Attributes/SessionDuration\"><AttributeValue>1800</AttributeValue></Attribute>\
        <Attribute Name=\"https://aws.amazon.com/SAML/Attributes/SourceIdentity\"><AttributeValue>alice</AttributeValue></Attribute>\
        <Attribute Name=\"https://aws.amazon.com/SAML/Attributes/PrincipalTag:Project\"><AttributeValue>Marketing</AttributeValue></Attribute>\
        <Attribute Name=\"https://aws.amazon.com/SAML/Attributes/PrincipalTag:Cost Center\"><AttributeValue/></Attribute>\
        <Attribute Name=\"groups\"><AttributeValue>b</AttributeValue><AttributeValue>a</AttributeValue></Attribute>\
        <Attribute Name=\"Role\"><AttributeValue>x</AttributeValue></Attribute><Attribute Name=\"Role\"><AttributeValue>y</AttributeValue></Attribute>";
    let response = read(&GOOD.replace(
        "</AttributeStatement>",
        &format!("{more}</AttributeStatement>"),
    ))
    .expect("a response");
    assert_eq!(response.session_duration(), Some(minutes(30)));
    assert_eq!(response.source_identity(), Some("alice"));
    assert_eq!(
        response.tags().collect::<Vec<_>>(),
        [("Cost Center", ""), ("Project", "Marketing")]
    );
    assert!(
        response
            .attributes()
            .contains(&("groups".into(), vec!["b".into(), "a".into()]))
    );
    assert_eq!(response.roles().len(), 1);
}

#[test]
fn for_whom_a_response_is() {
    let aws = Expected::default();
    let ours = Expected {
        recipients: vec!["http://127.0.0.1:1/acs".into()],
        audiences: vec!["us".into()],
        in_response_to: Some("_q".into()),
    };
    let recipient = "Recipient=\"https://signin.aws.amazon.com/saml\"";
    let audience = "<Audience>urn:amazon:webservices</Audience>";
    let session_name = "/RoleSessionName\"";
    let role = "Attributes/Role\"";
    for (from, to, expected, said) in [
        (
            recipient,
            "Recipient=\"http://127.0.0.1:1/acs\"",
            &aws,
            "is for the recipient \"http://127.0.0.1:1/acs\", and AWS takes only its own address",
        ),
        (
            recipient,
            "Recipient=\"https://signin.aws.amazon.com.evil.example/saml\"",
            &aws,
            "is for the recipient",
        ),
        (
            audience,
            "<Audience>https://sp.example</Audience>",
            &aws,
            "is for the audience \"https://sp.example\"",
        ),
        (
            audience,
            "<Audience>urn:amazon:webservicesx</Audience>",
            &aws,
            "is for the audience",
        ),
        (audience, "", &aws, "is for the audience \"\""),
        (
            session_name,
            "/rolesessionname\"",
            &aws,
            "lacks the attribute https://aws.amazon.com/SAML/Attributes/RoleSessionName",
        ),
        (role, "Attributes/role\"", &aws, "offers no role"),
        (
            "",
            "",
            &ours,
            "is for the recipient \"https://signin.aws.amazon.com/saml\", and AWS takes only its own address, http://127.0.0.1:1/acs",
        ),
        (
            recipient,
            "Recipient=\"http://127.0.0.1:1/acs\"",
            &ours,
            "is for the audience \"urn:amazon:webservices\", and AWS wants us",
        ),
        (
            "InResponseTo=\"_q\"",
            "InResponseTo=\"_p\"",
            &ours,
            "answers the request \"_p\", and the one that was sent is \"_q\"",
        ),
        (
            " InResponseTo=\"_q\"",
            "",
            &ours,
            "answers no request, and \"_q\" was sent",
        ),
    ] {
        let error = read(&GOOD.replace(from, to))
            .expect("a response")
            .check(expected, noon())
            .expect_err(said);
        assert!(error.to_string().contains(said), "{to}: {error}");
        assert!(error.advice().is_some(), "{to}: {error}");
    }
    for (from, to) in [
        (
            audience,
            "<Audience>https://signin.aws.amazon.com/saml</Audience>",
        ),
        (
            audience,
            "<Audience>urn:amazon:webservices:govcloud</Audience>",
        ),
        (
            audience,
            "<Audience>other</Audience><Audience>urn:amazon:webservices</Audience>",
        ),
        (
            recipient,
            "Recipient=\"https://eu-west-1.signin.aws.amazon.com/saml\"",
        ),
        (" InResponseTo=\"_q\"", ""),
    ] {
        read(&GOOD.replace(from, to))
            .expect("a response")
            .check(&aws, noon())
            .expect(to);
    }
}

#[test]
fn where_aws_takes_responses() {
    for (address, takes) in [
        ("https://signin.aws.amazon.com/saml", true),
        ("https://eu-west-1.signin.aws.amazon.com/saml", true),
        (
            "https://us-east-2.signin.aws.amazon.com/saml/acs/SAMLSP4HHAMZ5KXHRPQA",
            true,
        ),
        ("https://signin.amazonaws.cn/saml", true),
        ("https://signin.amazonaws-us-gov.com/saml", true),
        ("https://eusc-de-east-1.signin.amazonaws-eusc.eu/saml", true),
        ("http://signin.aws.amazon.com/saml", false),
        ("https://signin.aws.amazon.com/saml/", false),
        ("https://signin.aws.amazon.com/saml/acs/", false),
        ("https://signin.aws.amazon.com/saml/acs/x/y", false),
        ("https://signin.aws.amazon.com/saml?x", false),
        ("https://signin.aws.amazon.com:444/saml", false),
        ("https://me@signin.aws.amazon.com/saml", false),
        ("https://evilsignin.aws.amazon.com/saml", false),
        ("https://a.b.signin.aws.amazon.com/saml", false),
        ("https://SIGNIN.aws.amazon.com/saml", false),
        ("https://signin.aws.amazon.com.evil.example/saml", false),
        ("https://evil.example/signin.aws.amazon.com/saml", false),
        ("urn:amazon:webservices", false),
        ("", false),
    ] {
        assert_eq!(is_aws_sign_in(address), takes, "{address}");
    }
}

#[test]
fn a_response_is_good_for_five_minutes_and_what_clocks_differ() {
    let response = good();
    for (at, said) in [
        (noon() - minutes(5), None),
        (noon() - minutes(6), Some("is good from")),
        (noon(), None),
        (noon() + minutes(9), None),
        (
            noon() + minutes(10),
            Some("within five minutes of its issue"),
        ),
    ] {
        let answer = response.check_unexpired(at);
        assert_eq!(answer.as_ref().err().is_some(), said.is_some(), "{at:?}");
        if let Some(said) = said {
            let error = answer.expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
    // Whichever is earliest ends it.
    for (from, to) in [("T12:05:00Z", "T12:02:00Z"), ("T12:10:00Z", "T12:02:00Z")] {
        assert_eq!(
            read(&GOOD.replace(from, to))
                .expect("a response")
                .expires_at(),
            noon() + minutes(2)
        );
    }
    let long = GOOD
        .replace("T12:05:00Z", "T20:00:00Z")
        .replace("T12:10:00Z", "T20:00:00Z");
    assert_eq!(
        read(&long).expect("a response").expires_at(),
        noon() + minutes(5)
    );
}

#[test]
fn the_order_of_values_makes_nobody_another_and_everything_else_does() {
    let groups = |values: &str| {
        GOOD.replace(
            "</AttributeStatement>",
            &format!("<Attribute Name=\"g\">{values}</Attribute></AttributeStatement>"),
        )
    };
    let (a, b) = (
        "<AttributeValue>a</AttributeValue>",
        "<AttributeValue>b</AttributeValue>",
    );
    let identity = |xml: &str| read(xml).expect("a response").identity();
    let both = identity(&groups(&format!("{a}{b}")));
    assert_eq!(both, identity(&groups(&format!("{b}{a}"))));
    let again = GOOD
        .replace("\"_a\"", "\"_b\"")
        .replace("#_a", "#_b")
        .replace("12:0", "13:0")
        .replace("_q", "_p");
    assert_eq!(
        identity(GOOD),
        identity(&again),
        "the same person, an hour later"
    );
    for other in [
        groups(a),
        GOOD.replace("idp.example", "other.example"),
        GOOD.replace("alice-1", "alice-2"),
        GOOD.replace("nameid-format:persistent", "nameid-format:transient"),
        GOOD.replace("alice@", "bob@"),
        GOOD.replace("role/Developer", "role/Admin"),
    ] {
        assert_ne!(both, identity(&other));
        assert_ne!(identity(GOOD), identity(&other));
    }
}

#[test]
fn a_response_is_shown_by_nothing_and_kept_by_a_store_alone() {
    let response = good();
    let shown = format!("{response:?}");
    assert!(
        shown.contains("https://idp.example") && !shown.contains(response.expose()),
        "{shown}"
    );
    assert!(!shown.contains("Developer"), "{shown}");
    let stored = serde_json::to_string(&response).expect("written");
    assert_eq!(stored, format!("{:?}", response.expose()));
    assert_eq!(
        serde_json::from_str::<SamlResponse>(&stored).expect("read"),
        response
    );
    serde_json::from_str::<SamlResponse>("\"PHg+\"").expect_err("somebody else's entry");
}

#[tokio::test]
async fn a_file_a_variable_and_a_command_may_hold_one() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let raw = BASE64_STANDARD.encode(GOOD);
    std::fs::write(&file, format!("{raw}\n")).expect("written");
    let clock = || Clock::new(noon);
    let held = raw.clone();
    let sources: [Box<dyn Source<SamlResponse>>; 3] = [
        Box::new(FileSource::new(file.path()).clock(clock())),
        Box::new(
            EnvSource::new("ASSERTION")
                .lookup(move |_| Some(held.clone().into()))
                .clock(clock()),
        ),
        Box::new(CommandSource::new("cat", [file.path()]).clock(clock())),
    ];
    for source in sources {
        let response = source
            .proof(Interaction::Forbidden)
            .await
            .expect("a response");
        assert_eq!(response.expose(), raw);
    }
    let later = FileSource::new(file.path()).clock(Clock::new(|| noon() + minutes(60)));
    let late: Result<SamlResponse, _> = later.proof(Interaction::Forbidden).await;
    assert!(
        late.expect_err("an hour late")
            .to_string()
            .contains("was good until")
    );
    std::fs::write(&file, "x".repeat(10 << 20)).expect("written");
    let huge: Result<SamlResponse, _> = later.proof(Interaction::Forbidden).await;
    assert!(
        huge.expect_err("huge")
            .to_string()
            .contains("takes at most 100000")
    );
    let missing: Result<SamlResponse, _> = FileSource::new("/nowhere/response")
        .proof(Interaction::Forbidden)
        .await;
    assert_eq!(
        missing.expect_err("missing").to_string(),
        "there is no SAML response file /nowhere/response"
    );
}
