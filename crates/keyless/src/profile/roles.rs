//! The roles that an identity says it may assume.

use keyless_sts::RoleArn;
use keyless_token::IdToken;
use serde_json::Value;

/// The claim that AWS itself looks at where it is there (IAM user guide, "Configure roles in the identity token"): who has it gets no other role.
pub const ROLES_CLAIM: &str = "https://aws.amazon.com/roles";

/// The roles (ARNs) that `claim` of `token` lists, each once, in its order: a list of texts, or one text with commas or blanks between. Of a pair
/// with a provider, as SAML has them, the role counts; what is no role is passed over, since a claim may list other groups as well.
pub(super) fn of_token(token: &IdToken, claim: &str) -> Vec<String> {
    let texts: Vec<&str> = match token.claims().get(claim) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut roles: Vec<String> = Vec::new();
    for word in texts
        .iter()
        .flat_map(|text| text.split(|c: char| c == ',' || c.is_ascii_whitespace()))
    {
        if word.parse::<RoleArn>().is_ok() && !roles.iter().any(|role| role == word) {
            roles.push(word.to_owned());
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
    use serde_json::json;

    use super::*;

    fn token(roles: &Value) -> IdToken {
        let header = URL.encode(r#"{"alg":"ES256","kid":"1"}"#);
        let claims = json!({"iss": "https://issuer.example", "sub": "alice", "aud": "app", "iat": 1, "exp": 2, "groups": roles});
        let raw = format!(
            "{header}.{}.{}",
            URL.encode(claims.to_string()),
            URL.encode("x")
        );
        IdToken::parse(&raw).expect("a token")
    }

    #[test]
    fn roles_are_read_in_whatever_form_they_stand() {
        let (one, other) = (
            "arn:aws:iam::111122223333:role/One",
            "arn:aws:iam::444455556666:role/path/Other",
        );
        let provider = "arn:aws:iam::111122223333:saml-provider/corp";
        for (claim, roles) in [
            (json!([one, other]), vec![one, other]),
            (json!(one), vec![one]),
            (json!(format!("{one}, {other}")), vec![one, other]),
            (json!(format!("{one} {other}")), vec![one, other]),
            (
                json!([format!("{one},{provider}"), format!("{provider},{other}")]),
                vec![one, other],
            ),
            (json!([one, one]), vec![one]),
            (json!(["staff", 7, null, one]), vec![one]),
            (json!("staff"), vec![]),
            (json!([]), vec![]),
            (json!({"role": one}), vec![]),
            (Value::Null, vec![]),
        ] {
            assert_eq!(of_token(&token(&claim), "groups"), roles, "{claim}");
        }
        assert!(of_token(&token(&json!([one])), ROLES_CLAIM).is_empty());
    }
}
