//! What STS says to a token, in the words and the order of the real one.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test may unwrap, and a table of cases is long"
)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Clock, DENIED, NO_KEY, NOT_VALIDATED, NOW, assume, claims, get, refusal, sandbox};
use keyless_sandbox::Sandbox;
use keyless_trust::answer;
use serde_json::{Value, json};

/// Alice's claims with some set otherwise, or left out where they are null.
fn alice_but(sandbox: &Sandbox, changes: &Value) -> Value {
    let mut claims = claims(&sandbox.id_token_for("alice").unwrap());
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

#[tokio::test]
async fn a_good_token_gives_a_session() {
    let clock = Clock::new();
    let sandbox = sandbox(&clock).await;
    let token = sandbox.id_token_for("alice").unwrap();
    let answer = assume(&sandbox, &token, &[("DurationSeconds", "7200")]).await;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert_eq!(
        answer.header("x-amzn-requestid"),
        Some(answer.xml("RequestId"))
    );
    assert!(answer.body.starts_with(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    ));
    let issuer = sandbox.issuer().trim_start_matches("http://");
    for (element, expected) in [
        (
            "Arn",
            "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com",
        ),
        ("SubjectFromWebIdentityToken", "user-alice"),
        ("Audience", "keyless"),
        (
            "Provider",
            &format!("arn:aws:iam::111122223333:oidc-provider/{issuer}"),
        ),
        ("Expiration", "2027-01-15T10:00:00Z"),
        ("PackedPolicySize", "25"),
    ] {
        assert_eq!(answer.xml(element), expected, "{element}");
    }
    assert!(
        answer.xml("AssumedRoleId").starts_with("AROA")
            && answer.xml("AssumedRoleId").ends_with(":alice@example.com")
    );
    assert!(answer.xml("AccessKeyId").starts_with("ASIA") && answer.xml("AccessKeyId").len() == 20);
    assert_eq!(answer.xml("SecretAccessKey").len(), 40);
    assert_eq!(sandbox.calls().assume_role_with_web_identity, 1);
}

#[tokio::test]
async fn parameters_are_checked_by_the_model() {
    type Changes<'a> = &'a [(&'a str, &'a str)];

    let sandbox = sandbox(&Clock::new()).await;
    let token = sandbox.id_token_for("alice").unwrap();
    let many = format!("{{\"Statement\":[],\"Id\":\"{}\"}}", "x".repeat(2000));
    let (long_arn, long_name) = (
        format!("arn:aws:iam::111122223333:policy/{}", "x".repeat(100)),
        "x".repeat(65),
    );
    let must = |what: &str| format!("Member must {what}");
    let one = |value: &str, field: &str, constraint: &str| {
        format!(
            "1 validation error detected: Value {value} at '{field}' failed to satisfy constraint: {constraint}"
        )
    };
    let cases: &[(Changes<'_>, &str, String)] = &[
        (&[("RoleArn", "")], "ValidationError", one("null", "roleArn", &must("not be null"))),
        (&[("RoleSessionName", "")], "ValidationError", one("null", "roleSessionName", &must("not be null"))),
        (&[("WebIdentityToken", "")], "ValidationError", one("null", "webIdentityToken", &must("not be null"))),
        (
            &[("WebIdentityToken", "abc")],
            "ValidationError",
            one("'***sensitiveInformation***'", "webIdentityToken", &must("have length greater than or equal to 4")),
        ),
        (&[("RoleArn", "arn:short")], "ValidationError", one("'arn:short'", "roleArn", &must("have length greater than or equal to 20"))),
        (&[("RoleArn", "arn:aws:iam::111122223333:user/alice")], "ValidationError", "Request ARN is invalid".to_owned()),
        (&[("RoleSessionName", "a")], "ValidationError", one("'a'", "roleSessionName", &must("have length greater than or equal to 2"))),
        (
            &[("RoleSessionName", &long_name)],
            "ValidationError",
            one(&format!("'{long_name}'"), "roleSessionName", &must("have length less than or equal to 64")),
        ),
        (
            &[("RoleSessionName", "al ice")],
            "ValidationError",
            one("'al ice'", "roleSessionName", &must("satisfy regular expression pattern: [\\w+=,.@-]*")),
        ),
        (&[("DurationSeconds", "899")], "ValidationError", one("'899'", "durationSeconds", &must("have value greater than or equal to 900"))),
        (
            &[("DurationSeconds", "43201")],
            "ValidationError",
            one("'43201'", "durationSeconds", &must("have value less than or equal to 43200")),
        ),
        (&[("DurationSeconds", "1h")], "ValidationError", one("'1h'", "durationSeconds", &must("be an integer"))),
        (
            &[("RoleSessionName", ""), ("DurationSeconds", "1")],
            "ValidationError",
            "2 validation errors detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null; \
             Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
                .to_owned(),
        ),
        (&[("Policy", "{")], "MalformedPolicyDocument", "Syntax errors in policy.".to_owned()),
        (&[("Policy", "{}")], "MalformedPolicyDocument", "Syntax errors in policy.".to_owned()),
        (
            &[("Policy", &many), ("PolicyArns.member.1.arn", &long_arn)],
            "PackedPolicyTooLarge",
            "Packed policy consumes 105% of allotted space, please use smaller policy.".to_owned(),
        ),
        (&[("Action", "AssumeRoot")], "InvalidAction", "Could not find operation AssumeRoot for version 2011-06-15".to_owned()),
        (
            &[("Version", "2010-05-08")],
            "InvalidAction",
            "Could not find operation AssumeRoleWithWebIdentity for version 2010-05-08".to_owned(),
        ),
    ];
    for (changes, code, message) in cases {
        let answer = assume(&sandbox, &token, changes).await;
        assert_eq!(
            refusal(&answer),
            (400, *code, message.as_str()),
            "{changes:?}"
        );
        assert_eq!(answer.xml("Type"), "Sender");
    }
    assert_eq!(
        get(sandbox.sts_endpoint()).await.status,
        404,
        "only POST is answered"
    );
}

#[tokio::test]
async fn a_provider_is_not_named_beside_a_token() {
    let sandbox = sandbox(&Clock::new()).await;
    let token = sandbox.id_token_for("alice").unwrap();
    for (provider, id) in [
        ("example.com", &answer::PROVIDER_PARAMETER.refuse(&[])),
        ("www.amazon.com", &answer::NOT_LOGIN_WITH_AMAZON.refuse(&[])),
        (
            "graph.facebook.com",
            &answer::FACEBOOK_REJECTED.refuse(&[("response", "Bad signature"), ("number", "190")]),
        ),
    ] {
        let answer = assume(&sandbox, &token, &[("ProviderId", provider)]).await;
        assert_eq!(
            refusal(&answer),
            (id.answer.status, id.answer.code, id.message.as_str())
        );
    }
}

#[tokio::test]
async fn each_fault_of_a_token_has_its_own_words() {
    let sandbox = sandbox(&Clock::new()).await;
    let invalid = |message| (400, "InvalidIdentityToken", message);
    let role = sandbox.role_arn("ReadOnly");
    for (changes, expected) in [
        (
            json!({ "iss": null }),
            invalid("Missing a required claim: iss"),
        ),
        (
            json!({ "sub": null }),
            invalid("Missing a required claim: sub"),
        ),
        (
            json!({ "aud": null }),
            invalid("Missing a required claim: aud"),
        ),
        (
            json!({ "iat": null }),
            invalid("Missing a required claim: iat"),
        ),
        (
            json!({ "exp": null }),
            invalid("Missing a required claim: exp"),
        ),
        (
            json!({ "aud": [] }),
            invalid("Claim is not allowed to be empty: aud"),
        ),
        (
            json!({ "aud": ["keyless", "other"] }),
            invalid(
                "Token audience contains more than one audience while authorized party is not present",
            ),
        ),
        (
            json!({ "iat": 1.5 }),
            invalid("Invalid timestamp in token claims."),
        ),
        (
            json!({ "iat": NOW + 301 }),
            invalid("Token issued in the future: 1800000301"),
        ),
        (
            json!({ "nbf": NOW + 301 }),
            invalid(
                "Token not yet valid: current date/time 1800000300 must be after or equal to the not-before date/time 1800000301",
            ),
        ),
        (
            json!({ "exp": NOW - 300 }),
            (
                400,
                "ExpiredTokenException",
                "Token expired: current date/time 1799999700 must be before the expiration date/time 1799999700",
            ),
        ),
        (
            json!({ "https://aws.amazon.com/tags": "x" }),
            invalid("Session tags passed in claim are not in correct format."),
        ),
        (json!({ "iss": "https://other.example.com" }), NOT_VALIDATED),
        (
            json!({ "iss": format!("{}/", sandbox.issuer()) }),
            NOT_VALIDATED,
        ),
        (json!({ "aud": "sts.amazonaws.com" }), NOT_VALIDATED),
        (json!({ "azp": "" }), NOT_VALIDATED),
        (
            json!({ "https://aws.amazon.com/roles": [role] }),
            invalid("The target role ARN is not present in the roles claim of the identity token"),
        ),
        (
            json!({ "https://aws.amazon.com/roles": [] }),
            invalid("The roles claim contains no valid role ARNs"),
        ),
        (
            json!({ "https://aws.amazon.com/roles": 1 }),
            invalid("The roles claim is not in a supported format"),
        ),
        (json!({ "email": "mallory@example.com" }), DENIED),
        (json!({ "email": null }), DENIED),
        (
            json!({ "https://aws.amazon.com/source_identity": "alice" }),
            DENIED,
        ),
    ] {
        let token = sandbox.mint(&alice_but(&sandbox, &changes));
        assert_eq!(
            refusal(&assume(&sandbox, &token, &[]).await),
            expected,
            "{changes}"
        );
    }
    for not_a_jwt in ["opaque", "a.b.c", "eyJhbGciOiJub25lIn0.e30"] {
        let answer = assume(&sandbox, not_a_jwt, &[]).await;
        assert_eq!(
            refusal(&answer),
            invalid(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
            )
        );
    }
    let mut claims = alice_but(&sandbox, &json!({}));
    claims["sub"] = Value::Null;
    let answer = assume(&sandbox, &sandbox.mint(&claims), &[]).await;
    assert_eq!(
        refusal(&answer),
        (
            500,
            "InternalFailure",
            "Unknown error validating third-party token"
        )
    );
    assert_eq!(answer.xml("Type"), "Receiver");
}

#[tokio::test]
async fn what_lies_within_the_tolerance_passes() {
    let sandbox = sandbox(&Clock::new()).await;
    for changes in [
        json!({ "iat": NOW + 300 }),
        json!({ "nbf": NOW + 300 }),
        json!({ "exp": NOW - 299 }),
        json!({ "iat": NOW.to_string(), "exp": (NOW + 60).to_string() }),
        json!({ "aud": ["keyless"] }),
        json!({ "aud": ["other"], "azp": "keyless" }),
        json!({ "https://aws.amazon.com/roles": [sandbox.role_arn("Developer")] }),
    ] {
        let answer = assume(&sandbox, &sandbox.mint(&alice_but(&sandbox, &changes)), &[]).await;
        assert_eq!(answer.status, 200, "{changes}: {answer:?}");
    }
}

/// A token and a request with every fault there is; each step mends the one that was complained about.
#[tokio::test]
async fn faults_are_found_in_the_order_of_the_real_service() {
    struct Attempt {
        claims: Value,
        forged: bool,
        role: &'static str,
        duration: &'static str,
    }
    type Mend = fn(&mut Attempt, &Sandbox);

    let sandbox = sandbox(&Clock::new()).await;
    let mut attempt = Attempt {
        claims: json!({
            "sub": "user-mallory",
            "aud": ["other", "third"],
            "iat": NOW,
            "exp": NOW - 4000,
            "https://aws.amazon.com/roles": [sandbox.role_arn("Admin")],
        }),
        forged: true,
        role: "ReadOnly",
        duration: "5",
    };
    let steps: [(&str, Mend); 8] = [
        ("ValidationError", |attempt, _| attempt.duration = "7200"),
        ("Missing a required claim: iss", |attempt, _| {
            attempt.claims["iss"] = json!("https://other.example.com");
        }),
        ("Token audience contains more than one", |attempt, _| {
            attempt.claims["aud"] = json!("other");
        }),
        ("ExpiredTokenException", |attempt, _| {
            attempt.claims["exp"] = json!(NOW + 60);
        }),
        ("could not be validated", |attempt, sandbox| {
            attempt.claims["iss"] = json!(sandbox.issuer());
            attempt.claims["aud"] = json!(sandbox.client_id());
        }),
        ("retrieve verification key", |attempt, _| {
            attempt.forged = false;
        }),
        (
            "target role ARN is not present in the roles claim",
            |attempt, _| {
                attempt.claims["https://aws.amazon.com/roles"] = Value::Null;
            },
        ),
        (
            "exceeds the MaxSessionDuration set for this role",
            |attempt, _| {
                (attempt.role, attempt.duration) = ("Admin", "3600");
            },
        ),
    ];
    let ask = async |attempt: &Attempt| {
        let token = sandbox.mint(&attempt.claims);
        let token = if attempt.forged { forge(&token) } else { token };
        let role = sandbox.role_arn(attempt.role);
        assume(
            &sandbox,
            &token,
            &[("RoleArn", &role), ("DurationSeconds", attempt.duration)],
        )
        .await
    };
    for (complaint, mend) in steps {
        let answer = ask(&attempt).await;
        assert!(answer.body.contains(complaint), "{complaint}: {answer:?}");
        mend(&mut attempt, &sandbox);
    }
    assert_eq!(
        refusal(&ask(&attempt).await),
        DENIED,
        "the trust policy comes last"
    );
}

/// The same token under a key that is not published.
fn forge(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"forged"}"#);
    format!("{header}.{}", token.split_once('.').unwrap().1)
}

#[tokio::test]
async fn a_signature_is_really_checked() {
    let sandbox = sandbox(&Clock::new()).await;
    let token = sandbox.id_token_for("alice").unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let admin_claims = sandbox.id_token_for("carol").unwrap();
    let stolen = format!(
        "{}.{}.{}",
        parts[0],
        admin_claims.split('.').nth(1).unwrap(),
        parts[2]
    );
    let kid = serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap()
        ["kid"]
        .clone();
    let header = |json: Value| {
        format!(
            "{}.{}.{}",
            URL_SAFE_NO_PAD.encode(json.to_string()),
            parts[1],
            parts[2]
        )
    };
    for (what, token, expected) in [
        ("claims of another", stolen, NOT_VALIDATED),
        (
            "no signature",
            format!("{}.{}.", parts[0], parts[1]),
            NOT_VALIDATED,
        ),
        (
            "another algorithm",
            header(json!({ "alg": "RS256", "kid": kid })),
            NOT_VALIDATED,
        ),
        (
            "no algorithm",
            header(json!({ "alg": "none", "kid": kid })),
            NOT_VALIDATED,
        ),
        (
            "an unknown key",
            header(json!({ "alg": "ES256", "kid": "x" })),
            NO_KEY,
        ),
        ("no key named", header(json!({ "alg": "ES256" })), NO_KEY),
    ] {
        assert_eq!(
            refusal(&assume(&sandbox, &token, &[]).await),
            expected,
            "{what}"
        );
    }
}
