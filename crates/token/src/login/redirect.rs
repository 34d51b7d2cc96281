//! Where the browser comes back to: which host, which port, and the listener that is bound there.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use keyless_loopback::{BindError, Listener};

use crate::error::{TokenError, TokenErrorKind};

/// The host of the redirect address, as it is registered at the identity provider (RFC 8252 §7.3).
///
/// ```
/// # use keyless_token::login::RedirectHost;
/// assert_eq!("[::1]".parse::<RedirectHost>()?, RedirectHost::Ipv6);
/// # Ok::<(), keyless_token::TokenError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectHost {
    /// `127.0.0.1`.
    #[default]
    Ipv4,
    /// `[::1]`.
    Ipv6,
    /// `localhost`, for an identity provider that allows nothing else: a name may be resolved to somewhere else
    /// (RFC 8252 §8.3), so both loopback families are listened on.
    Localhost,
}

impl FromStr for RedirectHost {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        match text {
            "127.0.0.1" => Ok(Self::Ipv4),
            "[::1]" | "::1" => Ok(Self::Ipv6),
            "localhost" => Ok(Self::Localhost),
            other => Err(TokenError::new(
                TokenErrorKind::Misconfigured,
                format!("a browser cannot be sent back to {other:?}, which is not this machine"),
            )
            .with_advice("write 127.0.0.1, [::1] or localhost")),
        }
    }
}

impl fmt::Display for RedirectHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "127.0.0.1",
            Self::Ipv6 => "[::1]",
            Self::Localhost => "localhost",
        })
    }
}

/// Binds the first of `ports` that is free, and holds it (RFC 8252 §8.3). Port 0 is any free one.
pub(super) async fn bind(
    host: RedirectHost,
    ports: &RangeInclusive<u16>,
) -> Result<Listener, TokenError> {
    let mut taken = None;
    for port in ports.clone() {
        let listener = match host {
            RedirectHost::Ipv4 => Listener::bind((Ipv4Addr::LOCALHOST, port)).await,
            RedirectHost::Ipv6 => Listener::bind((Ipv6Addr::LOCALHOST, port)).await,
            RedirectHost::Localhost => Listener::bind_localhost(port).await,
        };
        match listener {
            Ok(listener) => return Ok(listener),
            Err(error) if error.is_port_taken() => taken = Some(error),
            Err(error) => return Err(no_port(&error.to_string())),
        }
    }
    let (first, last) = (ports.start(), ports.end());
    Err(match taken {
        Some(error) if first == last => no_port(&error.to_string()),
        last_error => no_port(&format!(
            "no port from {first} to {last} of {host} is free{}",
            last_error
                .as_ref()
                .map(|error: &BindError| format!(" ({error})"))
                .unwrap_or_default()
        )),
    })
}

fn no_port(reason: &str) -> TokenError {
    TokenError::new(TokenErrorKind::Misconfigured, reason)
        .with_advice("end the program that holds the port, or configure another that the identity provider allows")
}

/// Refuses a range in which there is nothing to bind.
pub(crate) fn check_ports(ports: &RangeInclusive<u16>) -> Result<(), TokenError> {
    let any = *ports == (0..=0);
    if any || (!ports.is_empty() && *ports.start() > 0) {
        return Ok(());
    }
    Err(TokenError::new(
        TokenErrorKind::Misconfigured,
        format!("there is no port from {} to {}", ports.start(), ports.end()),
    )
    .with_advice("write the lowest port first, as in 8400-8410"))
}
