//! The handle of a running sandbox.

use std::sync::Arc;

use keyless_loopback::Server;
use keyless_trust::answer::Refusal;
use serde_json::Value;

use crate::builder::{Builder, StartError};
use crate::cast::Role;
use crate::openid;
use crate::saml::{self, Assertion};
use crate::sts::{self, ACCOUNT_ID};
use crate::world::{Calls, World};

/// An identity provider and an STS that answer on loopback until this is dropped or shut down.
pub struct Sandbox {
    world: Arc<World>,
    servers: Vec<Server>,
}

impl Sandbox {
    /// Begins with three people, one public client and a few roles; see the [crate's](crate) front page.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(world: Arc<World>, servers: Vec<Server>) -> Sandbox {
        Sandbox { world, servers }
    }

    /// The issuer, `http://127.0.0.1:PORT` and at some [shapes](crate::Shape) a path, to the letter as it stands in `iss`.
    pub fn issuer(&self) -> &str {
        &self.world.issuer
    }

    /// The id of the first client.
    pub fn client_id(&self) -> &str {
        self.world.clients.first().map_or("", |client| &client.id)
    }

    /// The secret of the first client, if it is to show one.
    pub fn client_secret(&self) -> Option<&str> {
        self.world.clients.first()?.shown_secret()
    }

    /// The endpoint of STS, `http://127.0.0.1:PORT`.
    pub fn sts_endpoint(&self) -> &str {
        &self.world.sts_endpoint
    }

    /// The account that all roles are in.
    pub fn account_id(&self) -> &str {
        ACCOUNT_ID
    }

    /// The ARN of the role of this name, whether or not there is one.
    pub fn role_arn(&self, name: &str) -> String {
        sts::role_arn(name)
    }

    /// Adds a role while running, or replaces the one of the same name.
    pub fn put_role(&self, role: Role) -> Result<(), StartError> {
        sts::put_role(&self.world, role)
    }

    /// Rotates the signing keys: the next key signs from now on, and the one that signed until now is no longer published, so
    /// that tokens signed by it are refused.
    pub async fn rotate_keys(&self) {
        let keys = self.world.state().keys.clone();
        if let Ok(rotated) = tokio::task::spawn_blocking(move || keys.rotated()).await {
            self.world.state().keys = rotated;
        }
    }

    /// A signed JWT with exactly these claims: a CI job's token, or a hostile one.
    pub fn mint(&self, claims: &Value) -> String {
        self.world.state().keys.sign(claims)
    }

    /// An ID token as a sign-in of this person at the first client would give, none if there is no such person.
    pub fn id_token_for(&self, login: &str) -> Option<String> {
        openid::id_token_for(&self.world, login)
    }

    /// The issuer of SAML responses, `http://127.0.0.1:PORT/saml/metadata`: the entity id, and where the metadata is.
    pub fn saml_issuer(&self) -> String {
        saml::issuer(&self.world)
    }

    /// Where an application sends its `AuthnRequest`. `/saml/start` beside it begins a sign-in that no application asked for.
    pub fn saml_sso_url(&self) -> String {
        saml::sso_url(&self.world)
    }

    /// The ARN of the account's SAML provider that holds the sandbox's own metadata.
    pub fn saml_provider_arn(&self) -> String {
        saml::provider_arn(saml::PROVIDER)
    }

    /// Adds a SAML provider to the account while running, or replaces the one of the same name, and returns its ARN. The metadata is
    /// the `EntityDescriptor` of any identity provider that signs with RSA or on P-256.
    pub fn put_saml_provider(&self, name: &str, metadata: &str) -> Result<String, StartError> {
        sts::put_saml_provider(&self.world, name, metadata)
            .ok_or_else(|| StartError::SamlMetadata(name.to_owned()))
    }

    /// A SAML response as a browser posts it, in Base64: a good one, or a hostile one. None if there is no such person.
    pub fn saml_response(&self, assertion: &Assertion) -> Option<String> {
        assertion.mint(&self.world)
    }

    /// Signs in this person from now on, without a page; no such person is refused.
    pub fn sign_in_as(&self, login: impl Into<String>) {
        self.world.state().sign_in_as = Some(login.into());
    }

    /// This person has left the company: from now on they cannot sign in, and their refresh tokens are refused as `invalid_grant`.
    /// False if nobody is called that.
    pub fn end_person(&self, login: &str) -> bool {
        openid::end_person(&self.world, login)
    }

    /// Signs this person in at the device that shows this code, as the page does; case and hyphen do not matter. False if no
    /// device waits with it, or nobody is called that.
    pub fn device_sign_in(&self, user_code: &str, login: &str) -> bool {
        openid::device_sign_in(&self.world, user_code, login)
    }

    /// Refuses the device that shows this code; false if none waits with it.
    pub fn device_refuse(&self, user_code: &str) -> bool {
        openid::device_refuse(&self.world, user_code)
    }

    /// The ARN of the session that has this access key, if STS has given it out.
    pub fn whose(&self, access_key_id: &str) -> Option<String> {
        self.world.state().account.arn_of(access_key_id)
    }

    /// How often each thing has been asked for.
    pub fn calls(&self) -> Calls {
        self.world.state().calls
    }

    /// Lets the next calls to STS fail with this refusal, so many times.
    ///
    /// ```
    /// # use keyless_sandbox::Sandbox;
    /// # fn example(sandbox: &Sandbox) {
    /// sandbox.fail_next_sts(&keyless_trust::answer::THROTTLING.refuse(&[]), 2);
    /// # }
    /// ```
    pub fn fail_next_sts(&self, refusal: &Refusal, times: usize) {
        self.world
            .state()
            .account
            .failures
            .extend(std::iter::repeat_n(refusal.clone(), times));
    }

    /// Why the last AccessDenied was given. The answer itself does not tell, as the real service's does not.
    pub fn last_denial(&self) -> Option<String> {
        self.world.state().account.last_denial.clone()
    }

    /// Lets the answers under way finish, then closes both ports.
    pub async fn shutdown(self) {
        for server in self.servers {
            server.shutdown().await;
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("issuer", &self.issuer())
            .field("sts_endpoint", &self.sts_endpoint())
            .finish_non_exhaustive()
    }
}
