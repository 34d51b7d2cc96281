//! Programs that nobody here wrote, started on loopback for one test and ended with it.
//!
//! `cargo xtask parts` installs them; `cargo xtask test` tells the tests where, in `KEYLESS_REAL`. The scripts that start
//! them, and how a person signs in by plain HTTP, are in `tests/real`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

/// The real parts, or `None`, said on stderr, where nobody provided them: the story is then skipped.
///
/// # Panics
///
/// If `KEYLESS_REAL` names a folder that is not there, since a test must not pass by a mistyped path.
pub fn parts() -> Option<Parts> {
    let Some(root) = std::env::var_os("KEYLESS_REAL").map(PathBuf::from) else {
        skipped("KEYLESS_REAL is not set; `cargo xtask test` provides the real parts");
        return None;
    };
    assert!(
        root.is_dir(),
        "KEYLESS_REAL is {}, which is no folder; `cargo xtask parts` fills target/real",
        root.display()
    );
    Some(Parts { root })
}

/// The folder of published test vectors (`KEYLESS_VECTORS`), or `None`, said on stderr.
pub fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("KEYLESS_VECTORS").map(PathBuf::from);
    if folder.is_none() {
        skipped("KEYLESS_VECTORS is not set; it names a folder of test vectors");
    }
    folder
}

/// Says on stderr that a story is skipped, and why.
#[allow(clippy::print_stderr)] // a skipped test has nobody else to tell
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Terraform, or `None`, said on stderr, where this machine has none: it is not among the parts that are installed.
pub fn terraform() -> Option<Command> {
    let mut command = apart("terraform");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TF_") {
            command.env_remove(name);
        }
    }
    command.env("CHECKPOINT_DISABLE", "1");
    let there = Command::new("terraform").arg("version").output().is_ok();
    if !there {
        skipped("terraform is not installed");
    }
    there.then_some(command)
}

/// Where the real parts are installed.
#[derive(Debug)]
pub struct Parts {
    root: PathBuf,
}

impl Parts {
    /// Starts the certified `oidc-provider`; [`Running::url`] is its issuer, and [`Running::ready`] holds the `secrets` of its clients. Clients and
    /// accounts: `tests/real/oidc-provider.mjs`.
    pub fn oidc_provider(&self) -> Running {
        Running::start(self.node("oidc-provider.mjs"), "issuer")
    }

    /// Starts Auth0's `samlp`; [`Running::url`] is its single sign-on address, and [`Running::ready`] holds its `issuer`, `metadata` and
    /// `certificate`. The settings are in `tests/real/saml-idp.mjs`, as `[("SAML_ROLES", "…")]`.
    pub fn saml_idp(&self, settings: &[(&str, &str)]) -> Running {
        let mut node = self.node("saml-idp.mjs");
        node.envs(settings.iter().copied());
        Running::start(node, "sso")
    }

    /// Starts moto, which answers as STS, IAM and others do; [`Running::url`] is the value for `AWS_ENDPOINT_URL`.
    ///
    /// It checks neither tokens nor trust policies. `GetCallerIdentity` answers with the role of the keys that it gave out.
    pub fn moto(&self) -> Running {
        let mut python = self.python();
        python.arg(script("moto-server.py"));
        Running::start(python, "endpoint")
    }

    /// The AWS CLI, version 1. It knows nothing of this machine's AWS settings: a story gives it `AWS_CONFIG_FILE` and
    /// `AWS_ENDPOINT_URL`.
    pub fn aws(&self) -> Command {
        apart(self.venv("aws"))
    }

    /// Python with boto3, under the same terms as [`Parts::aws`].
    pub fn python(&self) -> Command {
        apart(self.venv("python"))
    }

    /// Every item of the keyring behind `bus`, a D-Bus address: `label`, `attributes` and `secret`, which is Base64.
    ///
    /// # Panics
    ///
    /// If the keyring is locked.
    pub fn keyring_items(&self, bus: &str) -> Vec<Value> {
        let mut python = self.python();
        python
            .arg(script("keyring-items.py"))
            .env("DBUS_SESSION_BUS_ADDRESS", bus);
        let output = python.output().expect("installed by `cargo xtask parts`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).expect("a list")
    }

    /// cfn-lint, the linter of CloudFormation templates.
    pub fn cfn_lint(&self) -> Command {
        apart(self.venv("cfn-lint"))
    }

    /// bash, where `aws` is [`Parts::aws`].
    pub fn bash(&self) -> Command {
        let mut command = apart("bash");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(self.root.join("venv/bin")).chain(std::env::split_paths(&others));
        command.env(
            "PATH",
            std::env::join_paths(folders).expect("no folder of PATH holds a separator"),
        );
        command
    }

    fn node(&self, name: &str) -> Command {
        let mut node = apart("node");
        node.arg(script(name))
            .env("KEYLESS_REAL", &self.root)
            .env("NODE_NO_WARNINGS", "1");
        node
    }

    fn venv(&self, program: &str) -> PathBuf {
        self.root.join("venv/bin").join(program)
    }
}

/// A program that runs until this value is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    url: String,
    ready: Value,
}

impl Running {
    /// Where it listens: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that it said when it was ready, for those that say more than an address: the comment of its script tells what.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Starts a program that says `{"KEY": "URL"}` when it is ready, and ends when its standard input closes: so it ends with a
    /// test that is killed, too.
    fn start(mut command: Command, key: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot start {}: {error}; try `cargo xtask parts`",
                    command.get_program().display()
                )
            });
        let stdout = child.stdout.take().expect("piped above");
        let mut stderr = child.stderr.take().expect("piped above");
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let Some((url, ready)) = ready(stdout, key) else {
            let _ = child.kill();
            let _ = child.wait();
            let errors = errors.join().unwrap_or_default();
            panic!(
                "{} did not get ready; it said:\n{errors}",
                command.get_program().display()
            );
        };
        Self { child, url, ready }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The URL of the ready line, and the whole of it.
fn ready(stdout: ChildStdout, key: &str) -> Option<(String, Value)> {
    let line: Value = serde_json::from_str(&first_line(stdout).ok()?).ok()?;
    Some((line.get(key)?.as_str()?.to_owned(), line))
}

/// The first line that a program says, or whether it says none or has not said it yet. The rest of its output is read and dropped, so that it
/// never waits for a reader.
pub(crate) fn first_line(stdout: ChildStdout) -> Result<String, RecvTimeoutError> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    // Generous: the first start on a busy machine compiles thousands of files.
    told.recv_timeout(Duration::from_mins(2))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("real")
        .join(name)
}

/// A command that sees none of this machine's AWS settings and no proxy, and asks no instance for credentials.
fn apart(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let spelled = name.to_string_lossy().to_ascii_lowercase();
        if spelled.starts_with("aws_") || spelled.ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "");
    command
}
