#![allow(clippy::too_many_lines, reason = "tables")]

use keyless_cache::MemoryStore;

use super::*;
use crate::http::{HttpClient, HttpError, Limits};
use crate::login::{Login, LoginBuilder};
use crate::source::BoxFuture;

/// Nobody is asked here.
#[derive(Debug)]
struct NoNetwork;

impl HttpClient for NoNetwork {
    fn send(
        &self,
        _: http::Request<Vec<u8>>,
        _: Limits,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, HttpError>> {
        panic!("nobody is to be asked");
    }
}

fn at(issuer: &str) -> LoginBuilder {
    Login::builder(issuer, "client", NoNetwork)
}

fn name(issuer: &str) -> Result<&'static str, TokenError> {
    Way::of(&Url::parse(issuer).expect("an address")).map(|way| way.name)
}

#[test]
fn an_identity_provider_is_known_by_its_issuer_and_nothing_else_passes_for_one() {
    for (issuer, known) in [
        ("https://corp.eu.auth0.com/", "Auth0"),
        ("https://corp.auth0.com", "Auth0"),
        ("https://login.corp.example/", ""), // Auth0's custom domains look like anything
        ("https://corp.auth0.com.example/", ""),
        ("https://notauth0.com/", ""),
        ("https://corp.okta.com", "Okta"),
        ("https://corp.okta.com/oauth2/default", "Okta"),
        ("https://corp.okta.com/oauth2/aus1a2b3", "Okta"),
        ("https://corp.oktapreview.com", "Okta"),
        ("https://corp.okta.com/other", ""),
        ("https://accounts.google.com", "Google"),
        ("https://accounts.google.com.example", ""),
        ("https://login.microsoftonline.com/6f1d/v2.0", "Entra"),
        ("https://login.microsoftonline.us/6f1d/v2.0", "Entra"),
        ("https://sts.windows.net/6f1d/", "Entra"),
        ("https://login.microsoftonline.com/6f1d", ""), // is told by discovery what it calls itself
        (
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC",
            "Cognito",
        ),
        (
            "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC",
            "Cognito",
        ),
        ("https://gitlab.com", "GitLab"),
        ("https://gitlab.corp.example", "GitLab"),
        ("https://git.corp.example", ""),
        ("https://id.corp.example/realms/staff", "Keycloak"),
        ("https://id.corp.example/auth/realms/staff", "Keycloak"),
        ("https://corp.example/dex", "Dex"),
        ("https://dex.corp.example", "Dex"),
        ("https://id.corp.example", ""),
        // What is on this machine has no ways, whatever its path.
        ("http://127.0.0.1:8080/realms/staff", ""),
        ("https://127.0.0.1/realms/staff", ""),
        ("https://localhost/dex", ""),
        ("http://localhost:5556/dex", ""),
    ] {
        assert_eq!(name(issuer).expect(issuer), known, "{issuer}");
    }
}

#[test]
fn who_signs_nobody_in_is_refused_before_any_call() {
    for (issuer, reason, advice) in [
        (
            "https://login.microsoftonline.com/common/v2.0",
            "any tenant",
            "TENANT-ID/v2.0",
        ),
        (
            "https://login.microsoftonline.com/common",
            "any tenant",
            "TENANT-ID/v2.0",
        ),
        (
            "https://login.microsoftonline.com/organizations/v2.0",
            "any tenant",
            "TENANT-ID/v2.0",
        ),
        (
            "https://login.microsoftonline.com/consumers/v2.0",
            "any tenant",
            "TENANT-ID/v2.0",
        ),
        (
            "https://login.microsoftonline.us/common/v2.0",
            "any tenant",
            "TENANT-ID/v2.0",
        ),
        (
            "https://github.com",
            "no OpenID provider for people",
            "Auth0",
        ),
        (
            "https://github.com/login/oauth",
            "no OpenID provider for people",
            "Auth0",
        ),
        (
            "https://token.actions.githubusercontent.com",
            "jobs",
            "token",
        ),
    ] {
        let error = at(issuer).build().expect_err(issuer);
        assert_eq!(error.kind(), TokenErrorKind::Misconfigured, "{issuer}");
        assert!(error.to_string().contains(reason), "{issuer}: {error}");
        let advised = error.advice().unwrap_or_default();
        assert!(advised.contains(advice), "{issuer}: {advised}");
    }
    // A tenant may be called almost like that.
    assert_eq!(
        name("https://login.microsoftonline.com/commons/v2.0").expect("a tenant"),
        "Entra"
    );
}

#[test]
fn the_table_fills_in_what_nobody_has_configured() {
    let lasting = ["openid", "email", "offline_access"];
    for (way, scopes, host, port, asks) in [
        ("Auth0", &lasting[..], "127.0.0.1", 8765, &[][..]),
        ("Okta", &lasting, "127.0.0.1", 8765, &[]),
        (
            "Google",
            &lasting[..2],
            "127.0.0.1",
            0,
            &[("access_type", "offline"), ("prompt", "consent")],
        ),
        ("Entra", &lasting, "localhost", 0, &[]),
        ("Cognito", &lasting[..2], "localhost", 8765, &[]),
        ("GitLab", &lasting[..2], "127.0.0.1", 0, &[]),
        ("Keycloak", &lasting, "127.0.0.1", 0, &[]),
        ("Dex", &lasting, "127.0.0.1", 0, &[]),
        ("nobody", &lasting, "127.0.0.1", 0, &[]),
    ] {
        let login = |builder: LoginBuilder| builder.way(way).build().expect("a login").settings;
        let plan = login(at("https://id.example").scopes(lasting));
        assert!(plan.stays_signed_in, "{way}");
        assert_eq!(plan.scopes, scopes, "{way}");
        assert_eq!(plan.redirect_host.to_string(), host, "{way}");
        assert_eq!(plan.ports, port..=port, "{way}");
        let extra: Vec<_> = plan
            .extra
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(extra, asks, "{way}");

        // Who does not ask for it is not kept signed in, whatever comes by itself.
        let plan = login(at("https://id.example"));
        assert!(!plan.stays_signed_in && plan.extra.is_empty(), "{way}");
        assert_eq!(plan.scopes, ["openid", "email"], "{way}");

        // What a person has configured counts.
        let configured = at("https://id.example")
            .scopes(lasting)
            .redirect_host(RedirectHost::Ipv6)
            .ports(8400..=8410)
            .authorize("prompt", "select_account");
        let plan = login(configured);
        assert_eq!(plan.redirect_host, RedirectHost::Ipv6, "{way}");
        assert_eq!(plan.ports, 8400..=8410, "{way}");
        let prompts: Vec<_> = plan
            .extra
            .iter()
            .filter(|(name, _)| name == "prompt")
            .collect();
        assert_eq!(
            prompts,
            [&("prompt".to_owned(), "select_account".to_owned())],
            "{way}"
        );
    }
}

#[test]
fn what_is_kept_is_found_by_what_is_configured_whatever_the_table_says() {
    let key = |way: &str| {
        let login = at("https://id.example").scopes(["openid", "offline_access"]);
        login
            .store(MemoryStore::new())
            .way(way)
            .build()
            .expect("a login")
            .key()
    };
    assert_eq!(key("Google"), key("nobody"));
    assert_eq!(key("Cognito"), key("nobody"));
}

#[test]
fn one_asks_to_stay_signed_in_by_the_standard_scope_or_by_googles_parameter() {
    let scopes = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (asked, authorize, asks) in [
        ("openid email", None, false),
        ("openid offline_access", None, true),
        ("openid", Some(("access_type", "offline")), true),
        ("openid", Some(("access_type", "online")), false),
        ("openid", Some(("prompt", "consent")), false),
    ] {
        let found = asks_to_stay_signed_in(&scopes(asked), authorize);
        assert_eq!(found, asks, "{asked} {authorize:?}");
    }
}

#[test]
fn google_wants_a_secret_and_says_so_before_a_person_is_bothered() {
    let settings = |builder: LoginBuilder| builder.build().expect("a login").settings;
    let google = || at("https://accounts.google.com");
    let error = settings(google())
        .check_secret()
        .expect_err("there is none");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error.advice().unwrap_or_default().contains("client_secret"),
        "{error:?}"
    );
    let secret = keyless_cache::Secret::new("s");
    settings(google().client_secret(secret))
        .check_secret()
        .expect("there is one");
    settings(at("https://corp.okta.com"))
        .check_secret()
        .expect("none is wanted");
}

#[test]
fn what_an_identity_provider_says_is_met_with_what_to_do() {
    for (way, said, advice) in [
        (
            "Google",
            "refused the code (invalid_request: client_secret is missing.)",
            "client_secret of the identity",
        ),
        (
            "Entra",
            "(invalid_client: AADSTS7000218: The request body must contain …)",
            "Allow public client flows",
        ),
        (
            "Entra",
            "(invalid_client: AADSTS700025: Client is public so neither 'client_assertion' nor …)",
            "platform Web",
        ),
        (
            "Entra",
            "(invalid_client: AADSTS700027: Client assertion failed signature validation …)",
            "upload the certificate",
        ),
        (
            "Entra",
            "(invalid_client: AADSTS50011: The redirect URI …)",
            "http://localhost/callback",
        ),
        (
            "Entra",
            "(consent_required: AADSTS65001: The user or administrator has not …)",
            "grant consent",
        ),
        (
            "Entra",
            "(access_denied: AADSTS53003: Access has been blocked …)",
            "Conditional Access",
        ),
        (
            "Entra",
            "(interaction_required: AADSTS50199: For security reasons …)",
            "confirm",
        ),
        (
            "Entra",
            "(unauthorized_client: AADSTS700016: Application with …)",
            "client id",
        ),
        (
            "Okta",
            "(invalid_request: The 'redirect_uri' parameter must be a Login redirect URI in the client app settings …)",
            "Sign-in redirect URIs",
        ),
        (
            "Okta",
            "(access_denied: User is not assigned to the client application.)",
            "assign",
        ),
        (
            "Auth0",
            "(unauthorized_client: Callback URL mismatch. http://127.0.0.1:1/callback is not in the list …)",
            "Allowed Callback URLs",
        ),
        ("Auth0", "(access_denied: Unauthorized)", "Native"),
        ("Cognito", "(redirect_mismatch)", "Allowed callback URLs"),
        (
            "Keycloak",
            "(invalid_grant: Incorrect redirect_uri)",
            "Valid redirect URIs",
        ),
        (
            "GitLab",
            "(invalid_scope: The requested scope is invalid, unknown, or malformed.)",
            "tick the scopes",
        ),
        (
            "Dex",
            "(invalid_request: Unregistered redirect_uri (\"http://127.0.0.1:1/callback\").)",
            "public: true",
        ),
    ] {
        let error = TokenError::new(TokenErrorKind::Refused, said).with_advice("ask somebody");
        let advised = Way::called(way).advise(error.clone());
        let found = advised.advice().unwrap_or_default();
        assert!(found.contains(advice), "{way} {said}: {found}");
        assert_eq!(
            (advised.kind(), advised.to_string()),
            (error.kind(), error.to_string())
        );
        // Nobody else is told so.
        let elsewhere = STANDARD.advise(error);
        assert_eq!(elsewhere.advice(), Some("ask somebody"));
    }
}

#[test]
fn what_discovery_leaves_out_is_filled_in() {
    let offered = |way: &str, ends: bool| {
        let login = at("https://id.example").way(way).build().expect("a login");
        let address = Url::parse("https://auth.example/oauth2/authorize").expect("an address");
        let mut provider = IdentityProvider::at(address.clone());
        provider.end_session_endpoint = ends.then_some(address);
        login.settings.correct(&mut provider);
        let text =
            |address: Option<Url>| address.map_or(String::new(), |address| address.to_string());
        (
            text(provider.end_session_endpoint),
            text(provider.sign_out_page),
            text(provider.device_authorization_endpoint),
        )
    };
    let standard = "https://auth.example/oauth2/authorize";
    let cognito = "https://auth.example/logout?client_id=client&response_type=code&scope=openid&redirect_uri=http%3A%2F%2Flocalhost%3A8765%2Fcallback";
    for (way, ends, found) in [
        ("Okta", true, (standard, "", "")),
        ("Google", false, ("", "", "")),
        ("Auth0", true, (standard, "", "")),
        (
            "Auth0",
            false,
            ("", "https://auth.example/v2/logout?client_id=client", ""),
        ),
        ("Cognito", true, ("", cognito, "")),
        ("Cognito", false, ("", cognito, "")),
        (
            "GitLab",
            false,
            ("", "", "https://auth.example/oauth/authorize_device"),
        ),
    ] {
        let (end, page, device) = offered(way, ends);
        assert_eq!((&*end, &*page, &*device), found, "{way}");
    }
}
