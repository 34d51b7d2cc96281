//! The command as people get it, in a home of its own.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The binary as it is distributed: small and stripped. Says how large it is.
///
/// # Panics
///
/// Where it does not build.
pub fn distributed_binary() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--profile",
            "dist",
            "--package",
            "keyless-cli",
            "--message-format",
            "json",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(built.status.success(), "the binary does not build");
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let binary = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the binary");
    println!(
        "{} bytes  {}",
        std::fs::metadata(&binary).expect("it is there").len(),
        binary.display()
    );
    binary
}

/// `keyless` that knows nothing of the machine but `home`, whose `keyless.toml` is its configuration.
pub fn at_home(keyless: &Path, home: &Path) -> Command {
    let mut command = Command::new(keyless);
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KEYLESS_CONFIG", home.join("keyless.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
