//! A clock that jumps, ahead and back, under the command: what is handed out is good by the clock at hand, and nothing is lost.
#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use common::{Machine, Ran};

const HOUR: u64 = 3600;

/// `keyless` with these arguments, on a clock that is off by `offset` seconds, as `faketime` sets it. Half a minute is long: it would be a loop.
fn at(machine: &Machine, offset: i64, arguments: &[&str]) -> Ran {
    let plain = machine.command(arguments);
    let mut command = Command::new("timeout");
    command
        .args(["30", "faketime", "-f", &format!("{offset:+}s")])
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    Ran::new(
        command
            .output()
            .expect("faketime; cargo xtask test installs it"),
    )
}

/// When the session ends that was handed out.
fn end(ran: &Ran) -> SystemTime {
    let json = ran.json();
    let text = json["Expiration"].as_str().expect("a time");
    let end =
        aws_smithy_types::DateTime::from_str(text, aws_smithy_types::date_time::Format::DateTime);
    end.expect("RFC 3339").try_into().expect("after 1970")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real parts: cargo xtask test"]
async fn a_clock_that_jumps_costs_a_refusal_at_most_and_never_the_session() {
    let machine = Machine::new().await;
    machine.login(&["dev"]).done();
    let process = ["credential-process", "dev"];
    let mut kept = machine.run(&process).done();
    let (hour, day) = (HOUR.cast_signed(), 24 * HOUR.cast_signed());
    for (offset, is_good) in [
        (2 * hour, false),
        (-2 * hour, true),
        (365 * day, false),
        (-day, true),
        (30 * 365 * day, false),
        (10 * 60, true),
    ] {
        let before = machine.sandbox.calls();
        let ran = at(&machine, offset, &process);
        // What seems to come from the future may have ended, so there is another session, once.
        if offset < 0 {
            kept = machine.run(&process).done();
            assert!(end(&ran) > SystemTime::now(), "{offset}: {ran:?}");
            let calls = machine.sandbox.calls().assume_role_with_web_identity;
            assert!(
                calls - before.assume_role_with_web_identity <= 2,
                "{offset}"
            );
            continue;
        }
        if is_good {
            assert_eq!(ran.data, kept.data, "{offset}: {ran:?}");
            let now = SystemTime::now() + Duration::from_secs(offset.unsigned_abs());
            assert!(end(&ran) > now, "{offset}: {ran:?}");
        } else {
            assert_eq!((ran.code, &*ran.data), (Some(3), ""), "{offset}: {ran:?}");
            assert!(
                ran.said.contains("hint: run `keyless login dev`"),
                "{offset}: {ran:?}"
            );
        }
        let back = machine.run(&process).done();
        assert_eq!(back.data, kept.data, "{offset}: the clock is right again");
        assert_eq!(
            machine.sandbox.calls(),
            before,
            "{offset}: nobody was asked"
        );
    }

    // What looks at everything sweeps out what has ended by its clock; the sign-in stays, and gets another session.
    at(&machine, 2 * hour, &["status"]);
    let again = machine.run(&process).done();
    assert_ne!(again.data, kept.data);
    assert!(end(&again) > SystemTime::now());
}
