//! `keyless login` with a real browser at a certified identity provider.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use keyless_tests::binary;
use keyless_tests::real::{self, Running};
use keyless_tests::webdriver::Chromium;
use tokio::process::Child;

/// A home folder whose browser is a pipe: what keyless opens comes out of [`Desk::link`].
struct Desk {
    home: tempfile::TempDir,
    issuer: String,
}

impl Desk {
    fn new(identity_provider: &Running) -> Self {
        Self::at(identity_provider.url())
    }

    fn at(issuer: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a folder");
        let config = format!(
            "[identity.corp]\nissuer = \"{issuer}\"\nclient_id = \"keyless\"\n[profile.dev]\nidentity = \"corp\"\n"
        );
        std::fs::write(home.path().join("config.toml"), config).expect("written");
        let browser = home.path().join("browser");
        std::fs::write(
            &browser,
            format!(
                "#!/bin/sh\nprintf %s \"$1\" > '{}'\n",
                home.path().join("link").display()
            ),
        )
        .expect("written");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700))
            .expect("changed");
        let desk = Self {
            home,
            issuer: issuer.to_owned(),
        };
        let made = Command::new("mkfifo")
            .arg(desk.pipe())
            .status()
            .expect("mkfifo starts");
        assert!(made.success());
        desk
    }

    fn pipe(&self) -> PathBuf {
        self.home.path().join("link")
    }

    fn keyless(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary::keyless());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("BROWSER", self.home.path().join("browser"))
            .env("KEYLESS_CONFIG", self.home.path().join("config.toml"))
            .stdin(Stdio::null());
        command
    }

    fn login(&self, arguments: &[&str]) -> Child {
        self.run(&[&["login", "dev"], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> Child {
        let mut command = self.keyless(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .expect("keyless starts")
    }

    /// What keyless opens in the browser. Waits until it does.
    async fn link(&self) -> String {
        tokio::fs::read_to_string(self.pipe())
            .await
            .expect("a link")
    }

    fn token(&self) -> Output {
        self.keyless(&["token", "dev", "--json", "--no-interactive"])
            .output()
            .expect("keyless starts")
    }
}

async fn ended(login: Child) -> (i32, String) {
    let output = login.wait_with_output().await.expect("it ends");
    (
        output.status.code().expect("a code"),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_signs_in_with_a_real_browser() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let (desk, browser) = (Desk::new(&identity_provider), Chromium::start().await);

    let login = desk.login(&[]);
    let link = desk.link().await;
    assert!(
        link.starts_with("http://127.0.0.1:") && !link.contains("state"),
        "the browser's command line holds {link}"
    );
    browser.open(&link).await;
    browser.sign_in("alice").await;
    browser.see("Signed in as alice@example.com").await;
    let address = browser.address().await;
    assert!(
        !address.contains("code=") && !address.contains("state="),
        "the address bar shows {address}"
    );
    let (code, said) = ended(login).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("alice@example.com"), "{said}");
    assert!(String::from_utf8_lossy(&desk.token().stdout).contains("alice"));

    // The back button, after it is all over: nothing happens to the sign-in.
    browser.back().await;
    assert!(desk.token().status.success());

    // Another person than before is told loudly.
    let login = desk.login(&["--force"]);
    let another = Chromium::start().await;
    another.open(&desk.link().await).await;
    another.sign_in("bob").await;
    another.see("Signed in as bob@example.com").await;
    let (code, said) = ended(login).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("alice@example.com") && said.contains("bob@example.com"),
        "{said}"
    );
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_refuses_with_a_real_browser() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let (desk, browser) = (Desk::new(&identity_provider), Chromium::start().await);
    let login = desk.login(&[]);
    browser.open(&desk.link().await).await;
    browser.click("a[href$='/abort']").await;
    browser.see("You are not signed in").await;
    let (code, said) = ended(login).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("access_denied"), "{said}");
    assert!(said.contains(&desk.issuer), "{said}");
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn two_sign_ins_at_once_do_not_meet() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let (first, second) = (Desk::new(&identity_provider), Desk::new(&identity_provider));
    let browser = Chromium::start().await;
    let (one, other) = (first.login(&[]), second.login(&[]));
    let (one_link, other_link) = (first.link().await, second.link().await);

    browser.open(&one_link).await;
    browser.wait_for("input[name=login]").await; // the form is there, and waits
    let tab = browser.tab().await;
    browser.new_tab().await;
    browser.open(&other_link).await;
    browser.sign_in("bob").await;
    browser.see("Signed in as bob@example.com").await;
    let (code, said) = ended(other).await;
    assert_eq!(code, 0, "{said}");

    // A double click on the first one's link: it has been used, and its own tab goes on.
    browser.open(&one_link).await;
    browser.see("This link has been used").await;
    browser.switch_to(tab).await;
    browser.sign_in("alice").await;
    browser.see("Signed in as alice@example.com").await;
    let (code, said) = ended(one).await;
    assert_eq!(code, 0, "{said}");
    for (desk, who) in [(first, "alice"), (second, "bob")] {
        assert!(String::from_utf8_lossy(&desk.token().stdout).contains(who));
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn nobody_comes_in_time() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let (desk, browser) = (Desk::new(&identity_provider), Chromium::start().await);
    let login = desk.login(&["--timeout", "15s"]); // the browser has to come within it
    browser.open(&desk.link().await).await;
    let (code, said) = ended(login).await;
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("within 15 seconds"), "{said}");
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_person_signs_out_with_a_real_browser_and_is_asked_the_next_time() {
    let Some(parts) = real::parts() else { return };
    let identity_provider = parts.oidc_provider();
    let (desk, browser) = (Desk::new(&identity_provider), Chromium::start().await);
    let login = desk.login(&[]);
    browser.open(&desk.link().await).await;
    browser.sign_in("alice").await;
    browser.see("Signed in as alice@example.com").await;
    ended(login).await;

    let leaving = desk.run(&["logout", "dev", "--end-session"]);
    let link = desk.link().await;
    assert!(!link.contains("eyJ") && !link.contains("state"), "{link}");
    browser.open(&link).await;
    browser.click("button[name=logout][value=yes]").await;
    browser.see("You are signed out").await;
    let address = browser.address().await;
    assert!(
        !address.contains("state="),
        "the address bar shows {address}"
    );
    let (code, said) = ended(leaving).await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("has ended the session of the browser"),
        "{said}"
    );
    assert!(!desk.token().status.success(), "nobody is signed in here");

    // It asks who it is: somebody else can sign in.
    let login = desk.login(&[]);
    browser.open(&desk.link().await).await;
    browser.sign_in("bob").await;
    browser.see("Signed in as bob@example.com").await;
    ended(login).await;
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_token_goes_to_the_identity_provider_by_a_form_that_a_real_browser_posts() {
    if real::parts().is_none() {
        return;
    }
    let sandbox = keyless_sandbox::Sandbox::builder()
        .sign_in_as("alice")
        .start()
        .await
        .expect("a sandbox");
    let (desk, browser) = (Desk::at(sandbox.issuer()), Chromium::start().await);
    let login = desk.login(&[]);
    browser.open(&desk.link().await).await;
    browser.see("Signed in as alice@example.com").await;
    ended(login).await;
    let before = sandbox.calls().end_session;
    let leaving = desk.run(&["logout", "dev", "--end-session"]);
    browser.open(&desk.link().await).await;
    if !keyless_loopback::keeps_other_users_out() {
        // The form has no token in it, and so the identity provider asks.
        browser.click("button[name=sign_out][value=yes]").await;
    }
    browser.see("You are signed out").await;
    let (code, said) = ended(leaving).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(sandbox.calls().end_session, before + 2, "asked, and posted");

    // Back, to the page with the form: it has been used, and holds nothing any more.
    browser.back().await;
    assert!(!browser.address().await.contains("eyJ"));
}
