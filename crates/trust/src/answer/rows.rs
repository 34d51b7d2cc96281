//! The table itself: every error of STS that this project knows, as AWS words it in 2026.
//!
//! Sources: the error shapes of the API model `sts/2011-06-15`, and messages observed at the real service. Rows stand
//! by code; within a code from the particular to the general, and the last row of a code is its general one.

use super::{Answer, Kind};

/// What a row has unless it says otherwise.
pub(super) const PLAIN: Answer = Answer {
    id: "",
    code: "",
    status: 0,
    text: "",
    former: &[],
    cause: "",
    advice: "",
    kind: Kind::Malformed,
    retry: false,
};

/// Writes a table: each row as a `static`, and all of them, in their order, as the list that is named first.
macro_rules! answers {
    ($list:ident: $($code:literal $status:literal $kind:ident {
        $($name:ident $id:literal { text: $text:literal, cause: $cause:literal, $($field:ident: $value:expr),+ $(,)? })+
    })+) => {
        $($(
            #[doc = concat!("`", $code, "`, `", $text, "`")]
            #[allow(clippy::needless_update, reason = "few rows set every field")]
            pub static $name: Answer = Answer {
                id: $id, code: $code, status: $status, kind: Kind::$kind, text: $text, cause: $cause, $($field: $value,)+ ..PLAIN
            };
        )+)+

        pub(super) static $list: &[&Answer] = &[$($(&$name,)+)+];
    };
}
pub(super) use answers;

answers! {
    ROWS:
    "AccessDenied" 403 Misconfigured {
        PROVIDER_PARAMETER "provider-parameter" {
            text: "Unrecognized OAuth provider. Do not include a provider parameter when submitting OpenIDConnect ID tokens",
            cause: "the request named a ProviderId, which an OpenID token must not have",
            advice: "send the request without ProviderId",
        }
    }
    "AccessDenied" 403 AccessDenied {
        NOT_AUTHORIZED "not-authorized" {
            text: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            cause: "the token is good, but the role does not exist or its trust policy does not let this token in",
            advice: "compare the trust policy's principal and conditions with the token's claims, to the letter and the case; \
                check the role's name and account; after a change wait 15 seconds",
        }
        ASSUME_ROLE_DENIED "assume-role-denied" {
            text: "User: {caller} is not authorized to perform: {action} on resource: {role}",
            cause: "the calling identity may not assume the role, or the role does not exist",
            advice: "the role's trust policy must name the caller, and the caller's own policies must allow the action on the role",
            former: &["User: {caller} is not authorized to perform: {action}"],
        }
        UNKNOWN_ERROR "unknown-error" {
            text: "An unknown error occurred",
            cause: "STS gives no reason",
            advice: "try again; then check the role's trust policy",
        }
        ACCESS_DENIED "access-denied" {
            text: "{message}",
            cause: "STS denies the request",
            advice: "check the role's trust policy and the policies of the account it is in",
        }
    }
    "ExpiredTokenException" 400 TokenRejected {
        TOKEN_EXPIRED "token-expired" {
            text: "Token expired: current date/time {now} must be before the expiration date/time {expires}",
            cause: "the token expired more than five minutes ago",
            advice: "get a new token; if it is new, compare this machine's clock with the identity provider's",
            former: &["Token expired: current date/time {now} must be before the expiration date/time{expires}", "Token must not be expired"],
        }
    }
    "IDPCommunicationError" 400 Unreachable {
        IDP_COMMUNICATION "idp-communication" {
            text: "{message}",
            cause: "STS could not reach the identity provider",
            advice: "try again; if it stays so, check that the identity provider answers from the public internet within five seconds",
            retry: true,
        }
    }
    "IDPRejectedClaim" 403 TokenRejected {
        FACEBOOK_REJECTED "facebook-rejected" {
            text: "graph.facebook.com rejected OAuth token with response \"{response}\" and code {number}",
            cause: "Facebook did not accept the token",
            advice: "get a new token from Facebook; an OpenID token goes without ProviderId",
            former: &["graph.facebook.com: graph.facebook.com responded with {response}"],
        }
        IDP_REJECTED_CLAIM "idp-rejected-claim" {
            text: "{message}",
            cause: "the identity provider did not accept the token, or it was revoked",
            advice: "get a new token",
        }
    }
    "InvalidIdentityToken" 400 Misconfigured {
        THUMBPRINT_MISMATCH "thumbprint-mismatch" {
            text: "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            cause: "the identity provider's certificate is of a private authority and not of the thumbprints IAM holds",
            advice: "update the thumbprints of the IAM OpenID provider",
        }
    }
    "InvalidIdentityToken" 400 TokenRejected {
        NOT_VALIDATED "not-validated" {
            text: "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.",
            cause: "no OpenID provider in the role's account has the token's issuer and audience, both to the letter",
            advice: "compare the token's iss, and its azp or else its aud, with what `aws iam get-open-id-connect-provider` shows in the role's account",
            former: &["Incorrect token audience", "No OpenIDConnect provider found in your account for {issuer}"],
        }
        MISSING_CLAIM "missing-claim" {
            text: "Missing a required claim: {claim}",
            cause: "the token lacks one of iss, sub, aud, iat and exp",
            advice: "have the identity provider put the claim into the token; send the ID token, not an access token",
        }
        EMPTY_CLAIM "empty-claim" {
            text: "Claim is not allowed to be empty: {claim}",
            cause: "the token names no audience",
            advice: "ask the identity provider for a token with the audience that IAM expects",
        }
        MANY_AUDIENCES "many-audiences" {
            text: "Token audience contains more than one audience while authorized party is not present",
            cause: "the token has several audiences and no azp that would tell which one counts",
            advice: "ask for a token with a single audience, or with an azp",
        }
        INVALID_TIMESTAMP "invalid-timestamp" {
            text: "Invalid timestamp in token claims.",
            cause: "iat, exp or nbf is not a whole number of seconds",
            advice: "have the identity provider write timestamps as integers",
        }
        ISSUED_IN_FUTURE "issued-in-future" {
            text: "Token issued in the future: {issued}",
            cause: "the token's iat lies more than five minutes ahead",
            advice: "see which clock is wrong, the identity provider's or this machine's, and set it right",
        }
        NOT_YET_VALID "not-yet-valid" {
            text: "Token not yet valid: current date/time {now} must be after or equal to the not-before date/time {starts}",
            cause: "the token's nbf lies more than five minutes ahead",
            advice: "wait until the token is valid, or see which clock is wrong, the identity provider's or this machine's, and set it right",
        }
        NO_VERIFICATION_KEY "no-verification-key" {
            text: "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
            cause: "STS could not get the key that the token's kid names",
            advice: "try again; then check that the identity provider's discovery document and keys can be fetched from the public internet \
                within five seconds, and that the token's kid is among the keys",
            former: &["{start}retrieve verification key{end}"],
            retry: true,
        }
        NOT_A_JWT "not-a-jwt" {
            text: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            cause: "what was sent is no JWT that STS can read",
            advice: "send the ID token, three parts with two dots between, and without a crit header",
        }
        SESSION_TAGS_FORMAT "session-tags-format" {
            text: "Session tags passed in claim are not in correct format.",
            cause: "the claim https://aws.amazon.com/tags is not shaped as STS wants it",
            advice: "send an object whose principal_tags and transitive_tag_keys have the documented shapes",
        }
        PRINCIPAL_TAGS_FORMAT "principal-tags-format" {
            text: "principal_tags passed in claim is not in correct format.",
            cause: "a session tag in the token is not shaped as STS wants it",
            advice: "write each nested tag as an array of one string, each flattened one as a string",
        }
        NOT_LOGIN_WITH_AMAZON "not-login-with-amazon" {
            text: "Provided Token is not a Login With Amazon token",
            cause: "the request named www.amazon.com as ProviderId and the token is of somebody else",
            advice: "send the request without ProviderId",
        }
        ROLE_NOT_CLAIMED "role-not-claimed" {
            text: "The target role ARN is not present in the roles claim of the identity token",
            cause: "the claim https://aws.amazon.com/roles does not list the role",
            advice: "have the identity provider list the role's ARN, or ask for one that it lists",
        }
        NO_ROLES_CLAIMED "no-roles-claimed" {
            text: "The roles claim contains no valid role ARNs",
            cause: "nothing in the claim https://aws.amazon.com/roles is the ARN of a role",
            advice: "have the identity provider list whole ARNs, as arn:aws:iam::111122223333:role/name",
        }
        ROLES_CLAIM_FORMAT "roles-claim-format" {
            text: "The roles claim is not in a supported format",
            cause: "the claim https://aws.amazon.com/roles is neither an array of strings nor a string",
            advice: "write the claim as an array of ARNs, or as one string with semicolons between them",
            former: &["{start}not in a supported format{end}"],
        }
        INVALID_TOKEN "invalid-token" {
            text: "{message}",
            cause: "STS does not accept the token",
            advice: "compare the token's claims with the requirements of AssumeRoleWithWebIdentity",
        }
    }
    "MalformedPolicyDocument" 400 Misconfigured {
        MALFORMED_POLICY "malformed-policy" {
            text: "{message}",
            cause: "the session policy is not a valid policy",
            advice: "correct the policy that goes with the request",
        }
    }
    "PackedPolicyTooLarge" 400 Misconfigured {
        TAGS_TOO_LARGE "tags-too-large" {
            text: "Packed size of session tags consumes {percent}% of allotted space.",
            cause: "the session's tags and policies take more room than STS has for them",
            advice: "send fewer or shorter tags",
        }
        POLICY_TOO_LARGE "policy-too-large" {
            text: "Packed policy consumes {percent}% of allotted space, please use smaller policy.",
            cause: "the session's policies and tags take more room than STS has for them",
            advice: "send a shorter session policy, fewer policy ARNs or fewer tags",
        }
    }
    "RegionDisabledException" 403 Misconfigured {
        REGION_DISABLED "region-disabled" {
            text: "STS is not activated in this region for account:{account}. Your account administrator can activate STS in this region using the IAM Console.",
            cause: "STS is switched off in this region for the role's account",
            advice: "use another region, or have STS activated in this one",
        }
    }
    "ValidationError" 400 Misconfigured {
        DURATION_OVER_ROLE_MAXIMUM "duration-over-role-maximum" {
            text: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            cause: "the role does not allow sessions this long",
            advice: "ask for a shorter session, or raise the role's MaxSessionDuration",
        }
        DURATION_OVER_CHAIN_MAXIMUM "duration-over-chain-maximum" {
            text: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            cause: "a role assumed with another role's credentials lasts an hour at most",
            advice: "ask for 3600 seconds or less",
        }
        DURATION_TOO_SHORT "duration-too-short" {
            text: "1 validation error detected: Value '{value}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
            cause: "a session lasts 900 seconds at least",
            advice: "ask for 900 to 43200 seconds",
        }
        DURATION_TOO_LONG "duration-too-long" {
            text: "1 validation error detected: Value '{value}' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
            cause: "a session lasts 43200 seconds at most",
            advice: "ask for 900 to 43200 seconds",
        }
        SESSION_NAME_CHARACTERS "session-name-characters" {
            text: "1 validation error detected: Value '{value}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            cause: "the session name has a character that STS does not take",
            advice: "use letters, digits and _+=,.@- only",
        }
        MISSING_MEMBER "missing-member" {
            text: "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null",
            cause: "the request lacks a parameter",
            advice: "send the parameter",
            former: &["1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must not be null"],
        }
        CONSTRAINT "constraint" {
            text: "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {constraint}",
            cause: "a parameter of the request is out of bounds",
            advice: "correct the parameter that the message names",
        }
        ROLE_ARN_INVALID "role-arn-invalid" {
            text: "Request ARN is invalid",
            cause: "the role's ARN is not one",
            advice: "write it as arn:aws:iam::111122223333:role/name",
            former: &["{arn} is invalid"],
        }
        VALIDATION "validation" {
            text: "{message}",
            cause: "STS does not accept a parameter of the request",
            advice: "correct the parameter that the message names",
        }
    }
    "Throttling" 400 Throttled {
        THROTTLING "throttling" {
            text: "Rate exceeded",
            cause: "too many requests for the role's account in this region",
            advice: "try again, more slowly; keep sessions instead of asking for new ones",
            retry: true,
        }
    }
    "RequestLimitExceeded" 503 Throttled {
        REQUEST_LIMIT_EXCEEDED "request-limit-exceeded" {
            text: "Request limit exceeded.",
            cause: "too many requests",
            advice: "try again, more slowly; keep sessions instead of asking for new ones",
            retry: true,
        }
    }
    "InternalFailure" 500 Unreachable {
        UNKNOWN_TOKEN_ERROR "unknown-token-error" {
            text: "Unknown error validating third-party token",
            cause: "STS stumbled over the token, as it does over a sub that is null",
            advice: "try again; if it stays so, look for a null among the token's claims",
            retry: true,
        }
        INTERNAL_FAILURE "internal-failure" {
            text: "{message}",
            cause: "STS had a fault of its own",
            advice: "try again",
            retry: true,
        }
    }
    "ServiceUnavailable" 503 Unreachable {
        SERVICE_UNAVAILABLE "service-unavailable" {
            text: "{message}",
            cause: "STS is not available at the moment",
            advice: "try again, or in another region",
            retry: true,
        }
    }

    // What a signed call can meet besides: AssumeRole and GetCallerIdentity.
    "MissingAuthenticationToken" 403 Misconfigured {
        UNSIGNED "unsigned" {
            text: "Request is missing Authentication Token",
            cause: "the request is not signed, and this call has to be",
            advice: "sign the request with AWS credentials",
        }
    }
    "InvalidClientTokenId" 403 TokenRejected {
        UNKNOWN_ACCESS_KEY "unknown-access-key" {
            text: "The security token included in the request is invalid",
            cause: "AWS does not know the access key, or the session token is not the one that belongs to it",
            advice: "get new credentials; check that they are of the same partition and that the region is enabled",
            former: &["The security token included in the request is invalid."],
        }
    }
    "ExpiredToken" 403 TokenRejected {
        SESSION_EXPIRED "session-expired" {
            text: "The security token included in the request is expired",
            cause: "the credentials that sign the request have expired",
            advice: "get new credentials",
        }
    }
    "SignatureDoesNotMatch" 403 TokenRejected {
        CLOCK_SKEW "clock-skew" {
            text: "Signature expired: {signed} is now earlier than {earliest} ({now} - 15 min.)",
            cause: "this machine's clock is more than fifteen minutes behind",
            advice: "set the clock right",
        }
        SIGNATURE_MISMATCH "signature-mismatch" {
            text: "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. \
                Consult the service documentation for details.",
            cause: "the secret key does not belong to the access key, or something on the way changed the request",
            advice: "get new credentials; look for a proxy that rewrites headers",
        }
    }
    "InvalidAction" 400 Misconfigured {
        INVALID_ACTION "invalid-action" {
            text: "Could not find operation {action} for version {version}",
            cause: "the endpoint does not know the call",
            advice: "check the endpoint; a compatible server may lack this call",
        }
    }

    // Calls that this project does not make; their codes are known all the same.
    "OutboundWebIdentityFederationDisabledException" 403 Misconfigured {
        OUTBOUND_FEDERATION_DISABLED "outbound-federation-disabled" {
            text: "{message}",
            cause: "the account does not issue web identity tokens",
            advice: "enable outbound web identity federation in IAM",
        }
    }
    "JWTPayloadSizeExceededException" 400 Misconfigured {
        JWT_TOO_LARGE "jwt-too-large" {
            text: "{message}",
            cause: "the token asked for would be too large",
            advice: "ask for fewer or shorter tags",
        }
    }
    "SessionDurationEscalationException" 403 Misconfigured {
        DURATION_ESCALATION "duration-escalation" {
            text: "{message}",
            cause: "the token asked for would outlive the session that asks for it",
            advice: "ask for a shorter life",
        }
    }
    "ExpiredTradeInTokenException" 400 TokenRejected {
        TRADE_IN_TOKEN_EXPIRED "trade-in-token-expired" {
            text: "{message}",
            cause: "the token to be traded in has expired",
            advice: "get a new one",
        }
    }
}
