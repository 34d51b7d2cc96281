//! A sandbox, a home folder of its own, and a person who signs in without a browser.
#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keyless_sandbox::Sandbox;

/// A machine on which nothing but `keyless` has run.
#[derive(Debug)]
pub(crate) struct Machine {
    home: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Machine {
    /// One with the profiles `dev` (Developer), `admin` (Admin) and `nobody` (no role), where whoever signs in is Alice.
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::builder()
            .sign_in_as("alice")
            .start()
            .await
            .expect("a sandbox");
        let home = tempfile::tempdir().expect("a home");
        let machine = Self { home, sandbox };
        let (issuer, sts) = (machine.sandbox.issuer(), machine.sandbox.sts_endpoint());
        let config = format!(
            r#"
[identity.corp]
issuer = "{issuer}"
client_id = "keyless"
[profile.dev]
identity = "corp"
role = "{}"
region = "eu-west-1"
endpoint_url = "{sts}"
[profile.admin]
identity = "corp"
role = "{}"
endpoint_url = "{sts}"
[profile.nobody]
identity = "corp"
"#,
            machine.sandbox.role_arn("Developer"),
            machine.sandbox.role_arn("Admin"),
        );
        machine.write(".config/keyless/config.toml", &config);
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("readable")
    }

    /// `keyless` with these arguments; it knows nothing of the machine that runs the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyless"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KEYLESS_CONFIG", self.path(".config/keyless/config.toml"))
            .env("KEYLESS_STORE_DIR", self.path("store"))
            .env("KEYLESS_NO_INTERACTIVE", "1")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().expect("started"))
    }

    /// The files of the store whose names end so.
    pub(crate) fn entries(&self, end: &str) -> Vec<PathBuf> {
        let mut files = entries(&self.path("store"));
        files.retain(|file| file.to_string_lossy().ends_with(end));
        files
    }

    /// Changes the one session that the store holds.
    pub(crate) fn change_session(&self, change: impl Fn(&mut serde_json::Value)) {
        for file in self.entries(".json") {
            let text = std::fs::read_to_string(&file).expect("text");
            let Ok(mut entry) = serde_json::from_str::<serde_json::Value>(&text) else {
                continue;
            };
            if entry["value"]["access_key_id"].is_string() {
                change(&mut entry["value"]);
                return std::fs::write(&file, entry.to_string()).expect("written");
            }
        }
        panic!("no session is held");
    }

    /// `keyless login` with these arguments, and a person who follows the link that it prints.
    pub(crate) fn login(&self, arguments: &[&str]) -> Ran {
        Self::login_by(self.command(&[&["login", "--no-browser"], arguments].concat()))
    }

    /// The same, by this command.
    pub(crate) fn login_by(mut command: Command) -> Ran {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        loop {
            let mut line = String::new();
            if stderr.read_line(&mut line).expect("text") == 0 {
                break;
            }
            said.push_str(&line);
            if line.starts_with("  http://") {
                follow(line.trim());
            }
        }
        let output = child.wait_with_output().expect("ended");
        let mut ran = Ran::new(output);
        ran.said = said;
        ran
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) data: String,
    pub(crate) said: String,
    pub(crate) output: Output,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self {
            code: output.status.code(),
            data: text(&output.stdout),
            said: text(&output.stderr),
            output,
        }
    }

    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Goes where a browser would.
pub(crate) fn follow(address: &str) {
    let mut address = address.to_owned();
    for _ in 0..10 {
        let page = get(&address);
        match location_in(&page, &address).or_else(|| posted(&page)) {
            None => return,
            Some(next) => address = next,
        }
    }
}

/// Posts the form that a page with a SAML response posts by itself, and gives where that leads to.
fn posted(page: &str) -> Option<String> {
    let after = |start: &str| page.split(start).nth(1)?.split('"').next();
    let field = |name: &str| after(&format!("name=\"{name}\" value=\""));
    // Nothing in it is escaped; of a form's own signs base64 has but one.
    let response = field("SAMLResponse")?.replace('+', "%2B");
    let form = format!(
        "SAMLResponse={response}&RelayState={}",
        field("RelayState").unwrap_or_default()
    );
    let consumer = after("action=\"")?;
    let (host, path) = consumer.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(host).expect("a listener");
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let next = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "))?;
    Some(format!("http://{host}{next}"))
}

/// What a browser gets from an address, with its headers.
pub(crate) fn get(address: &str) -> String {
    let rest = address.strip_prefix("http://").expect("loopback");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("a listener");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Where an address sends a browser on to.
pub(crate) fn location(address: &str) -> Option<String> {
    location_in(&get(address), address)
}

fn location_in(answer: &str, address: &str) -> Option<String> {
    let next = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then_some(value)
    })?;
    Some(if next.starts_with('/') {
        let host = address.split('/').nth(2).expect("a host");
        format!("http://{host}{next}")
    } else {
        next.to_owned()
    })
}

/// What is left in a folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}
