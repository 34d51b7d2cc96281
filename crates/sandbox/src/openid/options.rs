//! What the identity provider offers beside the authorization code, and how strictly.

use std::time::Duration;

use crate::builder::Builder;
use crate::shape::Endpoints;

/// What a builder says about the identity provider.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) device_flow: bool,
    pub(super) device_interval: Duration,
    pub(super) device_lifetime: Duration,
    pub(super) s_hash: bool,
    pub(super) pushed: bool,
    pub(super) pushed_only: bool,
    pub(super) dpop: bool,
    pub(super) dpop_nonce: bool,
    pub(super) end_session: bool,
    pub(super) revocation: bool,
    pub(super) short_issuer: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            device_flow: true,
            device_interval: Duration::from_secs(5), // RFC 8628 §3.2
            device_lifetime: Duration::from_mins(10),
            s_hash: false,
            pushed: false,
            pushed_only: false,
            dpop: false,
            dpop_nonce: false,
            end_session: true,
            revocation: true,
            short_issuer: false,
        }
    }
}

impl Options {
    /// What `iss` of an ID token says.
    pub(super) fn name_of<'a>(&self, issuer: &'a str) -> &'a str {
        match issuer.split_once("://") {
            Some((_, short)) if self.short_issuer => short,
            _ => issuer,
        }
    }

    /// The endpoints without those that are switched off.
    pub(crate) fn offered(&self, mut endpoints: Endpoints) -> Endpoints {
        if !self.device_flow {
            endpoints.device_authorization = "";
            endpoints.device = "";
        }
        if !self.pushed {
            endpoints.pushed = "";
        }
        if !self.end_session {
            endpoints.end_session = "";
        }
        if !self.revocation {
            endpoints.revoke = "";
        }
        endpoints
    }
}

impl Builder {
    /// Offers no device authorization (RFC 8628), as some identity providers do not.
    pub fn without_device_flow(mut self) -> Builder {
        self.openid.device_flow = false;
        self
    }

    /// How long a device has to wait between two polls; five seconds unless said otherwise. Who polls sooner hears `slow_down`
    /// and has to wait five seconds longer from then on (RFC 8628 §3.5).
    pub fn device_interval(mut self, interval: Duration) -> Builder {
        self.openid.device_interval = interval;
        self
    }

    /// Offers no sign-out to applications (RP-initiated logout), as some identity providers do not.
    pub fn without_end_session(mut self) -> Builder {
        self.openid.end_session = false;
        self
    }

    /// Offers no revocation of refresh tokens (RFC 7009), as some identity providers do not.
    pub fn without_revocation(mut self) -> Builder {
        self.openid.revocation = false;
        self
    }

    /// Leaves the scheme out of the issuer that ID tokens name, and nowhere else, as old implementations at Google do
    /// (<https://developers.google.com/identity/openid-connect/reference>).
    pub fn issuer_without_scheme(mut self) -> Builder {
        self.openid.short_issuer = true;
        self
    }

    /// Offers pushed authorization requests (RFC 9126).
    pub fn pushed_authorization_requests(mut self) -> Builder {
        self.openid.pushed = true;
        self
    }

    /// Demands them: a request that was not pushed is refused.
    pub fn require_pushed_authorization_requests(mut self) -> Builder {
        self.openid.pushed = true;
        self.openid.pushed_only = true;
        self
    }

    /// Binds the refresh tokens of public clients to a key where the client shows one (RFC 9449).
    pub fn dpop(mut self) -> Builder {
        self.openid.dpop = true;
        self
    }

    /// The same, and every proof has to repeat a nonce of the answer before (RFC 9449 §8).
    pub fn dpop_nonce(mut self) -> Builder {
        self.openid.dpop = true;
        self.openid.dpop_nonce = true;
        self
    }

    /// Tells the hash of the state, `s_hash`, in the ID tokens that come through the browser (FAPI 1.0 Advanced §5.1.1).
    pub fn s_hash(mut self) -> Builder {
        self.openid.s_hash = true;
        self
    }

    /// How long a device code is good for; ten minutes unless said otherwise.
    pub fn device_lifetime(mut self, lifetime: Duration) -> Builder {
        self.openid.device_lifetime = lifetime;
        self
    }
}
