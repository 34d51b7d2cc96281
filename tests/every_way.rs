//! Every way to sign in, at a certified identity provider, with the command and a real browser, until the AWS CLI is the role.

use keyless_tests::home::{Home, write_store_key};
use keyless_tests::real;
use keyless_tests::webdriver::Chromium;

const ROLE: &str = "arn:aws:iam::111122223333:role/Developer";
const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com";

/// A way to sign in.
struct Way {
    what: &'static str,
    client: &'static str,
    /// What the identity says beside issuer and client.
    keys: &'static str,
    flags: &'static [&'static str],
    /// What the address that is shown begins with, behind the issuer.
    shown: &'static str,
    /// What the last page of the browser says.
    ends: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        what: "a code in the query",
        client: "keyless",
        keys: "",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a code by form_post",
        client: "keyless",
        keys: "response_mode = \"form_post\"",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a code for another device",
        client: "keyless",
        keys: "",
        flags: &["--flow", "device"],
        shown: "/device?user_code=",
        ends: "Sign-in Success",
    },
    Way {
        what: "the implicit flow, by the fragment",
        client: "keyless-implicit",
        keys: "response_type = \"id_token\"",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "the implicit flow, by form_post",
        client: "keyless-implicit",
        keys: "response_type = \"id_token\"\nresponse_mode = \"form_post\"",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a pushed request",
        client: "keyless-par",
        keys: "",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a client secret in the header",
        client: "keyless-basic",
        keys: "client_secret = { env = \"CLIENT_SECRET\" }",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a client secret in the form",
        client: "keyless-post",
        keys: "client_secret = { command = [\"sh\", \"-c\", \"printf %s \\\"$CLIENT_SECRET\\\"\"] }\nclient_auth = \"client_secret_post\"",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "a signed assertion",
        client: "keyless-jwt",
        keys: "private_key = { env = \"CLIENT_SECRET\" }\nclient_auth = \"private_key_jwt\"",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
    Way {
        what: "tokens bound to a key, and a stay",
        client: "keyless-dpop-nonce",
        keys: "scopes = [\"openid\", \"email\", \"offline_access\"]\nauthorize = { prompt = \"consent\" }",
        flags: &["--no-browser"],
        shown: "",
        ends: "Signed in as alice@example.com",
    },
];

#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn each_way_ends_in_credentials_that_the_aws_cli_uses() {
    let Some(parts) = real::parts() else { return };
    let (provider, moto) = (parts.oidc_provider(), parts.moto());
    let issuer = provider.url();
    for way in WAYS {
        let Way {
            what, client, keys, ..
        } = way;
        let config = format!(
            "[identity.corp]\nissuer = \"{issuer}\"\nclient_id = \"{client}\"\n{keys}\n\n[profile.dev]\nidentity = \"corp\"\nrole = \"{ROLE}\"\nregion = \"eu-west-1\"\n"
        );
        let home = Home::new(&config, moto.url());
        let key = home.path().join("store.key");
        write_store_key(&key);
        let key = key.to_str().expect("text");
        let secret = provider.ready()["secrets"][client].as_str();
        let mut variables = vec![("KEYLESS_STORE_KEY_FILE", key)];
        variables.extend(secret.map(|secret| ("CLIENT_SECRET", secret)));

        let mut arguments = vec![
            "login",
            "dev",
            "--write-aws-config",
            "dev",
            "--timeout",
            "1m",
        ];
        arguments.extend(way.flags);
        let mut said = home.keyless(&arguments, &variables);
        // What is pushed lasts for a minute, so a link of our own is shown.
        let begins = match way.shown {
            "" => "http://127.0.0.1:".to_owned(),
            path => format!("{issuer}{path}"),
        };
        let address = said.address(&begins).await;
        let browser = Chromium::start().await;
        browser.open(&address).await;
        if way.shown.starts_with("/device") {
            browser.let_device_in("alice").await;
        } else {
            browser.sign_in("alice").await;
        }
        browser.see(way.ends).await;
        said.well().await;

        let mut aws = parts.aws();
        aws.args(["sts", "get-caller-identity", "--query=Arn"]);
        aws.args(["--output=text", "--profile=dev"]);
        let output = home.at_home(&mut aws).output().expect("the AWS CLI");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {said}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            ARN,
            "{what}"
        );
    }
}
