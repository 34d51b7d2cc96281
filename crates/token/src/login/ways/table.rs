//! The table: one row for each identity provider. A default that a person has configured otherwise does not count.

use super::super::redirect::RedirectHost;
use super::{AS_THE_STANDARDS_SAY, Hint, Issuers, Never, SignOut, Statement, Stay, Way};

/// The port that the pages of `docs/identity-providers` let people register where one has to be.
const PORT: u16 = 8765;

/// As read in November 2026, each at the address beside it.
pub(super) static WAYS: &[Way] = &[
    Way {
        name: "Auth0",
        // https://auth0.com/docs/get-started/applications/application-settings: the issuer ends with a slash.
        issuers: &[Issuers("*.auth0.com", "/")],
        // "The provided redirect_uri is not in the list of allowed callback URLs": the whole list is compared, ports included.
        port: Some(PORT),
        // https://auth0.com/docs/authenticate/login/logout/log-users-out-of-auth0: tenants can leave the end session endpoint out of their
        // discovery; https://auth0.com/docs/api/authentication/logout/auth-0-logout is always there.
        sign_out: SignOut::ElseAt("/v2/logout?client_id=CLIENT_ID"),
        hints: &[
            Hint(
                "callback url mismatch",
                "add the address that it names to the application's Allowed Callback URLs, to the letter",
            ),
            // https://auth0.com/docs/get-started/authentication-and-authorization-flow/device-authorization-flow
            Hint(
                "grant type 'urn:ietf:params:oauth:grant-type:device_code' not allowed",
                "switch on Device Code under the application's Advanced Settings > Grant Types",
            ),
            // https://auth0.com/docs/get-started/applications/confidential-and-public-applications
            Hint(
                "unauthorized_client",
                "use an application of type Native, and enable a connection for it",
            ),
            Hint(
                "access_denied: unauthorized)",
                "use an application of type Native: it needs no secret",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Okta",
        // https://developer.okta.com/docs/concepts/auth-servers: the org's own server, and custom ones at /oauth2/ID.
        issuers: &[
            Issuers("*.okta.com", "/"),
            Issuers("*.okta.com", "/oauth2/*"),
            Issuers("*.oktapreview.com", "/"),
            Issuers("*.oktapreview.com", "/oauth2/*"),
        ],
        // https://support.okta.com/help/s/article/openid-connect-oidc-redirect-uri: it must match exactly, ports too.
        port: Some(PORT),
        hints: &[
            Hint(
                "must be a login redirect uri",
                "add http://127.0.0.1:PORT/callback, with the port of the identity, to the application's Sign-in redirect URIs",
            ),
            // https://developer.okta.com/docs/guides/device-authorization-grant/main/
            Hint(
                "not authorized to use the provided grant type",
                "check the application's Grant types: Authorization Code, Refresh Token to stay signed in, Device Authorization for the device flow",
            ),
            Hint(
                "policy evaluation failed",
                "let a rule of the custom authorization server's access policy allow this application, its grant types and scopes",
            ),
            Hint(
                "not assigned to the client application",
                "assign the person, or a group that they are in, to the application",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Google",
        issuers: &[Issuers("accounts.google.com", "/")],
        // https://developers.google.com/identity/openid-connect/reference: `iss` is accounts.google.com where the implementation is an old one. AWS takes
        // both.
        without_scheme: true,
        // https://developers.google.com/identity/openid-connect/openid-connect#access-type-param: it does not know offline_access, and gives a
        // refresh token with a consent alone.
        stay: Stay::Parameters(&[("access_type", "offline"), ("prompt", "consent")]),
        // https://developers.google.com/identity/protocols/oauth2/native-app: a desktop app's secret is no secret, and is demanded.
        secret: true,
        hints: &[
            Hint(
                "client_secret is missing",
                "configure the client secret that Google shows beside the client id: client_secret of the identity",
            ),
            Hint(
                "redirect_uri_mismatch",
                "use a client of the type Desktop app: it may come back to any port of 127.0.0.1",
            ),
            // https://developers.google.com/identity/protocols/oauth2/limited-input-device: a type of its own.
            Hint(
                "client type",
                "use a client of the type TVs and Limited Input devices for the device flow",
            ),
            Hint(
                "org_internal",
                "sign in with an account of the organisation, or make the app's audience External",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Entra",
        // https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc and, for v1, sts.windows.net; sovereign clouds:
        // https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud
        issuers: &[
            Issuers("login.microsoftonline.com", "/*/v2.0/"),
            Issuers("login.microsoftonline.us", "/*/v2.0/"),
            Issuers("login.partner.microsoftonline.cn", "/*/v2.0/"),
            Issuers("sts.windows.net", "/*/"),
        ],
        // They stand for any tenant, and no token names them as its issuer.
        never: &[
            any_tenant("/common/*"),
            any_tenant("/organizations/*"),
            any_tenant("/consumers/*"),
        ],
        // https://learn.microsoft.com/en-us/entra/identity-platform/reply-url: the port of http://localhost is not compared, and the portal takes
        // no http://127.0.0.1.
        redirect_host: RedirectHost::Localhost,
        // https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials; its certificates are of RSA keys alone:
        // https://learn.microsoft.com/en-us/entra/identity-platform/howto-create-self-signed-certificate
        statement: Statement::OfCertificate,
        // https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
        hints: &[
            Hint(
                "AADSTS50011:",
                "register http://localhost/callback for the platform Mobile and desktop applications",
            ),
            Hint(
                "AADSTS7000218:",
                "set Allow public client flows to Yes under the application's Authentication",
            ),
            Hint(
                "AADSTS700025:",
                "register http://localhost/callback for the platform Web: this application proves itself, and the address is registered for one that does not",
            ),
            Hint(
                "AADSTS700027:",
                "upload the certificate that stands beside the private key under the application's Certificates & secrets",
            ),
            Hint(
                "AADSTS65001:",
                "let an administrator grant consent under the application's API permissions (openid, email, offline_access)",
            ),
            Hint(
                "AADSTS90094:",
                "let an administrator grant consent under the application's API permissions",
            ),
            Hint(
                "AADSTS53003:",
                "a Conditional Access policy forbids it: many forbid the device flow, so try `--flow browser` on a managed machine",
            ),
            Hint(
                "AADSTS50199:",
                "confirm on Entra's page that you are signing in to this application, then try again",
            ),
            Hint(
                "AADSTS50105:",
                "assign the person or their group to the enterprise application",
            ),
            Hint(
                "AADSTS700016:",
                "check the client id and the tenant's id in the issuer: this tenant does not know the application",
            ),
            Hint(
                "AADSTS50020:",
                "sign in with an account of this tenant, or invite that one as a guest",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Cognito",
        // https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
        issuers: &[
            Issuers("cognito-idp.*.amazonaws.com", "/*"),
            Issuers("cognito-idp.*.amazonaws.com.cn", "/*"),
        ],
        // https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html (CallbackURLs): https, or
        // http://localhost; to the letter.
        redirect_host: RedirectHost::Localhost,
        port: Some(PORT),
        // https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html: with every code.
        stay: Stay::ByItself,
        // https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html: GET, with parameters of its own. It ends at the sign-in.
        sign_out: SignOut::OnlyAt(
            "/logout?client_id=CLIENT_ID&response_type=code&scope=openid&redirect_uri=REDIRECT_URI",
        ),
        hints: &[
            Hint(
                "redirect_mismatch",
                "add http://localhost:PORT/callback, with the port of the identity, to the app client's Allowed callback URLs",
            ),
            Hint(
                "invalid_scope",
                "let the app client have the scopes openid and email under its managed login settings",
            ),
            Hint(
                "invalid_client",
                "make an app client without a secret, or configure its secret: client_secret of the identity",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "GitLab",
        // https://docs.gitlab.com/integration/openid_connect_provider/: the instance's own address, to the letter.
        issuers: &[Issuers("gitlab.com", "/"), Issuers("gitlab.*", "/")],
        // config/initializers/doorkeeper.rb: `use_refresh_token` for everybody, and a scope that is not configured is an error.
        stay: Stay::ByItself,
        // https://docs.gitlab.com/api/oauth2/#device-authorization-grant-flow; its discovery leaves it out.
        device_path: Some("/oauth/authorize_device"),
        hints: &[
            Hint(
                "invalid_scope",
                "tick the scopes openid and email of the application in GitLab",
            ),
            Hint(
                "redirect uri",
                "set the application's Redirect URI to http://127.0.0.1/callback",
            ),
            Hint(
                "invalid_client",
                "take the tick from Confidential at the application in GitLab, or configure its secret: client_secret of the identity",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Keycloak",
        // https://www.keycloak.org/securing-apps/oidc-layers; before version 17 below /auth. Its RedirectUtils ignores the port of 127.0.0.1
        // where none is registered.
        issuers: &[Issuers("*", "/realms/*"), Issuers("*", "/auth/realms/*")],
        hints: &[
            Hint(
                "redirect_uri",
                "add http://127.0.0.1/callback to the client's Valid redirect URIs",
            ),
            Hint(
                "oauth 2.0 device authorization grant",
                "switch on OAuth 2.0 Device Authorization Grant at the client's Capability config",
            ),
            Hint(
                "offline tokens not allowed",
                "give the person the realm role offline_access, and the client the optional client scope of that name",
            ),
            Hint(
                "invalid client or invalid client credentials",
                "switch Client authentication off at the client's Capability config, or configure its secret: client_secret of the identity",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "Dex",
        // https://dexidp.io/docs/configuration/: whatever `issuer` says; this is what its documentation proposes.
        issuers: &[Issuers("*", "/dex/"), Issuers("dex.*", "/")],
        hints: &[
            // server/oauth2.go, validateRedirectURI: a public client without redirectURIs may come back to any port of this machine.
            Hint(
                "unregistered redirect_uri",
                "leave redirectURIs out of the client in Dex's configuration, and make it public: true",
            ),
            Hint(
                "invalid client credentials",
                "make the client in Dex's configuration public: true, or configure its secret: client_secret of the identity",
            ),
        ],
        ..AS_THE_STANDARDS_SAY
    },
    Way {
        name: "GitHub",
        never: &[
            Never {
                issuers: Issuers("github.com", "*"),
                reason: "GitHub is no OpenID provider for people",
                advice: "sign in by way of one that takes GitHub's accounts, such as Auth0 with its GitHub connection, or Dex",
            },
            Never {
                issuers: Issuers("token.actions.githubusercontent.com", "*"),
                reason: "it issues tokens to jobs of GitHub Actions, not to people",
                advice: "in a job, take its token instead; for people use an identity provider that takes GitHub's accounts",
            },
        ],
        ..AS_THE_STANDARDS_SAY
    },
];

const fn any_tenant(path: &'static str) -> Never {
    Never {
        issuers: Issuers("login.microsoftonline.*", path),
        reason: "it stands for any tenant of Entra, and no token names it as its issuer",
        advice: "write the tenant's own issuer, https://login.microsoftonline.com/TENANT-ID/v2.0, with the id that the portal shows as Directory (tenant) ID",
    }
}
