//! The sandbox's SAML and that of others: `xml-crypto` verifies what it signs, and it believes what `samlp` signs.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Answer, get, post};
use keyless_sandbox::{Assertion, Role, Sandbox, Signed};
use serde_json::Value;

/// The folder with the real parts, if it is there and has samlp.
fn parts() -> Option<PathBuf> {
    let parts = PathBuf::from(std::env::var_os("KEYLESS_REAL")?);
    parts
        .join("node/node_modules/samlp")
        .is_dir()
        .then_some(parts)
}

/// Reads a certificate in Base64 and a response from its input, line by line, and says of each response how many signatures are good.
const VERIFY: &str = r"
const { createRequire } = require('node:module');
const part = createRequire(process.argv[1] + '/node/package.json');
const { SignedXml } = part('xml-crypto');
const { DOMParser } = part('@xmldom/xmldom');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [certificate, encoded] = line.split(' ');
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
  const xml = Buffer.from(encoded, 'base64').toString();
  const all = new DOMParser().parseFromString(xml).getElementsByTagNameNS('http://www.w3.org/2000/09/xmldsig#', 'Signature');
  let good = 0;
  for (const node of Array.from(all)) {
    const signature = new SignedXml();
    signature.keyInfoProvider = { getKey: () => pem, getKeyInfo: () => '' };
    signature.loadSignature(node);
    if (signature.checkSignature(xml)) good += 1; else console.error(signature.validationErrors);
  }
  console.log(good);
});
";

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn what_the_sandbox_signs_is_good_to_others() {
    let Some(parts) = parts() else { return };
    let sandbox = Sandbox::builder().rsa(true).start().await.unwrap();
    let metadata = get(&sandbox.saml_issuer()).await.body;
    let (_, certificate) = metadata.split_once("<ds:X509Certificate>").unwrap();
    let certificate = certificate.split_once('<').unwrap().0;

    let alice = || Assertion::of("alice");
    let end = "</saml:Attribute><saml:Attribute Name=\"urn:oid:0";
    let odd = |xml: &str| alice().written(end, format!("</saml:Attribute>{xml}{}", &end[17..]));
    // libxml2 agrees on more than these: instructions, line breaks, a prefix that has another meaning in a sibling, where xml-crypto 2.1 errs.
    let cases = [
        (alice(), 1),
        (alice().signed(Signed::Response), 1),
        (alice().signed(Signed::Both), 2),
        (alice().attribute("urn:name", ["<Zoë> & \"Ærø\" 'ß' 😀"]), 1),
        (
            odd(
                "<a:x xmlns:a='urn:a' xmlns:b='urn:b' b:z='1' a:z='2' z='3' a='&#9;&#10;&#13;&quot;&lt;>'><b:y/><y xmlns='urn:c'><z xmlns=''/></y></a:x>",
            ),
            1,
        ),
        (odd("<saml:x><![CDATA[<&>]]>&#13;</saml:x>"), 1),
        (
            odd("<x><samlp:y xmlns:samlp='urn:other' xml:lang='en'/></x>").signed(Signed::Both),
            2,
        ),
    ];
    let mut node = Command::new("node")
        .args(["-e", VERIFY])
        .arg(&parts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    for (assertion, _) in &cases {
        let response = sandbox.saml_response(assertion).unwrap();
        writeln!(input, "{certificate} {response}").unwrap();
    }
    drop(input);
    let answer = node.wait_with_output().unwrap();
    let good: Vec<_> = String::from_utf8(answer.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(good.len(), cases.len(), "one line each");
    for ((assertion, expected), found) in cases.iter().zip(good) {
        assert_eq!(found, expected.to_string(), "{assertion:?}");
    }
}

/// `samlp` as an identity provider in a process of its own, ended with this value.
struct Samlp(Child, Value);

impl Samlp {
    fn start(parts: &Path, settings: &[(&str, &str)]) -> Samlp {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/real/saml-idp.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("KEYLESS_REAL", parts)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Samlp(child, serde_json::from_str(&line).unwrap())
    }

    fn said(&self, name: &str) -> &str {
        self.1[name].as_str().unwrap()
    }

    /// The response that alice's browser would post.
    async fn response(&self) -> String {
        let page = get(&format!("{}?login=alice", self.said("sso"))).await.body;
        let (_, field) = page.split_once("name=\"SAMLResponse\"").unwrap();
        let (_, value) = field.split_once("value=\"").unwrap();
        value.split_once('"').unwrap().0.to_owned()
    }
}

impl Drop for Samlp {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn what_samlp_signs_is_good_to_the_sandbox() {
    let Some(parts) = parts() else { return };
    let sandbox = Sandbox::builder().start().await.unwrap();
    let (role, provider) = (
        "arn:aws:iam::111122223333:role/Developer",
        "arn:aws:iam::111122223333:saml-provider/corp",
    );
    let policy = format!(
        r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRoleWithSAML"}}}}"#
    );
    sandbox.put_role(Role::new("Developer", policy)).unwrap();
    for (setting, expected) in [
        (("SAML_SIGN", "assertion"), "alice@example.com"),
        (("SAML_SIGN", "response"), "alice@example.com"),
        (("SAML_SIGN", "both"), "alice@example.com"),
        (("SAML_SIGN", "none"), "Response signature invalid"),
        (
            ("SAML_AUDIENCE", "app"),
            "Response does not contain the required audience.",
        ),
        (
            ("SAML_RECIPIENT", ""),
            "Response is for another recipient than the AWS sign-in endpoint",
        ),
    ] {
        let samlp = Samlp::start(
            &parts,
            &[("SAML_ACS", "http://127.0.0.1:41234/acs"), setting],
        );
        let metadata = get(samlp.said("metadata")).await.body;
        sandbox.put_saml_provider("corp", &metadata).unwrap();
        let response = samlp.response().await;
        assert!(STANDARD.decode(&response).is_ok(), "{response}");
        let answer = post(
            sandbox.sts_endpoint(),
            &[
                ("Action", "AssumeRoleWithSAML"),
                ("Version", "2011-06-15"),
                ("RoleArn", role),
                ("PrincipalArn", provider),
                ("SAMLAssertion", &response),
            ],
        )
        .await;
        assert_eq!(told(&answer), expected, "{setting:?} {answer:?}");
    }
}

/// Whom it is about, or why not.
fn told(answer: &Answer) -> &str {
    answer.xml(if answer.status == 200 {
        "Subject"
    } else {
        "Message"
    })
}
