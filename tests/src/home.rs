//! The home of somebody who uses the command: a configuration, and AWS at an address of the story's.

use std::path::Path;
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::binary;

/// A home of its own.
#[derive(Debug)]
pub struct Home {
    folder: tempfile::TempDir,
    aws: String,
}

impl Home {
    /// With `config` as the configuration of keyless, and AWS at `aws`.
    pub fn new(config: &str, aws: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("keyless.toml"), config).expect("written");
        Self {
            folder,
            aws: aws.to_owned(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets `command` run at home, seeing nothing of this machine's AWS and keyless settings.
    pub fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (name, _) in std::env::vars_os() {
            let spelled = name.to_string_lossy();
            let foreign = ["AWS_", "XDG_", "SSH_"]
                .iter()
                .any(|it| spelled.starts_with(it));
            if foreign || (spelled.starts_with("KEYLESS_") && spelled != "KEYLESS_REAL") {
                command.env_remove(&name);
            }
        }
        let home = self.path();
        command
            .env("HOME", home)
            .env("KEYLESS_CONFIG", home.join("keyless.toml"))
            .env("AWS_CONFIG_FILE", home.join(".aws/config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", home.join(".aws/credentials"))
            .env("AWS_ENDPOINT_URL", &self.aws)
            .env("AWS_REGION", "eu-west-1")
    }

    /// `keyless` with these arguments, and what it says to the person.
    pub fn keyless(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = Command::new(binary::keyless());
        self.at_home(&mut command)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .expect("keyless starts");
        let stderr = child.stderr.take().expect("a pipe");
        Said {
            child,
            lines: BufReader::new(stderr).lines(),
            before: Vec::new(),
        }
    }
}

/// A running `keyless`, and what it has said.
#[derive(Debug)]
pub struct Said {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    before: Vec<String>,
}

impl Said {
    /// The first address on a line of its own that it says from now on and that begins with `start`.
    ///
    /// # Panics
    ///
    /// If it ends before.
    pub async fn address(&mut self, start: &str) -> String {
        while let Some(line) = self.lines.next_line().await.expect("text") {
            let found = Some(line.trim().to_owned()).filter(|line| line.starts_with(start));
            self.before.push(line);
            if let Some(found) = found {
                return found;
            }
        }
        panic!("no address that begins with {start}: {:#?}", self.before);
    }

    /// Everything that it said, once it has ended well.
    ///
    /// # Panics
    ///
    /// If it ends with a failure.
    pub async fn well(mut self) -> Vec<String> {
        while let Some(line) = self.lines.next_line().await.expect("text") {
            self.before.push(line);
        }
        let status = self.child.wait().await.expect("it ends");
        assert!(status.success(), "{status}: {:#?}", self.before);
        self.before
    }
}

/// Writes a key for what is kept sealed into `file` (`KEYLESS_STORE_KEY_FILE`).
///
/// # Panics
///
/// If the file is there already, or cannot be written.
pub fn write_store_key(file: &Path) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(file);
    let key = "c2l4dGVlbi1ieXRlcy1hbmQtc2l4dGVlbi1tb3JlISE=\n";
    file.expect("a file")
        .write_all(key.as_bytes())
        .expect("written");
}
