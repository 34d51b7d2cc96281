//! An identity provider's metadata: what it publishes, and what IAM is given (SAML metadata §2.4.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::document::{self, DS, MD, children, escaped, text};
use super::key::PublicKey;
use crate::world::World;

/// Who an identity provider is, and what it signs with.
pub(crate) struct Metadata {
    pub(crate) entity_id: String,
    pub(crate) keys: Vec<PublicKey>,
}

impl Metadata {
    /// Reads an `EntityDescriptor`: every certificate that may sign, of a kind that is known here.
    pub(crate) fn read(xml: &str) -> Option<Metadata> {
        let document = document::parse(xml)?;
        let entity = document.root_element();
        if !entity.has_tag_name((MD, "EntityDescriptor")) {
            return None;
        }
        let keys: Vec<_> = children(entity, (MD, "IDPSSODescriptor"))
            .flat_map(|role| children(role, (MD, "KeyDescriptor")))
            .filter(|key| key.attribute("use") != Some("encryption"))
            .flat_map(|key| key.descendants())
            .filter(|node| node.has_tag_name((DS, "X509Certificate")))
            .filter_map(|node| {
                let encoded: String = text(node).split_whitespace().collect();
                PublicKey::of_certificate(&STANDARD.decode(encoded).ok()?)
            })
            .collect();
        let entity_id = entity.attribute("entityID")?.to_owned();
        (!keys.is_empty()).then_some(Metadata { entity_id, keys })
    }
}

/// The sandbox's own.
pub(crate) fn write(world: &World) -> String {
    let (entity_id, sso) = (
        escaped(&super::issuer(world)),
        escaped(&super::sso_url(world)),
    );
    let certificate = &world.saml.certificate;
    let binding = |name: &str| {
        format!(
            "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{name}\" Location=\"{sso}\"/>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{MD}\" xmlns:ds=\"{DS}\" entityID=\"{entity_id}\">\n\
         <md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" protocolSupportEnumeration=\"{}\">\n\
         <md:KeyDescriptor use=\"signing\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\n\
         <md:NameIDFormat>{}</md:NameIDFormat>\n{}\n{}\n</md:IDPSSODescriptor>\n</md:EntityDescriptor>\n",
        document::SAMLP,
        super::PERSISTENT,
        binding("HTTP-Redirect"),
        binding("HTTP-POST"),
    )
}
