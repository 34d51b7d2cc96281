//! A socket that is bound, known by its port, and not yet answering.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;

use crate::{Limits, Server, sockets};

/// A bound socket on loopback. Whoever connects waits until [`serve`](Listener::serve) is called.
///
/// The socket is held from [`bind`](Listener::bind) on and never closed and bound again, so an address that has been
/// announced stays ours.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
    authorities: Vec<String>,
}

impl Listener {
    /// Binds a loopback address; port 0 takes any free one.
    ///
    /// A port that somebody else holds is an error and is never shared or taken over (RFC 8252 §8.3 leaves the loopback
    /// interface to whoever listens first).
    pub async fn bind(address: impl Into<SocketAddr>) -> Result<Listener, BindError> {
        let (socket, address) = bind(address.into()).await?;
        Ok(Listener {
            sockets: vec![socket],
            address,
            authorities: vec![address.to_string()],
        })
    }

    /// Binds a port of `localhost`: of 127.0.0.1 and, where the machine has it, of ::1. A browser tries either, and on the
    /// one that we left open another program could wait for it. Port 0 takes any that is free on both.
    ///
    /// It is known as `localhost` and answers to no other name.
    pub async fn bind_localhost(port: u16) -> Result<Listener, BindError> {
        let mut tries = if port == 0 { TRIES_FOR_BOTH } else { 1 };
        loop {
            tries -= 1;
            let (socket, address) = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
            let mut sockets = vec![socket];
            match bind((Ipv6Addr::LOCALHOST, address.port()).into()).await {
                Ok((socket, _)) => sockets.push(socket),
                Err(error) if error.is_port_taken() && tries > 0 => continue,
                Err(error) if error.is_port_taken() => return Err(error),
                Err(_) => {} // there is no IPv6 here, for us or for anybody else
            }
            return Ok(Listener {
                sockets,
                address,
                authorities: vec![format!("localhost:{}", address.port())],
            });
        }
    }

    /// Also answers to this name with the listener's port, for example `localhost`: some identity providers register
    /// nothing else.
    #[must_use]
    pub fn also_as(mut self, name: &str) -> Self {
        self.authorities
            .push(format!("{name}:{}", self.address.port()));
        self
    }

    /// The address that was bound, with the port that was given; of `localhost` the IPv4 one.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What stands between `http://` and the path: `127.0.0.1:41234`, `[::1]:41234` or `localhost:41234`.
    pub fn authority(&self) -> String {
        self.authorities[0].clone()
    }

    /// Begins to answer, on tasks of the current runtime.
    ///
    /// The handler is called with a request whose `Host` has been checked and whose body has been read. If the other side
    /// hangs up, the handler's future is dropped where it stands.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, as [`tokio::spawn`] does.
    pub fn serve<H, F>(self, limits: Limits, handler: H) -> Server
    where
        H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Server::start(self.sockets, self.authorities, limits, handler)
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |reason| BindError {
        address,
        holder: sockets::holder(address),
        reason: Some(reason),
    };
    if !address.ip().is_loopback() {
        return Err(BindError {
            address,
            holder: None,
            reason: None,
        });
    }
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok((socket, address))
}

/// An address could not be bound.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    holder: Option<String>,    // who listens there, where the system tells
    reason: Option<io::Error>, // none: the address is not on loopback
}

impl BindError {
    /// The address that was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether somebody else listens on this port.
    pub fn is_port_taken(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| reason.kind() == io::ErrorKind::AddrInUse)
    }
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.address;
        match &self.reason {
            None => write!(f, "{address} is not a loopback address"),
            Some(_) if self.is_port_taken() => write!(
                f,
                "cannot listen on {address}: {} listens there",
                self.holder.as_deref().unwrap_or("another program")
            ),
            Some(reason) => write!(f, "cannot listen on {address}: {}", reason.kind()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.reason.as_ref().map(|reason| reason as _)
    }
}

/// How often to look for a port that is free on both families; nearly every one is.
const TRIES_FOR_BOTH: u32 = 16;
