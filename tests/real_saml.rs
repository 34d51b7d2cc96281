//! Auth0's `samlp`, with the command and Chromium, until the AWS CLI is the role: at moto, and at an STS that checks what moto does not.

use keyless::{Http, HttpClient};
use keyless_sandbox::{Role, Sandbox};
use keyless_tests::browser::Browser;
use keyless_tests::home::Home;
use keyless_tests::person::{Deed, Person};
use keyless_tests::real;
use keyless_tests::scene::Scene;
use keyless_tests::webdriver::Chromium;
use keyless_token::Limits;

const ROLE: &str = "arn:aws:iam::111122223333:role/Developer";
const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Developer/alice@example.com";

/// A sign-in by the command, once for each part that the identity provider signs and once by form in Chromium.
#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn somebody_signs_in_by_saml_and_the_aws_cli_is_the_role() {
    let Some(parts) = real::parts() else { return };
    let aws = parts.moto();
    for signed in ["assertion", "response", "both"] {
        let provider = parts.saml_idp(&[("SAML_SIGN", signed)]);
        let config = format!(
            "[identity.corp]\nsaml_url = \"{}\"\n[profile.dev]\nidentity = \"corp\"\nrole = \"{ROLE}\"\nregion = \"eu-west-1\"\n",
            provider.url()
        );
        let home = Home::new(&config, aws.url());
        let arguments = ["login", "dev", "--no-browser", "--write-aws-config", "dev"];
        let mut said = home.keyless(&arguments, &[]);
        let address = said.address(provider.url()).await;
        if signed == "both" {
            let chromium = Chromium::start().await;
            chromium.open(&address).await;
            chromium.sign_in_by_saml("alice").await;
            chromium.see("Signed in as alice@example.com").await;
        } else {
            let page = Browser::default().sign_in(&address, "alice").await;
            assert!(page.contains("Signed in as alice@example.com"), "{page}");
        }
        let said = said.well().await.join("\n");
        assert!(said.contains("signed in as alice@example.com"), "{said}");
        let mut cli = parts.aws();
        cli.args(["sts", "get-caller-identity", "--query=Arn"]);
        cli.args(["--output=text", "--profile=dev"]);
        let output = home.at_home(&mut cli).output().expect("the AWS CLI");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{signed}: {told}");
        let arn = String::from_utf8_lossy(&output.stdout);
        assert_eq!(arn.trim(), ARN, "{signed}");
    }
}

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/corp"}, "Action": "sts:AssumeRoleWithSAML",
    "Condition": {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}}}]}"#;

/// An STS that has the identity provider's metadata, and checks signature, issuer, recipient, times and trust policy.
#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn an_sts_that_checks_everything_takes_what_auth0s_library_signs() {
    let Some(parts) = real::parts() else { return };
    let scene = Scene::of(Sandbox::builder()).await;
    let idp = parts.saml_idp(&[]);
    let metadata = idp.ready()["metadata"].as_str().expect("an address");
    let request = http::Request::get(metadata).body(Vec::new());
    let http = Http::default();
    let answer = http.send(request.expect("a request"), Limits::default());
    let answer = answer.await.expect("an answer").into_body();
    let metadata = String::from_utf8(answer).expect("XML");
    let arn = scene.sandbox.put_saml_provider("corp", &metadata);
    assert_eq!(
        arn.expect("good metadata"),
        "arn:aws:iam::111122223333:saml-provider/corp"
    );
    let role = Role::new("Developer", TRUST);
    scene.sandbox.put_role(role).expect("a good role");
    let person = Person::who(Deed::StayAway);
    let login = keyless::SamlLogin::builder(idp.url())
        .issuer(idp.ready()["issuer"].as_str().expect("an issuer"))
        .prompt(person.clone())
        .build()
        .expect("a login");
    let provider = scene.saml_provider("Developer", login).build();
    let provider = provider.expect("a provider");
    let waiting = tokio::spawn(async move { provider.session().await });
    while person.told().links.is_empty() {
        tokio::task::yield_now().await;
    }
    let page = Browser::default()
        .sign_in(&person.told().links[0], "alice")
        .await;
    assert!(page.contains("Signed in as alice@example.com"), "{page}");
    let session = waiting.await.expect("no panic").expect("a session");
    assert_eq!(session.assumed_role_arn(), ARN);
}

/// The sandbox's own page in Chromium: its list of people, its form, our last page.
#[tokio::test]
#[ignore = "needs real parts: cargo xtask test"]
async fn the_sandboxes_page_ends_on_ours_in_chromium() {
    let Some(_) = real::parts() else { return };
    let scene = Scene::new().await;
    let person = Person::who(Deed::StayAway);
    let login = scene.saml_login(&person).build().expect("a login");
    let provider = scene.saml_provider("saml-dev", login).build();
    let provider = provider.expect("a provider");
    let waiting = tokio::spawn(async move { provider.session().await });
    while person.told().links.is_empty() {
        tokio::task::yield_now().await;
    }
    let chromium = Chromium::start().await;
    chromium.open(&person.told().links[0]).await;
    chromium.click("button[value=bob]").await;
    chromium.see("Signed in as bob@example.com").await;
    let session = waiting.await.expect("no panic").expect("a session");
    assert!(session.assumed_role_arn().ends_with("/bob@example.com"));
}
