//! How well-known identity providers differ, as data: addresses, redirect rules, scopes, what is offered and what is not.
//!
//! Each row cites where its facts are from. What is not in a row is as the standards say, or is not told apart here: claims that hold
//! no identity, the texts of errors, and each one's own limits on how long anything lives.

use std::str::FromStr;

use crate::cast::Client;

/// A well-known identity provider, the ways of which a sandbox can take on with [`Builder::shaped_like`](crate::Builder::shaped_like).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Auth0: an issuer with a slash at its end; ports are registered to the letter.
    Auth0,
    /// Okta's org authorization server: the issuer is the host alone.
    OktaOrg,
    /// Okta's custom authorization server: the issuer ends in `/oauth2/default`.
    OktaCustom,
    /// Google: a secret even of installed applications; `access_type=offline` instead of `offline_access`.
    Google,
    /// Microsoft Entra ID, version 1: the issuer is on one path, the endpoints are on another.
    EntraV1,
    /// Microsoft Entra ID, version 2: a subject for each application, and no `email_verified`.
    EntraV2,
    /// Amazon Cognito: the endpoints are on another origin than the issuer; no device flow; a logout of its own.
    Cognito,
    /// Keycloak: an issuer with a path; `azp` in every token; redirect URIs with a `*` at their end.
    Keycloak,
    /// Dex: a list of audiences where one client asks for a token for another.
    Dex,
    /// GitLab: refuses scopes that it does not know; its device flow is not in its discovery document.
    GitLab,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 10] = [
        Shape::Auth0,
        Shape::OktaOrg,
        Shape::OktaCustom,
        Shape::Google,
        Shape::EntraV1,
        Shape::EntraV2,
        Shape::Cognito,
        Shape::Keycloak,
        Shape::Dex,
        Shape::GitLab,
    ];

    /// The name, as `keyless sandbox --shape` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Auth0 => "auth0",
            Shape::OktaOrg => "okta-org",
            Shape::OktaCustom => "okta-custom",
            Shape::Google => "google",
            Shape::EntraV1 => "entra-v1",
            Shape::EntraV2 => "entra-v2",
            Shape::Cognito => "cognito",
            Shape::Keycloak => "keycloak",
            Shape::Dex => "dex",
            Shape::GitLab => "gitlab",
        }
    }

    pub(crate) fn rules(self) -> &'static Rules {
        match self {
            Shape::Auth0 => &AUTH0,
            Shape::OktaOrg => &OKTA_ORG,
            Shape::OktaCustom => &OKTA_CUSTOM,
            Shape::Google => &GOOGLE,
            Shape::EntraV1 => &ENTRA_V1,
            Shape::EntraV2 => &ENTRA_V2,
            Shape::Cognito => &COGNITO,
            Shape::Keycloak => &KEYCLOAK,
            Shape::Dex => &DEX,
            Shape::GitLab => &GITLAB,
        }
    }

    /// Registers the default client as the identity provider's page for applications would have it.
    pub(crate) fn dress(self, client: &mut Client) {
        match self {
            Shape::Auth0 | Shape::OktaOrg | Shape::OktaCustom | Shape::GitLab => {
                client.redirect_uris = [FIXED_LITERAL, FIXED_LOCALHOST].map(str::to_owned).to_vec();
            }
            Shape::Cognito => client.redirect_uris = vec![FIXED_LOCALHOST.to_owned()],
            Shape::EntraV1 | Shape::EntraV2 => {
                client.redirect_uris = vec!["http://localhost/callback".to_owned()];
            }
            Shape::Dex => client.redirect_uris.clear(),
            Shape::Google => *client = client.clone().secret(GOOGLE_SECRET),
            Shape::Keycloak => {}
        }
    }
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Shape, UnknownShape> {
        Shape::ALL
            .into_iter()
            .find(|shape| shape.name() == name)
            .ok_or(UnknownShape)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no shape of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected auth0, okta-org, okta-custom, google, entra-v1, entra-v2, cognito, keycloak, dex or gitlab"
)]
pub struct UnknownShape;

/// The ways of an identity provider.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What follows the origin in the issuer.
    pub(crate) issuer: &'static str,
    pub(crate) endpoints: Endpoints,
    /// Whether all but the discovery document and the keys are on another origin.
    pub(crate) elsewhere: bool,
    pub(crate) redirects: Redirects,
    pub(crate) scopes: &'static [&'static str],
    /// Whether a scope that is not known is an error, instead of being left out.
    pub(crate) strict_scopes: bool,
    pub(crate) refresh: Refresh,
    /// Whether the discovery document says that PKCE is understood. It is, either way.
    pub(crate) lists_pkce: bool,
    /// Whether the discovery document has the endpoint for devices.
    pub(crate) lists_device: bool,
    /// Whether answers name the issuer (RFC 9207).
    pub(crate) names_issuer: bool,
    /// How a device is told where to send the person, and whether it gets the address with the code in it.
    pub(crate) verification: (&'static str, bool),
    /// Whether the subject of a person is another one for each client.
    pub(crate) pairwise: bool,
    /// Whether signing out is asked for by `logout_uri` instead of as the standard has it.
    pub(crate) logout_uri: bool,
    /// Whether a missing secret is `invalid_request: client_secret is missing.`
    pub(crate) misses_secret: bool,
}

/// The paths of the endpoints, from the origin on; an empty one is not offered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoints {
    pub(crate) jwks: &'static str,
    pub(crate) authorize: &'static str,
    pub(crate) token: &'static str,
    pub(crate) revoke: &'static str,
    pub(crate) device_authorization: &'static str,
    pub(crate) device: &'static str,
    pub(crate) pushed: &'static str,
    pub(crate) end_session: &'static str,
}

/// Which addresses are as good as the registered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Those that differ in the port alone, where the registered one is on loopback and names none (RFC 8252 §7.3).
    AnyPort,
    /// The same, and a registered one may end in `*`.
    Wildcards,
    /// None.
    Letter,
    /// None, and without TLS nothing but `localhost`.
    LetterLocalhost,
    /// All on loopback, whatever is registered.
    Loopback,
    /// All on loopback where none is registered and the client is public, else none.
    LoopbackUnlessRegistered,
}

/// What brings a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// The scope `offline_access` (OpenID Connect Core §11).
    OfflineAccess,
    /// The parameters `access_type=offline` and `prompt=consent`; a device gets one unasked.
    AccessType,
    /// Nothing has to be asked for.
    Always,
}

/// The sandbox's own ways.
pub(crate) const PLAIN: Rules = Rules {
    issuer: "",
    endpoints: Endpoints {
        jwks: "/jwks",
        authorize: "/authorize",
        token: "/token",
        revoke: "/revoke",
        device_authorization: "/device_authorization",
        device: "/device",
        pushed: "/par",
        end_session: "/end_session",
    },
    elsewhere: false,
    redirects: Redirects::AnyPort,
    scopes: &["openid", "email", "profile", "offline_access"],
    strict_scopes: false,
    refresh: Refresh::OfflineAccess,
    lists_pkce: true,
    lists_device: true,
    names_issuer: true,
    verification: ("verification_uri", true),
    pairwise: false,
    logout_uri: false,
    misses_secret: false,
};

/// What most have in common: none of them is known to name the issuer in its answers.
const USUAL: Rules = Rules {
    names_issuer: false,
    ..PLAIN
};

/// <https://auth0.com/docs/api/authentication>, <https://auth0.com/docs/get-started/applications/application-settings> (Allowed Callback
/// URLs), <https://auth0.com/docs/authenticate/login/logout/log-users-out-of-auth0> (`/oidc/logout`).
const AUTH0: Rules = Rules {
    issuer: "/",
    endpoints: Endpoints {
        jwks: "/.well-known/jwks.json",
        authorize: "/authorize",
        token: "/oauth/token",
        revoke: "/oauth/revoke",
        device_authorization: "/oauth/device/code",
        device: "/activate",
        pushed: "/oauth/par",
        end_session: "/oidc/logout",
    },
    redirects: Redirects::Letter,
    ..USUAL
};

/// <https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/orgas>,
/// <https://developer.okta.com/docs/concepts/auth-servers/> (the two kinds of issuers).
const OKTA_ORG: Rules = Rules {
    endpoints: Endpoints {
        jwks: "/oauth2/v1/keys",
        authorize: "/oauth2/v1/authorize",
        token: "/oauth2/v1/token",
        revoke: "/oauth2/v1/revoke",
        device_authorization: "/oauth2/v1/device/authorize",
        device: "/activate",
        pushed: "/oauth2/v1/par",
        end_session: "/oauth2/v1/logout",
    },
    redirects: Redirects::Letter,
    ..USUAL
};

/// <https://developer.okta.com/docs/api/openapi/okta-oauth/oauth/customas>
const OKTA_CUSTOM: Rules = Rules {
    issuer: "/oauth2/default",
    endpoints: Endpoints {
        jwks: "/oauth2/default/v1/keys",
        authorize: "/oauth2/default/v1/authorize",
        token: "/oauth2/default/v1/token",
        revoke: "/oauth2/default/v1/revoke",
        device_authorization: "/oauth2/default/v1/device/authorize",
        device: "/activate",
        pushed: "/oauth2/default/v1/par",
        end_session: "/oauth2/default/v1/logout",
    },
    redirects: Redirects::Letter,
    ..USUAL
};

/// <https://developers.google.com/identity/protocols/oauth2/native-app> (loopback, the secret),
/// <https://developers.google.com/identity/protocols/oauth2/limited-input-device> (`verification_url`),
/// <https://developers.google.com/identity/openid-connect/openid-connect> (`access_type`, `prompt`),
/// <https://accounts.google.com/.well-known/openid-configuration> (neither `end_session_endpoint` nor `offline_access`).
const GOOGLE: Rules = Rules {
    endpoints: Endpoints {
        jwks: "/oauth2/v3/certs",
        authorize: "/o/oauth2/v2/auth",
        token: "/token",
        revoke: "/revoke",
        device_authorization: "/device/code",
        device: "/device",
        pushed: "",
        end_session: "",
    },
    redirects: Redirects::Loopback,
    scopes: WITHOUT_OFFLINE_ACCESS,
    strict_scopes: true,
    refresh: Refresh::AccessType,
    verification: ("verification_url", false),
    misses_secret: true,
    ..USUAL
};

/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc>,
/// <https://learn.microsoft.com/en-us/entra/identity-platform/reply-url> (`localhost` on any port; 127.0.0.1 by the manifest alone),
/// <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-device-code> (no `verification_uri_complete`),
/// <https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference> (`sub` is pairwise).
const ENTRA_V2: Rules = Rules {
    issuer: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/v2.0",
    endpoints: Endpoints {
        jwks: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/discovery/v2.0/keys",
        authorize: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/authorize",
        token: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/token",
        revoke: "",
        device_authorization: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/devicecode",
        device: "/common/oauth2/deviceauth",
        pushed: "",
        end_session: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/v2.0/logout",
    },
    lists_pkce: false,
    verification: ("verification_uri", false),
    pairwise: true,
    ..USUAL
};

/// The same pages, and <https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens> (`https://sts.windows.net/TENANT/` is the
/// issuer of version 1, while its endpoints are at `login.microsoftonline.com/TENANT/oauth2`).
const ENTRA_V1: Rules = Rules {
    issuer: "/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/",
    endpoints: Endpoints {
        jwks: "/common/discovery/keys",
        authorize: "/login/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/authorize",
        token: "/login/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/token",
        revoke: "",
        device_authorization: "/login/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/devicecode",
        device: "/common/oauth2/deviceauth",
        pushed: "",
        end_session: "/login/8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10/oauth2/logout",
    },
    ..ENTRA_V2
};

/// <https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html> (issuer and endpoints on two origins, no device
/// flow), <https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html> (`client_id` and `logout_uri`),
/// <https://github.com/swisstopo/swissgeol-boreholes-suite/pull/1066> (it is listed as `end_session_endpoint` since February 2024),
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-client-apps.html> (http for `localhost` alone).
const COGNITO: Rules = Rules {
    issuer: "/us-east-1_Sandbox01",
    endpoints: Endpoints {
        jwks: "/us-east-1_Sandbox01/.well-known/jwks.json",
        authorize: "/oauth2/authorize",
        token: "/oauth2/token",
        revoke: "/oauth2/revoke",
        device_authorization: "",
        device: "",
        pushed: "",
        end_session: "/logout",
    },
    elsewhere: true,
    redirects: Redirects::LetterLocalhost,
    scopes: WITHOUT_OFFLINE_ACCESS,
    strict_scopes: true,
    refresh: Refresh::Always,
    lists_pkce: false,
    logout_uri: true,
    ..USUAL
};

/// <https://www.keycloak.org/securing-apps/oidc-layers> (the endpoints),
/// <https://www.keycloak.org/docs/latest/server_admin/#_client-settings> (valid redirect URIs: `*` at the end),
/// <https://www.keycloak.org/docs/latest/release_notes/> (the parameter `iss` of RFC 9207).
const KEYCLOAK: Rules = Rules {
    issuer: "/realms/corp",
    endpoints: Endpoints {
        jwks: "/realms/corp/protocol/openid-connect/certs",
        authorize: "/realms/corp/protocol/openid-connect/auth",
        token: "/realms/corp/protocol/openid-connect/token",
        revoke: "/realms/corp/protocol/openid-connect/revoke",
        device_authorization: "/realms/corp/protocol/openid-connect/auth/device",
        device: "/realms/corp/device",
        pushed: "/realms/corp/protocol/openid-connect/ext/par/request",
        end_session: "/realms/corp/protocol/openid-connect/logout",
    },
    redirects: Redirects::Wildcards,
    refresh: Refresh::Always,
    ..PLAIN
};

/// <https://github.com/dexidp/dex/blob/master/server/authflow/authreq/validate.go> (public clients: loopback, unless addresses are
/// registered), <https://dexidp.io/docs/configuration/custom-scopes-claims-clients/> (cross-client trust, `audience:server:client_id:`).
const DEX: Rules = Rules {
    issuer: "/dex",
    endpoints: Endpoints {
        jwks: "/dex/keys",
        authorize: "/dex/auth",
        token: "/dex/token",
        revoke: "",
        device_authorization: "/dex/device/code",
        device: "/dex/device",
        pushed: "",
        end_session: "",
    },
    redirects: Redirects::LoopbackUnlessRegistered,
    ..USUAL
};

/// <https://docs.gitlab.com/api/oauth2/> (the endpoints, the device flow),
/// <https://github.com/doorkeeper-gem/doorkeeper-openid_connect/blob/main/app/controllers/doorkeeper/openid_connect/discovery_controller.rb>
/// (what its discovery document has: nothing about devices),
/// <https://github.com/gitlabhq/gitlabhq/blob/master/config/initializers/doorkeeper_openid_connect.rb> (the claims).
const GITLAB: Rules = Rules {
    endpoints: Endpoints {
        jwks: "/oauth/discovery/keys",
        authorize: "/oauth/authorize",
        token: "/oauth/token",
        revoke: "/oauth/revoke",
        device_authorization: "/oauth/authorize_device",
        device: "/oauth/device",
        pushed: "",
        end_session: "",
    },
    redirects: Redirects::Letter,
    scopes: WITHOUT_OFFLINE_ACCESS,
    strict_scopes: true,
    refresh: Refresh::Always,
    lists_device: false,
    ..USUAL
};

const WITHOUT_OFFLINE_ACCESS: &[&str] = &["openid", "email", "profile"];
const FIXED_LITERAL: &str = "http://127.0.0.1:8400/callback";
const FIXED_LOCALHOST: &str = "http://localhost:8400/callback";
/// The secret of the default client of a sandbox that is shaped like Google.
pub(crate) const GOOGLE_SECRET: &str = "GOCSPX-sandbox";
/// The tenant of a sandbox that is shaped like Entra.
pub(crate) const TENANT: &str = "8a7c1f60-3c1d-4b52-9f7e-2d5b6a4c9e10";
