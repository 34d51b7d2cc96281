//! Links the unwinder of libgcc into the binary where that can be had, so that starting it does not load `libgcc_s.so`: a tenth of the
//! time of a `credential-process`, which AWS tools start again and again.

#![allow(clippy::print_stdout, reason = "how a build script talks to cargo")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name| env::var(name).unwrap_or_default();
    let is_linux = variable("CARGO_CFG_TARGET_OS") == "linux";
    let is_native = variable("HOST") == variable("TARGET");
    if !is_linux || variable("CARGO_CFG_TARGET_ENV") != "gnu" || !is_native {
        return;
    }
    let asked = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let archive = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    // A compiler that has none answers with the bare name.
    if let Ok(archive) = archive
        && Path::new(&archive).is_absolute()
    {
        println!(
            "cargo:rustc-link-arg-bins=-Wl,--push-state,--whole-archive,{archive},--pop-state"
        );
    }
}
