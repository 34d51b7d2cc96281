//! What the real service said, held against the table.

use super::*;

/// What the real service said, and what it should be taken for.
const HEARD: &[(&str, &str, &str)] = &[
    (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "not-authorized",
    ),
    (
        "AccessDenied",
        "Unrecognized OAuth provider. Do not include a provider parameter when submitting OpenIDConnect ID tokens",
        "provider-parameter",
    ),
    ("AccessDenied", "An unknown error occurred", "unknown-error"),
    (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithSAML",
        "saml-not-authorized",
    ),
    ("AccessDenied", "Access denied", "saml-not-authorized"),
    (
        "ExpiredTokenException",
        "Token must be redeemed within 5 minutes of issuance",
        "saml-too-old",
    ),
    (
        "InvalidIdentityToken",
        "Response signature invalid",
        "saml-signature",
    ),
    (
        "InvalidIdentityToken",
        "Response signature invalid (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlInvalidSamlResponseException)",
        "saml-signature",
    ),
    (
        "InvalidIdentityToken",
        "Specified provider doesn't exist (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlManifestNotFoundException; Request ID: 0e8d1248-1b43-4ff5-8a45-2ae4c96a4d27; Proxy: null)",
        "saml-no-provider",
    ),
    (
        "InvalidIdentityToken",
        "Specified provider doesn't exist.",
        "saml-no-provider",
    ),
    (
        "InvalidIdentityToken",
        "Issuer not present in specified provider (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlInvalidSamlResponseException; Request ID: 0e8d1248-1b43-4ff5-8a45-2ae4c96a4d27; Proxy: null)",
        "saml-issuer",
    ),
    (
        "InvalidIdentityToken",
        "Invalid base64 SAMLResponse (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlInvalidSamlResponseException",
        "saml-not-a-response",
    ),
    (
        "InvalidIdentityToken",
        "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
        "saml-role-not-listed",
    ),
    (
        "InvalidIdentityToken",
        "Responses must contain SubjectConfirmatonData with a Recipient and NotOnOrAfter",
        "saml-no-recipient",
    ),
    (
        "InvalidIdentityToken",
        "Response does not contain the required audience.",
        "saml-audience",
    ),
    (
        "InvalidIdentityToken",
        "RoleSessionName is required in AuthnResponse",
        "saml-no-session-name",
    ),
    (
        "InvalidIdentityToken",
        "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        "saml-session-name",
    ),
    (
        "InvalidIdentityToken",
        "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
        "saml-source-identity",
    ),
    (
        "AccessDenied",
        "User: arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/c",
        "assume-role-denied",
    ),
    (
        "AccessDenied",
        "User: arn:aws:iam::111122223333:user/a is not authorized to perform: sts:TagSession on resource: arn:aws:iam::1:role/c with an explicit deny",
        "assume-role-denied",
    ),
    ("AccessDenied", "words of a later year", "access-denied"),
    ("AccessDenied", "", "access-denied"),
    (
        "InvalidIdentityToken",
        "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.",
        "not-validated",
    ),
    (
        "InvalidIdentityToken",
        "Incorrect token audience",
        "not-validated",
    ),
    (
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://id.example.com/",
        "not-validated",
    ),
    (
        "InvalidIdentityToken",
        "Missing a required claim: iss",
        "missing-claim",
    ),
    (
        "InvalidIdentityToken",
        "Claim is not allowed to be empty: aud",
        "empty-claim",
    ),
    (
        "InvalidIdentityToken",
        "Token audience contains more than one audience while authorized party is not present",
        "many-audiences",
    ),
    (
        "InvalidIdentityToken",
        "Invalid timestamp in token claims.",
        "invalid-timestamp",
    ),
    (
        "InvalidIdentityToken",
        "Token issued in the future: 1790000000",
        "issued-in-future",
    ),
    (
        "InvalidIdentityToken",
        "Token not yet valid: current date/time 1790000000 must be after or equal to the not-before date/time 1790001000",
        "not-yet-valid",
    ),
    (
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        "no-verification-key",
    ),
    (
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider, please see the documentation",
        "no-verification-key",
    ),
    (
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        "not-a-jwt",
    ),
    (
        "InvalidIdentityToken",
        "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
        "thumbprint-mismatch",
    ),
    (
        "InvalidIdentityToken",
        "Session tags passed in claim are not in correct format.",
        "session-tags-format",
    ),
    (
        "InvalidIdentityToken",
        "principal_tags passed in claim is not in correct format.",
        "principal-tags-format",
    ),
    (
        "InvalidIdentityToken",
        "Provided Token is not a Login With Amazon token",
        "not-login-with-amazon",
    ),
    (
        "InvalidIdentityToken",
        "The target role ARN is not present in the roles claim of the identity token",
        "role-not-claimed",
    ),
    (
        "InvalidIdentityToken",
        "The roles claim contains no valid role ARNs",
        "no-roles-claimed",
    ),
    (
        "InvalidIdentityToken",
        "The roles claim is not in a supported format",
        "roles-claim-format",
    ),
    (
        "InvalidIdentityToken",
        "words of a later year",
        "invalid-token",
    ),
    (
        "InvalidIdentityTokenException",
        "Incorrect token audience",
        "not-validated",
    ),
    (
        "ExpiredTokenException",
        "Token expired: current date/time 1790000000 must be before the expiration date/time 1789990000",
        "token-expired",
    ),
    (
        "ExpiredTokenException",
        "Token expired: current date/time 1790000000 must be before the expiration date/time1789990000",
        "token-expired",
    ),
    (
        "ExpiredTokenException",
        "Token must not be expired",
        "token-expired",
    ),
    (
        "IDPRejectedClaim",
        "graph.facebook.com rejected OAuth token with response \"Bad signature\" and code 190",
        "facebook-rejected",
    ),
    (
        "IDPRejectedClaim",
        "graph.facebook.com: graph.facebook.com responded with HTTP/1.1 400 Bad Request",
        "facebook-rejected",
    ),
    ("IDPRejectedClaim", "no", "idp-rejected-claim"),
    (
        "IDPCommunicationError",
        "An error occurred",
        "idp-communication",
    ),
    (
        "InternalFailure",
        "Unknown error validating third-party token",
        "unknown-token-error",
    ),
    ("InternalFailure", "", "internal-failure"),
    ("ServiceUnavailable", "", "service-unavailable"),
    (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "duration-over-role-maximum",
    ),
    (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        "duration-over-chain-maximum",
    ),
    (
        "ValidationError",
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        "session-name-characters",
    ),
    (
        "ValidationError",
        "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
        "missing-member",
    ),
    (
        "ValidationError",
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        "duration-too-short",
    ),
    (
        "ValidationError",
        "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        "duration-too-long",
    ),
    (
        "ValidationError",
        "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        "constraint",
    ),
    (
        "ValidationError",
        "Request ARN is invalid",
        "role-arn-invalid",
    ),
    (
        "ValidationError",
        "2 validation errors detected",
        "validation",
    ),
    (
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 112% of allotted space.",
        "tags-too-large",
    ),
    (
        "PackedPolicyTooLarge",
        "words of a later year",
        "policy-too-large",
    ),
    (
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
        "malformed-policy",
    ),
    ("RegionDisabledException", "", "region-disabled"),
    ("Throttling", "Rate exceeded", "throttling"),
    ("ThrottlingException", "Rate exceeded", "throttling"),
    ("ThrottledException", "slow down", "throttling"),
    (
        "RequestLimitExceeded",
        "Request limit exceeded.",
        "request-limit-exceeded",
    ),
    (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        "unknown-access-key",
    ),
    (
        "ExpiredToken",
        "The security token included in the request is expired",
        "session-expired",
    ),
    (
        "SignatureDoesNotMatch",
        "Signature expired: 20261122T100000Z is now earlier than 20261122T110000Z (20261122T111500Z - 15 min.)",
        "clock-skew",
    ),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match",
        "signature-mismatch",
    ),
    (
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
        "unsigned",
    ),
    (
        "InvalidAction",
        "Could not find operation Dance for version 2011-06-15",
        "invalid-action",
    ),
    (
        "OutboundWebIdentityFederationDisabledException",
        "",
        "outbound-federation-disabled",
    ),
    ("JWTPayloadSizeExceededException", "", "jwt-too-large"),
    (
        "SessionDurationEscalationException",
        "",
        "duration-escalation",
    ),
    ("ExpiredTradeInTokenException", "", "trade-in-token-expired"),
];

#[test]
fn each_message_of_the_service_finds_its_row() {
    for (code, message, id) in HEARD {
        assert_eq!(
            classify(code, message).map(|answer| answer.id),
            Some(*id),
            "{code}: {message}"
        );
    }
}

#[test]
fn an_unknown_code_is_nothing_we_know() {
    assert_eq!(
        classify(
            "NoSuchBucket",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        ),
        None
    );
    assert_eq!(classify("", ""), None);
}

#[test]
fn what_a_row_says_is_understood_as_that_row() {
    for answer in all() {
        let own: Vec<_> = parts(answer.text)
            .1
            .map(|(name, _)| (name, "1790000000"))
            .collect();
        let said = answer.render(&own);
        assert!(!said.contains('{'), "{said}");
        assert_eq!(
            classify(answer.code, &said).map(|found| found.id),
            Some(answer.id),
            "{said}"
        );
    }
}

#[test]
fn only_what_passes_by_itself_is_retried() {
    let retried: Vec<_> = all()
        .filter(|answer| answer.retry)
        .map(|answer| answer.id)
        .collect();
    assert_eq!(
        retried,
        [
            "idp-communication",
            "no-verification-key",
            "throttling",
            "request-limit-exceeded",
            "unknown-token-error",
            "internal-failure",
            "service-unavailable"
        ]
    );
}

#[test]
fn ids_are_stable_names_and_stand_once() {
    let mut ids: Vec<_> = all().map(|answer| answer.id).collect();
    assert!(
        ids.iter()
            .all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all().count());
}

#[test]
fn a_value_is_put_in_as_it_is_and_read_no_further() {
    assert_eq!(
        INVALID_ACTION.render(&[("action", "{version}"), ("version", "1")]),
        "Could not find operation {version} for version 1"
    );
    assert_eq!(
        MISSING_CLAIM.render(&[]),
        "Missing a required claim: {claim}"
    );
}

#[test]
fn a_template_fits_wherever_its_texts_stand_in_order() {
    for (template, message, expected) in [
        ("a {x} b", "a 1 b", true),
        ("a {x} b", "a 1 b b", true),
        ("a {x} b", "a 1 b c", false),
        ("a {x} b {y}", "a  b ", true),
        ("{x}", "", true),
        ("a{x}a", "a", false),
        ("a", "ab", false),
    ] {
        assert_eq!(fits(template, message), expected, "{template} / {message}");
    }
}
