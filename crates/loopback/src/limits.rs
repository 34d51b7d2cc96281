//! How much, how many and how long: what a server puts up with.

use std::time::Duration;

/// What a server puts up with before it closes a connection.
///
/// The default is as strict as the callback of a sign-in needs: one person, one browser, one short request.
///
/// ```
/// use std::time::Duration;
/// use keyless_loopback::Limits;
///
/// let limits = Limits::default().connections(64).request_deadline(Duration::from_secs(60));
/// # let _ = limits;
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    pub(crate) header_bytes: usize,
    pub(crate) body_bytes: usize,
    pub(crate) connections: usize,
    pub(crate) header_deadline: Duration,
    pub(crate) request_deadline: Duration,
    pub(crate) drain_deadline: Duration,
    pub(crate) keep_alive: bool,
    pub(crate) own_user_only: bool,
}

impl Default for Limits {
    /// 8 KiB of head, 64 KiB of body, 16 connections, 5 s for a head, 30 s for a request, 2 s to drain, connections kept alive.
    fn default() -> Self {
        Limits {
            header_bytes: SMALLEST_HEAD,
            body_bytes: 64 * 1024,
            connections: 16,
            header_deadline: Duration::from_secs(5),
            request_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(2),
            keep_alive: true,
            own_user_only: false,
        }
    }
}

impl Limits {
    /// The most bytes of a request line and its headers together; more is answered with 431. Never below 8 KiB, which is
    /// the least that hyper works with.
    #[must_use]
    pub fn header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes.max(SMALLEST_HEAD);
        self
    }

    /// The most bytes of a request's body; more is answered with 413.
    #[must_use]
    pub fn body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// How many connections may be open at a time, at least one. One more drops the one that has been quiet for longest, or
    /// waits if every one of them is being answered.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How long a connection may take to send a whole head, or stay idle before the next one. It is then closed.
    #[must_use]
    pub fn header_deadline(mut self, deadline: Duration) -> Self {
        self.header_deadline = deadline;
        self
    }

    /// How long a request may take from its head to the handler's answer: a body that is late is answered with 408, a
    /// handler with 503.
    #[must_use]
    pub fn request_deadline(mut self, deadline: Duration) -> Self {
        self.request_deadline = deadline;
        self
    }

    /// How long [`Server::shutdown`](crate::Server::shutdown) waits for the answers under way.
    #[must_use]
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain_deadline = deadline;
        self
    }

    /// Whether a connection may carry more than one request. Without, each answer says `Connection: close`.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// Whether the programs of other users of this machine are answered with 403. Only Linux tells whose they are; root
    /// is never refused, nor is anybody where we are root ourselves.
    #[must_use]
    pub fn own_user_only(mut self, own_user_only: bool) -> Self {
        self.own_user_only = own_user_only;
        self
    }
}

const SMALLEST_HEAD: usize = 8 * 1024;
