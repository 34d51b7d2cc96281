//! How a sandbox is put together, and what it has when nothing is said.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keyless_loopback::{BindError, Limits, Listener};
use serde_json::Value;

use crate::Sandbox;
use crate::cast::{Client, Person, Role};
use crate::keys::KeyRing;
use crate::openid::{self, Devices, Grants, Nonces, Options, Pushed, Seen, Sessions, SignOuts};
use crate::saml::{self, Questions, Signer, SigningKey};
use crate::shape::{self, Shape};
use crate::sts::{self, ACCOUNT_ID, Account};
use crate::world::{Calls, State, World};

/// Puts a [`Sandbox`] together. Begin with [`Sandbox::builder`].
#[must_use]
pub struct Builder {
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    people: Vec<Person>,
    clients: Vec<Client>,
    roles: Vec<Role>,
    token_lifetime: Duration,
    sign_in_as: Option<String>,
    refresh_reuse_detection: bool,
    pub(crate) openid: Options,
    shape: Option<Shape>,
    pub(crate) saml: saml::Options,
    rsa: bool,
    issuer_port: u16,
    sts_port: u16,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            clock: Box::new(SystemTime::now),
            people: vec![
                Person::new("alice", "alice@example.com").name("Alice Archer"),
                Person::new("bob", "bob@example.com").name("Bob Baker"),
                Person::new("carol", "carol@example.com")
                    .name("Carol Cooper")
                    .unverified(),
            ],
            clients: vec![Client::new("keyless")],
            roles: default_roles(),
            token_lifetime: Duration::from_hours(1),
            sign_in_as: None,
            refresh_reuse_detection: true,
            openid: Options::default(),
            shape: None,
            saml: saml::Options::default(),
            rsa: false,
            issuer_port: 0,
            sts_port: 0,
        }
    }
}

impl Builder {
    /// Asks this for the time, instead of the system.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Builder {
        self.clock = Box::new(clock);
        self
    }

    /// Adds a person, or replaces the one of the same login.
    pub fn person(mut self, person: Person) -> Builder {
        self.people.retain(|known| known.login != person.login);
        self.people.push(person);
        self
    }

    /// One more claim of the ID tokens of everybody who is there by now; see [`Person::claim`].
    pub fn claim(mut self, name: &str, value: &Value) -> Builder {
        for person in &mut self.people {
            *person = person.clone().claim(name, value.clone());
        }
        self
    }

    /// Adds a client, or replaces the one of the same id. Its id becomes an audience that the account accepts.
    pub fn client(mut self, client: Client) -> Builder {
        self.clients.retain(|known| known.id != client.id);
        self.clients.push(client);
        self
    }

    /// Adds a role, or replaces the one of the same name.
    pub fn role(mut self, role: Role) -> Builder {
        self.roles.retain(|known| known.name != role.name);
        self.roles.push(role);
        self
    }

    /// Takes on the ways of a well-known identity provider: its addresses, its rules for redirects and scopes, its claims, what it offers
    /// and what it does not. The client `keyless`, if it is there already, is registered as it would be there:
    ///
    /// - Auth0, Okta, GitLab, Cognito: returns to port 8400 (`/callback`) alone, at Cognito to `localhost` alone
    /// - Entra: returns to `http://localhost/callback` on any port
    /// - Google: has the secret `GOCSPX-sandbox`
    ///
    /// A client that is brought along afterwards is registered as it says.
    pub fn shaped_like(mut self, shape: Shape) -> Builder {
        self.shape = Some(shape);
        if let Some(client) = self
            .clients
            .iter_mut()
            .find(|client| client.id == "keyless")
        {
            shape.dress(client);
        }
        self
    }

    /// How long an ID token is valid; one hour unless said otherwise.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Builder {
        self.token_lifetime = lifetime;
        self
    }

    /// Signs in the person of this login at once, without a page. For scripted runs.
    pub fn sign_in_as(mut self, login: impl Into<String>) -> Builder {
        self.sign_in_as = Some(login.into());
        self
    }

    /// Whether a refresh token that is used a second time revokes the newest one of its sign-in (RFC 9700 §4.14.2). On unless said
    /// otherwise; a used one is refused either way.
    pub fn refresh_reuse_detection(mut self, detect: bool) -> Builder {
        self.refresh_reuse_detection = detect;
        self
    }

    /// Signs with RS256 as most identity providers do, instead of ES256, SAML included. The keys take a second or so to make.
    pub fn rsa(mut self, rsa: bool) -> Builder {
        self.rsa = rsa;
        self
    }

    /// The ports of the issuer and of STS; 0, as both are unless said otherwise, means any free one.
    pub fn ports(mut self, issuer: u16, sts: u16) -> Builder {
        (self.issuer_port, self.sts_port) = (issuer, sts);
        self
    }

    /// Binds both ports and begins to answer.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        if let Some(login) = &self.sign_in_as
            && !self.people.iter().any(|person| person.login == *login)
        {
            return Err(StartError::NobodyCalled(login.clone()));
        }
        let bind = |port| Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let issuer_listener = bind(self.issuer_port).await?;
        let sts_listener = bind(self.sts_port).await?;
        let rsa = self.rsa;
        let generate = move || (KeyRing::generate(rsa), SigningKey::generate(rsa));
        let (keys, saml_key) = tokio::task::spawn_blocking(generate)
            .await
            .map_err(|_| StartError::NoKeys)?;
        let rules = self.shape.map_or(&shape::PLAIN, Shape::rules);
        let oauth_listener = if rules.elsewhere {
            Some(bind(0).await?)
        } else {
            None
        };
        let origin_of = |listener: &Listener| format!("http://{}", listener.authority());
        let origin = origin_of(&issuer_listener);
        let world = Arc::new(World {
            issuer: format!("{origin}{}", rules.issuer),
            origin: origin.clone(),
            oauth_origin: oauth_listener
                .as_ref()
                .map_or_else(|| origin.clone(), origin_of),
            endpoints: self.openid.offered(rules.endpoints),
            shape: self.shape,
            rules,
            openid: self.openid,
            saml: Signer::new(saml_key, self.saml),
            sts_endpoint: format!("http://{}", sts_listener.authority()),
            clock: self.clock,
            people: self.people,
            clients: self.clients,
            token_lifetime: self.token_lifetime,
            refresh_reuse_detection: self.refresh_reuse_detection,
            gone: Mutex::default(),
            state: Mutex::new(State {
                keys,
                grants: Grants::default(),
                devices: Devices::default(),
                questions: Questions::default(),
                seen: Seen::default(),
                pushed: Pushed::default(),
                nonces: Nonces::default(),
                sessions: Sessions::default(),
                sign_outs: SignOuts::default(),
                account: Account::default(),
                calls: Calls::default(),
                sign_in_as: self.sign_in_as,
            }),
        });
        sts::put_saml_provider(&world, saml::PROVIDER, &saml::metadata(&world));
        for role in self.roles {
            sts::put_role(&world, role)?;
        }
        let limits = Limits::default().connections(64);
        let shared = Arc::clone(&world);
        let issuer_server = issuer_listener.serve(limits.clone(), move |request| {
            let answer = if request.uri().path().starts_with("/saml/") {
                saml::answer(&shared, &request)
            } else {
                openid::answer(&shared, &request)
            };
            let answer = shared.dated(answer);
            async { answer }
        });
        let shared = Arc::clone(&world);
        let sts_server = sts_listener.serve(limits.body_bytes(128 * 1024), move |request| {
            let answer = shared.dated(sts::answer(&shared, &request));
            async { answer }
        });
        let mut servers = vec![issuer_server, sts_server];
        if let Some(listener) = oauth_listener {
            let shared = Arc::clone(&world);
            servers.push(
                listener.serve(Limits::default().connections(64), move |request| {
                    let answer = shared.dated(openid::answer(&shared, &request));
                    async { answer }
                }),
            );
        }
        Ok(Sandbox::new(world, servers))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("people", &self.people)
            .field("clients", &self.clients)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The one to be signed in is not among the people.
    #[error("nobody in the sandbox is called {0}")]
    NobodyCalled(String),
    /// A role's trust policy cannot be read.
    #[error("the trust policy of the role {role} cannot be read: {reason}")]
    TrustPolicy {
        /// The role's name.
        role: String,
        /// What is wrong with its policy.
        reason: String,
    },
    /// The metadata of a SAML provider has no entityID, or no certificate of a kind that is known here.
    #[error(
        "the metadata of the SAML provider {0} is no EntityDescriptor of an identity provider with an RSA or P-256 certificate"
    )]
    SamlMetadata(String),
    /// No signing keys could be made.
    #[error("no signing keys could be made")]
    NoKeys,
}

fn default_roles() -> Vec<Role> {
    let web_identity = |condition: &str| {
        format!(
            r#"{{
  "Version": "2012-10-17",
  "Statement": [{{
    "Effect": "Allow",
    "Principal": {{ "Federated": "arn:aws:iam::{ACCOUNT_ID}:oidc-provider/{{issuer}}" }},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {{ "StringEquals": {{ "{{issuer}}:aud": "{{client_id}}"{condition} }} }}
  }}]
}}"#
        )
    };
    let chain = format!(
        r#"{{
  "Version": "2012-10-17",
  "Statement": [{{
    "Effect": "Allow",
    "Principal": {{ "AWS": "arn:aws:iam::{ACCOUNT_ID}:role/Developer" }},
    "Action": "sts:AssumeRole"
  }}]
}}"#
    );
    let saml = format!(
        r#"{{
  "Version": "2012-10-17",
  "Statement": [{{
    "Effect": "Allow",
    "Principal": {{ "Federated": "{{saml_provider}}" }},
    "Action": "sts:AssumeRoleWithSAML",
    "Condition": {{ "StringEquals": {{ "saml:aud": "{}" }} }}
  }}]
}}"#,
        saml::SIGN_IN
    );
    vec![
        Role::new(
            "Developer",
            web_identity(r#", "{issuer}:email": ["alice@example.com", "bob@example.com"]"#),
        )
        .max_session(Duration::from_hours(12)),
        Role::new("ReadOnly", web_identity("")),
        Role::new(
            "Admin",
            web_identity(r#", "{issuer}:sub": "{subject:carol}""#),
        ),
        Role::new("Deploy", chain).max_session(Duration::from_hours(4)),
        Role::new(saml::DEFAULT_ROLE, saml),
    ]
}
