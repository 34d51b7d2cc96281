//! A real browser, driven by WebDriver (W3C), over the HTTP client that is there anyway.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Request;
use keyless::{Http, HttpClient};
use keyless_token::Limits;
use serde_json::{Value, json};

/// What WebDriver calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often `chromedriver` is started before a story is given up.
const STARTS: u32 = 20;

/// How long is waited for what is looked for on a page. `chromedriver` itself waits for a browser's start, and for a page, for minutes.
const PATIENCE: Duration = Duration::from_mins(1);

/// `chromedriver`, and one Chromium under it, for one story.
#[derive(Debug)]
pub struct Chromium {
    driver: Child,
    session: String,
    http: Http,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts both, without a window. Whatever is looked for on a page is waited for, up to a minute.
    ///
    /// # Panics
    ///
    /// Where `chromedriver` is missing: `cargo xtask parts` provides it.
    pub async fn start() -> Self {
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // The pages of `oidc-provider` want fonts from elsewhere.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "timeouts": { "implicit": PATIENCE.as_secs() * 1000 },
        }}});
        let mut chromium = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            http: Http::default(),
            _profile: profile,
        };
        let begun = chromium.call("POST", "", Some(wanted)).await;
        chromium.session = format!(
            "{}/{}",
            chromium.session,
            begun["sessionId"].as_str().expect("a session")
        );
        chromium
    }

    /// Opens `address`.
    pub async fn open(&self, address: &str) {
        self.call("POST", "/url", Some(json!({ "url": address })))
            .await;
    }

    /// Goes back, as by the button.
    pub async fn back(&self) {
        self.call("POST", "/back", Some(json!({}))).await;
    }

    /// What the address bar shows.
    pub async fn address(&self) -> String {
        self.call("GET", "/url", None)
            .await
            .as_str()
            .expect("an address")
            .to_owned()
    }

    /// Waits until the page's heading is `heading`.
    pub async fn see(&self, heading: &str) {
        self.find("xpath", &format!("//h1[normalize-space()='{heading}']"))
            .await;
    }

    /// Waits until there is something that `selector` (CSS) finds.
    pub async fn wait_for(&self, selector: &str) {
        self.find("css selector", selector).await;
    }

    /// Types into the first element that `selector` finds.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.find("css selector", selector).await;
        self.call(
            "POST",
            &format!("/element/{element}/value"),
            Some(json!({ "text": text })),
        )
        .await;
    }

    /// Clicks the first element that `selector` finds.
    pub async fn click(&self, selector: &str) {
        let element = self.find("css selector", selector).await;
        self.call(
            "POST",
            &format!("/element/{element}/click"),
            Some(json!({})),
        )
        .await;
    }

    /// Signs in as `name` at the two forms of `oidc-provider`: who it is, and what the application may know.
    pub async fn sign_in(&self, name: &str) {
        self.type_into("input[name=login]", name).await;
        self.type_into("input[name=password]", "x").await;
        self.click("button[type=submit]").await;
        self.click("input[name=prompt][value=consent] ~ button")
            .await;
    }

    /// Answers the page of `oidc-provider` that shows a device's code, and signs in as `name`.
    pub async fn let_device_in(&self, name: &str) {
        self.click("button[form='op.deviceConfirmForm']").await;
        self.sign_in(name).await;
    }

    /// Signs in as `name` at the form of `samlp`.
    pub async fn sign_in_by_saml(&self, name: &str) {
        self.type_into("input[name=login]", name).await;
        self.click("button[type=submit]").await;
    }

    /// Says yes where `oidc-provider` asks whether to sign out.
    pub async fn sign_out(&self) {
        self.click("button[name=logout]").await;
    }

    /// Runs a script in the page, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.call("POST", "/execute/sync", Some(script)).await
    }

    /// The tab that it is in, for [`switch_to`](Self::switch_to).
    pub async fn tab(&self) -> Value {
        self.call("GET", "/window", None).await
    }

    /// Goes on in another tab.
    pub async fn switch_to(&self, tab: Value) {
        self.call("POST", "/window", Some(json!({ "handle": tab })))
            .await;
    }

    /// Opens another tab and goes on in it.
    pub async fn new_tab(&self) {
        let tab = self
            .call("POST", "/window/new", Some(json!({ "type": "tab" })))
            .await;
        self.switch_to(tab["handle"].clone()).await;
    }

    async fn find(&self, using: &str, selector: &str) -> String {
        let found = self
            .call(
                "POST",
                "/element",
                Some(json!({ "using": using, "value": selector })),
            )
            .await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .body(
                body.map(|body| body.to_string().into_bytes())
                    .unwrap_or_default(),
            )
            .expect("a request");
        let limits = Limits {
            timeout: 5 * PATIENCE,
            body: 16 << 20,
        };
        let answer = self
            .http
            .send(request, limits)
            .await
            .expect("chromedriver answers");
        let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert!(
            answer["value"]["error"].is_null(),
            "{method} {path}: {}",
            answer["value"]["message"]
        );
        answer["value"].clone()
    }
}

/// `chromedriver`, and the port that it listens on.
///
/// It takes a free port of `[::1]`, demands the same one of `127.0.0.1`, and ends where another program has that: so it
/// is started anew, with another port, as often as it takes.
fn start_driver() -> (Child, String) {
    let mut last = String::new();
    for _ in 0..STARTS {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; `cargo xtask parts` installs it");
        let said = BufReader::new(driver.stdout.take().expect("a pipe"));
        for line in said.lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return (driver, port.trim_end_matches('.').to_owned());
            }
            last = line;
        }
        let _ = driver.wait(); // its output has ended, and so has it
    }
    panic!("chromedriver names its port, in one of {STARTS} starts; last it said: {last}");
}

/// Ends the browser of the session at `address`, and waits until it has; for when there may be no runtime any more.
fn end(address: &str) -> std::io::Result<()> {
    let address = address.trim_start_matches("http://");
    let (authority, path) = address.split_once('/').unwrap_or_default();
    let mut driver = TcpStream::connect(authority)?;
    driver.set_read_timeout(Some(PATIENCE))?;
    write!(
        driver,
        "DELETE /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )?;
    driver.read(&mut [0]).map(drop)
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser running.
        let _ = end(&self.session);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
