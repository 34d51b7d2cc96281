//! This machine: configuration, profile, store, proxy.

use crate::breaking::{CONFIG, Story, chmod, configure, developer, sign_in, wired};

pub(crate) const HERE: &[Story] = &[
    Story {
        told: "there is no configuration",
        breaks: |machine| {
            std::fs::remove_file(machine.path(CONFIG)).expect("removed");
            vec![]
        },
        arguments: &[],
        id: "config",
        state: "fail",
        says: "there is none at ~/.config/keyless/config.toml",
        advises: "write one",
        code: 5,
    },
    Story {
        told: "others could write commands into the configuration",
        breaks: |machine| {
            chmod(&machine.path(CONFIG), 0o666);
            vec![]
        },
        arguments: &["dev"],
        id: "config",
        state: "fail",
        says: "~/.config/keyless/config.toml can be written by others (mode 666)",
        advises: "run `chmod go-w ~/.config/keyless/config.toml`",
        code: 5,
    },
    Story {
        told: "others can read the configuration",
        breaks: |machine| {
            chmod(&machine.path(CONFIG), 0o644);
            vec![]
        },
        arguments: &["dev"],
        id: "config",
        state: "warn",
        says: "others on this machine can read it (mode 644)",
        advises: "chmod 600",
        code: 0,
    },
    Story {
        told: "a key is misspelt",
        breaks: |machine| {
            configure(machine, &sign_in(machine), "rol = \"x\"");
            vec![]
        },
        arguments: &["dev"],
        id: "config",
        state: "fail",
        says: "line 6: there is no key \"rol\"",
        advises: "did you mean \"role\"?",
        code: 5,
    },
    Story {
        told: "what is kept is to be sealed, and the key is gone",
        breaks: |machine| {
            let profile = format!("{}\nstore = \"keyring\"", developer(machine));
            configure(machine, &sign_in(machine), &profile);
            let missing = machine.path("no-key").display().to_string();
            vec![("KEYLESS_STORE_KEY_FILE", missing)]
        },
        arguments: &["dev"],
        id: "store",
        state: "fail",
        says: "expected a key",
        advises: "key",
        code: 5,
    },
    Story {
        told: "the profile is misspelt",
        breaks: |_| vec![],
        arguments: &["dve"],
        id: "profile",
        state: "fail",
        says: "there is no profile \"dve\"",
        advises: "did you mean \"dev\"?",
        code: 5,
    },
    Story {
        told: "the client is missing",
        breaks: |machine| {
            let identity = format!("issuer = \"{}\"", machine.sandbox.issuer());
            configure(machine, &identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "identity",
        state: "fail",
        says: "the identity lacks its client_id",
        advises: "give issuer and client_id",
        code: 5,
    },
    Story {
        told: "the issuer is http",
        breaks: |machine| {
            let identity = "issuer = \"http://id.example.com\"\nclient_id = \"keyless\"";
            configure(machine, identity, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "identity",
        state: "fail",
        says: "only https keeps a token secret",
        advises: "use its https address",
        code: 5,
    },
    Story {
        told: "anybody may write into the store",
        breaks: |machine| {
            let store = machine.path("store");
            std::fs::create_dir(&store).expect("made");
            chmod(&store, 0o777);
            vec![]
        },
        arguments: &["dev"],
        id: "store",
        state: "fail",
        says: "expected a folder that only its owner may write to at ~/store, found mode 0777",
        advises: "run chmod 700 ~/store",
        code: 5,
    },
    Story {
        told: "an entry was cut off",
        breaks: |machine| {
            wired(machine);
            let entry = machine.entries(".json").remove(0);
            std::fs::write(entry, "{\"format\":1,").expect("written");
            vec![]
        },
        arguments: &["dev"],
        id: "entries",
        state: "warn",
        says: "2 entries, 1 of them not usable",
        advises: "it is replaced at the next fetch",
        code: 0,
    },
    Story {
        told: "an entry can be read by others",
        breaks: |machine| {
            wired(machine);
            chmod(&machine.entries(".json")[0], 0o644);
            vec![]
        },
        arguments: &["dev"],
        id: "entries",
        state: "warn",
        says: "found mode 0644",
        advises: "others may have read it",
        code: 0,
    },
    Story {
        told: "the proxy is no address",
        breaks: |_| vec![("HTTPS_PROXY", "http://:3128 ".into())],
        arguments: &["dev"],
        id: "proxy",
        state: "fail",
        says: "HTTPS_PROXY does not name a proxy",
        advises: "http://proxy.example.com:3128",
        code: 5,
    },
];
