//! The command as a user runs it, against the sandbox.

mod common;

use common::{Machine, Ran, entries};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_help_names_every_command_and_its_examples() {
    let machine = Machine::new().await;
    let help = machine.run(&["--help"]).done().data;
    for command in [
        "demo",
        "login",
        "credential-process",
        "env",
        "exec",
        "token",
        "status",
        "doctor",
        "logout",
        "rotate-key",
        "setup",
        "explain",
        "lint",
        "audit",
        "sandbox",
        "completions",
    ] {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command} in\n{help}"
        );
        let own = machine.run(&[command, "--help"]).done().data;
        assert!(own.contains("Usage: keyless"), "{own}");
    }
    assert!(help.contains("Exit codes:") && help.contains("[profile.dev]"));
    let short = machine.run(&["login", "-h"]).done().data;
    assert!(
        !short.contains("--external-id"),
        "the short help is short:\n{short}"
    );
    let version = machine.run(&["--version"]).done().data;
    assert_eq!(version, format!("keyless {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_and_an_sdk_gets_the_session_without_any_network() {
    let machine = Machine::new().await;
    let missing = machine.run(&["credential-process", "dev"]);
    assert_eq!((missing.code, &*missing.data), (Some(3), ""));
    assert!(
        missing.said.ends_with("hint: run `keyless login dev`\n"),
        "{}",
        missing.said
    );

    let login = machine.login(&["dev"]).done();
    assert!(
        login
            .said
            .contains("signed in as alice@example.com at http://127.0.0.1:"),
        "{}",
        login.said
    );
    assert_eq!(login.data, "", "stdout is for data");
    let again = machine.login(&["dev", "--json"]).done();
    assert!(
        again
            .said
            .starts_with("already signed in as alice@example.com"),
        "{}",
        again.said
    );
    assert_eq!(again.json()["identity"]["subject"], "user-alice");

    let before = machine.sandbox.calls();
    let process = machine.run(&["credential-process", "dev"]).done();
    assert_eq!(machine.sandbox.calls(), before, "nobody was asked");
    assert_eq!(process.said, "");
    let document = process.json();
    assert_eq!(document["Version"], 1);
    assert_eq!(document["AccountId"], "111122223333");
    let text = |key: &str| document[key].as_str().expect("a text").to_owned();
    assert!(text("AccessKeyId").starts_with("ASIA"));
    assert!(!text("SecretAccessKey").is_empty() && !text("SessionToken").is_empty());
    let expiration = text("Expiration");
    assert!(
        expiration.len() == 20 && expiration.ends_with('Z'),
        "{expiration}"
    );

    let env = machine.run(&["env", "dev"]).done().data;
    let expected = format!(
        "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_SESSION_TOKEN={}\nexport AWS_CREDENTIAL_EXPIRATION={expiration}\n\
         export AWS_REGION=eu-west-1\nexport AWS_DEFAULT_REGION=eu-west-1\nexport AWS_ENDPOINT_URL_STS={}\n",
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("SessionToken"),
        machine.sandbox.sts_endpoint(),
    );
    assert_eq!(env, expected);
    assert_eq!(
        machine
            .run(&["env", "dev", "--format", "process"])
            .done()
            .data,
        process.data
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_given_into_a_pipe_and_its_claims_to_a_reader() {
    let machine = Machine::new().await;
    machine.login(&["nobody"]).done();
    let token = machine.run(&["token", "nobody"]).done().data;
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.ends_with('\n'), "SDKs do not trim it");
    let claims = machine.run(&["token", "nobody", "--json"]).done();
    assert_eq!(claims.json()["email"], "alice@example.com");
    let no_role = machine.run(&["env", "nobody"]);
    assert_eq!(no_role.code, Some(5));
    assert!(
        no_role
            .said
            .contains("error: the profile names no role\nhint: "),
        "{}",
        no_role.said
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_logout_tell_who_is_there_and_who_is_not() {
    let machine = Machine::new().await;
    let out = machine.run(&["status"]);
    assert_eq!(out.code, Some(3));
    assert!(
        out.data.contains("signed out   nobody is signed in at"),
        "{}",
        out.data
    );
    machine.login(&["dev"]).done();
    let one = machine.run(&["status", "dev", "--json"]).done().json();
    let dev = &one["profiles"][0];
    assert_eq!(dev["identity"]["state"], "signed-in");
    assert_eq!(
        dev["sessions"][0]["role"],
        json!(machine.sandbox.role_arn("Developer"))
    );
    let secret =
        machine.run(&["credential-process", "dev"]).done().json()["SessionToken"].to_string();
    assert!(!one.to_string().contains(secret.trim_matches('"')));

    let out = machine.run(&["logout", "dev"]).done();
    assert!(
        out.said.starts_with("signed out alice@example.com at "),
        "{}",
        out.said
    );
    assert!(
        out.said.contains("AWS goes on accepting the session"),
        "{}",
        out.said
    );
    assert_eq!(machine.run(&["status", "dev"]).code, Some(3));
    assert_eq!(machine.run(&["credential-process", "dev"]).code, Some(3));
    machine.login(&["dev"]).done();
    machine.run(&["logout", "--all"]).done();
    assert_eq!(machine.run(&["status"]).code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_told_with_what_to_do_and_a_code() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let issuer = machine.sandbox.issuer().to_owned();
    let slashed = format!("{issuer}/");
    for (arguments, code, said) in [
        (&["env", "dve"][..], 5, "hint: did you mean \"dev\"?"),
        (&["env"], 5, "hint: name one of: admin, dev, nobody"),
        (
            &["env", "admin"],
            4,
            "role/Admin: AWS answered AccessDenied",
        ),
        (&["env", "dev", "--duration", "5m"], 5, "900 to 43200"),
        (&["env", "dev", "--duration", "soon"], 2, "write it as 15m"),
        (
            &["env", "dev", "--role", "Developer"],
            5,
            "is not the ARN of a role",
        ),
        (
            &[
                "login",
                "--client-id",
                "x",
                "--issuer",
                "http://example.com",
            ],
            5,
            "https",
        ),
        (
            &["login", "--client-id", "x", "--issuer", &slashed],
            5,
            "without the slash",
        ),
        (
            &[
                "login",
                "--client-id",
                "x",
                "--issuer",
                "http://127.0.0.1:1",
            ],
            6,
            "cannot be fetched",
        ),
        (
            &["login", "nobody", "--write-aws-config", "x"],
            5,
            "there is no role",
        ),
        (
            &["login", "dev", "--write-aws-config", "a]b"],
            5,
            "cannot be the name",
        ),
        (&["token", "--token-env", "NOT_THERE"], 5, "NOT_THERE"),
        (
            &["token", "--token-command", "/not/there"],
            5,
            "there is no command",
        ),
        (
            &[
                "login",
                "dev",
                "--write-aws-config",
                "x",
                "--region",
                "a\nb",
            ],
            5,
            "is not the name of a region",
        ),
        (&["frobnicate"], 2, "unrecognized subcommand"),
    ] {
        let ran = machine.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(
            ran.said.contains(said) && ran.said.starts_with("error: "),
            "{arguments:?}: {}",
            ran.said
        );
        assert_eq!(ran.data, "", "{arguments:?}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_the_session_and_ends_as_it_would_by_itself() {
    use std::os::unix::process::ExitStatusExt;

    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let mut command = machine.command(&["exec", "-p", "dev", "--", "sh", "-c", "env; exit 7"]);
    command.envs([
        ("AWS_PROFILE", "x"),
        ("AWS_ROLE_ARN", "x"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "x"),
        ("AWS_REGION", "x"),
        ("AWS_BEARER_TOKEN_BEDROCK", "x"),
        ("AWS_CREDENTIAL_FILE", "x"),
        ("AWS_SESSION_EXPIRATION", "x"),
    ]);
    let ran = Ran::new(command.output().expect("started"));
    assert_eq!(ran.code, Some(7));
    let key = machine.run(&["credential-process", "dev"]).done().json()["AccessKeyId"]
        .as_str()
        .map(str::to_owned)
        .expect("a key");
    for line in [
        format!("AWS_ACCESS_KEY_ID={key}"),
        "AWS_REGION=eu-west-1".into(),
        "AWS_DEFAULT_REGION=eu-west-1".into(),
    ] {
        assert!(ran.data.lines().any(|found| found == line), "{line}");
    }
    for stale in [
        "AWS_PROFILE=",
        "AWS_ROLE_ARN=",
        "AWS_CONTAINER_",
        "AWS_BEARER_TOKEN_BEDROCK=",
        "AWS_CREDENTIAL_FILE=",
        "AWS_SESSION_EXPIRATION=",
    ] {
        assert!(!ran.data.contains(stale), "{stale}");
    }

    let token = machine.run(&["token", "dev", "--raw"]).done().data;
    let (role, sts) = (
        machine.sandbox.role_arn("ReadOnly"),
        machine.sandbox.sts_endpoint(),
    );
    let mut job = machine.command(&[
        "exec",
        "--token-env",
        "JOB_TOKEN",
        "--role",
        &role,
        "--endpoint-url",
        sts,
        "env",
    ]);
    job.envs([
        ("JOB_TOKEN", &*token),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ]);
    let ran = Ran::new(job.output().expect("started")).done();
    assert!(!ran.data.contains("JOB_TOKEN="), "the proof stays here");
    for line in ["AWS_REGION=eu-north-1", "AWS_DEFAULT_REGION=eu-north-1"] {
        assert!(ran.data.lines().any(|found| found == line), "{line}");
    }

    let killed = machine.run(&["exec", "-p", "dev", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.output.status.signal(), Some(15));
    let script = machine.write("no-program", "text");
    for (program, code, said) in [
        (
            "no-such-command",
            127,
            "error: there is no command \"no-such-command\"",
        ),
        (script.to_str().expect("text"), 126, "cannot be run"),
    ] {
        let ran = machine.run(&["exec", "-p", "dev", program]);
        assert_eq!(ran.code, Some(code));
        assert!(ran.said.contains(said), "{}", ran.said);
    }

    let mut shell = machine.command(&["exec", "-p", "dev"]);
    let ran = Ran::new(shell.env("SHELL", "/bin/true").output().expect("started")).done();
    assert!(
        ran.said.starts_with(
            "a shell as arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com until "
        ),
        "{}",
        ran.said
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_aws_configuration_gets_one_profile_and_keeps_the_rest() {
    use std::os::unix::fs::PermissionsExt;

    let machine = Machine::new().await;
    let mine = "# mine\n[default]\nregion = us-east-1\n";
    let real = machine.write("dotfiles/aws", mine);
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("set");
    std::fs::create_dir(machine.path(".aws")).expect("made");
    std::os::unix::fs::symlink("../dotfiles/aws", machine.path(".aws/config")).expect("linked");
    machine.write(".aws/credentials", "[work]\naws_access_key_id = AKIA\n");

    let login = machine.login(&["dev", "--write-aws-config", "work"]).done();
    let written = machine.read("dotfiles/aws");
    let line = format!(
        "\n[profile work]\ncredential_process = \"{}\" credential-process dev\nregion = eu-west-1\n",
        env!("CARGO_BIN_EXE_keyless")
    );
    assert_eq!(written, format!("{mine}{line}"));
    assert!(machine.path(".aws/config").is_symlink());
    assert_eq!(
        std::fs::metadata(&real)
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    assert_eq!(
        entries(&machine.path("dotfiles")).len(),
        1,
        "nothing is left beside it"
    );
    assert!(
        login
            .said
            .contains("warning: AWS tools will not come here: ")
            && login.said.contains("has static keys for work"),
        "{}",
        login.said
    );

    let again = machine.login(&["dev", "--write-aws-config", "work"]).done();
    assert!(again.said.contains("is as it should be"), "{}", again.said);
    assert_eq!(machine.read("dotfiles/aws"), written);

    // Flags instead of a profile stand in the line.
    std::fs::remove_file(machine.path(".aws/config")).expect("removed");
    let (issuer, sts, role) = (
        machine.sandbox.issuer(),
        machine.sandbox.sts_endpoint(),
        machine.sandbox.role_arn("ReadOnly"),
    );
    let flags = [
        "--issuer",
        issuer,
        "--client-id",
        "keyless",
        "--role",
        &role,
        "--endpoint-url",
        sts,
    ];
    machine
        .login(&[&flags[..], &["--write-aws-config", "flags"]].concat())
        .done();
    let written = machine.read(".aws/config");
    let line = written
        .lines()
        .find_map(|line| line.strip_prefix("credential_process = "))
        .expect("a line");
    assert_eq!(
        std::fs::metadata(machine.path(".aws/config"))
            .expect("there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", line])
        .env_clear()
        .env("HOME", machine.path(""))
        .env("KEYLESS_STORE_DIR", machine.path("store"));
    let ran = Ran::new(shell.output().expect("started")).done();
    assert_eq!(ran.json()["Version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_tells_the_story_and_leaves_nothing() {
    let machine = Machine::new().await;
    let temporary = machine.path("tmp");
    std::fs::create_dir(&temporary).expect("made");
    let mut command = machine.command(&["demo"]);
    for proxy in [
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        command.env(proxy, "http://127.0.0.1:9"); // where nobody listens
    }
    let ran = Ran::new(command.env("TMPDIR", &temporary).output().expect("started")).done();
    for said in [
        "1. Alice signs in",
        "user-alice",
        "alice@example.com",
        "allowed by statement 1",
        "key id     ASIA",
        "assumed-role/Developer/alice@example.com",
        "have not been asked again",
        "AccessDenied",
        "\"user-carol\"",
    ] {
        assert!(ran.data.contains(said), "{said} in\n{}", ran.data);
    }
    assert!(
        ran.data.lines().all(|line| line.chars().count() <= 80),
        "{}",
        ran.data
    );
    assert_eq!(ran.said, "");
    assert_eq!(entries(&temporary), Vec::<std::path::PathBuf>::new());
    assert!(!machine.path("store").exists());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt;

    let machine = Machine::new().await;
    let broken = std::ffi::OsString::from_vec(b"d\xffv".to_vec());
    for name in ["KEYLESS_PROFILE", "KEYLESS_LOG"] {
        let mut command = machine.command(&["env"]);
        let ran = Ran::new(command.env(name, &broken).output().expect("started"));
        assert_eq!(ran.code, Some(5));
        assert!(
            ran.said
                .contains(&format!("the variable {name} is not UTF-8 text")),
            "{}",
            ran.said
        );
    }
    let config = machine.read(".config/keyless/config.toml");
    machine.write(
        ".config/keyless/config.toml",
        &config.replace("[profile.dev]", "[profile.--force]"),
    );
    let ran = machine.run(&["login", "--write-aws-config", "x", "--", "--force"]);
    assert_eq!(ran.code, Some(5));
    assert!(
        ran.said.contains("would be taken for a flag"),
        "{}",
        ran.said
    );
    assert!(!machine.path(".aws").exists());
    let ran = machine.run(&["login", "--timeout", "18446744073709551615"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.said.contains("at most 24h"), "{}", ran.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_brings_a_new_session() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let key = || machine.run(&["credential-process", "dev"]).done().json()["AccessKeyId"].clone();
    let first = key();
    machine.login(&["dev"]).done();
    assert_eq!(key(), first, "nobody signed in anew");
    machine.login(&["dev", "--force"]).done();
    assert_ne!(key(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_terminal_obeys_is_shown() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    machine.change_session(|session| {
        for name in ["access_key_id", "assumed_role_arn"] {
            let text = format!("\u{1b}[31m{}", session[name].as_str().expect("text"));
            session[name] = json!(text);
        }
    });
    let config = machine.read(".config/keyless/config.toml");
    let odd = machine.write("con\u{1b}fig", &config);
    let mut status = machine.command(&["status", "dev"]);
    let status = Ran::new(status.env("KEYLESS_CONFIG", odd).output().expect("started")).done();
    assert!(status.data.contains("[31mASIA"), "{}", status.data);
    let mut shell = machine.command(&["exec", "-p", "dev"]);
    shell.env("SHELL", "/bin/true");
    let shell = Ran::new(shell.output().expect("started"));
    machine.write(".aws/config", "[profile x]\nregion = \u{1b}[31mhere\n");
    let login = machine.login(&["dev", "--write-aws-config", "x"]).done();
    assert!(
        login.said.contains("keeps its region [31mhere"),
        "{}",
        login.said
    );
    let signed_out = machine.run(&["env", "dev", "--client-id", "a\u{1b}b"]);
    assert_eq!(signed_out.code, Some(3));
    for shown in [status.data, shell.said, login.said, signed_out.said] {
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_not_kept_and_logging_out_leaves_nothing_to_read() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let foreign = machine.write(
        &format!("store/{}.json", "5".repeat(64)),
        "not ours to judge",
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    for (seconds, entries) in [(5, 3), (90, 2)] {
        machine.change_session(|session| session["expires_at"] = json!(now - seconds));
        machine.run(&["status"]).done();
        assert_eq!(
            machine.entries(".json").len(),
            entries,
            "ended {seconds} s ago"
        );
    }
    assert!(foreign.exists());

    machine.login(&["dev"]).done();
    let sign_in = machine.entries(".json").into_iter().find(|entry| {
        std::fs::read_to_string(entry)
            .expect("text")
            .contains("\"token\"")
    });
    let sign_in = sign_in
        .expect("kept")
        .with_extension(format!("{:016x}.new", 1));
    let another = machine.write(&format!("store/{}.{:016x}.new", "6".repeat(64), 2), "token");
    std::fs::write(&sign_in, "half a token").expect("written");
    machine.run(&["logout", "dev"]).done();
    assert!(!sign_in.exists() && another.exists());
    machine.run(&["logout", "--all"]).done();
    for kind in [".json", ".new"] {
        assert_eq!(machine.entries(kind), Vec::<std::path::PathBuf>::new());
    }
}
