//! What AWS prints about a role and a managed policy, as far as it matters here.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::document::percent_decoded;

/// An element of `RoleDetailList`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) role_name: String,
    pub(super) assume_role_policy_document: Option<Document>,
    pub(super) attached_managed_policies: Option<Vec<Attached>>,
    pub(super) role_policy_list: Option<Vec<Inline>>,
    pub(super) permissions_boundary: Option<Boundary>,
    pub(super) max_session_duration: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attached {
    pub(super) policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inline {
    #[serde(default)]
    pub(super) policy_name: String,
    pub(super) policy_document: Document,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Boundary {
    pub(super) permissions_boundary_arn: String,
}

/// An element of `Policies`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManagedPolicy {
    pub(super) arn: String,
    pub(super) policy_version_list: Option<Vec<PolicyVersion>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyVersion {
    #[serde(default)]
    pub(super) document: Document,
    #[serde(default)]
    pub(super) is_default_version: bool,
}

/// A policy document as JSON text. The AWS CLI prints it as an object, the API and other tools as a URL-encoded string
/// (RFC 3986).
///
/// The object's text is put together again as it is read, members in their order and twice where they are twice: what is
/// wrong with a policy is for the policy's reader to say.
#[derive(Default)]
pub(super) struct Document(pub(super) String);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy document, as an object or a URL-encoded string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
                Ok(Document(if text.trim_start().starts_with('{') {
                    text.to_owned()
                } else {
                    percent_decoded(text)
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
                Text.visit_map(map).map(Document)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// Any JSON value as its text.
struct Text;

/// The text of a value within another.
struct Within(String);

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(Self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok("null".to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        serde_json::to_string(&value).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        serde_json::to_string(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<String, A::Error> {
        let mut text = String::from("[");
        while let Some(Within(element)) = list.next_element()? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&element);
        }
        text.push(']');
        Ok(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        let mut text = String::from("{");
        // A member's name is a string, so its text is one in quotes.
        while let Some((Within(name), Within(value))) = map.next_entry()? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&name);
            text.push(':');
            text.push_str(&value);
        }
        text.push('}');
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn a_document_is_the_same_as_an_object_and_as_a_url_encoded_string() {
        let object = r#"{"b":["\"x\" ü",1,-2,1.5,true,null,{}],"a":{"b":[]},"a":"again"}"#;
        let encoded = r#""%7B%22b%22%3A%5B%22%5C%22x%5C%22%20%C3%BC%22%2C1%2C-2%2C1.5%2Ctrue%2Cnull%2C%7B%7D%5D%2C%22a%22%3A%7B%22b%22%3A%5B%5D%7D%2C%22a%22%3A%22again%22%7D""#;
        let plain = serde_json::to_string(object).expect("a string");
        for text in [object, encoded, &plain] {
            let Document(read) = serde_json::from_str(text).expect("a document");
            assert_eq!(read, object);
        }
    }

    #[test]
    fn what_is_no_percent_encoding_is_left_as_it_is() {
        for (given, read) in [
            ("100%", "100%"),
            ("%zz+%4%+1", "%zz+%4%+1"),
            ("%é%7B", "%é{"),
        ] {
            let Document(text) = serde_json::from_str(&format!("\"{given}\"")).expect("a document");
            assert_eq!(text, read);
        }
        assert!(serde_json::from_str::<Document>("5").is_err());
    }
}
