//! The tasks that accept and answer, the table of connections, and the end of it all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, Id, JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::Limits;
use crate::answer::{admit, protect, refuse};
use crate::sockets::is_another_users;

/// A listener that answers. Dropping it closes the port and every connection at once.
#[derive(Debug)]
pub struct Server {
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start<H, F>(
        sockets: Vec<TcpListener>,
        authorities: Vec<String>,
        limits: Limits,
        handler: H,
    ) -> Server
    where
        H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(());
        let shared = Arc::new(Shared {
            authorities,
            limits,
            handler,
            stopped,
            quiet: Notify::new(),
        });
        Server {
            stop,
            accepting: tokio::spawn(accept(sockets, shared)),
        }
    }

    /// Closes the port, lets the answers under way finish within the drain deadline, then closes every connection.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        let _ = (&mut self.accepting).await; // a panic in there leaves nothing to wait for
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort(); // its set of connections is aborted with it
    }
}

/// What every connection of a server needs.
struct Shared<H> {
    authorities: Vec<String>,
    limits: Limits,
    handler: H,
    stopped: watch::Receiver<()>,
    quiet: Notify, // a handler has answered: there may be room for one more connection
}

/// Since when a connection has waited for its other side; none while the handler is at work.
struct Activity(Mutex<Option<Instant>>);

impl Activity {
    fn set(&self, quiet_since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = quiet_since;
    }

    fn quiet_since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Table = HashMap<Id, (Arc<Activity>, AbortHandle)>;

async fn accept<H, F>(sockets: Vec<TcpListener>, shared: Arc<Shared<H>>)
where
    H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Bytes>> + Send + 'static,
{
    let mut stopped = shared.stopped.clone();
    let mut tasks = JoinSet::new();
    let mut table = Table::new();
    let mut turn = 0;
    loop {
        turn = usize::wrapping_add(turn, 1);
        let full = table.len() >= shared.limits.connections;
        tokio::select! {
            _ = stopped.changed() => break,
            Some(ended) = tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => error.id(),
                };
                table.remove(&id);
            }
            () = shared.quiet.notified() => {}
            accepted = next(&sockets, turn), if !full || quietest(&table).is_some() => match accepted {
                Ok(stream) => {
                    // Asked again: the one that was quiet may have begun to work while this one was awaited.
                    if full && let Some((_, abort)) = quietest(&table).and_then(|id| table.remove(&id)) {
                        abort.abort();
                    }
                    let activity = Arc::new(Activity(Mutex::new(Some(Instant::now()))));
                    let abort = tasks.spawn(converse(stream, Arc::clone(&shared), Arc::clone(&activity)));
                    table.insert(abort.id(), (activity, abort));
                }
                Err(error) => {
                    tracing::warn!(kind = %error.kind(), "cannot accept a connection on loopback");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await; // out of descriptors, most likely: do not spin
                }
            },
        }
    }
    drop(sockets);
    let drained = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(shared.limits.drain_deadline, drained).await;
}

/// The next connection at any of the sockets, which take turns: a flood at one does not starve the other.
async fn next(sockets: &[TcpListener], turn: usize) -> io::Result<TcpStream> {
    std::future::poll_fn(|context| {
        let in_turn = (0..sockets.len()).map(|i| &sockets[turn.wrapping_add(i) % sockets.len()]);
        for socket in in_turn {
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    })
    .await
}

/// The connection that has been quiet for longest.
fn quietest(table: &Table) -> Option<Id> {
    let quiet = table
        .iter()
        .filter_map(|(id, (activity, _))| Some((activity.quiet_since()?, *id)));
    quiet.min_by_key(|(since, _)| *since).map(|(_, id)| id)
}

/// One connection, from its first byte to its last. What goes wrong on it is the other side's concern and is not logged.
async fn converse<H, F>(stream: TcpStream, shared: Arc<Shared<H>>, activity: Arc<Activity>)
where
    H: Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Bytes>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let stranger = shared.limits.own_user_only && is_strangers(&stream).await;
    let service = service_fn(|request| {
        let (shared, activity) = (Arc::clone(&shared), Arc::clone(&activity));
        async move {
            let mut response = if stranger {
                refuse(
                    StatusCode::FORBIDDEN,
                    "only programs of the user who listens here are answered",
                )
            } else {
                answer(request, &shared, &activity).await
            };
            protect(&mut response, &shared.limits);
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.header_deadline)
        .max_buf_size(shared.limits.header_bytes)
        .keep_alive(shared.limits.keep_alive)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut stopped = shared.stopped.clone();
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether another user's program is on the other side. The kernel's table may be long, so it is not read on this thread.
async fn is_strangers(stream: &TcpStream) -> bool {
    let (Ok(local), Ok(remote)) = (stream.local_addr(), stream.peer_addr()) else {
        return false;
    };
    tokio::task::spawn_blocking(move || is_another_users(local, remote))
        .await
        .unwrap_or(false)
}

async fn answer<H, F>(
    request: Request<Incoming>,
    shared: &Shared<H>,
    activity: &Activity,
) -> Response<Bytes>
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Response<Bytes>>,
{
    let limits = &shared.limits;
    let deadline = Instant::now() + limits.request_deadline;
    let response = match admit(request, &shared.authorities, limits, deadline).await {
        Err(refusal) => refusal,
        Ok(request) => {
            activity.set(None);
            tokio::time::timeout_at(deadline, (shared.handler)(request))
                .await
                .unwrap_or_else(|_| {
                    refuse(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long")
                })
        }
    };
    activity.set(Some(Instant::now()));
    shared.quiet.notify_one();
    response
}

const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(50);
