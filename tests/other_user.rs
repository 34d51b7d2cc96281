//! Another user of the machine has copied the authorization request, and signs in with it as themselves.
#![cfg(target_os = "linux")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use keyless_tests::scene::Scene;
use keyless_tests::{binary, real};
use tokio::io::{AsyncBufReadExt, BufReader};

const PERSON: &str = "1000";
const NEIGHBOUR: &str = "1001";

/// `program` as another user, which only root can start.
fn as_user(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid", user, "--clear-groups"])
        .arg(program)
        .stdin(Stdio::null());
    command
}

/// Signs in as `login` at `url` with a browser that is `user`'s; gives the status of the last answer and its page.
async fn browse(user: &str, url: &str, login: &str) -> (String, String) {
    let curl = |arguments: Vec<String>| {
        let mut curl = as_user(user, Path::new("curl"));
        curl.args(["-sL", "--noproxy", "*", "-w", "\n%{http_code}"])
            .args(arguments);
        let output = tokio::process::Command::from(curl).output();
        async move {
            let said = String::from_utf8(output.await.expect("curl starts").stdout).expect("text");
            let (page, status) = said.rsplit_once('\n').expect("a status");
            (status.to_owned(), page.to_owned())
        }
    };
    let (_, form) = curl(vec![url.to_owned()]).await;
    let question = form
        .split("name=\"request\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a form");
    let answer = url::Url::parse(url)
        .expect("a URL")
        .join("/sign-in")
        .expect("a URL");
    curl(vec![
        "-d".into(),
        format!("request={question}&person={login}"),
        answer.into(),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, to be two other users: cargo xtask test"]
async fn a_copied_request_of_another_user_neither_completes_nor_ends_the_sign_in() {
    let folder = tempfile::tempdir().expect("a folder");
    // The build may lie where other users cannot look.
    let keyless = folder.path().join("keyless");
    std::fs::copy(binary::keyless(), &keyless).expect("copied");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a home");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
        .expect("changed");
    if chown(&home, Some(1000), Some(1000)).is_err()
        || as_user(PERSON, Path::new("curl"))
            .arg("--version")
            .output()
            .is_err()
    {
        return real::skipped("only root can be two other users, with setpriv and curl");
    }
    let scene = Scene::new().await;
    let mut login = as_user(PERSON, &keyless);
    login
        .args([
            "login",
            "--no-browser",
            "--issuer",
            scene.sandbox.issuer(),
            "--client-id",
            scene.sandbox.client_id(),
        ])
        .env_clear()
        .env("HOME", &home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut login = tokio::process::Command::from(login)
        .kill_on_drop(true)
        .spawn()
        .expect("keyless starts");
    let mut said = BufReader::new(login.stderr.take().expect("a pipe")).lines();
    let url = loop {
        let line = said
            .next_line()
            .await
            .expect("text")
            .expect("an address to open");
        if let Some(start) = line.find(&format!("{}/authorize?", scene.sandbox.issuer())) {
            break line[start..].trim().to_owned();
        }
    };

    let (status, page) = browse(NEIGHBOUR, &url, "carol").await;
    assert_eq!(status, "403", "{page}");
    assert!(
        login.try_wait().expect("asked").is_none(),
        "the neighbour ended the sign-in"
    );

    let (status, page) = browse(PERSON, &url, "alice").await;
    assert_eq!(status, "200", "{page}");
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    assert!(login.wait().await.expect("it ends").success());
}
