//! The issuer, and the client there.

use serde_json::{Value, json};

use crate::breaking::{Story, configure, developer, issuer, rsa, sign_in};

pub(crate) const ISSUER: &[Story] = &[
    Story {
        told: "nobody listens at the issuer",
        breaks: |machine| {
            let identity = "issuer = \"http://127.0.0.1:1\"\nclient_id = \"keyless\"";
            configure(machine, identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "issuer",
        state: "fail",
        says: "http://127.0.0.1:1/.well-known/openid-configuration cannot be reached",
        advises: "check the address",
        code: 6,
    },
    Story {
        told: "the issuer is another path",
        breaks: |machine| {
            let identity = format!(
                "issuer = \"{}/tenant\"\nclient_id = \"keyless\"",
                machine.sandbox.issuer()
            );
            configure(machine, &identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "issuer",
        state: "fail",
        says: "/tenant/.well-known/openid-configuration answers 404 Not Found",
        advises: "check the issuer",
        code: 5,
    },
    Story {
        told: "the issuer has moved",
        breaks: |machine| {
            let elsewhere =
                |document: &mut Value| document["elsewhere"] = json!("https://id.example.com/new");
            configure(machine, &issuer(elsewhere, rsa()), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "issuer",
        state: "fail",
        says: "sends on to https://id.example.com/new, where neither keyless nor AWS follows",
        advises: "use the issuer's own address",
        code: 5,
    },
    Story {
        told: "the issuer has a slash too many",
        breaks: |machine| {
            let identity = format!(
                "issuer = \"{}/\"\nclient_id = \"keyless\"",
                machine.sandbox.issuer()
            );
            configure(machine, &identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "issuer-exact",
        state: "fail",
        says: "only the slash at the end differs",
        advises: "write issuer = \"http://127.0.0.1:",
        code: 5,
    },
    Story {
        told: "the issuer calls itself otherwise",
        breaks: |machine| {
            let other = |document: &mut Value| document["issuer"] = json!("https://id.example.com");
            configure(machine, &issuer(other, rsa()), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "issuer-exact",
        state: "fail",
        says: "calls itself \"https://id.example.com\": another name",
        advises: "write issuer = \"https://id.example.com\"",
        code: 5,
    },
    Story {
        told: "the issuer signs with a shared secret",
        breaks: |machine| {
            let secret = |document: &mut Value| {
                document["id_token_signing_alg_values_supported"] = json!(["HS256", "none"]);
            };
            configure(machine, &issuer(secret, rsa()), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "algorithms",
        state: "fail",
        says: "it signs with HS256, none; AWS takes only RS256",
        advises: "RS256 or ES256",
        code: 5,
    },
    Story {
        told: "the issuer has keys of another kind",
        breaks: |machine| {
            let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519"}, {"kty": "oct"}]});
            configure(machine, &issuer(|_| (), keys), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "keys",
        state: "fail",
        says: "2 keys, 0 of a kind that AWS takes",
        advises: "RSA keys",
        code: 5,
    },
    Story {
        told: "the issuer never forgets a key",
        breaks: |machine| {
            let key =
                |kid: i32| json!({"kty": "RSA", "kid": kid.to_string(), "n": "AQAB", "e": "AQAB"});
            let keys = json!({"keys": (0..101).map(key).collect::<Vec<_>>()});
            configure(machine, &issuer(|_| (), keys), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "keys",
        state: "warn",
        says: "101 keys, 101 of a kind that AWS takes; AWS looks at no more than 100",
        advises: "remove keys",
        code: 0,
    },
    Story {
        told: "the issuer has no PKCE",
        breaks: |machine| {
            let plain = |document: &mut Value| {
                document["code_challenge_methods_supported"] = json!(["plain"]);
            };
            configure(machine, &issuer(plain, rsa()), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "pkce",
        state: "fail",
        says: "it does not offer PKCE with S256",
        advises: "enable PKCE",
        code: 5,
    },
    Story {
        told: "the client is not known there",
        breaks: |machine| {
            let identity = format!(
                "issuer = \"{}\"\nclient_id = \"keyles\"",
                machine.sandbox.issuer()
            );
            configure(machine, &identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "client",
        state: "fail",
        says: "it answers 400 Bad Request to the client keyles with the redirect http://127.0.0.1:",
        advises: "check the client id, and register http://127.0.0.1/callback with any port",
        code: 5,
    },
    Story {
        told: "the port of the redirect is taken",
        breaks: |machine| {
            let port = machine
                .sandbox
                .issuer()
                .rsplit(':')
                .next()
                .expect("a port")
                .to_owned();
            let identity = format!("{}\nport = {port}", sign_in(machine));
            configure(machine, &identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "redirect",
        state: "fail",
        says: "of 127.0.0.1 is taken",
        advises: "end the program that holds it",
        code: 5,
    },
];
