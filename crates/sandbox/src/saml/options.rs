//! What a builder says about the SAML identity provider.

use url::Url;

use crate::builder::Builder;

/// Where it sends its answers, and whom it writes them to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    consumers: Vec<String>,
    recipient_is_consumer: bool,
}

impl Options {
    /// Whether a response may be sent there: to loopback, or to an address that is registered to the letter.
    pub(super) fn may_send_to(&self, consumer: &str) -> bool {
        let loopback = |url: Url| {
            url.scheme() == "http"
                && url
                    .host_str()
                    .is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host))
        };
        self.consumers.iter().any(|known| known == consumer)
            || Url::parse(consumer).is_ok_and(loopback)
    }

    /// The first registered address, where a sign-in goes that nobody asked for.
    pub(super) fn first_consumer(&self) -> Option<&str> {
        self.consumers.first().map(String::as_str)
    }

    /// The `Recipient` of a response that is sent to this address. AWS takes its own sign-in address alone.
    pub(super) fn recipient<'a>(&self, consumer: &'a str) -> &'a str {
        if self.recipient_is_consumer {
            consumer
        } else {
            super::SIGN_IN
        }
    }
}

impl Builder {
    /// Lets SAML responses be sent to one more address, to the letter, besides any on loopback. The first is where `/saml/start`
    /// sends them if it is not told where.
    pub fn saml_consumer(mut self, url: impl Into<String>) -> Builder {
        self.saml.consumers.push(url.into());
        self
    }

    /// Writes the address that a SAML response is sent to into its `Recipient`, as most identity providers do unless they are told
    /// otherwise. STS refuses such a response: it wants AWS's own sign-in address there, which is what stands there by default.
    pub fn saml_recipient_is_consumer(mut self, is: bool) -> Builder {
        self.saml.recipient_is_consumer = is;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_goes_to_loopback_or_where_it_is_registered() {
        let options = Options {
            consumers: vec!["https://app.example.com/acs".to_owned()],
            ..Options::default()
        };
        for (consumer, may) in [
            ("http://127.0.0.1:41234/saml/acs", true),
            ("http://localhost/acs", true),
            ("http://[::1]:8400/acs", true),
            ("https://app.example.com/acs", true),
            ("https://app.example.com/acs/", false),
            ("https://signin.aws.amazon.com/saml", false),
            ("http://127.0.0.1.evil.example/acs", false),
            ("http://127.0.0.1:1@evil.example/acs", false),
            ("javascript:alert(1)//127.0.0.1", false),
            ("https://127.0.0.1/acs", false),
            ("", false),
        ] {
            assert_eq!(options.may_send_to(consumer), may, "{consumer}");
        }
    }
}
