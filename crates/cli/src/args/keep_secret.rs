//! The arguments of `keyless keep-secret`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct KeepSecret {
    /// What to call it: the NAME of client_secret = { keyring = "NAME" }.
    #[arg(value_parser = name)]
    pub(crate) name: String,
    /// Remove it from the keyring instead.
    #[arg(long)]
    pub(crate) remove: bool,
}

/// The keys that seal what is kept lie in the same drawer.
fn name(text: &str) -> Result<String, String> {
    let is_good = !text.is_empty()
        && text.len() <= 100
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c));
    if is_good {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits, and -_.@ between them".into())
    }
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  keyless keep-secret corp                  asks for it; what you type is not shown
  pass show corp | keyless keep-secret corp
  keyless keep-secret corp-key < key.pem
  keyless keep-secret corp --remove

Then, for an application that is not a public one, in config.toml:
  [identity.corp]
  client_secret = { keyring = \"corp\" }
or --client-secret-keyring corp. The entry is of the service \"keyless\", as other
programs of the system's keyring show it.";
