//! Whatever stands in an entry's place, nothing panics, and no secret is told in the warning.

#![allow(clippy::unwrap_used, reason = "also in what the tests share")]

mod world;

use keyless_cache::{
    Cache, Interaction::Allowed, Key, MemoryStore, Notices, Secret, Store, Telling, notice_until,
    read,
};
use world::{Badge, Desk, key, seconds};

/// A cheap generator of the same numbers each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }

    /// The text with one to four changes of the kinds that find holes: numbers out of range, lost and doubled pieces, odd bytes.
    fn damage(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let (at, kind) = (self.below(bytes.len().max(1)), self.below(5));
            let at = at.min(bytes.len());
            match kind {
                0 => bytes.truncate(at),
                1 => {
                    let pieces = [
                        "18446744073709551615",
                        "-1",
                        "9223372036854775807",
                        "1e308",
                        "null",
                        "{",
                        "\u{1b}[2J",
                        "\"",
                        "[[[[",
                        "true",
                    ];
                    let piece = pieces[self.below(pieces.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                2 => {
                    let end = (at + self.below(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    // A number in place of a number.
                    let start = bytes[at..].iter().position(u8::is_ascii_digit);
                    if let Some(start) = start.map(|start| at + start) {
                        let length = bytes[start..].iter().take_while(|b| b.is_ascii_digit());
                        let end = start + length.count();
                        let numbers = ["18446744073709551615", "9223372036854775807", "0", "1"];
                        let number = numbers[self.below(numbers.len())];
                        bytes.splice(start..end, number.bytes());
                    }
                }
                _ => {
                    let byte = u8::try_from(self.below(128)).unwrap();
                    bytes.insert(at, byte);
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn damaged_entries_and_notices_are_misses_and_never_a_panic() {
    let (store, desk) = (MemoryStore::new(), Desk::new());
    let notices = || {
        let telling = |_: &String| Telling::Everybody(seconds(30));
        Notices::<String>::new(store.clone(), key(), telling).clock(desk.wall.clock())
    };
    let process = || -> Cache<Badge, String> {
        let cache = desk.cache().persist(store.clone(), key());
        cache.notices(notices())
    };
    process().get(Allowed).await.unwrap();
    notices().asking("broke off".to_owned(), None);
    let text = |key| (key, store.load(&key).unwrap().unwrap());
    let texts: Vec<(Key, Secret)> = store
        .list()
        .unwrap()
        .iter()
        .map(|entry| text(entry.key))
        .collect();
    assert_eq!(texts.len(), 2, "the entry and the notice");

    let mut dice = Dice(0x5eed_5eed_5eed_5eed);
    for round in 0..3000 {
        for (key, text) in &texts {
            let damaged = Secret::new(dice.damage(text.expose()));
            store.save(key, &damaged).unwrap();
            if let Err(error) = read::<Badge>(&store, key) {
                let told = format!("{error} {error:?} {}", error.advice());
                assert!(!told.contains("hunter2"), "{round}: {told}");
                assert!(!told.contains('\u{1b}'), "{round}: {told:?}");
            }
            let _ = notice_until(&store, key);
        }
        let _ = (notices().asking_since(), notices().remembered());
        // Whatever lies there, everybody gets an answer.
        let _ = process().peek();
        let _ = process().get(Allowed).await;
    }
}
