//! Whether a browser that could come back to this machine is near.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use keyless::Environment;

/// Why the browser that a person looks at does not reach a listener on this machine. Its words complete "…, because".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A shell in somebody's web page, called so, known by this variable.
    CloudShell(&'static str, &'static str),
    /// An editor in a web page, or one elsewhere: nothing tells which.
    Workspace(&'static str, &'static str),
    /// Logged in from another machine, known by this variable.
    Ssh(&'static str),
    /// In a container without a display, known by this variable or file.
    Container(&'static str),
    NoDisplay,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CloudShell(name, sign) => write!(f, "this is {name} ({sign})"),
            Self::Workspace(name, sign) => write!(
                f,
                "this is {name} ({sign}), and the browser may not reach it"
            ),
            Self::Ssh(sign) => write!(f, "this is an SSH session ({sign})"),
            Self::Container(sign) => write!(f, "this is a container ({sign})"),
            Self::NoDisplay => f.write_str(
                "this machine has no display (neither DISPLAY nor WAYLAND_DISPLAY is set)",
            ),
        }
    }
}

/// The reason not to open a browser here and wait for it to come back; `None` where that is likely to work.
///
/// `has_command` says that a command for a browser is configured, which counts as `BROWSER` does. Both are trusted where there is no
/// display or only a container. Not over SSH: they stand in files that are the same on the machine one sits at.
pub(crate) fn browser_is_out_of_reach(
    environment: &Environment,
    has_command: bool,
    exists: impl Fn(&Path) -> bool,
) -> Option<Reason> {
    let is_set = |name: &&str| environment.os(name).is_some();
    let is = |name: &str, value: &str| environment.os(name).is_some_and(|it| it == value);

    if let Some(sign) = ["GOOGLE_CLOUD_SHELL", "CLOUD_SHELL", "DEVSHELL_CLIENT_PORT"]
        .into_iter()
        .find(is_set)
    {
        return Some(Reason::CloudShell("Google Cloud Shell", sign));
    }
    if is("AWS_EXECUTION_ENV", "CloudShell") {
        return Some(Reason::CloudShell("AWS CloudShell", "AWS_EXECUTION_ENV"));
    }
    if is_set(&"ACC_CLOUD") {
        return Some(Reason::CloudShell("Azure Cloud Shell", "ACC_CLOUD"));
    }
    // BROWSER opens a tab at the person's in either. In VS Code the ports are forwarded and the sign-in comes back; in a web page "localhost"
    // is their own machine. Azure's tools take the device code here (azure-cli 20315, azure-dev 1006).
    if is("CODESPACES", "true") {
        return Some(Reason::Workspace("a GitHub codespace", "CODESPACES"));
    }
    if is_set(&"GITPOD_WORKSPACE_ID") {
        return Some(Reason::Workspace(
            "a Gitpod workspace",
            "GITPOD_WORKSPACE_ID",
        ));
    }
    if environment.os("BROWSER").is_some_and(|it| forwards(&it)) {
        return None;
    }
    if let Some(sign) = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"]
        .into_iter()
        .find(is_set)
    {
        return (!has_forwarded_display(environment)).then_some(Reason::Ssh(sign));
    }
    // A container with a display (toolbox, distrobox, ChromeOS) shares the network, or has the browser inside. In WSL the browser of Windows
    // reaches what listens on localhost, by its relay or as the same network; a VPN can be in the way of the relay.
    if has_command
        || [
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "BROWSER",
            "WSL_DISTRO_NAME",
            "WSL_INTEROP",
        ]
        .iter()
        .any(is_set)
    {
        return None;
    }
    if let Some(sign) = ["/.dockerenv", "/run/.containerenv"]
        .into_iter()
        .find(|file| exists(Path::new(file)))
        .or_else(|| {
            ["container", "KUBERNETES_SERVICE_HOST"]
                .into_iter()
                .find(is_set)
        })
    {
        return Some(Reason::Container(sign));
    }
    let always_has_one = cfg!(any(windows, target_os = "macos"));
    (!always_has_one).then_some(Reason::NoDisplay)
}

/// Whether this is the helper that VS Code puts into `BROWSER` on a machine it works on from elsewhere, in a container or over SSH. For an address on
/// localhost it forwards the port first.
fn forwards(browser: &OsStr) -> bool {
    browser.to_str().is_some_and(|browser| {
        browser.contains("/bin/helpers/browser") || browser.contains("--openExternal")
    })
}

/// Whether windows opened over SSH appear where the person sits. With a display of this machine's own (`:0`) they would appear here.
fn has_forwarded_display(environment: &Environment) -> bool {
    let x11 = environment
        .os("DISPLAY")
        .is_some_and(|it| !it.as_encoded_bytes().starts_with(b":"));
    x11 || environment.os("WAYLAND_DISPLAY").is_some() // waypipe sets it; sshd never does
}

#[cfg(test)]
#[allow(clippy::too_many_lines, reason = "a table")]
mod tests {
    use super::*;

    /// Variables, a file that is there, and what is said.
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a str);

    const HELPER: &str =
        "/home/me/.vscode-server/cli/servers/Stable-1/server/bin/helpers/browser.sh";
    const OLD_HELPER: &str = "/home/codespace/.vscode-remote/bin/1/bin/code --openExternal";

    #[test]
    fn a_browser_is_tried_where_it_would_come_back() {
        let client = ("SSH_CLIENT", "192.0.2.7 51442 22");
        let connection = ("SSH_CONNECTION", "192.0.2.7 51442 198.51.100.3 22");
        let terminal = ("SSH_TTY", "/dev/pts/3");
        let display = ("DISPLAY", ":0");
        let wayland = ("WAYLAND_DISPLAY", "wayland-0");
        let forwarded = ("DISPLAY", "localhost:10.0");
        let firefox = ("BROWSER", "firefox");
        let helper = ("BROWSER", HELPER);
        let pod = ("KUBERNETES_SERVICE_HOST", "10.96.0.1");
        let docker = Some("/.dockerenv");
        let podman = Some("/run/.containerenv");
        let nowhere = "this machine has no display (neither DISPLAY nor WAYLAND_DISPLAY is set)";
        let over_ssh = "this is an SSH session (SSH_CONNECTION)";
        let codespace = "this is a GitHub codespace (CODESPACES), and the browser may not reach it";
        let near = "";
        let table: &[Row<'_>] = &[
            // at a desktop, or without one
            (&[display], None, near),
            (&[wayland], None, near),
            (&[display, wayland], None, near),
            (&[firefox], None, near),
            (&[], None, nowhere),
            (&[("DISPLAY", "")], None, nowhere),
            (&[("BROWSER", ""), ("WAYLAND_DISPLAY", "")], None, nowhere),
            // over SSH
            (&[connection], None, over_ssh),
            (&[connection, client, terminal], None, over_ssh),
            (&[terminal], None, "this is an SSH session (SSH_TTY)"),
            (&[client], None, "this is an SSH session (SSH_CLIENT)"),
            (&[connection, firefox], None, over_ssh),
            (&[connection, display], None, over_ssh),
            (&[connection, ("DISPLAY", ":0.0")], None, over_ssh),
            (&[connection, forwarded], None, near),
            (&[connection, forwarded, firefox], None, near),
            (
                &[connection, ("WAYLAND_DISPLAY", "wayland-kx3a")],
                None,
                near,
            ),
            (&[("SSH_AUTH_SOCK", "/tmp/agent")], None, nowhere),
            (&[connection, helper], None, near),
            (&[connection, ("BROWSER", OLD_HELPER)], None, near),
            // in a container
            (&[], docker, "this is a container (/.dockerenv)"),
            (&[], podman, "this is a container (/run/.containerenv)"),
            (
                &[("container", "oci")],
                None,
                "this is a container (container)",
            ),
            (
                &[pod],
                None,
                "this is a container (KUBERNETES_SERVICE_HOST)",
            ),
            (&[pod], docker, "this is a container (/.dockerenv)"),
            (&[display], podman, near),
            (&[firefox], docker, near),
            (&[helper], docker, near),
            (&[connection], docker, over_ssh),
            // a workspace in somebody's cloud
            (&[("CODESPACES", "true")], None, codespace),
            (&[("CODESPACES", "true"), helper], docker, codespace),
            (&[("CODESPACES", "true"), connection], None, codespace),
            (&[("CODESPACES", "false"), display], None, near),
            (
                &[("GITPOD_WORKSPACE_ID", "x-y-z"), helper],
                None,
                "this is a Gitpod workspace (GITPOD_WORKSPACE_ID), and the browser may not reach it",
            ),
            // a shell in somebody's web page
            (
                &[("GOOGLE_CLOUD_SHELL", "true"), ("DISPLAY", ":1")],
                docker,
                "this is Google Cloud Shell (GOOGLE_CLOUD_SHELL)",
            ),
            (
                &[("CLOUD_SHELL", "true")],
                None,
                "this is Google Cloud Shell (CLOUD_SHELL)",
            ),
            (
                &[("DEVSHELL_CLIENT_PORT", "34567")],
                None,
                "this is Google Cloud Shell (DEVSHELL_CLIENT_PORT)",
            ),
            (
                &[("AWS_EXECUTION_ENV", "CloudShell")],
                docker,
                "this is AWS CloudShell (AWS_EXECUTION_ENV)",
            ),
            (&[("AWS_EXECUTION_ENV", "AWS_ECS_EC2"), display], None, near),
            (
                &[("ACC_CLOUD", "PROD")],
                None,
                "this is Azure Cloud Shell (ACC_CLOUD)",
            ),
            // in Windows' own Linux
            (&[("WSL_DISTRO_NAME", "Ubuntu")], None, near),
            (
                &[("WSL_DISTRO_NAME", "Ubuntu"), ("BROWSER", "wslview")],
                None,
                near,
            ),
            (&[("WSL_INTEROP", "/run/WSL/8_interop")], None, near),
            (&[("WSL_DISTRO_NAME", "Ubuntu"), connection], None, over_ssh),
        ];
        for (variables, file, reason) in table {
            let found = browser_is_out_of_reach(
                &Environment::of(variables.iter().copied()),
                false,
                |path| *file == path.to_str(),
            );
            let found = found.map_or_else(String::new, |reason| reason.to_string());
            if cfg!(any(windows, target_os = "macos")) && *reason == nowhere {
                assert_eq!(found, near, "{variables:?} {file:?}");
            } else {
                assert_eq!(found, *reason, "{variables:?} {file:?}");
            }
        }
    }

    #[test]
    fn a_configured_command_is_trusted_where_there_is_no_display() {
        let reason = |variables: &[(&str, &str)], is_container| {
            let environment = Environment::of(variables.iter().copied());
            browser_is_out_of_reach(&environment, true, |_| is_container)
        };
        assert_eq!(reason(&[], false), None);
        assert_eq!(reason(&[], true), None);
        let ssh = [("SSH_TTY", "/dev/pts/3")];
        assert_eq!(reason(&ssh, false), Some(Reason::Ssh("SSH_TTY")));
        let shell = [("ACC_CLOUD", "PROD")];
        assert!(reason(&shell, false).is_some());
    }
}
