//! What `setup` writes, taken by the programs it is written for: bash with the AWS CLI, CloudFormation, Terraform.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use keyless_tests::real::{self, Parts, Running};
use keyless_trust::setup::{Allow, Generated, Plan, SOURCES};
use keyless_trust::thumbprint::Thumbprint;
use serde_json::{Value, json};

/// moto's.
const ACCOUNT: &str = "123456789012";

/// The one managed policy there.
const POLICY: &str = "arn:aws:iam::123456789012:policy/Deploy";

/// A role for each kind of subject, and one with all there is to a plan.
fn plans() -> Vec<Plan> {
    let mut plans: Vec<Plan> = SOURCES
        .iter()
        .map(|source| {
            let mut plan = Plan::new(format!("keyless-{}", source.name), [allow(source.example)]);
            if source.issuer.is_none() {
                plan.issuer = Some("https://id.example.com/realms/corp".to_owned());
                plan.audiences = vec!["keyless".to_owned()];
            }
            plan
        })
        .collect();
    plans.push(full());
    plans
}

/// Names that a shell, YAML, Terraform and an interactive prompt would each make something else of. None has a colon, whose
/// `%3A` the AWS CLI decodes once more than moto encodes it.
fn full() -> Plan {
    Plan {
        issuer: Some("https://token.actions.githubusercontent.com/acme-inc".to_owned()),
        audiences: vec!["sts.amazonaws.com".to_owned(), "it's".to_owned()],
        attach: vec![POLICY.to_owned()],
        boundary: Some(POLICY.to_owned()),
        account: Some(ACCOUNT.to_owned()),
        max_session: Duration::from_hours(2),
        session_tags: true,
        source_identity: true,
        also_account: vec!["444455556666".to_owned()],
        thumbprints: vec![Thumbprint::of(b"a certificate")],
        ..Plan::new(
            "1.full@keyless",
            [
                allow("github:acme/app@fix!\"'`$HOME%{x}!!"),
                allow("github:acme@12/app@34#environment:Blue\\green, 'x' #1"),
                allow("github:acme@12/app@34#tag:v*"),
            ],
        )
    }
}

fn allow(text: &str) -> Allow {
    text.parse().expect(text)
}

fn generated(plan: &Plan) -> Generated {
    plan.generate().expect("a good plan")
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_script_makes_the_role_and_can_be_run_again() {
    let Some(parts) = real::parts() else { return };
    let account = Account::new(&parts);
    for plan in plans() {
        let name = &plan.role_name;
        let first = account.bash(&generated(&plan).script(), &[]);
        assert!(first.contains(&format!("making role {name}\n")), "{first}");
        let last = format!("done: arn:aws:iam::{ACCOUNT}:role/{name}\n");
        assert!(first.contains(&last), "{first}");
    }
    account.has_roles(&plans());
    account.has_what_the_full_one_wants(&full());

    // The provider is there, with another client id; the role is there, for somebody else.
    let mut plan = full();
    plan.audiences = vec!["another".to_owned()];
    plan.allow = vec![allow("github:acme/app@main")];
    plan.max_session = Duration::from_hours(3);
    plan.thumbprints = vec![Thumbprint::of(b"a newer one")];
    let generated = generated(&plan);
    for round in 1..=2 {
        let said = account.bash(&generated.script(), &[]);
        let added = said.contains("\nadding client id another to it\n");
        assert_eq!(added, round == 1, "{said}");
        let is_there = "is there; it is brought up to date. Its trust policy was:";
        assert!(said.contains(is_there), "{said}");
        let shows_the_old = said.contains("acme/app@34") || said.contains("refs/tags/v*");
        assert_eq!(shows_the_old, round == 1, "{said}");
    }
    account.has_roles(std::slice::from_ref(&plan));
    account.has_what_the_full_one_wants(&plan);
    let clients = account.provider(&generated)["ClientIDList"].clone();
    assert_eq!(
        clients,
        json!(["sts.amazonaws.com", "it's", "another"]),
        "nobody else's is lost"
    );
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_script_for_one_account_refuses_another() {
    let Some(parts) = real::parts() else { return };
    let account = Account::new(&parts);
    let mut plan = full();
    plan.account = Some("999988887777".to_owned());
    let output = account.run(&generated(&plan).script(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("signed in to account {ACCOUNT}, and this is for 999988887777\n");
    assert_eq!(said, expected);
    let roles = account.aws(&["iam", "list-roles"]);
    assert_eq!(roles["Roles"], json!([]));
}

/// At a prompt, which has a history and would go on after a failure.
#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_paste_makes_the_role_at_a_prompt() {
    let Some(parts) = real::parts() else { return };
    let account = Account::new(&parts);
    let plan = full();
    let prompt = ["--norc", "--noprofile", "-i"];
    account.bash(&generated(&plan).cloudshell(), &prompt);
    account.has_roles(std::slice::from_ref(&plan));
    account.has_what_the_full_one_wants(&plan);
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn a_template_passes_cfn_lint_and_makes_the_role() {
    let Some(parts) = real::parts() else { return };
    let account = Account::new(&parts);
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for plan in plans() {
        let file = folder.path().join(format!("{}.yaml", plan.role_name));
        std::fs::write(&file, generated(&plan).cloudformation()).expect("written");
        files.push((file, plan));
    }
    let lint = parts
        .cfn_lint()
        .arg("--")
        .args(files.iter().map(|(file, _)| file))
        .output()
        .expect("cfn-lint");
    assert!(
        lint.status.success(),
        "{}",
        String::from_utf8_lossy(&lint.stdout)
    );

    for (number, (file, plan)) in files.iter().enumerate() {
        let generated = generated(plan);
        let mut command = vec![
            "cloudformation".to_owned(),
            "create-stack".to_owned(),
            format!("--stack-name=stack-{number}"),
            format!("--template-body=file://{}", file.display()),
            "--capabilities=CAPABILITY_NAMED_IAM".to_owned(),
        ];
        // moto's CloudFormation makes no providers: the account has it already.
        if let Some(provider) = generated.provider(ACCOUNT) {
            let value = format!("ParameterKey=ProviderArn,ParameterValue={}", provider.arn());
            command.extend(["--parameters".to_owned(), value]);
        }
        account.aws(&command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    account.has_roles(&plans());
    // Nor does it attach policies.
    account.has_boundary(&full());
}

#[test]
#[ignore = "needs real parts: cargo xtask test"]
fn terraform_finds_nothing_to_set_and_reads_the_same_policy() {
    let Some(mut format) = real::terraform() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for plan in plans() {
        let file = folder.path().join(format!("{}.tf", plan.role_name));
        std::fs::write(&file, generated(&plan).terraform()).expect("written");
    }
    let output = format
        .args(["fmt", "-check", "-diff"])
        .current_dir(folder.path())
        .output()
        .expect("terraform");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );

    for plan in plans() {
        let generated = generated(&plan);
        let file = generated.terraform();
        let (_, expression) = file
            .split_once("assume_role_policy = ")
            .expect("the policy");
        let (expression, _) = expression.split_once("\n  })\n").expect("its end");
        // The one name in it that is another resource's.
        let provider = generated.provider(ACCOUNT);
        let arn = provider.as_ref().map_or("", |provider| provider.arn());
        let source = plan.allow[0].source().name;
        let name = format!("aws_iam_openid_connect_provider.{source}.arn");
        let expression = format!("{expression}}})").replace(&name, &format!("\"{arn}\""));
        assert_eq!(evaluated(&expression), policy(&generated), "{file}");
    }
}

/// What Terraform makes of an expression that names no resource.
fn evaluated(expression: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("locals {{\n  policy = {expression}\n}}\n");
    std::fs::write(folder.path().join("main.tf"), file).expect("written");
    let mut console = real::terraform().expect("there a moment ago");
    let mut child = console
        .arg("console")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("terraform");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"local.policy\n").expect("read");
    drop(stdin);
    let output = child.wait_with_output().expect("ended");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    // It shows a string as its own language writes one, which is JSON but for the templates.
    let plain = shown.replace("$${", "${").replace("%%{", "%{");
    let text: String =
        serde_json::from_str(plain.trim()).unwrap_or_else(|error| panic!("{error}: {shown}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn policy(generated: &Generated) -> Value {
    serde_json::from_str(&generated.trust_policy(ACCOUNT)).expect("JSON")
}

/// An AWS account that knows nobody yet.
struct Account<'a> {
    parts: &'a Parts,
    moto: Running,
}

impl<'a> Account<'a> {
    fn new(parts: &'a Parts) -> Self {
        let account = Self {
            parts,
            moto: parts.moto(),
        };
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        account.aws(&[
            "iam",
            "create-policy",
            "--policy-name=Deploy",
            "--policy-document",
            document,
        ]);
        account
    }

    fn signed_in<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
    }

    /// Types `script` into bash.
    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        let mut bash = self.parts.bash();
        let mut child = self
            .signed_in(&mut bash)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(script.as_bytes()).expect("read");
        drop(stdin);
        child.wait_with_output().expect("ended")
    }

    fn bash(&self, script: &str, arguments: &[&str]) -> String {
        let output = self.run(script, arguments);
        assert!(
            output.status.success(),
            "{script}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn aws(&self, arguments: &[&str]) -> Value {
        let mut aws = self.parts.aws();
        let output = self
            .signed_in(&mut aws)
            .args(["--output", "json"])
            .args(arguments)
            .output()
            .expect("the AWS CLI");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// By name.
    fn roles(&self) -> BTreeMap<String, Value> {
        let found = self.aws(&["iam", "list-roles"]);
        let roles = found["Roles"].as_array().expect("a list").clone();
        let name = |role: &Value| role["RoleName"].as_str().expect("a name").to_owned();
        roles.into_iter().map(|role| (name(&role), role)).collect()
    }

    fn provider(&self, generated: &Generated) -> Value {
        let provider = generated.provider(ACCOUNT).expect("one of its own");
        self.aws(&[
            "iam",
            "get-open-id-connect-provider",
            "--open-id-connect-provider-arn",
            provider.arn(),
        ])
    }

    #[track_caller]
    fn has_roles(&self, plans: &[Plan]) {
        let roles = self.roles();
        for plan in plans {
            let (role, generated) = (&roles[&plan.role_name], generated(plan));
            assert_eq!(role["AssumeRolePolicyDocument"], policy(&generated));
            assert_eq!(role["Arn"], generated.role_arn(ACCOUNT));
            assert_eq!(role["MaxSessionDuration"], plan.max_session.as_secs());
        }
    }

    fn has_what_the_full_one_wants(&self, plan: &Plan) {
        let generated = generated(plan);
        let found = self.provider(&generated);
        let url = generated.issuer().trim_start_matches("https://");
        assert_eq!(found["Url"], url);
        let clients = found["ClientIDList"].as_array().expect("a list");
        for audience in generated.audiences() {
            assert!(clients.contains(&json!(audience)), "{clients:?}");
        }
        let wanted: Vec<_> = plan.thumbprints.iter().map(Thumbprint::to_string).collect();
        assert_eq!(found["ThumbprintList"], json!(wanted));
        self.has_policies(plan);
    }

    fn has_policies(&self, plan: &Plan) {
        self.has_boundary(plan);
        let command = ["iam", "list-attached-role-policies", "--role-name"];
        let attached = self.aws(&[&command[..], &[&plan.role_name]].concat());
        let attached = attached["AttachedPolicies"].as_array().expect("a list");
        let attached: Vec<&str> = attached
            .iter()
            .filter_map(|policy| policy["PolicyArn"].as_str())
            .collect();
        assert_eq!(attached, plan.attach);
    }

    fn has_boundary(&self, plan: &Plan) {
        let role = self.aws(&["iam", "get-role", "--role-name", &plan.role_name]);
        let boundary = &role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"];
        assert_eq!(boundary.as_str(), plan.boundary.as_deref());
    }
}
