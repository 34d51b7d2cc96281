//! What the stories begin with: a set-up that works, and the means to break it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::common::Machine;

pub(crate) const CONFIG: &str = ".config/keyless/config.toml";

/// Writes a configuration with one identity and the profile `dev`, which nobody else can read.
pub(crate) fn configure(machine: &Machine, identity: &str, profile: &str) {
    let text =
        format!("[identity.corp]\n{identity}\n[profile.dev]\nidentity = \"corp\"\n{profile}\n");
    chmod(&machine.write(CONFIG, &text), 0o600);
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
}

/// A sign-in at the sandbox.
pub(crate) fn sign_in(machine: &Machine) -> String {
    format!(
        "issuer = \"{}\"\nclient_id = \"keyless\"",
        machine.sandbox.issuer()
    )
}

/// A token file that holds a token with these claims over those of a good one.
pub(crate) fn token_file(machine: &Machine, claims: &Value) -> String {
    let now = now();
    let mut all = json!({"iss": machine.sandbox.issuer(), "sub": "user-alice", "aud": "keyless",
        "iat": now, "exp": now + 3600, "email": "alice@example.com"});
    for (name, value) in claims.as_object().expect("claims") {
        all[name] = value.clone();
    }
    let file = machine.write("token", &machine.sandbox.mint(&all));
    format!("token_file = \"{}\"", file.display())
}

pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

/// The Developer's role at the sandbox's STS.
pub(crate) fn developer(machine: &Machine) -> String {
    role(machine, &machine.sandbox.role_arn("Developer"))
}

pub(crate) fn role(machine: &Machine, arn: &str) -> String {
    let sts = machine.sandbox.sts_endpoint();
    format!("role = \"{arn}\"\nregion = \"eu-west-1\"\nendpoint_url = \"{sts}\"")
}

pub(crate) fn healthy(machine: &Machine) {
    configure(machine, &sign_in(machine), &developer(machine));
}

/// An issuer that publishes what `change` makes of a good configuration, and these keys.
pub(crate) fn issuer(change: impl Fn(&mut Value), keys: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let issuer = format!("http://{}", listener.local_addr().expect("an address"));
    let at = |path: &str| format!("{issuer}/{path}");
    let mut document = json!({"issuer": issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("jwks"), "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"]});
    change(&mut document);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut request = [0; 4096];
            let length = stream.read(&mut request).expect("a request");
            let request = String::from_utf8_lossy(&request[..length]);
            let body = if request.starts_with("GET /jwks") {
                &keys
            } else {
                &document
            }
            .to_string();
            let answer = match document["elsewhere"].as_str() {
                Some(to) => format!(
                    "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                ),
                None => format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                ),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("issuer = \"{issuer}\"\nclient_id = \"keyless\"")
}

pub(crate) fn rsa() -> Value {
    json!({"keys": [{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}]})
}

/// Signs in, and lets AWS tools come here.
pub(crate) fn wired(machine: &Machine) {
    healthy(machine);
    machine.login(&["dev", "--write-aws-config", "dev"]).done();
}

/// A set-up with one broken link.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    pub(crate) told: &'static str,
    /// Breaks something, and gives the variables of the run.
    pub(crate) breaks: fn(&Machine) -> Vec<(&'static str, String)>,
    pub(crate) arguments: &'static [&'static str],
    /// The line that names it.
    pub(crate) id: &'static str,
    pub(crate) state: &'static str,
    pub(crate) says: &'static str,
    pub(crate) advises: &'static str,
    pub(crate) code: i32,
}
