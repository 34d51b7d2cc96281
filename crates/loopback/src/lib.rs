//! An HTTP listener that only this machine's own user should reach: bind, `Host`, limits, deadlines, headers, drain.
//!
//! Three things in this workspace listen on loopback: the callback of a sign-in, the container-credentials endpoint and the
//! sandbox. What they share is here, once. A [`Listener`] is bound *before* its address is announced and the socket is
//! held from then on, so that nobody else can take the port in between. [`Listener::serve`] turns it into a [`Server`],
//! which refuses what the handler should never see:
//!
//! - a `Host` that was not advertised (DNS rebinding), or none, or two;
//! - a head, a body or a wait beyond the [`Limits`];
//! - on Linux, where asked for, a program of another user of the machine;
//! - more connections than the limit: the one that has been quiet for longest makes room, so that a page holding many
//!   idle connections open cannot keep a person's own request out.
//!
//! Every answer carries headers against caching, framing, sniffing and referrers unless the handler has set its own, and
//! none that would let another origin read it. Of a request nothing is ever logged: its address may hold a code.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use http::StatusCode;
//! use keyless_loopback::{Limits, Listener, respond};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
//! let address = format!("http://{}/hello", listener.authority()); // safe to announce: the port is ours
//!
//! let server = listener.serve(Limits::default(), |request| async move {
//!     match request.uri().path() {
//!         "/hello" => respond(StatusCode::OK, "text/plain", "hello"),
//!         _ => respond(StatusCode::NOT_FOUND, "text/plain", "not found"),
//!     }
//! });
//! server.shutdown().await; // answers under way are finished, then the port is closed
//! # Ok(())
//! # }
//! ```

mod answer;
mod limits;
mod listener;
mod server;
mod sockets;

pub use answer::respond;
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use server::Server;
pub use sockets::keeps_other_users_out;
