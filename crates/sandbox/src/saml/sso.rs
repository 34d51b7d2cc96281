//! `/saml/sso` and `/saml/start`: a request comes in, a person chooses who to be, a response is posted to the application.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};

use super::Assertion;
use super::document::{self, SAML, SAMLP, only, text};
use crate::form::Form;
use crate::openid::{is_form, page};
use crate::random;
use crate::world::World;

/// Sign-ins that wait for a person, by the name that the page gives back.
#[derive(Default)]
pub(crate) struct Questions(HashMap<String, Question>);

struct Question {
    application: String,
    consumer: String,
    in_response_to: Option<String>,
    relay_state: Option<String>,
    asked: SystemTime,
}

impl Questions {
    /// Remembers a question for ten minutes and names it.
    fn ask(&mut self, question: Question) -> String {
        self.0
            .retain(|_, known| known.asked + LIFETIME > question.asked);
        let name = random::token();
        self.0.insert(name.clone(), question);
        name
    }
}

const LIFETIME: Duration = Duration::from_mins(10);

/// An `AuthnRequest`, by redirect or by form (SAML bindings §3.4, §3.5).
pub(crate) fn request(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    world.state().calls.saml_sso += 1;
    let by_form = request.method() == Method::POST;
    let form = match by_form {
        true if !is_form(request) => None,
        true => Form::parse(request.body()),
        false => Form::parse(request.uri().query().unwrap_or_default().as_bytes()),
    };
    let Some(form) = form else {
        return page::problem("The request cannot be read, or has the same parameter twice.");
    };
    let read = form
        .value("SAMLRequest")
        .and_then(|encoded| unpacked(encoded, by_form))
        .and_then(|xml| question(world, &xml, &form));
    match read {
        Some(Ok(question)) => asked(world, question),
        Some(Err(problem)) => page::problem(problem),
        None => page::problem("The application has not sent a SAML request that can be read."),
    }
}

/// A sign-in that no application has asked for (SAML profiles §4.1.5): to `acs`, or to the first registered consumer.
pub(crate) fn start(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let Some(form) = Form::parse(request.uri().query().unwrap_or_default().as_bytes()) else {
        return page::problem("The address has the same parameter twice.");
    };
    let options = &world.saml.options;
    match form.value("acs").or(options.first_consumer()) {
        Some(consumer) if options.may_send_to(consumer) => asked(
            world,
            Question {
                application: "Amazon Web Services".to_owned(),
                consumer: consumer.to_owned(),
                in_response_to: None,
                relay_state: form.value("RelayState").map(str::to_owned),
                asked: world.now(),
            },
        ),
        Some(_) => page::problem("The response would go to an address that is not registered."),
        None => page::problem("No address is registered; say where the response goes with ?acs=."),
    }
}

/// A person has chosen who to be, or refused.
pub(crate) fn choose(world: &World, request: &Request<Bytes>) -> Response<Bytes> {
    let form = Form::parse(request.body())
        .filter(|_| is_form(request))
        .unwrap_or_default();
    let question = form
        .value("request")
        .and_then(|name| world.state().questions.0.remove(name))
        .filter(|question| question.asked + LIFETIME > world.now());
    let Some(question) = question else {
        return page::problem(
            "This sign-in has been answered already, or waited too long. Start again from the application.",
        );
    };
    answer(world, &question, form.value("person"))
}

/// Answers for who is signed in without a page, or shows the page.
fn asked(world: &World, question: Question) -> Response<Bytes> {
    if let Some(login) = world.state().sign_in_as.clone() {
        return answer(world, &question, Some(&login));
    }
    let (application, consumer) = (question.application.clone(), question.consumer.clone());
    let name = world.state().questions.ask(question);
    page::choose(
        "/saml/sign-in",
        &world.people,
        &application,
        &consumer,
        &name,
    )
}

fn answer(world: &World, question: &Question, login: Option<&str>) -> Response<Bytes> {
    let recipient = world.saml.options.recipient(&question.consumer);
    let mut assertion = Assertion::of(login.unwrap_or_default())
        .recipient(recipient)
        .destination(&question.consumer);
    if let Some(id) = &question.in_response_to {
        assertion = assertion.in_response_to(id);
    }
    if login.is_none_or(|login| world.person(login).is_none()) {
        assertion = assertion
            .failed("AuthnFailed")
            .signed(super::Signed::Response);
    }
    let Some(response) = assertion.mint(world) else {
        return page::problem("No response could be made.");
    };
    let mut parameters = vec![("SAMLResponse", response.as_str())];
    if let Some(state) = &question.relay_state {
        parameters.push(("RelayState", state));
    }
    page::form_post(&question.consumer, &parameters)
}

/// The XML of a request: Base64, and packed with DEFLATE unless it came by form.
fn unpacked(encoded: &str, by_form: bool) -> Option<String> {
    let encoded: String = encoded.split_whitespace().collect();
    let bytes = STANDARD.decode(encoded).ok()?;
    let xml = if by_form {
        bytes
    } else {
        miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes, MOST_REQUEST).ok()?
    };
    String::from_utf8(xml).ok()
}

/// What an `AuthnRequest` asks (SAML core §3.4.1), or what is wrong with it.
fn question(world: &World, xml: &str, form: &Form) -> Option<Result<Question, &'static str>> {
    let document = document::parse(xml)?;
    let request = document.root_element();
    if !request.has_tag_name((SAMLP, "AuthnRequest")) || request.attribute("Version") != Some("2.0")
    {
        return None;
    }
    let id = request.attribute("ID")?;
    let application = text(only(request, (SAML, "Issuer"))?);
    if request
        .attribute("Destination")
        .is_some_and(|destination| destination != super::sso_url(world))
    {
        return Some(Err(
            "The request is for another identity provider: its Destination is not this address.",
        ));
    }
    if request
        .attribute("ProtocolBinding")
        .is_some_and(|binding| binding != "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST")
    {
        return Some(Err(
            "The application wants its answer in another way than by a posted form.",
        ));
    }
    let options = &world.saml.options;
    let consumer = request
        .attribute("AssertionConsumerServiceURL")
        .or(options.first_consumer());
    Some(match consumer {
        Some(consumer) if options.may_send_to(consumer) => Ok(Question {
            application,
            consumer: consumer.to_owned(),
            in_response_to: Some(id.to_owned()),
            relay_state: form.value("RelayState").map(str::to_owned),
            asked: world.now(),
        }),
        _ => Err(
            "The application wants its answer at an address that is neither on loopback nor registered.",
        ),
    })
}

const MOST_REQUEST: usize = 64 * 1024;
