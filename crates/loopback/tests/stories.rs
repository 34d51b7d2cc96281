//! What a stranger on loopback may try, and what a person's own request still gets. Spoken in raw bytes, since a
//! well-behaved client could not say most of it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy sees only the test functions themselves as such"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, header};
use keyless_loopback::{Limits, Listener, Server, respond};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

/// A server that answers with the length of the body it was given.
async fn measuring(limits: Limits) -> (Server, SocketAddr) {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .also_as("localhost");
    let address = listener.local_addr();
    let server = listener.serve(limits, |request| async move {
        respond(
            StatusCode::OK,
            "text/plain",
            format!("{} bytes", request.body().len()),
        )
    });
    (server, address)
}

/// Sends the bytes and returns all that comes back until the other side closes.
async fn say(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes.as_bytes()).await; // a refusal may come before the last byte is sent
    heard(&mut stream).await
}

async fn heard(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        heard.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(heard).unwrap()
}

fn get(host: &str) -> String {
    format!("GET /callback HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn only_the_advertised_host_is_answered() {
    let (_server, address) = measuring(Limits::default()).await;
    let port = address.port();
    let cases = [
        (
            "the address itself",
            get(&format!("127.0.0.1:{port}")),
            "200",
        ),
        (
            "a name it also goes by",
            get(&format!("localhost:{port}")),
            "200",
        ),
        ("a rebound name", get("evil.example"), "421"),
        (
            "a rebound name with our port",
            get(&format!("evil.example:{port}")),
            "421",
        ),
        ("our address without its port", get("127.0.0.1"), "421"),
        ("another port", get("127.0.0.1:1"), "421"),
        (
            "our address in other digits",
            get(&format!("127.1:{port}")),
            "421",
        ),
        ("an empty host", get(""), "421"),
        (
            "no host",
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            "421",
        ),
        (
            "no host in HTTP/1.0",
            "GET / HTTP/1.0\r\n\r\n".to_owned(),
            "421",
        ),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n"),
            "421",
        ),
        (
            "a foreign request target",
            format!("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
            "421",
        ),
    ];
    for (who, request, status) in cases {
        let answer = say(address, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{who}: {answer}");
    }
}

#[tokio::test]
async fn what_is_too_big_is_refused() {
    let (_server, address) = measuring(Limits::default().body_bytes(1000)).await;
    let post = |head: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{head}\r\n\r\n{body}")
    };
    let (fits, too_big) = ("x".repeat(1000), "x".repeat(1001));
    let cases = [
        (
            "a body that just fits",
            post("Content-Length: 1000", &fits),
            "200",
        ),
        (
            "a body one byte longer",
            post("Content-Length: 1001", &too_big),
            "413",
        ),
        (
            "the same in chunks",
            post(
                "Transfer-Encoding: chunked",
                &format!("3e9\r\n{too_big}\r\n0\r\n\r\n"),
            ),
            "413",
        ),
        (
            "a body that claims to be huge",
            post("Content-Length: 99999999999", ""),
            "413",
        ),
        (
            "a long header",
            post(&format!("X-Long: {}", "x".repeat(9000)), ""),
            "431",
        ),
        ("many headers", post(&"X: y\r\n".repeat(150), ""), "431"),
        (
            "a long address",
            format!(
                "GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n",
                "x".repeat(9000)
            ),
            "431",
        ),
    ];
    for (what, request, status) in cases {
        let answer = say(address, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{what}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_dawdles_is_hung_up_on() {
    let (_server, address) = measuring(Limits::default()).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(
        say(address, "").await,
        "",
        "an idle connection is closed without a word"
    );
    assert_eq!(
        say(address, "GET / HTTP/1.1\r\nHost: 127").await,
        "",
        "half a head is never answered"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(11),
        "after about 5 s each"
    );

    let slow_body = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 10\r\n\r\nhalf");
    assert!(say(address, &slow_body).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_is_given_up() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr();
    let _server = listener.serve(Limits::default(), |_| std::future::pending());
    assert!(
        say(address, &get(&address.to_string()))
            .await
            .starts_with("HTTP/1.1 503 ")
    );
}

#[tokio::test]
async fn idle_connections_do_not_keep_a_person_out() {
    let (_server, address) = measuring(Limits::default().connections(4)).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(
        say(address, &get(&address.to_string()))
            .await
            .starts_with("HTTP/1.1 200 ")
    );

    assert_eq!(
        heard(&mut idle[0]).await,
        "",
        "the one that had been idle for longest made room"
    );
    let last = idle.last_mut().unwrap();
    last.write_all(get(&address.to_string()).as_bytes())
        .await
        .unwrap();
    assert!(
        heard(last).await.starts_with("HTTP/1.1 200 "),
        "the latest did not"
    );
}

#[tokio::test]
async fn a_connection_at_work_is_never_dropped_for_a_newcomer() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (handler_begun, handler_goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let _server = listener.serve(Limits::default().connections(1), move |_| {
        let (begun, go_on) = (Arc::clone(&handler_begun), Arc::clone(&handler_goes_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            respond(StatusCode::OK, "text/plain", "done")
        }
    });
    let ask = move || tokio::spawn(async move { say(address, &get(&address.to_string())).await });
    let first = ask();
    begun.notified().await;
    let second = ask(); // waits in the backlog: the table has one seat
    go_on.notify_one();
    assert!(first.await.unwrap().ends_with("done"));
    begun.notified().await;
    go_on.notify_one();
    assert!(second.await.unwrap().ends_with("done"));
}

#[tokio::test]
async fn requests_are_answered_side_by_side() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr();
    let barrier = Arc::new(tokio::sync::Barrier::new(8));
    let _server = listener.serve(Limits::default(), move |_| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await; // passes only when all eight are in here
            respond(StatusCode::OK, "text/plain", "")
        }
    });
    let asked: Vec<_> = (0..8)
        .map(|_| tokio::spawn(async move { say(address, &get(&address.to_string())).await }))
        .collect();
    for answer in asked {
        assert!(answer.await.unwrap().starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn the_end_is_graceful_and_the_port_is_closed() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr();
    let go_on = Arc::new(Notify::new());
    let (begun, has_begun) = oneshot::channel();
    let (begun, handler_goes_on) = (std::sync::Mutex::new(Some(begun)), Arc::clone(&go_on));
    let server = listener.serve(Limits::default(), move |_| {
        begun.lock().unwrap().take().unwrap().send(()).unwrap();
        let go_on = Arc::clone(&handler_goes_on);
        async move {
            go_on.notified().await;
            respond(StatusCode::OK, "text/plain", "after all")
        }
    });
    let _idle = TcpStream::connect(address).await.unwrap();
    let asked = tokio::spawn(async move {
        say(
            address,
            &format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n"),
        )
        .await
    });
    has_begun.await.unwrap();

    let ended = tokio::spawn(server.shutdown());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    assert!(
        asked.await.unwrap().ends_with("after all"),
        "the answer under way was finished"
    );
    ended.await.unwrap();
    Listener::bind(address)
        .await
        .expect("the port is free again");
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    let (server, address) = measuring(Limits::default()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    drop(server);
    assert_eq!(heard(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn answers_are_protected_unless_the_handler_says_otherwise() {
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr();
    let _server = listener.serve(Limits::default().keep_alive(false), |_| async {
        let mut answer = respond(StatusCode::OK, "text/html", "");
        answer
            .headers_mut()
            .insert(header::CACHE_CONTROL, "max-age=60".parse().unwrap());
        answer
    });
    let answer = say(
        address,
        &format!("GET / HTTP/1.1\r\nHost: {address}\r\nOrigin: http://evil.example\r\n\r\n"),
    )
    .await;
    for expected in [
        "cache-control: max-age=60",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "content-security-policy: default-src 'none'; ",
        "connection: close",
    ] {
        assert!(answer.contains(expected), "{expected} is missing: {answer}");
    }
    assert!(
        !answer.contains("access-control-"),
        "no other origin may read it"
    );
    assert_eq!(answer.matches("cache-control").count(), 1);
}

#[tokio::test]
async fn only_a_free_loopback_port_is_bound() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = Listener::bind(address.parse::<SocketAddr>().unwrap())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{address} is not a loopback address")
        );
    }
    let held = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let error = Listener::bind(held.local_addr()).await.unwrap_err();
    assert!(error.is_port_taken());
    let said = error.to_string();
    let expected = format!("cannot listen on {}: ", held.authority());
    assert!(said.starts_with(&expected), "{said}");
    if cfg!(target_os = "linux") {
        let us = format!("(process {}) listens there", std::process::id());
        assert!(said.ends_with(&us), "{said}");
    }
}

#[tokio::test]
async fn localhost_is_both_families_and_no_other_name() {
    let listener = Listener::bind_localhost(0).await.unwrap();
    let port = listener.local_addr().port();
    assert_eq!(listener.authority(), format!("localhost:{port}"));
    let taken = Listener::bind_localhost(port).await.unwrap_err();
    assert!(taken.is_port_taken(), "{taken}");
    let server = listener.serve(Limits::default(), |_| async {
        respond(StatusCode::OK, "text/plain", "")
    });
    for address in both(port).into_iter().filter(|to| has(to.ip())) {
        for (host, status) in [
            (format!("localhost:{port}"), "200"),
            (address.to_string(), "421"),
        ] {
            let answer = say(address, &get(&host)).await;
            assert_eq!(answer.split(' ').nth(1), Some(status), "{host}: {answer}");
        }
    }
    server.shutdown().await;
    for address in both(port) {
        assert!(TcpStream::connect(address).await.is_err(), "{address}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_on_one_family_is_not_free() {
    for address in both(0).into_iter().filter(|to| has(to.ip())) {
        let (squatter, held) = loop {
            let squatter = std::net::TcpListener::bind(address).unwrap();
            let held = squatter.local_addr().unwrap();
            // Where a stranger has the same port on the other family, they would be named.
            let mut others = both(held.port())
                .into_iter()
                .filter(|to| *to != held && has(to.ip()));
            if others.all(|to| std::net::TcpListener::bind(to).is_ok()) {
                break (squatter, held);
            }
        };
        let error = Listener::bind_localhost(held.port()).await.unwrap_err();
        assert!(error.is_port_taken(), "{held}: {error}");
        assert_eq!(error.address(), held);
        drop(squatter);
    }
}

fn both(port: u16) -> [SocketAddr; 2] {
    [
        (Ipv4Addr::LOCALHOST, port).into(),
        (std::net::Ipv6Addr::LOCALHOST, port).into(),
    ]
}

/// Whether this machine has the address; not every container has IPv6.
fn has(address: std::net::IpAddr) -> bool {
    std::net::TcpListener::bind((address, 0)).is_ok()
}
