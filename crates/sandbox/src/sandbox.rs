//! The handle of a running sandbox.

use std::sync::Arc;

use keyless_loopback::Server;
use keyless_trust::answer::Refusal;
use serde_json::Value;

use crate::builder::{Builder, StartError};
use crate::cast::Role;
use crate::openid;
use crate::sts::{self, ACCOUNT_ID};
use crate::world::{Calls, World};

/// An identity provider and an STS that answer on loopback until this is dropped or shut down.
pub struct Sandbox {
    world: Arc<World>,
    servers: [Server; 2],
}

impl Sandbox {
    /// Begins with three people, one public client and a few roles; see the [crate's](crate) front page.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(world: Arc<World>, servers: [Server; 2]) -> Sandbox {
        Sandbox { world, servers }
    }

    /// The issuer, `http://127.0.0.1:PORT`, to the letter as it stands in `iss`.
    pub fn issuer(&self) -> &str {
        &self.world.issuer
    }

    /// The id of the first client.
    pub fn client_id(&self) -> &str {
        self.world.clients.first().map_or("", |client| &client.id)
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

    /// Signs in this person from now on, without a page; no such person is refused.
    pub fn sign_in_as(&self, login: impl Into<String>) {
        self.world.state().sign_in_as = Some(login.into());
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
