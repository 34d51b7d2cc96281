//! What STS says of a SAML response: the rows of AssumeRoleWithSAML that its other calls do not share.
//!
//! Sources: "Troubleshoot SAML federation with IAM" (IAM User Guide), and messages that people quoted from the real service.
//! How it words a wrong recipient, an assertion that is not valid yet, or a failed sign-in is not known: those get the general row of their code.

use super::rows::{PLAIN, answers};
use super::{Answer, Kind};

answers! {
    SAML:
    "AccessDenied" 403 AccessDenied {
        SAML_NOT_AUTHORIZED "saml-not-authorized" {
            text: "Not authorized to perform sts:AssumeRoleWithSAML",
            cause: "the response is good, but the role does not exist or its trust policy does not let this person in",
            advice: "let the role's trust policy name the SAML provider as principal and allow sts:AssumeRoleWithSAML, and sts:TagSession where the response \
                has PrincipalTag attributes; compare its conditions with the response; check the role's name and that the response has a NameID",
            former: &["Access denied"],
        }
    }
    "ExpiredTokenException" 400 TokenRejected {
        SAML_TOO_OLD "saml-too-old" {
            text: "Token must be redeemed within 5 minutes of issuance",
            cause: "the identity provider issued the response more than five minutes ago",
            advice: "sign in again and use the response at once; if it is new, compare the identity provider's clock with the true time",
        }
    }
    "InvalidIdentityToken" 400 TokenRejected {
        SAML_SIGNATURE "saml-signature" {
            text: "Response signature invalid",
            cause: "no key in the metadata that IAM holds has signed the response, or it was changed on its way",
            advice: "download the identity provider's metadata again and give it to `aws iam update-saml-provider`: its certificate may have been renewed",
            former: &["Response signature invalid{more}"],
        }
        SAML_NO_PROVIDER "saml-no-provider" {
            text: "Specified provider doesn't exist (Service: AWSOpenIdDiscoveryService; Status Code: 400; \
                Error Code: AuthSamlManifestNotFoundException; Request ID: {request}; Proxy: null)",
            cause: "the role's account has no SAML provider with the ARN that the response pairs with the role",
            advice: "compare the provider's ARN in the response's Role attribute with `aws iam list-saml-providers`, to the letter and the case",
            former: &["Specified provider doesn't exist{more}"],
        }
        SAML_ISSUER "saml-issuer" {
            text: "Issuer not present in specified provider (Service: AWSOpenIdDiscoveryService; Status Code: 400; \
                Error Code: AuthSamlInvalidSamlResponseException; Request ID: {request}; Proxy: null)",
            cause: "the response is of another issuer than the metadata that IAM holds",
            advice: "compare the response's Issuer with the entityID in `aws iam get-saml-provider`; another application of the same identity provider has another issuer",
            former: &["Issuer not present in specified provider{more}"],
        }
        SAML_NOT_A_RESPONSE "saml-not-a-response" {
            text: "Invalid base64 SAMLResponse (Service: AWSOpenIdDiscoveryService; Status Code: 400; \
                Error Code: AuthSamlInvalidSamlResponseException; Request ID: {request}; Proxy: null)",
            cause: "what was sent is no SAML response in base64",
            advice: "send the value of the form field SAMLResponse as it is, neither decoded nor encoded again",
            former: &["Invalid base64 SAMLResponse{more}"],
        }
        SAML_ROLE_NOT_LISTED "saml-role-not-listed" {
            text: "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
            cause: "the response does not pair this role with this SAML provider",
            advice: "have the identity provider list the pair ROLE-ARN,PROVIDER-ARN in https://aws.amazon.com/SAML/Attributes/Role, or ask for a role that it lists",
        }
        // The missing letter is AWS's own.
        SAML_NO_RECIPIENT "saml-no-recipient" {
            text: "Responses must contain SubjectConfirmatonData with a Recipient and NotOnOrAfter",
            cause: "the assertion does not say for whom and until when it is",
            advice: "have the identity provider write Recipient, AWS's sign-in address, and NotOnOrAfter into SubjectConfirmationData",
        }
        SAML_AUDIENCE "saml-audience" {
            text: "Response does not contain the required audience.",
            cause: "the assertion is for another audience than AWS",
            advice: "set the audience (entity id) of the identity provider's application to urn:amazon:webservices",
            former: &["Response does not contain the required audience"],
        }
        SAML_NO_SESSION_NAME "saml-no-session-name" {
            text: "RoleSessionName is required in AuthnResponse",
            cause: "the response does not say what the session is called",
            advice: "have the identity provider send https://aws.amazon.com/SAML/Attributes/RoleSessionName, such as the person's address",
            former: &["Role and RoleSessionName are required in AuthnResponse"],
        }
        // `{2,64}` is a placeholder that nobody fills, so that the text keeps it.
        SAML_SESSION_NAME "saml-session-name" {
            text: "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
            cause: "the session name in the response is too long, too short, or has a character that STS does not take",
            advice: "have the identity provider send a name of 2 to 64 letters, digits and _+=,.@-",
        }
        SAML_SOURCE_IDENTITY "saml-source-identity" {
            text: "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
            cause: "the source identity in the response is too long, too short, or has a character that STS does not take",
            advice: "have the identity provider send 2 to 64 letters, digits and _+=,.@-, not beginning with aws:",
        }
    }
}
