//! Real parts that are programs of the system: used where they are, else installed by apt-get where that is allowed.

use std::process::{Command, Stdio};

use crate::{report, run};

/// A program that Debian packages.
struct Program {
    /// What is run to see whether it is there, with `--version`.
    command: &'static str,
    package: &'static str,
    about: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        command: "chromium",
        package: "chromium",
        about: "a browser",
    },
    Program {
        command: "chromedriver",
        package: "chromium-driver",
        about: "what drives the browser",
    },
    Program {
        command: "gnome-keyring-daemon",
        package: "gnome-keyring",
        about: "a keyring",
    },
    Program {
        command: "dbus-run-session",
        package: "dbus-daemon",
        about: "the bus that a keyring is asked over",
    },
    Program {
        command: "strace",
        package: "strace",
        about: "what counts system calls and lets them fail",
    },
    Program {
        command: "faketime",
        package: "faketime",
        about: "what sets the clock of a program",
    },
];

/// Provides the programs that are missing.
pub(crate) fn provide_all() -> Result<(), String> {
    let missing: Vec<&Program> = PROGRAMS
        .iter()
        .filter(|program| !program.is_there())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    report::step(&format!("installing {}", packages.join(", ")), || {
        let apt = || {
            let mut apt = Command::new("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            apt
        };
        let installed = run(apt().args(["update", "-q"])).and_then(|()| {
            run(apt()
                .args(["install", "-q", "-y", "--no-install-recommends"])
                .args(&packages))
        });
        let still: Vec<String> = missing
            .iter()
            .filter(|program| !program.is_there())
            .map(|program| format!("{} ({})", program.command, program.about))
            .collect();
        if still.is_empty() {
            return Ok(());
        }
        let reason = installed
            .err()
            .map(|problem| format!(" ({problem})"))
            .unwrap_or_default();
        Err(format!(
            "{} missing{reason}: as root, apt-get install {}",
            still.join(", "),
            packages.join(" ")
        ))
    })
}

impl Program {
    fn is_there(&self) -> bool {
        let probe = Command::new(self.command)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.is_ok_and(|status| status.success())
    }
}
