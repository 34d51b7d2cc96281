//! The pages of `docs/identity-providers`, followed step by step at a sandbox that is shaped like that identity provider.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use keyless::login::{EndOfSession, Prompt, SignOutPage};
use keyless::profile::{Access, Config, Use};
use keyless::{
    Environment, Error, ExchangeErrorKind, Http, Interaction, Login, Source, TokenErrorKind,
};
use keyless_sandbox::{Builder, Client, Role, Sandbox, Shape};
use keyless_tests::binary;
use keyless_tests::browser::Browser;
use keyless_tests::person::{Deed, Person};
use keyless_tests::port;
use keyless_tests::scene::Scene;
use keyless_trust::setup::Plan;
use tokio::sync::oneshot;

/// A page, and the sandboxes that it is followed at.
struct Page {
    name: &'static str,
    text: &'static str,
    shapes: &'static [Shape],
    /// Whose ways the sandbox has, which is known by the issuer otherwise.
    way: &'static str,
}

macro_rules! page {
    ($name:literal, $way:literal, $($shape:ident)+) => {
        Page {
            name: $name,
            text: include_str!(concat!("../docs/identity-providers/", $name, ".md")),
            shapes: &[$(Shape::$shape),+],
            way: $way,
        }
    };
}

static PAGES: [Page; 8] = [
    page!("auth0", "Auth0", Auth0),
    page!("okta", "Okta", OktaOrg OktaCustom),
    page!("google", "Google", Google),
    page!("entra", "Entra", EntraV1 EntraV2),
    page!("cognito", "Cognito", Cognito),
    page!("keycloak", "Keycloak", Keycloak),
    page!("dex", "Dex", Dex),
    page!("gitlab", "GitLab", GitLab),
];

const INDEX: &str = include_str!("../docs/identity-providers/README.md");

fn page(name: &str) -> &'static Page {
    let found = PAGES.iter().find(|page| page.name == name);
    found.expect(name)
}

impl Page {
    /// What stands in the fenced blocks of this kind, without their indent.
    fn blocks(&self, kind: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut block: Option<String> = None;
        for line in self.text.lines() {
            let line = line.strip_prefix("   ").unwrap_or(line);
            match (&mut block, line) {
                (None, line) if line == format!("```{kind}") => block = Some(String::new()),
                (Some(_), "```") => blocks.extend(block.take()),
                (Some(block), line) => block.extend([line, "\n"]),
                (None, _) => {}
            }
        }
        blocks
    }

    /// Each command line, in one line.
    fn commands(&self) -> Vec<String> {
        let lines = self.blocks("sh").join("").replace("\\\n", " ");
        lines.lines().map(str::to_owned).collect()
    }

    /// The redirect address that is to be registered.
    fn redirect_address(&self, path: &str) -> Option<String> {
        let steps = self.text.split("\n## ").next().expect("steps");
        let end = steps.find(path)? + path.len();
        let start = steps[..end].rfind('`')? + 1;
        Some(steps[start..end].to_owned())
    }

    /// The cell of the index's table.
    fn promises(&self, column: &str) -> &'static str {
        let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
        let heads = INDEX.lines().find(|line| line.starts_with("| |"));
        let heads = cells(heads.expect("a table"));
        let index = heads.iter().position(|head| head.contains(column));
        let link = format!("({}.md)", self.name);
        let row = INDEX.lines().find(|line| line.contains(&link));
        cells(row.expect(self.name))[index.expect(column)]
    }
}

/// A page that is being followed.
struct Story {
    page: &'static Page,
    scene: Scene,
    config: String,
    person: Person,
}

impl Story {
    /// The application is made, and the configuration written.
    async fn begin(page: &'static Page, shape: Shape) -> Self {
        let sandbox = Sandbox::builder().device_interval(Duration::from_secs(1));
        Self::at(sandbox, page, shape).await
    }

    async fn at(sandbox: Builder, page: &'static Page, shape: Shape) -> Self {
        let port = port::free().to_string();
        let mut builder = sandbox.shaped_like(shape);
        let mut registered = page.redirect_address("/callback");
        let mut first = page.blocks("toml").remove(0);
        if shape == Shape::GitLab {
            // Which compares no ports of 127.0.0.1, as its page says; the sandbox does.
            registered = registered.map(|address| address.replace("127.0.0.1", "127.0.0.1:8765"));
            first = first.replace("client_id", "port = 8765\nclient_id");
        }
        if let Some(address) = registered.filter(|address| address.contains("8765")) {
            let mut client = Client::new("keyless").redirect_uri(address.replace("8765", &port));
            if let Some(address) = page.redirect_address("/signed-out") {
                client = client.post_logout_redirect_uri(address.replace("8765", &port));
            }
            builder = builder.client(client);
        }
        let scene = Scene::of(builder).await;
        let secret = scene.folder().join("secret");
        write(&secret, "GOCSPX-sandbox");
        write(
            &scene.folder().join("key"),
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        );
        let endpoint = format!("endpoint_url = \"{}\"", scene.sandbox.sts_endpoint());
        let config = first
            .replace("8765", &port)
            .replace("CLIENT_ID", scene.sandbox.client_id())
            .replace(
                "/home/YOU/.config/keyless/google-secret",
                &secret.display().to_string(),
            );
        let config: Vec<String> = config
            .lines()
            .map(|line| match line {
                line if line.starts_with("issuer") => {
                    format!("issuer = \"{}\"", scene.sandbox.issuer())
                }
                line if line.starts_with("region") => format!("{line}\n{endpoint}"),
                line => line.to_owned(),
            })
            .collect();
        Self {
            page,
            scene,
            config: config.join("\n"),
            person: Person::called("alice"),
        }
    }

    /// With the lines of the section on staying signed in.
    fn staying(&self) -> String {
        let block = self.page.blocks("toml").remove(1);
        let head = "[identity.corp]\n";
        assert!(block.starts_with(head), "{block}");
        self.config.replace(head, &block)
    }

    fn access(&self, config: &str) -> Access {
        self.as_somebody(config, &self.person)
    }

    fn as_somebody(&self, config: &str, person: &Person) -> Access {
        let at = |name: &str| self.scene.folder().join(name).display().to_string();
        let environment = Environment::of([
            ("HOME", at("home")),
            ("KEYLESS_STORE_DIR", at("store")),
            ("KEYLESS_STORE_KEY_FILE", at("key")),
        ]);
        let prompt: Arc<dyn Prompt> = Arc::new(person.clone());
        let usage = Use {
            prompt: Some(prompt),
            clock: self.scene.clock(),
            way: Some(self.page.way),
            ..Use::default()
        };
        Config::parse(config, "config.toml".into())
            .and_then(|config| config.profile(Some("dev"), &environment))
            .unwrap_or_else(|error| panic!("{}: {error}\n{config}", self.page.name))
            .access(&environment, usage)
            .expect(self.page.name)
    }

    /// The AWS side is made as `keyless setup` makes it, for whoever has the subject `subject`.
    fn set_up(&self, subject: &str) {
        let commands = self.page.commands();
        let line = commands
            .iter()
            .find(|line| line.starts_with("keyless setup"));
        let words: Vec<&str> = line.expect("a setup").split_whitespace().collect();
        let flag = |name: &str| {
            let at = words.iter().position(|word| *word == name).expect(name);
            words[at + 1].trim_matches('\'')
        };
        let allow = flag("--allow").replace("SUBJECT", subject);
        let mut plan = Plan::new(flag("--role-name"), [allow.parse().expect("a subject")]);
        plan.issuer = Some(self.scene.sandbox.issuer().to_owned());
        let client = flag("--client").replace("CLIENT_ID", self.scene.sandbox.client_id());
        plan.audiences = vec![client];
        plan.attach = vec![flag("--attach").to_owned()];
        let generated = plan.generate().expect("a good plan");
        let policy = generated.trust_policy(self.scene.sandbox.account_id());
        let role = Role::new(flag("--role-name"), policy);
        self.scene.sandbox.put_role(role).expect("a good policy");
    }
}

fn write(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("mine");
}

/// Every page at every shape, at the same time.
async fn follow<F: Future<Output = ()> + Send + 'static>(tell: impl Fn(&'static Page, Shape) -> F) {
    let mut stories = Vec::new();
    for page in &PAGES {
        for &shape in page.shapes {
            stories.push((shape, tokio::spawn(tell(page, shape))));
        }
    }
    for (shape, story) in stories {
        story
            .await
            .unwrap_or_else(|error| panic!("{shape}: {error}"));
    }
}

#[tokio::test]
async fn its_steps_lead_to_a_session_for_that_person_alone() {
    follow(|page, shape| async move {
        let story = Story::begin(page, shape).await;
        let alice = story.access(&story.config).sign_in().await;
        let alice = alice.unwrap_or_else(|error| panic!("{shape}: {error} {:?}", error.advice()));
        story.set_up(&alice.subject);

        let access = story.access(&story.config);
        let session = access.provider().expect("a provider").session().await;
        let session = session.unwrap_or_else(|error| panic!("{shape}: {error}"));
        let whose = story
            .scene
            .sandbox
            .whose(session.credentials().access_key_id());
        let role = "arn:aws:sts::111122223333:assumed-role/Developer/";
        assert!(
            whose.as_deref().unwrap_or_default().starts_with(role),
            "{shape}: {whose:?}"
        );
        assert_eq!(
            story.person.told().links.len(),
            1,
            "{shape}: one sign-in is enough"
        );

        let bob = story.as_somebody(&story.config, &Person::called("bob"));
        bob.sign_in().await.expect("Bob may sign in");
        let refused = bob.provider().expect("a provider").session().await;
        match refused.expect_err("and is not let in") {
            Error::Exchange(error) => {
                assert_eq!(
                    error.kind(),
                    ExchangeErrorKind::AccessDenied,
                    "{shape}: {error}"
                );
            }
            error => panic!("{shape}: {error}"),
        }
    })
    .await;
}

#[tokio::test]
async fn who_stays_signed_in_is_not_asked_an_hour_later_and_others_are() {
    follow(|page, shape| async move {
        let story = Story::begin(page, shape).await;
        for (config, stays) in [(story.config.clone(), false), (story.staying(), true)] {
            let access = story.access(&config);
            access.sign_in().await.expect("Alice signs in");
            let login = access.login().expect("a sign-in");
            story.scene.pass(Duration::from_hours(2));
            match login.proof(Interaction::Forbidden).await {
                Ok(_) => assert!(stays, "{shape}: nobody asked for that"),
                Err(error) => {
                    assert!(!stays, "{shape}: {error} {:?}", error.advice());
                    assert_eq!(error.kind(), TokenErrorKind::LoginRequired, "{shape}");
                }
            }
            assert_eq!(access.stays_signed_in().expect("a key"), stays, "{shape}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_device_is_let_in_where_the_page_says_so() {
    follow(|page, shape| async move {
        let story = Story::begin(page, shape).await;
        let promised = page.promises("Device code") != "no";
        assert_eq!(page.text.contains("--flow device"), promised, "{shape}");
        let head = "[identity.corp]\n";
        let config = story
            .staying()
            .replace(head, &format!("{head}flow = \"device\"\n"));
        let login = story.access(&config).login().expect("a sign-in").clone();
        let signing_in = tokio::spawn({
            let login = login.clone();
            async move { login.sign_in().await }
        });
        if promised {
            let code = loop {
                if let Some((code, _)) = story.person.told().codes.pop() {
                    break code;
                }
                assert!(!signing_in.is_finished(), "{shape}: {:?}", signing_in.await);
                tokio::task::yield_now().await;
            };
            assert!(
                story.scene.sandbox.device_sign_in(&code, "alice"),
                "{shape}"
            );
            let token = signing_in.await.expect("no panic");
            token.unwrap_or_else(|error| panic!("{shape}: {error} {:?}", error.advice()));
            story.scene.pass(Duration::from_hours(2));
            login.proof(Interaction::Forbidden).await.expect("renewed");
        } else {
            let error = signing_in
                .await
                .expect("no panic")
                .expect_err("not offered");
            assert!(
                error.to_string().contains("does not offer the device flow"),
                "{error}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn one_signs_out_as_far_as_the_page_says() {
    follow(|page, shape| async move {
        let story = Story::begin(page, shape).await;
        let access = story.access(&story.staying());
        access.sign_in().await.expect("Alice signs in");
        let login = access.login().expect("a sign-in").clone();
        let kept = login.stored().expect("it is kept");
        let revoked = access.sign_out().await.expect("signed out");
        let said = if revoked { "yes" } else { "no" };
        assert_eq!(page.promises("Revokes"), said, "{shape}");
        let error = login
            .proof(Interaction::Forbidden)
            .await
            .expect_err("forgotten");
        assert_eq!(error.kind(), TokenErrorKind::LoginRequired, "{shape}");

        // AWS does not take the token any more, which may then wait behind a link for whoever comes first.
        story.scene.pass(Duration::from_hours(10));
        let (shown, link) = oneshot::channel();
        let leaving = tokio::spawn(async move {
            let show = |page: &SignOutPage<'_>| drop(shown.send(page.link.to_owned()));
            login
                .end_session(Some(kept.token()), Duration::from_mins(5), show)
                .await
        });
        if let Ok(link) = link.await {
            Browser::default().sign_in(&link, "alice").await;
        }
        let outcome = leaving.await.expect("no panic");
        let outcome = outcome.unwrap_or_else(|error| panic!("{shape}: {error}"));
        let said = match &outcome {
            EndOfSession::CameBack => "yes",
            EndOfSession::NotSeen => "nobody came back",
            EndOfSession::NotOffered(None) => "no",
            EndOfSession::NotOffered(Some(_)) => "a page of its own",
        };
        assert_eq!(page.promises("--end-session"), said, "{shape}");
        if let EndOfSession::NotOffered(Some(address)) = outcome {
            // As AWS's page has it; the sandbox knows another form.
            assert_eq!((shape, address.path()), (Shape::Cognito, "/logout"));
            let value = |name| address.query_pairs().find(|(key, _)| key == name);
            let back = value("redirect_uri").expect("an address to go on to").1;
            assert!(
                back.starts_with("http://localhost:") && back.ends_with("/callback"),
                "{back}"
            );
            assert_eq!(value("client_id").expect("a client").1, "keyless");
        }
    })
    .await;
}

/// Who comes back to another port, or by another name, than the page lets them register is not let back.
#[tokio::test]
async fn what_it_cannot_do_ends_on_a_page_that_says_so() {
    follow(|page, shape| async move {
        let registered = page.redirect_address("/callback").unwrap_or_default();
        let (port, host) = (
            format!("port = {}\n", port::free()),
            "redirect_host = \"127.0.0.1\"\n".to_owned(),
        );
        for (changed, cannot, said) in [
            (port, registered.contains(":8765"), "not registered"),
            (
                host,
                registered.contains("localhost"),
                "Come back to `127.0.0.1`",
            ),
        ] {
            if !cannot {
                continue;
            }
            assert!(page.text.contains(said), "{shape}");
            let story = Story::begin(page, shape).await;
            let lines = story.config.lines();
            let kept = lines.filter(|line| line.split(' ').next() != changed.split(' ').next());
            let config: Vec<&str> = kept.collect();
            let head = "[identity.corp]\n";
            let config = config.join("\n").replace(head, &format!("{head}{changed}"));
            let access = story.access(&config);
            let seen = tokio::select! {
                token = access.sign_in() => panic!("{shape}: it ended: {:?}", token.map(|_| ())),
                page = story.person.page(1) => page,
            };
            assert!(seen.contains("not registered"), "{shape}: {seen}");
        }
    })
    .await;
}

#[tokio::test]
async fn google_is_not_asked_without_a_secret_nor_entra_for_any_tenant() {
    let login = |issuer: &str| {
        Login::builder(issuer, "keyless", Http::default()).prompt(Person::who(Deed::StayAway))
    };
    let scene = Scene::of(Sandbox::builder().shaped_like(Shape::Google)).await;
    let google = login(scene.sandbox.issuer())
        .clock(scene.clock())
        .way("Google")
        .build();
    let error = google
        .expect("a login")
        .sign_in()
        .await
        .expect_err("no secret");
    assert_eq!(error.kind(), TokenErrorKind::Misconfigured);
    assert!(
        error.advice().unwrap_or_default().contains("client_secret"),
        "{error:?}"
    );
    assert_eq!(scene.sandbox.calls().discovery, 0);

    let entra = PAGES
        .iter()
        .find(|page| page.name == "entra")
        .expect("a page");
    for tenant in ["common", "organizations", "consumers"] {
        assert!(entra.text.contains(&format!("`/{tenant}`")), "{tenant}");
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let error = login(&issuer).build().expect_err("no tenant");
        assert!(error.to_string().contains("any tenant"), "{error}");
        assert!(
            error.advice().unwrap_or_default().contains("TENANT-ID"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn google_may_leave_out_the_scheme_of_its_name_and_nobody_else() {
    for (name, shape) in [
        ("google", Shape::Google),
        ("entra", Shape::EntraV2),
        ("keycloak", Shape::Keycloak),
    ] {
        let sandbox = Sandbox::builder().issuer_without_scheme();
        let story = Story::at(sandbox, page(name), shape).await;
        let access = story.access(&story.staying());
        let signed_in = access.sign_in().await;
        if name != "google" {
            let error = signed_in.expect_err("that is another issuer");
            assert!(error.to_string().contains("another issuer"), "{error}");
            continue;
        }
        assert!(story.page.text.contains("without `https://`"));
        let issuer = story.scene.sandbox.issuer();
        let short = issuer.trim_start_matches("http://");
        assert_eq!(signed_in.expect("Google may").issuer, short);
        story.scene.pass(Duration::from_hours(2));
        let login = access.login().expect("a sign-in");
        let token = login.proof(Interaction::Forbidden).await;
        let token = token.expect("and when it renews");
        assert_eq!(token.issuer(), short, "AWS is sent what Google signed");
        assert_eq!(login.issuer(), issuer);
    }
}

#[tokio::test]
async fn an_error_comes_with_what_to_do_in_the_terminal_and_in_the_browser() {
    for (name, old, new, said, advice) in [
        // From the token endpoint, where somebody says that there is no secret, and in the response of the browser.
        (
            "google",
            "client_secret =",
            "client_auth = \"none\" #",
            "client_secret is missing",
            "client_secret of the identity",
        ),
        (
            "gitlab",
            "client_id",
            "scopes = [\"openid\", \"read_moon\"]\nclient_id",
            "invalid_scope",
            "tick the scopes openid and email",
        ),
    ] {
        let page = page(name);
        let story = Story::begin(page, page.shapes[0]).await;
        let config = story.config.replace(old, new);
        let signing_in = story.access(&config).sign_in().await;
        let Error::Proof(error) = signing_in.expect_err(said) else {
            panic!("{name}: it is about the sign-in");
        };
        assert!(error.to_string().contains(said), "{error}");
        let advised = error.advice().unwrap_or_default();
        assert!(advised.contains(advice), "{error}: {advised}");
        let shown = story.person.page(1).await.to_lowercase();
        assert!(shown.contains(advice), "{name}: {shown}");
    }
}

#[test]
fn a_page_has_ten_steps_at_most_and_ends_with_aws() {
    for page in &PAGES {
        let numbers: Vec<usize> = page
            .text
            .lines()
            .filter_map(|line| line.split_once(". ")?.0.parse().ok())
            .collect();
        let counted: Vec<usize> = (1..=numbers.len()).collect();
        assert_eq!(numbers, counted, "{}", page.name);
        assert!((1..=10).contains(&numbers.len()), "{}", page.name);
        let last = format!(
            "{}. `aws --profile dev sts get-caller-identity`",
            numbers.len()
        );
        assert!(page.text.contains(&last), "{}", page.name);
        assert!(page.text.contains("## What it cannot do"), "{}", page.name);
    }
}

#[test]
fn every_command_line_of_the_pages_is_understood() {
    let keyless = binary::keyless();
    let folder = tempfile::tempdir().expect("a folder");
    let mut lines: Vec<String> = PAGES.iter().flat_map(Page::commands).collect();
    lines.sort_unstable();
    lines.dedup();
    let lines = lines.iter().filter(|line| line.starts_with("keyless "));
    for line in lines {
        let line = line.split(" > ").next().expect("a command");
        let words = line.split_whitespace().skip(1);
        let is_setup = line.starts_with("keyless setup");
        // There is no configuration, so that nobody is asked anything.
        let output = Command::new(&keyless)
            .args(words.map(|word| word.trim_matches('\'')))
            .args(is_setup.then_some("--offline"))
            .env("HOME", folder.path())
            .env("KEYLESS_CONFIG", folder.path().join("none.toml"))
            .env("KEYLESS_NO_INTERACTIVE", "1")
            .output()
            .expect("keyless runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_ne!(output.status.code(), Some(2), "{line}\n{said}");
    }
}
