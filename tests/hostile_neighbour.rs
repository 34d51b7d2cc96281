//! Another program on the same machine, and a web page in the person's own browser, at the listener of a sign-in. None of
//! them completes the sign-in and none ends it: the person's own callback works after each.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;

use keyless::TokenErrorKind;
use keyless::login::{LoginBuilder, RedirectHost};
use keyless_sandbox::{Person as Somebody, Sandbox};
use keyless_tests::neighbour::{Waiting, code_for, get, header, is_protected, say, status};
use keyless_tests::person::{Deed, Person, browse};
use keyless_tests::port;
use keyless_tests::scene::Scene;
use url::Url;

#[tokio::test]
async fn whatever_strangers_say_the_persons_own_callback_works() {
    let scene = Scene::new().await;
    // The placeholders are filled in for each sign-in: it has its own port and its own state.
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: AUTHORITY\r\n\r\n");
    let from = |header: &str| {
        format!("GET /callback?code=x&state=STATE HTTP/1.1\r\nHost: AUTHORITY\r\n{header}\r\n\r\n")
    };
    let by = |method: &str| {
        format!(
            "{method} /callback?code=x&state=STATE HTTP/1.1\r\nHost: AUTHORITY\r\nOrigin: https://evil.example\r\n\
             Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let to = |host: &str| format!("GET /callback?code=x&state=STATE HTTP/1.1\r\n{host}\r\n\r\n");
    let long = "x".repeat(1 << 20);
    let rows = [
        // Another name for this machine: a page whose name was rebound to it (DNS rebinding).
        ("a wrong host", to("Host: evil.example"), "421"),
        ("a wrong host with our port", to("Host: evil.example:PORT"), "421"),
        ("localhost, which was not announced", to("Host: localhost:PORT"), "421"),
        ("our host without its port", to("Host: 127.0.0.1"), "421"),
        ("no host", to("X-Nothing: here"), "421"),
        ("two hosts", to("Host: AUTHORITY\r\nHost: AUTHORITY"), "421"),
        (
            "a foreign target",
            "GET http://evil.example/callback?code=x&state=STATE HTTP/1.1\r\nHost: AUTHORITY\r\n\r\n".into(),
            "421",
        ),
        // Another path.
        ("the root", get("/?code=x&state=STATE"), "404"),
        ("the icon", get("/favicon.ico"), "404"),
        ("a longer path", get("/callback/?code=x&state=STATE"), "404"),
        ("a path in capitals", get("/Callback?code=x&state=STATE"), "404"),
        ("an encoded path", get("/%63allback?code=x&state=STATE"), "404"),
        ("a path with dots", get("/x/../callback?code=x&state=STATE"), "404"),
        ("two slashes", get("//callback?code=x&state=STATE"), "404"),
        // Another method; a preflight is answered with nothing that would allow what it asks for.
        ("POST", by("POST"), "405"),
        ("HEAD", by("HEAD"), "405"),
        ("OPTIONS", by("OPTIONS"), "405"),
        ("PUT", by("PUT"), "405"),
        (
            "a response as a form (form_post)",
            "POST /callback HTTP/1.1\r\nHost: AUTHORITY\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 12\r\n\r\ncode=x&state".into(),
            "405",
        ),
        // Another state, or none: `error` is no exception.
        ("an error with a wrong state", get("/callback?error=access_denied&state=wrong"), "400"),
        ("an error with no state", get("/callback?error=access_denied"), "400"),
        ("an error with an empty state", get("/callback?error=access_denied&state="), "400"),
        ("a code with a wrong state", get("/callback?code=stolen&state=wrong"), "400"),
        ("a code with no state", get("/callback?code=stolen"), "400"),
        ("a code with the state cut short", get("/callback?code=stolen&state=CUT"), "400"),
        ("a code with more than the state", get("/callback?code=stolen&state=STATEx"), "400"),
        ("nothing", get("/callback"), "400"),
        // The same parameter twice: whoever reads the first and whoever reads the last would read different things.
        ("the right state twice", get("/callback?code=x&state=STATE&state=STATE"), "400"),
        ("a wrong state and the right one", get("/callback?code=x&state=wrong&state=STATE"), "400"),
        ("two codes", get("/callback?code=a&code=b&state=STATE"), "400"),
        ("two codes, one spelled otherwise", get("/callback?code=a&c%6fde=b&state=STATE"), "400"),
        ("two errors", get("/callback?error=a&error=b&state=STATE"), "400"),
        ("two issuers", get("/callback?code=x&iss=a&iss=b&state=STATE"), "400"),
        ("two of something unknown", get("/callback?code=x&z=1&z=2&state=STATE"), "400"),
        // Another web page in the person's browser, even one that knows the state.
        ("fetch()", from("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty"), "403"),
        ("fetch() without cors", from("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty"), "403"),
        ("a script", from("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script"), "403"),
        ("an image", from("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image"), "403"),
        ("a frame", from("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe"), "403"),
        ("an object", from("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: object"), "403"),
        ("two modes", from("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Mode: cors"), "403"),
        // Too much, or something else than HTTP.
        ("a header of a megabyte", from(&format!("X-Long: {long}")), "431"),
        ("a query of a megabyte", get(&format!("/callback?code={long}&state=STATE")), "431"),
        ("a thousand headers", from(&"X: y\r\n".repeat(1000)), "431"),
        (
            "a body that claims to be huge",
            "GET /callback?code=x&state=STATE HTTP/1.1\r\nHost: AUTHORITY\r\nContent-Length: 99999999999\r\n\r\n".into(),
            "413",
        ),
        ("TLS", "\u{16}\u{3}\u{1}\0\u{5}hello".into(), "400"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "nothing"),
    ];
    for (who, request, answered) in rows {
        let waiting = Waiting::begin(&scene).await;
        let state = waiting.asked("state");
        let request = request
            .replace("CUT", &state[..state.len() - 1])
            .replace("STATE", &state)
            .replace("AUTHORITY", &waiting.authority())
            .replace("PORT", &waiting.address().port().to_string());
        let answer = say(waiting.address(), request.into_bytes()).await;
        if who == "HTTP/2" {
            assert!(!answer.starts_with("HTTP/1.1 2"), "{who}: {answer}");
        } else {
            assert_eq!(status(&answer), answered, "{who}: {answer}");
        }
        // hyper itself refuses what it cannot read, without a page.
        let a_page = answer.contains("content-type");
        assert!(!a_page || is_protected(&answer), "{who}: {answer}");
        assert!(
            !answer.contains(&state),
            "{who} is told the state: {answer}"
        );
        waiting.completes(who).await;
    }
}

#[tokio::test]
async fn connections_that_say_nothing_or_little_keep_nobody_out() {
    let scene = Scene::new().await;
    for (who, said) in [
        ("a hundred idle connections", ""),
        ("a hundred that begin and dawdle", "GET /callback?code="),
        (
            "a hundred with half a body",
            "POST /callback HTTP/1.1\r\nHost: AUTHORITY\r\nContent-Length: 9\r\n\r\nhalf",
        ),
    ] {
        let waiting = Waiting::begin(&scene).await;
        let said = said.replace("AUTHORITY", &waiting.authority());
        let mut held = Vec::new();
        for _ in 0..100 {
            let mut stream = TcpStream::connect(waiting.address()).expect("connected");
            let _ = stream.write_all(said.as_bytes()); // it may have made room for a later one already
            held.push(stream);
        }
        waiting.completes(who).await;
    }

    // One byte at a time, as the listener reads them, until it has had enough or the person is done.
    let waiting = Waiting::begin(&scene).await;
    let address = waiting.address();
    let trickle = tokio::spawn(async move {
        let mut stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("connected");
        for byte in b"GET / HTTP/1.1\r\nX: "
            .iter()
            .chain(std::iter::repeat(&b'y'))
        {
            if tokio::io::AsyncWriteExt::write_all(&mut stream, &[*byte])
                .await
                .is_err()
            {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    waiting.completes("a byte at a time").await;
    trickle.await.expect("it is hung up on");
}

#[tokio::test]
async fn a_neighbour_on_the_other_family_of_addresses_gets_nothing() {
    let scene = Scene::new().await;
    let (squatter, port) = loop {
        let port = port::free();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(squatter) => break (squatter, port),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(_) => return, // no IPv6 here, for the neighbour neither
        }
    };
    squatter.set_nonblocking(true).expect("set");

    // An address is not a name: a browser sent to 127.0.0.1 never tries ::1.
    let waiting = Waiting::with(&scene, |login| login.port(port)).await;
    assert_eq!(waiting.authority(), format!("127.0.0.1:{port}"));
    waiting.completes("a squatter on ::1").await;
    assert!(squatter.accept().is_err(), "somebody came to the squatter");

    // `localhost` may be either, so half a port is not enough.
    let login = scene
        .login_builder(&Person::who(Deed::StayAway))
        .redirect_host(RedirectHost::Localhost)
        .port(port)
        .build()
        .expect("a login");
    let error = login.sign_in().await.expect_err("half a port");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error.to_string().contains(&format!("[::1]:{port}")),
        "{error}"
    );
    drop(squatter);

    // And where it listens, it does so on both, until it is done.
    for (host, addresses) in [
        (
            RedirectHost::Ipv4,
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
        ),
        (
            RedirectHost::Ipv6,
            vec![SocketAddr::from((Ipv6Addr::LOCALHOST, port))],
        ),
        (
            RedirectHost::Localhost,
            vec![
                SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
            ],
        ),
    ] {
        let waiting = Waiting::with(&scene, |login| login.redirect_host(host).port(port)).await;
        assert_eq!(
            waiting.asked("redirect_uri"),
            format!("http://{host}:{port}/callback")
        );
        for address in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ] {
            assert_eq!(
                TcpStream::connect(address).is_ok(),
                addresses.contains(&address),
                "{host}: {address}"
            );
        }
        let page = browse(&waiting.link(), &Deed::SignInAs("alice".into())).await;
        assert!(
            page.contains("Signed in as alice@example.com"),
            "{host}: {page}"
        );
        waiting.sign_in.await.expect("no panic").expect("signed in");
        for address in addresses {
            assert!(
                TcpStream::connect(address).is_err(),
                "{address} is still open"
            );
        }
    }
}

#[tokio::test]
async fn a_port_that_a_neighbour_holds_is_named_and_a_range_goes_on() {
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    // Two ports that follow each other, the lower one held by a neighbour.
    let (squatter, free) = loop {
        let (lower, upper) = (port::free(), port::free());
        let hold = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if let (true, Ok(squatter), Ok(free)) = (upper == lower + 1, hold(lower), hold(upper)) {
            break (squatter, free);
        }
    };
    let held = squatter.local_addr().expect("an address");
    let next = free.local_addr().expect("an address").port();

    let fixed = scene
        .login_builder(&person)
        .port(held.port())
        .build()
        .expect("a login");
    let error = fixed.sign_in().await.expect_err("the port is taken");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error
            .to_string()
            .contains(&format!("cannot listen on {held}: ")),
        "{error}"
    );
    assert!(
        error
            .advice()
            .expect("advice")
            .contains("end the program that holds the port")
    );
    if cfg!(target_os = "linux") {
        let holder = format!("(process {})", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
    }

    let range = |login: LoginBuilder| login.ports(held.port()..=next);
    let error = range(scene.login_builder(&person))
        .build()
        .expect("a login");
    let error = error.sign_in().await.expect_err("both ports are taken");
    let said = format!(
        "no port from {} to {next} of 127.0.0.1 is free",
        held.port()
    );
    assert!(error.to_string().contains(&said), "{error}");
    assert!(
        person.told().links.is_empty(),
        "nobody was sent to a port of somebody else's"
    );

    drop(free);
    let waiting = Waiting::with(&scene, range).await;
    assert_eq!(waiting.address().port(), next, "the first that is free");
    waiting
        .completes("a squatter on the first port of the range")
        .await;

    for (ports, said) in [
        (RangeInclusive::new(8410, 8400), "no port from 8410 to 8400"),
        (0..=8400, "no port from 0"),
    ] {
        let error = scene
            .login_builder(&person)
            .ports(ports)
            .build()
            .expect_err(said);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn the_one_time_link_leads_on_once() {
    let scene = Scene::new().await;
    let waiting = Waiting::begin(&scene).await;
    let link = Url::parse(&waiting.link()).expect("an address");
    assert_eq!(
        link.query(),
        None,
        "nothing in it that others should not read: {link}"
    );

    let first = say(waiting.address(), get(&link)).await;
    assert_eq!(status(&first), "303", "{first}");
    let onward = header(&first, "location").to_owned();
    assert_eq!(onward, waiting.person.told().urls[0]);
    let second = say(waiting.address(), get(&link)).await;
    assert_eq!(status(&second), "410", "{second}");
    assert!(
        second.contains("This link has been used") && is_protected(&second),
        "{second}"
    );
    assert!(!second.contains(&waiting.asked("state")), "{second}");
    waiting.completes_from(&onward, "the link used twice").await;
}

#[tokio::test]
async fn a_second_callback_shows_what_came_of_the_first_and_changes_nothing() {
    let scene = Scene::new().await;
    for (again, another_code) in [("a double click", false), ("another code", true)] {
        let before = scene.sandbox.calls().token;
        let waiting = Waiting::begin(&scene).await;
        let address = waiting.address();
        let callback = code_for(&waiting.person.told().urls[0], "alice").await;
        let mut second = callback.clone();
        if another_code {
            second.set_query(Some(&format!("code=x&state={}", waiting.asked("state"))));
        }

        let first = say(address, get(&callback)).await;
        let second = say(address, get(&second)).await;
        for answer in [&first, &second] {
            assert_eq!(status(answer), "303", "{again}: {answer}");
            assert!(is_protected(answer), "{again}: {answer}");
        }
        // The address bar ends on a path of its own: neither code nor state stay in the history.
        let last = header(&first, "location");
        assert_eq!(header(&second, "location"), last, "{again}");
        assert!(
            last.len() == 34 && last.ends_with('#') && !last.contains('?'),
            "{last}"
        );

        let page = say(address, get(&callback.join(last).expect("an address"))).await;
        assert_eq!(status(&page), "200", "{again}: {page}");
        assert!(
            page.contains("Signed in as alice@example.com") && is_protected(&page),
            "{again}: {page}"
        );
        waiting.sign_in.await.expect("no panic").expect("signed in");
        assert_eq!(
            scene.sandbox.calls().token,
            before + 1,
            "{again}: one code was redeemed"
        );
        assert!(
            TcpStream::connect(address).is_err(),
            "{again}: the port is still open"
        );
    }
}

/// What somebody can do who has got hold of the authorization request, `state` and all: it was on the person's screen.
///
/// A browser on another machine is sent to that machine's own loopback, and nothing comes here. On this machine the
/// programs of other users are refused whatever they know (on Linux, which tells whose they are; see `keyless_loopback`).
/// What is left are programs of the person's own, and machines that do not tell. There `state` alone buys nothing but an
/// end: a code that was made for another verifier or another nonce is refused, and the next sign-in works. Only a
/// sign-in with the *whole* request goes through, because it is the request that was asked for; no part of the protocol
/// tells one browser from another. That is why the request is in no argument list, and why who signed in is
/// always told, loudly where it is another person than before.
#[tokio::test]
async fn a_copied_request_never_passes_unseen() {
    let scene = Scene::new().await;
    let alice = Waiting::begin(&scene).await;
    alice.completes("nothing").await;

    // The challenge of `dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk` (RFC 7636, appendix B).
    let others_challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for (their_change, with, kind, said) in [
        (
            "code_challenge",
            others_challenge,
            TokenErrorKind::Refused,
            "invalid_grant",
        ),
        ("nonce", "another", TokenErrorKind::Invalid, "(nonce)"),
    ] {
        let waiting = Waiting::begin(&scene).await;
        let theirs = waiting.person.told().urls[0].replace(&waiting.asked(their_change), with);
        browse(code_for(&theirs, "bob").await.as_str(), &Deed::StayAway).await;
        let error = waiting
            .sign_in
            .await
            .expect("no panic")
            .expect_err(their_change);
        assert_eq!(error.kind(), kind, "{their_change}: {error}");
        assert!(error.to_string().contains(said), "{their_change}: {error}");
        assert!(waiting.person.told().signed_in.is_empty(), "{their_change}");
        Waiting::begin(&scene).await.completes(their_change).await;
    }

    let waiting = Waiting::begin(&scene).await;
    let copied = waiting.person.told().urls[0].clone();
    let page = browse(&copied, &Deed::SignInAs("bob".into())).await;
    assert!(page.contains("Signed in as bob@example.com"), "{page}");
    waiting
        .sign_in
        .await
        .expect("no panic")
        .expect("signed in as Bob");
    let loudly = (
        "bob@example.com".to_owned(),
        Some("alice@example.com".to_owned()),
    );
    assert_eq!(waiting.person.told().signed_in, [loudly]);
}

#[tokio::test]
async fn nothing_that_comes_from_outside_becomes_part_of_the_page() {
    let markup = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mallory = Somebody::new("mallory", markup);
    let scene = Scene::of(Sandbox::builder().person(mallory)).await;

    let waiting = Waiting::begin(&scene).await;
    let page = browse(&waiting.link(), &Deed::SignInAs("mallory".into())).await;
    assert!(
        page.contains("Signed in as &lt;script&gt;alert(1)") && is_plain(&page),
        "{page}"
    );
    waiting.sign_in.await.expect("no panic").expect("signed in");

    for name in ["error", "error_description"] {
        let waiting = Waiting::begin(&scene).await;
        let mut callback = Url::parse(&waiting.asked("redirect_uri")).expect("an address");
        callback
            .query_pairs_mut()
            .append_pair("state", &waiting.asked("state"))
            .append_pair("iss", scene.sandbox.issuer())
            .append_pair(name, markup)
            .append_pair(if name == "error" { "x" } else { "error" }, "access_denied");
        let page = browse(callback.as_str(), &Deed::StayAway).await;
        assert!(
            page.contains("&lt;script&gt;alert(1)") && is_plain(&page),
            "{name}: {page}"
        );
        let error = waiting.sign_in.await.expect("no panic").expect_err(name);
        assert_eq!(error.kind(), TokenErrorKind::Refused, "{name}: {error}");
    }
}

fn is_plain(page: &str) -> bool {
    !["<script", "<img", "'>", "\"'"]
        .iter()
        .any(|markup| page.contains(markup))
}
