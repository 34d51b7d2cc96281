//! What each crate may bring along, read from `cargo tree`: one HTTP and TLS stack, and none where none is needed.

use std::collections::BTreeSet;
use std::process::Command;

/// Everything that speaks HTTP or TLS.
const NETWORK: &[&str] = &[
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "h2",
    "reqwest",
    "rustls",
    "native-tls",
    "openssl",
    "ring",
];

#[test]
fn the_command_links_one_http_and_tls_stack() {
    let tree = Tree::of("keyless-cli", &[]);
    for single in ["hyper", "rustls", "http", "ring"] {
        assert_eq!(
            tree.versions(single).len(),
            1,
            "{single}: {:?}",
            tree.versions(single)
        );
    }
    // A second TLS library, a second client, or the C library that takes a minute to build.
    tree.has_none(&[
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "reqwest",
        "ureq",
        "isahc",
        "curl",
    ]);
}

#[test]
fn tokens_know_nothing_of_aws() {
    for features in ["--no-default-features", "--all-features"] {
        Tree::of("keyless-token", &[features]).has_none_like("aws-");
    }
}

#[test]
fn tokens_without_login_bring_no_listener_and_no_openid_library() {
    let tree = Tree::of("keyless-token", &["--no-default-features"]);
    tree.has_none(&[
        "hyper",
        "hyper-util",
        "h2",
        "reqwest",
        "rustls",
        "openidconnect",
        "oauth2",
        "rsa",
        "keyless-loopback",
    ]);
}

#[test]
fn the_cache_speaks_no_http() {
    let tree = Tree::of("keyless-cache", &[]);
    tree.has_none(NETWORK);
    tree.has_none_like("aws-");
}

#[test]
fn the_trust_rules_are_pure() {
    let allowed = [
        // serde and its kind
        "serde",
        "serde_core",
        "serde_derive",
        "serde_json",
        "itoa",
        "ryu",
        "zmij",
        "memchr",
        // the text encoding of a JWT, itself without dependencies
        "base64",
        // the hash that IAM calls a thumbprint, and what it is made of
        "sha1",
        "digest",
        "block-buffer",
        "crypto-common",
        "generic-array",
        "typenum",
        "cfg-if",
        "cpufeatures",
        "libc", // which cpufeatures asks on ARM
        // what derive macros are made of
        "proc-macro2",
        "quote",
        "syn",
        "unicode-ident",
    ];
    let others: Vec<_> = Tree::of("keyless-trust", &["--all-features"])
        .names()
        .filter(|name| !allowed.contains(name) && *name != "keyless-trust")
        .map(str::to_owned)
        .collect();
    assert!(others.is_empty(), "keyless-trust brings {others:?}");
}

#[test]
fn the_listener_and_the_sandbox_know_neither_aws_nor_tls() {
    for package in ["keyless-loopback", "keyless-sandbox"] {
        let tree = Tree::of(package, &[]);
        tree.has_none(&["rustls", "ring", "native-tls", "openssl", "reqwest", "h2"]);
        tree.has_none_like("aws-");
    }
}

#[test]
fn our_own_crates_depend_in_one_direction() {
    let house: &[(&str, &[&str])] = &[
        ("keyless-cache", &[]),
        ("keyless-loopback", &[]),
        ("keyless-trust", &[]),
        ("keyless-token", &["keyless-cache", "keyless-loopback"]),
        (
            "keyless-sts",
            &["keyless-cache", "keyless-token", "keyless-trust"],
        ),
        ("keyless-sandbox", &["keyless-loopback", "keyless-trust"]),
        (
            "keyless",
            &[
                "keyless-cache",
                "keyless-loopback",
                "keyless-token",
                "keyless-trust",
                "keyless-sts",
            ],
        ),
    ];
    for (package, allowed) in house {
        let tree = Tree::of(package, &["--all-features"]);
        let ours = tree
            .names()
            .filter(|name| name == &"keyless" || name.starts_with("keyless-"));
        let strangers: Vec<_> = ours
            .filter(|name| name != package && !allowed.contains(name))
            .collect();
        assert!(
            strangers.is_empty(),
            "{package} must not depend on {strangers:?}"
        );
    }
}

/// What a package links on this platform, itself included, as (name, version).
struct Tree {
    package: String,
    packages: BTreeSet<(String, String)>,
}

impl Tree {
    fn of(package: &str, features: &[&str]) -> Self {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--offline",
                "--edges=normal",
                "--prefix=none",
                "--format={p}",
                "--package",
                package,
            ])
            .args(features)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs this test");
        assert!(
            output.status.success(),
            "cargo tree: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let packages: BTreeSet<_> = String::from_utf8(output.stdout)
            .expect("cargo prints UTF-8")
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?.to_owned(), words.next()?.to_owned()))
            })
            .collect();
        let tree = Self {
            package: package.to_owned(),
            packages,
        };
        assert_eq!(
            tree.versions(package).len(),
            1,
            "cargo tree prints its lines in another shape"
        );
        tree
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|(name, _)| name.as_str())
    }

    fn versions(&self, wanted: &str) -> Vec<&str> {
        self.packages
            .iter()
            .filter(|(name, _)| name == wanted)
            .map(|(_, version)| version.as_str())
            .collect()
    }

    fn has_none(&self, unwanted: &[&str]) {
        let found: Vec<_> = self
            .names()
            .filter(|name| unwanted.contains(name))
            .collect();
        assert!(found.is_empty(), "{} brings {found:?}", self.package);
    }

    fn has_none_like(&self, prefix: &str) {
        let found: Vec<_> = self
            .names()
            .filter(|name| name.starts_with(prefix))
            .collect();
        assert!(found.is_empty(), "{} brings {found:?}", self.package);
    }
}
