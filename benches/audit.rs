//! An account surveyed: one token against ten thousand roles (goal 50 ms), growth with the number of roles, and the memory for a
//! file of 200 MB beside that for one of 2 MB.
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyless_benches::median;
use keyless_trust::audit::{Candidate, Grant, Survey};
use keyless_trust::policy::Policy;
use keyless_trust::token::Token;

const ROUNDS: usize = 11;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(CHILD) {
        return child(&arguments.next().expect("a file"));
    }
    println!("one token against many roles, median of {ROUNDS}");
    println!("     roles   decided, ms  ns each   surveyed, ms  ns each");
    for count in [10, 100, 1_000, 10_000, 100_000] {
        grow(count);
    }
    println!("\npeak memory of a process that surveys a file with 200 open roles");
    let folder = tempfile::tempdir().expect("a folder");
    for megabytes in [2, 20, 200] {
        remember(folder.path(), megabytes);
    }
}

/// Decides about every role with its policy at hand; and surveys the account's file, the rules of `lint` among it, once where
/// that takes long.
fn grow(count: usize) {
    let token = token();
    let policies: Vec<(String, Policy)> = (0..count)
        .map(|number| {
            let policy = Policy::parse(&trust_policy(number)).expect("a policy");
            (
                format!("arn:aws:iam::111122223333:role/role-{number}"),
                policy,
            )
        })
        .collect();
    let mut file = String::from(r#"{"RoleDetailList":["#);
    for number in 0..count {
        let _ = write!(
            file,
            "{}{}",
            if number > 0 { "," } else { "" },
            role(number, &trust_policy(number))
        );
    }
    file.push_str(r#"],"Policies":[]}"#);

    let (mut decided, mut read) = (Vec::new(), Vec::new());
    let mut taken = 0;
    for round in 0..ROUNDS {
        let mut candidate = Candidate::new(token.clone());
        let start = Instant::now();
        taken = policies
            .iter()
            .filter(|(role, policy)| matches!(candidate.ask(policy, role), Grant::Taken { .. }))
            .count();
        decided.push(start.elapsed());
        if round == 0 || count <= 1_000 {
            let start = Instant::now();
            let audit = Survey::with(Candidate::new(token.clone()))
                .read(file.as_bytes())
                .expect("an account");
            read.push(start.elapsed());
            assert_eq!(black_box(audit).taken().count(), taken, "the two disagree");
        }
    }
    assert_eq!(
        taken,
        count.div_ceil(10),
        "the policies are not what they are meant to be"
    );
    let (decided, read) = (median(decided), median(read));
    let each = |time: Duration| time.as_nanos() / u128::try_from(count).expect("a count");
    println!(
        "{count:>10}  {:>12.3}  {:>7}  {:>13.3}  {:>7}",
        decided.as_secs_f64() * 1e3,
        each(decided),
        read.as_secs_f64() * 1e3,
        each(read),
    );
}

/// Every tenth role takes the token. None is for another issuer, which would be passed over at once.
fn trust_policy(number: usize) -> String {
    let subject = match number % 10 {
        0 => "repo:acme/app:*".to_owned(),
        _ => format!("repo:acme/service-{number}:ref:refs/heads/main"),
    };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}},"StringLike":{{"token.actions.githubusercontent.com:sub":"{subject}"}}}}}}]}}"#
    )
}

fn role(number: usize, policy: &str) -> String {
    format!(
        r#"{{"Path":"/","RoleName":"role-{number}","RoleId":"AROAEXAMPLE{number}","Arn":"arn:aws:iam::111122223333:role/role-{number}","CreateDate":"2026-01-01T00:00:00+00:00","AssumeRolePolicyDocument":{policy},"InstanceProfileList":[],"RolePolicyList":[],"AttachedManagedPolicies":[{{"PolicyName":"ReadOnlyAccess","PolicyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}],"Tags":[],"RoleLastUsed":{{}}}}"#
    )
}

fn token() -> Token {
    let claims = r#"{"iss":"https://token.actions.githubusercontent.com","sub":"repo:acme/app:ref:refs/heads/main","aud":"sts.amazonaws.com","iat":1800000000,"exp":1800000300,"repository":"acme/app","ref":"refs/heads/main","actor":"alice"}"#;
    let jwt = [r#"{"alg":"RS256"}"#, claims, ""]
        .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part))
        .join(".");
    Token::read(&jwt, UNIX_EPOCH + Duration::from_hours(500_000)).expect("a token")
}

/// Surveys a file in a process of its own, which tells its peak.
fn remember(folder: &Path, megabytes: usize) {
    let path = folder.join(format!("{megabytes}.json"));
    write_account(&path, megabytes * 1_000_000);
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([CHILD.as_ref(), path.as_os_str()])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    println!(
        "  {megabytes:>4} MB  peak {:>7}  {:>6.0} ms",
        said.trim(),
        start.elapsed().as_secs_f64() * 1e3
    );
}

const CHILD: &str = "survey-and-tell-the-peak";

fn child(path: &str) {
    let audit = Survey::new()
        .read(File::open(path).expect("there"))
        .expect("an account");
    assert_eq!(audit.roles.len(), 200);
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    println!("{}", peak.trim());
}

/// An account of this size: 200 roles that are open, and for the rest users, roles of services with inline policies, and managed
/// policies in two versions, as large accounts have them.
fn write_account(path: &Path, size: usize) {
    let mut file = BufWriter::new(File::create(path).expect("created"));
    let mut written = 0;
    let mut put = |text: &str| {
        file.write_all(text.as_bytes()).expect("written");
        written += text.len();
        written
    };
    let statements: Vec<String> = (0..20)
        .map(|number| format!(r#"{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-{number}/*"}}"#))
        .collect();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",")
    );
    let service = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    put(r#"{"UserDetailList":["#);
    for number in 0.. {
        let user = format!(
            r#"{{"UserName":"user-{number}","Arn":"arn:aws:iam::111122223333:user/user-{number}","UserPolicyList":[{{"PolicyName":"own","PolicyDocument":{document}}}],"GroupList":[],"AttachedManagedPolicies":[]}}"#
        );
        if put(&user) > size / 4 {
            break;
        }
        put(",");
    }
    put(r#"],"GroupDetailList":[],"RoleDetailList":["#);
    for number in 0..200 {
        put(&role(number, &trust_policy(number)));
        put(",");
    }
    for number in 200.. {
        let inline =
            format!(r#""RolePolicyList":[{{"PolicyName":"own","PolicyDocument":{document}}}]"#);
        if put(&role(number, service).replace(r#""RolePolicyList":[]"#, &inline)) > size * 3 / 4 {
            break;
        }
        put(",");
    }
    put(r#"],"Policies":["#);
    for number in 0.. {
        let policy = format!(
            r#"{{"PolicyName":"policy-{number}","Arn":"arn:aws:iam::111122223333:policy/policy-{number}","PolicyVersionList":[{{"Document":{document},"VersionId":"v2","IsDefaultVersion":true}},{{"Document":{document},"VersionId":"v1","IsDefaultVersion":false}}]}}"#
        );
        if put(&policy) > size {
            break;
        }
        put(",");
    }
    put("]}");
    file.flush().expect("written");
}
