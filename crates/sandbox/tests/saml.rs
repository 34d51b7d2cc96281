//! What STS says to a SAML response: whom it believes, and each way to be refused.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test may unwrap, and a table of cases is long"
)]

mod common;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Answer, Clock, get, post, refusal, sandbox};
use keyless_sandbox::{Assertion, Person, Role, Sandbox, Signed, Tampered};

/// AssumeRoleWithSAML with this response, parameters added or replaced; one with an empty value is left out.
async fn assume(sandbox: &Sandbox, response: &str, changes: &[(&str, &str)]) -> Answer {
    let (role, provider) = (sandbox.role_arn("saml-dev"), sandbox.saml_provider_arn());
    let good = [
        ("Action", "AssumeRoleWithSAML"),
        ("Version", "2011-06-15"),
        ("RoleArn", &role),
        ("PrincipalArn", &provider),
        ("SAMLAssertion", response),
    ];
    let kept = good
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let parameters: Vec<_> = kept
        .chain(changes)
        .copied()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    post(sandbox.sts_endpoint(), &parameters).await
}

/// The same with what the sandbox mints.
async fn assume_as(sandbox: &Sandbox, assertion: Assertion) -> Answer {
    assume(sandbox, &sandbox.saml_response(&assertion).unwrap(), &[]).await
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

const NAME: &str = "RoleSessionName";

/// The action, as it stands in a policy.
const SAML: &str = "\"sts:AssumeRoleWithSAML\"";

#[tokio::test]
async fn a_good_response_gives_a_session() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let response = sandbox.saml_response(&Assertion::of("alice")).unwrap();
    let answer = assume(&sandbox, &response, &[]).await;

    assert_eq!(answer.status, 200, "{answer:?}");
    for (element, expected) in [
        (
            "Arn",
            "arn:aws:sts::111122223333:assumed-role/saml-dev/alice@example.com",
        ),
        ("Subject", "user-alice"),
        ("SubjectType", "persistent"),
        ("Issuer", &sandbox.saml_issuer()),
        ("Audience", "https://signin.aws.amazon.com/saml"),
        ("Expiration", "2027-01-15T09:00:00Z"),
        ("PackedPolicySize", "0"),
    ] {
        assert_eq!(answer.xml(element), expected, "{element}");
    }
    assert_eq!(
        STANDARD.decode(answer.xml("NameQualifier")).unwrap().len(),
        20
    );
    assert_eq!(sandbox.calls().assume_role_with_saml, 1);

    // The real service takes the same response again, too, while it is fresh.
    assert_eq!(assume(&sandbox, &response, &[]).await.status, 200);
}

#[tokio::test]
async fn each_way_of_signing_is_believed() {
    for rsa in [false, true] {
        let sandbox = Sandbox::builder().rsa(rsa).start().await.unwrap();
        for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
            let answer = assume_as(&sandbox, Assertion::of("alice").signed(signed)).await;
            assert_eq!(answer.status, 200, "{rsa} {signed:?} {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_response_that_is_not_to_be_believed_is_refused() {
    const SIGNATURE: &str = "Response signature invalid";
    const SHAPE: &str = "Invalid base64 SAMLResponse";
    const OLD: &str = "Token must be redeemed within 5 minutes of issuance";
    const LISTED: &str =
        "SAML Assertion doesn't contain the requested Role and Metadata in the attributes";
    const SESSION: &str = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
    const SOURCE: &str =
        "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";
    const DURATION: &str = "SessionDuration must be between 900 and 43200 seconds";
    const AUDIENCE: &str = "Response does not contain the required audience.";
    const CONFIRMATION: &str =
        "Responses must contain SubjectConfirmatonData with a Recipient and NotOnOrAfter";
    const BAD: &str = "InvalidIdentityToken";
    const EXPIRED: &str = "ExpiredTokenException";

    let sandbox = sandbox(&Clock::new()).await;
    let (role, provider) = (sandbox.role_arn("saml-dev"), sandbox.saml_provider_arn());
    // AWS's own policies pin saml:aud to the address that is not regional; here it is the response that counts.
    let open = r#"{"Statement": {"Effect": "Allow", "Principal": {"Federated": "{saml_provider}"}, "Action": "sts:*"}}"#;
    sandbox.put_role(Role::new("saml-dev", open)).unwrap();
    let alice = || Assertion::of("alice");
    let text = |from: &str, to: &str| Tampered::Text {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let long = "x".repeat(65);
    let cases = vec![
        // who signed what
        (alice().signed(Signed::Nothing), BAD, SIGNATURE),
        (alice().by_stranger(), BAD, SIGNATURE),
        (alice().by_stranger().signed(Signed::Response), BAD, SIGNATURE),
        (alice().tampered(text("user-alice", "user-carol")), BAD, SIGNATURE),
        (alice().signed(Signed::Response).tampered(text("user-alice", "user-carol")), BAD, SIGNATURE),
        (alice().signed(Signed::Both).tampered(text("<samlp:Status>", "<samlp:Status >")), "", ""),
        (alice().signed(Signed::Both).tampered(text("Destination=\"https", "Destination=\"http")), BAD, SIGNATURE),
        (alice().tampered(text("enveloped-signature", "base64")), BAD, SIGNATURE),
        (alice().tampered(text("xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256")), BAD, SIGNATURE),
        (alice().tampered(text("xmldsig-more#ecdsa-sha256", "xmldsig#rsa-sha1")), BAD, SIGNATURE),
        (alice().tampered(text("</ds:Reference>", "</ds:Reference><ds:Reference/>")), BAD, SIGNATURE),
        (alice().tampered(text("</samlp:Response>", "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/></samlp:Response>")), BAD, SIGNATURE),
        // what it is at all
        (alice().tampered(Tampered::Wrapped { around: "bob".to_owned() }), BAD, SHAPE),
        (alice().tampered(Tampered::Entities), BAD, SHAPE),
        (alice().tampered(text("samlp:Response", "samlp:Answer")), BAD, SHAPE),
        (alice().tampered(text("</samlp:Response>", "</samlp:Response")), BAD, SHAPE),
        (alice().tampered(text("<samlp:Status>", "<samlp:Status ID=\"_1\"/><x ID=\"_1\"/><samlp:Status>")), BAD, SHAPE),
        (alice().failed("AuthnFailed").signed(Signed::Response), BAD, "Response does not say that the sign-in has succeeded"),
        (alice().tampered(text("status:Success", "status:Requester")), BAD, "Response does not say that the sign-in has succeeded"),
        // who says it, to whom
        (alice().issuer("https://other.example/saml"), BAD, "Issuer not present in specified provider"),
        (alice().audience("https://app.example.com"), BAD, AUDIENCE),
        (alice().recipient("http://127.0.0.1:8400/saml/acs"), BAD, "Response is for another recipient than the AWS sign-in endpoint"),
        (alice().recipient("https://signin.aws.amazon.com.evil.example/saml"), BAD, "Response is for another recipient"),
        (alice().recipient("https://evil.example/.signin.aws.amazon.com/saml"), BAD, "Response is for another recipient"),
        (alice().recipient("https://eu-west-1.signin.aws.amazon.com/saml"), "", ""),
        (alice().recipient("https://eu-west-1.signin.aws.amazon.com/saml/acs/SAMLSPABC123"), "", ""),
        (alice().audience("https://signin.aws.amazon.com/saml"), "", ""),
        (alice().written(" Recipient=", " R="), BAD, CONFIRMATION),
        (alice().written("\" NotOnOrAfter=\"2027-01-15T08:05:00Z\"/>", "\"/>"), BAD, CONFIRMATION),
        (alice().written("cm:bearer", "cm:holder-of-key"), BAD, CONFIRMATION),
        (alice().written("<saml:SubjectConfirmation ", "<saml:SubjectConfirmation/><saml:SubjectConfirmation "), BAD, CONFIRMATION),
        (alice().written("saml:AudienceRestriction", "saml:OneTimeUse"), BAD, AUDIENCE),
        (
            alice().written("<saml:AudienceRestriction>", "<saml:AudienceRestriction><saml:Audience>app</saml:Audience>"),
            "",
            "",
        ),
        (
            alice().written(
                "<saml:AudienceRestriction>",
                "<saml:AudienceRestriction><saml:Audience>app</saml:Audience></saml:AudienceRestriction><saml:AudienceRestriction>",
            ),
            BAD,
            AUDIENCE,
        ),
        // when
        (alice().issued_ago(minutes(5)).lifetime(minutes(60)), "", ""),
        (alice().issued_ago(minutes(6)).lifetime(minutes(60)), EXPIRED, OLD),
        (alice().issued_ago(minutes(4)).lifetime(Duration::ZERO), "", ""),
        (alice().issued_ago(minutes(5)).lifetime(Duration::ZERO), EXPIRED, OLD),
        (alice().starts_in(minutes(5)), "", ""),
        (alice().starts_in(minutes(6)), BAD, "Response is not yet valid"),
        (alice().session_ends_in(Duration::ZERO), EXPIRED, OLD),
        (alice().written("IssueInstant=\"2027", "IssueInstant=\"soon 2027"), BAD, SHAPE),
        // what it gives
        (alice().attribute("Role", []), BAD, LISTED),
        (alice().role(&sandbox.role_arn("Admin"), &provider), BAD, LISTED),
        (alice().role(&role, "arn:aws:iam::111122223333:saml-provider/other"), BAD, LISTED),
        (alice().role(&provider, &role), "", ""),
        (alice().role(&sandbox.role_arn("Admin"), &provider).role(&role, &provider), "", ""),
        (alice().attribute(NAME, []), BAD, "RoleSessionName is required in AuthnResponse"),
        (alice().attribute(NAME, ["a"]), BAD, SESSION),
        (alice().attribute(NAME, ["alice smith"]), BAD, SESSION),
        (alice().attribute(NAME, [&long]), BAD, SESSION),
        (alice().attribute(NAME, ["ab"]), "", ""),
        (alice().attribute("SourceIdentity", ["aws:alice"]), BAD, SOURCE),
        (alice().attribute("SourceIdentity", ["a"]), BAD, SOURCE),
        (alice().attribute("SessionDuration", ["899"]), BAD, DURATION),
        (alice().attribute("SessionDuration", ["43201"]), BAD, DURATION),
        (alice().attribute("SessionDuration", ["an hour"]), BAD, DURATION),
        (alice().attribute("SessionDuration", ["43200"]), "", ""),
        (alice().attribute("SessionDuration", []), "", ""),
    ];
    for (assertion, code, message) in cases {
        let answer = assume_as(&sandbox, assertion.clone()).await;
        if code.is_empty() {
            assert_eq!(answer.status, 200, "{assertion:?} {answer:?}");
        } else {
            let (status, found, text) = refusal(&answer);
            assert_eq!((status, found), (400, code), "{assertion:?} {text}");
            let text = text.replace("&quot;", "\"");
            assert!(text.starts_with(message), "{assertion:?} {text}");
        }
    }
}

#[tokio::test]
async fn parameters_are_checked_by_the_model() {
    let sandbox = sandbox(&Clock::new()).await;
    let response = sandbox.saml_response(&Assertion::of("alice")).unwrap();
    let huge = sandbox
        .saml_response(&Assertion::of("alice").tampered(Tampered::Padded(80_000)))
        .unwrap();
    let must = |value: &str, field: &str, what: &str| {
        format!(
            "1 validation error detected: Value {value} at '{field}' failed to satisfy constraint: Member must {what}"
        )
    };
    let secret = "'***sensitiveInformation***'";
    for (changes, code, message) in [
        (
            ("RoleArn", ""),
            "ValidationError",
            must("null", "roleArn", "not be null"),
        ),
        (
            ("PrincipalArn", ""),
            "ValidationError",
            must("null", "principalArn", "not be null"),
        ),
        (
            ("PrincipalArn", "corp"),
            "ValidationError",
            must(
                "'corp'",
                "principalArn",
                "have length greater than or equal to 20",
            ),
        ),
        (
            ("SAMLAssertion", ""),
            "ValidationError",
            must("null", "sAMLAssertion", "not be null"),
        ),
        (
            ("SAMLAssertion", "abc"),
            "ValidationError",
            must(
                secret,
                "sAMLAssertion",
                "have length greater than or equal to 4",
            ),
        ),
        (
            ("SAMLAssertion", &huge),
            "ValidationError",
            must(
                secret,
                "sAMLAssertion",
                "have length less than or equal to 100000",
            ),
        ),
        (
            ("SAMLAssertion", "****"),
            "InvalidIdentityToken",
            "Invalid base64 SAMLResponse (Service: ".to_owned(),
        ),
        (
            ("SAMLAssertion", "PGEvPg=="),
            "InvalidIdentityToken",
            "Invalid base64 SAMLResponse (Service: ".to_owned(),
        ),
        (
            (
                "PrincipalArn",
                "arn:aws:iam::111122223333:saml-provider/Sandbox",
            ),
            "InvalidIdentityToken",
            "Specified provider doesn't exist (Service: ".to_owned(),
        ),
        (
            ("RoleArn", "arn:aws:iam::999900001111:role/saml-dev"),
            "InvalidIdentityToken",
            "Specified provider doesn't exist (Service: ".to_owned(),
        ),
        (
            ("DurationSeconds", "899"),
            "ValidationError",
            must(
                "'899'",
                "durationSeconds",
                "have value greater than or equal to 900",
            ),
        ),
        (
            ("DurationSeconds", "3601"),
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                .to_owned(),
        ),
    ] {
        let answer = assume(&sandbox, &response, &[changes]).await;
        let (_, found, text) = refusal(&answer);
        assert_eq!(found, code, "{changes:?} {text}");
        assert!(text.starts_with(&message), "{changes:?} {text}");
        assert!(!text.contains(&response), "{text}");
    }
}

#[tokio::test]
async fn the_trust_policy_decides_last() {
    let policy = |action: &str, condition: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"Federated": "{{saml_provider}}"}},
                "Action": {action}, "Condition": {{"StringEquals": {{{condition}}}}}}}}}"#
        )
    };
    let sandbox = sandbox(&Clock::new()).await;
    let issuer = sandbox.saml_issuer();
    let iss = format!("\"saml:iss\": \"{issuer}\"");
    let qualifier = {
        let answer = assume_as(&sandbox, Assertion::of("alice")).await;
        format!(
            "\"saml:namequalifier\": \"{}\"",
            answer.xml("NameQualifier")
        )
    };
    let alice = || Assertion::of("alice");
    let cases = [
        (alice(), policy(SAML, "\"saml:sub\": \"user-alice\""), None),
        (
            alice(),
            policy(SAML, "\"SAML:SUB_TYPE\": \"persistent\""),
            None,
        ),
        (
            alice(),
            policy(SAML, "\"saml:doc\": \"111122223333/sandbox\""),
            None,
        ),
        (alice(), policy(SAML, &iss), None),
        (alice(), policy(SAML, &qualifier), None),
        (
            alice(),
            policy(SAML, "\"saml:mail\": \"alice@example.com\""),
            None,
        ),
        (
            alice(),
            policy(SAML, "\"sts:RoleSessionName\": \"alice@example.com\""),
            None,
        ),
        (
            alice().attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", ["staff"]),
            policy(SAML, "\"saml:eduPersonAffiliation\": \"staff\""),
            None,
        ),
        (
            alice().attribute("PrincipalTag:Project", ["Hermes"]),
            policy("\"sts:*\"", "\"aws:RequestTag/Project\": \"Hermes\""),
            None,
        ),
        (
            alice().attribute("PrincipalTag:Project", ["Hermes"]),
            policy(SAML, "\"saml:sub\": \"user-alice\""),
            Some("no statement allows sts:TagSession\nstatement 1 does not allow sts:TagSession"),
        ),
        (
            alice().attribute("SourceIdentity", ["alice"]),
            policy(SAML, "\"saml:sub\": \"user-alice\""),
            Some(
                "no statement allows sts:SetSourceIdentity\nstatement 1 does not allow sts:SetSourceIdentity",
            ),
        ),
        (
            alice().attribute("SourceIdentity", ["alice"]),
            policy(
                "[\"sts:AssumeRoleWithSAML\", \"sts:SetSourceIdentity\"]",
                "\"sts:SourceIdentity\": \"alice\"",
            ),
            None,
        ),
        (
            alice(),
            policy(SAML, "\"saml:sub\": \"user-bob\""),
            Some(
                "no statement allows sts:AssumeRoleWithSAML\nstatement 1 wants saml:sub to equal \"user-bob\"; the assertion has \"user-alice\"",
            ),
        ),
        (
            alice(),
            policy(
                "\"sts:AssumeRoleWithWebIdentity\"",
                "\"saml:sub\": \"user-alice\"",
            ),
            Some(
                "no statement allows sts:AssumeRoleWithSAML\nstatement 1 does not allow sts:AssumeRoleWithSAML",
            ),
        ),
        (
            alice(),
            policy(SAML, "\"saml:sub\": \"user-alice\"").replace(
                "{saml_provider}",
                "arn:aws:iam::111122223333:saml-provider/other",
            ),
            Some(
                "no statement allows sts:AssumeRoleWithSAML\nstatement 1 is for Federated arn:aws:iam::111122223333:saml-provider/other; \
                 the caller is arn:aws:iam::111122223333:saml-provider/sandbox",
            ),
        ),
    ];
    for (assertion, policy, denied) in cases {
        sandbox.put_role(Role::new("saml-dev", &policy)).unwrap();
        let answer = assume_as(&sandbox, assertion).await;
        match denied {
            None => assert_eq!(
                answer.status,
                200,
                "{policy} {:?} {answer:?}",
                sandbox.last_denial()
            ),
            Some(why) => {
                let expected = (
                    403,
                    "AccessDenied",
                    "Not authorized to perform sts:AssumeRoleWithSAML",
                );
                assert_eq!(refusal(&answer), expected);
                assert_eq!(sandbox.last_denial().as_deref(), Some(why), "{policy}");
            }
        }
    }

    let gone = sandbox.role_arn("gone");
    let assertion = Assertion::of("alice").role(&gone, &sandbox.saml_provider_arn());
    let response = sandbox.saml_response(&assertion).unwrap();
    let answer = assume(&sandbox, &response, &[("RoleArn", &gone)]).await;
    assert_eq!(refusal(&answer).1, "AccessDenied");
}

#[tokio::test]
async fn a_session_ends_with_the_one_at_the_identity_provider() {
    let sandbox = sandbox(&Clock::new()).await;
    for (wait, expected) in [(20, "2027-01-15T08:20:00Z"), (120, "2027-01-15T09:00:00Z")] {
        let assertion = Assertion::of("alice").session_ends_in(minutes(wait));
        let answer = assume_as(&sandbox, assertion).await;
        assert_eq!(answer.xml("Expiration"), expected);
    }
    let assertion = Assertion::of("alice").attribute("SourceIdentity", ["alice"]);
    let open = r#"{"Statement": {"Effect": "Allow", "Principal": {"Federated": "{saml_provider}"}, "Action": "*"}}"#;
    sandbox.put_role(Role::new("saml-dev", open)).unwrap();
    let answer = assume_as(&sandbox, assertion).await;
    assert_eq!(answer.xml("SourceIdentity"), "alice");
}

#[tokio::test]
async fn somebody_may_have_three_hundred_roles() {
    let roles = (1..=300).map(|number| format!("arn:aws:iam::{number:012}:role/team-{number}"));
    let dora = roles.fold(Person::new("dora", "dora@example.com"), Person::saml_role);
    let sandbox = Sandbox::builder()
        .person(dora.saml_role("saml-dev"))
        .start()
        .await
        .unwrap();
    let response = sandbox.saml_response(&Assertion::of("dora")).unwrap();
    let xml = String::from_utf8(STANDARD.decode(&response).unwrap()).unwrap();
    assert_eq!(
        xml.matches(",arn:aws:iam::111122223333:saml-provider/sandbox<")
            .count(),
        301
    );
    assert_eq!(assume(&sandbox, &response, &[]).await.status, 200);
}

#[tokio::test]
async fn another_identity_provider_is_known_by_its_metadata() {
    let (ours, theirs) = (sandbox(&Clock::new()).await, sandbox(&Clock::new()).await);
    let metadata = get(&theirs.saml_issuer()).await;
    assert_eq!(
        metadata.header("content-type"),
        Some("application/samlmetadata+xml")
    );
    let arn = ours.put_saml_provider("theirs", &metadata.body).unwrap();
    assert_eq!(arn, "arn:aws:iam::111122223333:saml-provider/theirs");
    let role = ours.role_arn("theirs");
    let policy = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"Federated": "{arn}"}}, "Action": "sts:AssumeRoleWithSAML"}}}}"#
    );
    ours.put_role(Role::new("theirs", policy)).unwrap();

    let response = theirs
        .saml_response(&Assertion::of("alice").role(&role, &arn))
        .unwrap();
    let theirs_for = [("RoleArn", role.as_str()), ("PrincipalArn", &arn)];
    assert_eq!(assume(&ours, &response, &theirs_for).await.status, 200);

    // its issuer does not make a response ours, nor does ours make one theirs
    let answer = assume(&ours, &response, &[]).await;
    assert!(
        refusal(&answer).2.starts_with("Issuer not present"),
        "{answer:?}"
    );
    let posing = Assertion::of("alice")
        .role(&role, &arn)
        .issuer(theirs.saml_issuer());
    let answer = assume(&ours, &ours.saml_response(&posing).unwrap(), &theirs_for).await;
    assert_eq!(refusal(&answer).2, "Response signature invalid");

    for metadata in [
        "",
        "<EntityDescriptor/>",
        &metadata.body.replace("entityID", "id"),
        &metadata.body.replace("MII", "XXX").replace("MI", "XX"),
    ] {
        let refused = ours.put_saml_provider("broken", metadata);
        assert!(refused.is_err(), "{metadata}");
    }
}

#[tokio::test]
async fn a_name_is_read_whole() {
    let sandbox = sandbox(&Clock::new()).await;
    // A comment is no part of what is signed, so it must be none of what is read.
    let assertion = Assertion::of("alice").tampered(Tampered::Text {
        from: "user-alice".to_owned(),
        to: "user<!-- -->-alice".to_owned(),
    });
    let answer = assume_as(&sandbox, assertion).await;
    assert_eq!(answer.xml("Subject"), "user-alice");
    // Of somebody without a name it is not known who they are.
    let nobody = Assertion::of("alice").written("saml:NameID", "saml:BaseID");
    let answer = assume_as(&sandbox, nobody).await;
    assert_eq!(refusal(&answer).0, 403);
}
