//! The parameters of a query or a form body, each at most once (RFC 6749 §3.1).

use std::collections::HashMap;

/// Parameters by name. An empty one counts as absent, as RFC 6749 §3.1 wants it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(HashMap<String, String>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`; none if a parameter stands twice.
    pub(crate) fn parse(encoded: &[u8]) -> Option<Form> {
        let mut parameters = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if parameters
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return None;
            }
        }
        Some(Form(parameters))
    }

    /// Whether the parameter is there with a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
