//! Names that differ when what they name does, and text that does not leak.

use keyless_cache::{Key, KeyError, Secret};

#[test]
fn no_two_ways_to_cut_the_same_text_give_the_same_key() {
    let none: [&str; 0] = [];
    let keys = [
        Key::of("session").part("a", "bc").finish(),
        Key::of("session").part("ab", "c").finish(),
        Key::of("session").part("a", "b").part("c", "").finish(),
        Key::of("sessiona").part("", "bc").finish(),
        Key::of("sign-in").part("a", "bc").finish(),
        Key::of("session").parts("a", ["bc"]).finish(),
        Key::of("session").parts("a", ["b", "c"]).finish(),
        Key::of("session").parts("a", ["c", "b"]).finish(),
        Key::of("session").parts("a", ["b", "c", ""]).finish(),
        Key::of("session")
            .parts("a", ["b"])
            .parts("c", none)
            .finish(),
        Key::of("session").parts("a", none).part("b", "c").finish(),
        Key::of("session").parts("a", none).finish(),
        Key::of("session").part("a", "").finish(),
        Key::of("session").finish(),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(keys.iter().position(|other| other == key), Some(at));
    }
}

#[test]
fn a_key_does_not_change_between_versions() {
    let key = Key::of("session")
        .part("role", "app")
        .parts("policies", ["p1", "p2"])
        .finish();
    // Computed by hand: each text after its length in 8 bytes, `1` before a part, `*` before a list, `,` before each of its values, and `#`
    // before their number.
    assert_eq!(
        key.to_string(),
        "b2c3710ad56491d680942deaf6d00676dc1ea7299fbdf15e382468830e2fccc4"
    );
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let key = Key::of("session").finish();
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key));
    assert_eq!(
        serde_json::from_str::<Key>(&serde_json::to_string(&key).unwrap()).unwrap(),
        key
    );
    assert_eq!(format!("{key:?}"), format!("Key({}..)", &text[..12]));
    for wrong in [
        "",
        &text[1..],
        &text.to_uppercase(),
        &text.replacen(&text[..1], "g", 1),
        &format!("{text} "),
        &"é".repeat(32),
    ] {
        assert_eq!(wrong.parse::<Key>(), Err(KeyError), "{wrong}");
    }
}

#[test]
fn a_secret_is_compared_and_kept_but_not_printed() {
    let secret = Secret::new("hunter2");
    assert_eq!(
        format!("{secret:?} {:?}", Some(&secret)),
        "Secret(..) Some(Secret(..))"
    );
    assert_eq!(secret, Secret::from("hunter2".to_owned()));
    for other in ["hunter3", "junter2", "hunter", "hunter22", ""] {
        assert_ne!(secret, Secret::new(other));
    }
    assert_eq!(serde_json::to_string(&secret).unwrap(), r#""hunter2""#);
    assert_eq!(
        serde_json::from_str::<Secret>(r#""hunter2""#).unwrap(),
        secret
    );
}
