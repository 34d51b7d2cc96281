//! A key set as an issuer publishes it, and three tokens that only the right keys pass.
#![no_main]

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyless_token::login::fuzz;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// As lenient as anybody.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A token, and the two numbers of the public key that it verifies with. Nobody has the private key any more.
struct Signed {
    token: &'static str,
    key: [&'static str; 2],
}

static SIGNED: [Signed; 3] = [
    Signed {
        token: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJhdWQiOiJhcHAiLCJpYXQiOjE2OTk5OTk5OTAsImV4cCI6MTcwMDAwMzYwMCwibm9uY2UiOiJvbmNlIn0.I9ESVdkdifFswD3buxImT8lyRbIpZxI4Z-4jZW56Gr9dkg-32Rsv-vgb3cpKjHuz37Tm_xeEIF6El3_9NvAuDw",
        key: [
            "4BFTmSCGZPTITrNlSB8HaWeWaN4F7moASUwjuwT6dco",
            "Tb67FL0Z7JVdSzhBeArRE1Jf_WKuOaIVHpuOwgq7qo0",
        ],
    },
    Signed {
        token: "eyJhbGciOiJFUzM4NCIsImtpZCI6IjMifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJhdWQiOiJhcHAiLCJpYXQiOjE2OTk5OTk5OTAsImV4cCI6MTcwMDAwMzYwMCwibm9uY2UiOiJvbmNlIn0.25j0AZ8DZIl-6pmqijh8uz_T2Oavh3lF9NzmhSwHlrZRSAGAW2N1Iug72f0we1N-_EWbCPGMlMJO8anVOtYiPOnmxlD8X0hdVGucpwhrEiTQd3QPfkUxp5HmgxtnmM3S",
        key: [
            "WexVaEnelmzSX6QqELBDcqN0aiHUSC6RVvSx-ENxyZui9ZhYzq889wKUFcSHTwKl",
            "VkUr7AV6wfpj89R3LAs4xrLrRQp8fIM0NhchKFKUKfzab07rouzsvX7a5OKFlMW6",
        ],
    },
    Signed {
        token: "eyJhbGciOiJSUzI1NiIsImtpZCI6IjIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoiYWxpY2UiLCJhdWQiOiJhcHAiLCJpYXQiOjE2OTk5OTk5OTAsImV4cCI6MTcwMDAwMzYwMCwibm9uY2UiOiJvbmNlIn0.CP2ADjoNrvLFFYjEFBnMZYYck59ua0QzTOYkMRbLUAzc5Wi0lp0tisfMAzDW1hNvIiTkb1loG0kqNqNSk_P3Dw-YtyGVvqKivXazmXfvF1HT3CmQVnpgmJ8GtuTYFMO_9KmML6Tg-5RSz7iZu1h7_aTAO9WqJGJWsozNwGyXXVjoz1d8h-A3DOt5JTG3cbuiRvsCBD7yPymIyBql0h-6gpJ7kdG1MjDZXL3S288P702MHdbarEIAu5FLXpOQnGTl7YOUEqcIn3G3qKlJTiHJzew_oRC2-fIrJqyAl8YJa3VCzenM-if2yW7nKhrUVgybGaD-1atJfYxwgVCQgwV-_g",
        key: [
            "piifks3R-8jWBL5VUSYSmL-ej4DY83y66WT547ozGXDtUT18aXiENpMg0MohOQJlKT94XfnLUeimHo_yilTpqWh5tzOUlUeDJYj1RwTPe1KGCBuHX1YNe-45kHvlZY4axiOobph2Evkl8IIlb4ITGNNzyOZmjjYU7OV7kRD70nTdXBosLZz2Aht1aLW3rBLXHTTxI0QmxUts1ddSFDo8go1UdYZtAQHHKuZIj_lONpcO-8DKZzRo8Rr7uUSG1PZvS5ibCqoC0986BdIJv84uugdxUp2Z5-DtRSi7a9uYS9wnUhlcuRjB1BGd5Z3XYhL-ViJrckTTYC69oZxmmIEhLQ",
            "AQAB",
        ],
    },
];

fuzz_target!(|body: &[u8]| {
    match fuzz::key_set(body, &SIGNED.each_ref().map(|signed| signed.token)) {
        Ok(judged) => {
            for (signed, judged) in SIGNED.iter().zip(judged) {
                match judged {
                    Ok(()) => assert!(publishes(body, signed.key), "{}", signed.token),
                    Err(error) => check(&error),
                }
            }
        }
        Err(error) => check(&error),
    }
});

fn check(error: &keyless_token::TokenError) {
    let shown = error.to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert!(
        !SIGNED.iter().any(|signed| shown.contains(signed.token)),
        "{shown}"
    );
}

/// Whether one key of the set has both numbers.
fn publishes(body: &[u8], numbers: [&str; 2]) -> bool {
    let body: Value = serde_json::from_slice(body).expect("what was understood is JSON");
    let keys = body["keys"].as_array().expect("keys");
    keys.iter().any(|key| {
        let members = key.as_object().into_iter().flat_map(|key| key.values());
        let found: Vec<_> = members
            .filter_map(Value::as_str)
            .filter_map(number)
            .collect();
        numbers
            .iter()
            .all(|wanted| found.contains(&number(wanted).expect("a number")))
    })
}

/// A number, whatever zeros it is written with.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}
