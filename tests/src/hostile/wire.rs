//! HTTP as it should not be: other ways to a provider, and bodies without an end.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use http::{Request, Response};
use keyless::{Http, HttpClient};
use keyless_token::{BoxFuture, HttpError, Limits};

use super::HTTPS_ISSUER;

/// The way to a provider that stands on loopback and calls itself [`HTTPS_ISSUER`].
#[derive(Debug)]
pub struct Elsewhere(pub String);

impl HttpClient for Elsewhere {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let address = head.uri.to_string().replacen(HTTPS_ISSUER, &self.0, 1);
            head.uri = address.parse().expect("an address");
            Http::default()
                .send(Request::from_parts(head, body), limits)
                .await
        })
    }
}

/// Answers every connection with a head, and then with what `body` writes. Gives its address.
///
/// # Panics
///
/// If there is no free port.
pub fn stream(body: impl Fn(&mut TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = body.clone();
            std::thread::spawn(move || {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
                if stream.read(&mut [0; 4096]).is_ok() && stream.write_all(head.as_bytes()).is_ok()
                {
                    body(&mut stream);
                }
            });
        }
    });
    address
}

/// Waits for a tenth of the time.
#[derive(Debug)]
pub struct Impatient;

impl HttpClient for Impatient {
    fn send(
        &self,
        request: Request<Vec<u8>>,
        limits: Limits,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, HttpError>> {
        let timeout = limits.timeout / 10;
        let limits = Limits { timeout, ..limits };
        Box::pin(async move { Http::default().send(request, limits).await })
    }
}
