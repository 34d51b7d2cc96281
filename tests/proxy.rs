//! What goes to this machine goes past every proxy, however its address is spelled.

use std::process::{Command, Stdio};

use keyless_tests::binary;
use keyless_tests::proxy::Proxy;
use keyless_tests::scene::Scene;

#[tokio::test]
async fn a_token_for_a_local_server_is_never_shown_to_a_proxy() {
    let scene = Scene::new().await;
    let proxy = Proxy::bind();
    let home = tempfile::tempdir().expect("a folder");
    let port = scene
        .sandbox
        .sts_endpoint()
        .rsplit(':')
        .next()
        .expect("a port");
    // A server on another name of this machine answers that it was not asked for; what counts is who was asked.
    for (host, answers) in [
        ("127.0.0.1", true),
        ("localhost", false),
        ("LOCALHOST", false),
        ("127.1", false),
        ("2130706433", false),
    ] {
        let mut keyless = Command::new(binary::keyless());
        keyless
            .args([
                "credential-process",
                "--token-env",
                "TOKEN",
                "--store",
                "memory",
            ])
            .args([
                "--role",
                &scene.sandbox.role_arn("ReadOnly"),
                "--endpoint-url",
                &format!("http://{host}:{port}"),
            ])
            .env_clear()
            .env("HOME", home.path())
            .env("TOKEN", scene.sandbox.id_token_for("alice").expect("Alice"))
            .stdin(Stdio::null());
        proxy.stand_before(&mut keyless);
        let output = tokio::process::Command::from(keyless)
            .output()
            .await
            .expect("keyless starts");
        assert_eq!(
            output.status.success(),
            answers,
            "{host}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!proxy.was_asked(), "{host}: the proxy was asked");
    }
}
