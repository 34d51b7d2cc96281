//! Provides the real parts, programs that nobody here wrote, under `target/real`, once for each set of pinned versions.
//!
//! To add one: a `Part` in the table below, its pinned versions in `tests/real`, and its start in `tests/src/real.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{debian, report, run};

/// A program the tests run against.
struct Part {
    /// The folder under `target/real`, and the name in messages.
    name: &'static str,
    /// What is in it, for the person who waits.
    about: &'static str,
    /// The files of `tests/real` that pin the versions.
    pins: &'static [&'static str],
    /// A command that succeeds where the part can be provided and used. What it prints (a version) goes into the stamp.
    probe: &'static [&'static str],
    /// How to make the probe succeed.
    advice: &'static str,
    install: fn(pins: &Path, into: &Path) -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part {
        name: "node",
        about: "oidc-provider and samlp, identity providers",
        pins: &["package.json", "package-lock.json"],
        probe: &[
            "node",
            "-p",
            "if (parseInt(process.versions.node) < 20) process.exit(1); process.version",
        ],
        advice: "install Node.js 20 or later with npm (Debian: apt-get install nodejs npm)",
        install: install_node,
    },
    Part {
        name: "venv",
        about: "moto, the AWS CLI, boto3, cfn-lint and what reads a keyring",
        pins: &["requirements.txt"],
        probe: &[
            "python3",
            "-c",
            "import ensurepip, sys, venv; print(sys.version); sys.exit(sys.version_info < (3, 11))",
        ],
        advice: "install Python 3.11 or later with its venv module (Debian: apt-get install python3 python3-venv)",
        install: install_venv,
    },
];

/// Provides every part, and returns the folder they are in. Tries them all before it reports those that are missing.
pub(crate) fn provide_all(root: &Path) -> Result<PathBuf, String> {
    let pins = root.join("tests/real");
    let real = target(root).join("real");
    fs::create_dir_all(&real)
        .map_err(|error| format!("cannot create {}: {error}", real.display()))?;
    let pinned = PARTS.iter().map(|part| part.provide(&pins, &real));
    let problems: Vec<String> = pinned
        .chain(std::iter::once_with(debian::provide_all))
        .filter_map(Result::err)
        .collect();
    if problems.is_empty() {
        Ok(real)
    } else {
        Err(problems.join("\n"))
    }
}

/// Where cargo builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder))
}

impl Part {
    fn provide(&self, pins: &Path, real: &Path) -> Result<(), String> {
        let into = real.join(self.name);
        let wanted = self.stamp(pins, &into)?;
        // Beside the folder and not in it, so that installers find the folder empty.
        let stamp = real.join(format!("{}.stamp", self.name));
        if into.is_dir() && fs::read(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        report::step(&format!("providing {} ({})", self.name, self.about), || {
            // Emptied first and written last: an install cut short is done again.
            fs::write(&stamp, "").map_err(said(&stamp))?;
            if into.exists() {
                fs::remove_dir_all(&into).map_err(said(&into))?;
            }
            fs::create_dir_all(&into).map_err(said(&into))?;
            (self.install)(pins, &into).map_err(|problem| {
                format!("{} is missing: {problem}; {}", self.name, self.advice)
            })?;
            fs::write(&stamp, &wanted).map_err(said(&stamp))
        })
    }

    /// All that an installed part depends on: its pins, the interpreter, and its own place, since a venv cannot be moved.
    fn stamp(&self, pins: &Path, into: &Path) -> Result<Vec<u8>, String> {
        let mut stamp = format!("{}\n", into.display()).into_bytes();
        let probe = Command::new(self.probe[0]).args(&self.probe[1..]).output();
        match probe {
            Ok(output) if output.status.success() => stamp.extend(output.stdout),
            _ => {
                return Err(format!(
                    "{} ({}) is missing: {}",
                    self.name, self.about, self.advice
                ));
            }
        }
        for pin in self.pins {
            let path = pins.join(pin);
            stamp.extend(fs::read(&path).map_err(said(&path))?);
        }
        Ok(stamp)
    }
}

fn install_node(pins: &Path, into: &Path) -> Result<(), String> {
    for file in ["package.json", "package-lock.json"] {
        fs::copy(pins.join(file), into.join(file)).map_err(said(&into.join(file)))?;
    }
    let quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    run(Command::new("npm").arg("ci").args(quiet).current_dir(into))
}

fn install_venv(pins: &Path, into: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(into))?;
    // `--no-deps`, since the list is whole: what it does not pin must not slip in.
    let quiet = [
        "--quiet",
        "--no-input",
        "--no-deps",
        "--disable-pip-version-check",
    ];
    let list = pins.join("requirements.txt");
    run(Command::new(into.join("bin/python"))
        .args(["-m", "pip", "install"])
        .args(quiet)
        .arg("-r")
        .arg(list))
}

fn said(path: &Path) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
