//! Whole processes, from start to exit: a cached `credential-process` beside `/bin/true` (goal 2.0 times, 5 MiB), and a cold one.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Stdio};

use keyless_benches::command::{at_home, distributed_binary};
use keyless_benches::{Subject, medians};
use keyless_sandbox::Sandbox;

const HOT_ROUNDS: usize = 500;
const COLD_ROUNDS: usize = 100;
const AWS_ROUNDS: usize = 10;

#[tokio::main]
async fn main() {
    let keyless = distributed_binary();
    let home = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::builder()
        .sign_in_as("alice")
        .start()
        .await
        .expect("the sandbox starts");
    let token = home.path().join("token");
    std::fs::write(&token, sandbox.id_token_for("alice").expect("Alice")).expect("written");
    let config = format!(
        "[identity.person]\nissuer = \"{}\"\nclient_id = \"{}\"\n\n[profile.hot]\nidentity = \"person\"\nrole = \"{role}\"\nendpoint_url = \"{sts}\"\n\n\
         [identity.job]\ntoken_file = \"{token}\"\n\n[profile.cold]\nidentity = \"job\"\nrole = \"{role}\"\nendpoint_url = \"{sts}\"\nstore = \"memory\"\n",
        sandbox.issuer(),
        sandbox.client_id(),
        role = sandbox.role_arn("Developer"),
        sts = sandbox.sts_endpoint(),
        token = token.display(),
    );
    std::fs::write(home.path().join("keyless.toml"), config).expect("written");
    let run = |arguments: &[&str]| {
        let status = at_home(&keyless, home.path())
            .args(arguments)
            .status()
            .expect("keyless starts");
        assert!(status.success(), "{arguments:?}: {status}");
    };
    sign_in(&keyless, home.path());

    let json = home.path().join("session.json");
    std::fs::write(
        &json,
        at_home(&keyless, home.path())
            .args(["credential-process", "hot"])
            .stdout(Stdio::piped())
            .output()
            .expect("keyless starts")
            .stdout,
    )
    .expect("written");
    let other = |program: &str, arguments: &[&str]| {
        let status = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .expect("it starts");
        assert!(status.success());
    };
    let json = json.display().to_string();
    let before = sandbox.calls();
    let mut hot: Vec<Subject<'_>> = vec![
        ("/bin/true", Box::new(|| other("/bin/true", &[]))),
        ("cat of the same JSON", Box::new(|| other("cat", &[&json]))),
        (
            "keyless credential-process, cached",
            Box::new(|| run(&["credential-process", "hot"])),
        ),
    ];
    print_table("hot path", HOT_ROUNDS, &mut hot);
    assert_eq!(sandbox.calls(), before, "the hot path asked somebody");
    drop(hot);

    println!("peak memory");
    let mut keyless_hot = at_home(&keyless, home.path());
    keyless_hot.args(["credential-process", "hot"]);
    let mut cat = Command::new("/bin/cat");
    cat.arg(&json);
    for (name, command) in [
        ("/bin/true", Command::new("/bin/true")),
        ("cat of the same JSON", cat),
        ("keyless credential-process, cached", keyless_hot),
    ] {
        match peak_memory(&command) {
            Some(peak) => println!("  {peak:>8} KiB  {name}"),
            None => println!("  skipped: GNU time is missing"),
        }
    }

    let venv = std::env::var_os("KEYLESS_REAL").map(|real| Path::new(&real).join("venv/bin/aws"));
    match venv.filter(|aws| aws.exists()) {
        Some(aws) => {
            let aws = aws.display().to_string();
            let mut start: Vec<Subject<'_>> = vec![
                ("/bin/true", Box::new(|| other("/bin/true", &[]))),
                ("aws --version", Box::new(|| other(&aws, &["--version"]))),
            ];
            print_table("AWS CLI v1, its start alone", AWS_ROUNDS, &mut start);
        }
        None => println!(
            "AWS CLI v1: skipped, since KEYLESS_REAL names no folder with it (cargo xtask parts)"
        ),
    }

    let mut cold: Vec<Subject<'_>> = vec![
        ("/bin/true", Box::new(|| other("/bin/true", &[]))),
        ("keyless --version", Box::new(|| run(&["--version"]))),
        (
            "keyless credential-process, token from a file, nothing kept",
            Box::new(|| run(&["credential-process", "cold"])),
        ),
    ];
    print_table("cold start", COLD_ROUNDS, &mut cold);
}

fn print_table(title: &str, rounds: usize, subjects: &mut [Subject<'_>]) {
    let times = medians(rounds, subjects);
    println!("{title}, median of {rounds}");
    for ((name, _), time) in subjects.iter().zip(&times) {
        println!(
            "  {:>8.3} ms  {:>5.2} x  {name}",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() / times[0].as_secs_f64()
        );
    }
}

/// The most that `command` had in memory at a time, in KiB; `None` where nobody can tell.
fn peak_memory(command: &Command) -> Option<u64> {
    let mut time = Command::new("/usr/bin/time");
    time.args(["-q", "-f", "%M"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, value) in command.get_envs() {
        time.envs(value.map(|value| (name, value)));
    }
    let output = time.stdin(Stdio::null()).output().ok()?;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).ok()?.trim().parse().ok()
}

/// Signs Alice in, with a browser made of `curl`.
fn sign_in(keyless: &Path, home: &Path) {
    let status = at_home(keyless, home)
        .args(["login", "hot"])
        .env("BROWSER", "curl -sL -o /dev/null")
        .status()
        .expect("keyless starts");
    assert!(status.success(), "nobody signed in: {status}");
}
