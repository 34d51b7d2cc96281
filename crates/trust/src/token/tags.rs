//! Session tags in a token, in the two forms that STS reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::answer::{self, Refusal};

const CLAIM: &str = "https://aws.amazon.com/tags";

/// The tags, and the keys of those that are transitive.
///
/// Nested, one claim holds it all and each value is an array of one string:
/// `"https://aws.amazon.com/tags": {"principal_tags": {"Project": ["X"]}, "transitive_tag_keys": ["Project"]}`.
/// Flattened, each tag is a claim of its own and a plain string: `"https://aws.amazon.com/tags/principal_tags/Project": "X"`.
pub(super) fn read(
    claims: &Map<String, Value>,
) -> Result<(BTreeMap<String, String>, Vec<String>), Refusal> {
    let malformed = || answer::SESSION_TAGS_FORMAT.refuse(&[]);
    let malformed_tag = || answer::PRINCIPAL_TAGS_FORMAT.refuse(&[]);
    let mut tags = BTreeMap::new();
    let mut transitive = Vec::new();

    let nested = match claims.get(CLAIM) {
        None | Some(Value::Null) => &Map::new(),
        Some(value) => value.as_object().ok_or_else(malformed)?,
    };
    if let Some(principal_tags) = nested.get("principal_tags") {
        for (key, value) in principal_tags.as_object().ok_or_else(malformed_tag)? {
            let Some([Value::String(value)]) = value.as_array().map(Vec::as_slice) else {
                return Err(malformed_tag());
            };
            tags.insert(key.clone(), value.clone());
        }
    }
    for (claim, value) in claims {
        if let Some(key) = claim
            .strip_prefix(CLAIM)
            .and_then(|rest| rest.strip_prefix("/principal_tags/"))
        {
            tags.insert(
                key.to_owned(),
                value.as_str().ok_or_else(malformed_tag)?.to_owned(),
            );
        }
    }
    let flattened_keys = claims.get("https://aws.amazon.com/tags/transitive_tag_keys");
    for list in nested
        .get("transitive_tag_keys")
        .into_iter()
        .chain(flattened_keys)
    {
        for key in list.as_array().ok_or_else(malformed)? {
            transitive.push(key.as_str().ok_or_else(malformed)?.to_owned());
        }
    }
    Ok((tags, transitive))
}
