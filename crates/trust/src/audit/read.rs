//! Reads an account file as a stream: each role is judged when it has been read, and then forgotten but for its finding.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, BufReader, Read},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    Audit, Danger, Grant, Power, Role, Unreadable,
    account::{Document, ManagedPolicy, RoleDetail},
    power, reach,
    token::Candidate,
};
use crate::{
    arn, document,
    policy::{Effect, Place, Policy},
};

/// Surveys an account. See the [module](super).
#[derive(Clone, Debug, Default)]
pub struct Survey {
    candidate: Option<Candidate>,
    audit: Audit,
    /// Beside each of the audit's roles: what is known of its permissions before the account's policies have been read.
    attached: Vec<Attachments>,
    administrators: BTreeSet<String>,
    has_policies: bool,
}

#[derive(Clone, Debug)]
struct Attachments {
    /// Managed policies attached to the role; `None` where the file does not tell.
    policies: Option<Vec<String>>,
    /// The inline policy that makes it an administrator.
    administrator: Option<String>,
}

impl Survey {
    /// A survey that looks at who can get in.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that also tells which of the roles this token could take, as [`Role::token`].
    pub fn with(candidate: Candidate) -> Self {
        Self {
            candidate: Some(candidate),
            ..Self::default()
        }
    }

    /// Reads what `aws iam get-account-authorization-details` prints: one document, or one for each page, one after the
    /// other or in a list. What `aws iam list-roles` prints is read, too; it does not tell how much a role may do.
    ///
    /// An error tells how far it came ([`AuditError::so_far`]). The reader need not be buffered.
    pub fn read(mut self, mut reader: impl Read) -> Result<Audit, Box<AuditError>> {
        let start = match beginning(&mut reader) {
            Ok(Some(start)) => start,
            Ok(None) => {
                return Err(self.broken("it is UTF-16; JSON is UTF-8".to_owned(), None, false));
            }
            Err(error) => return Err(self.broken(error.to_string(), None, true)),
        };
        let reader = BufReader::with_capacity(64 * 1024, start.as_slice().chain(reader));
        let mut json = serde_json::Deserializer::from_reader(reader);
        loop {
            if let Err(error) = Page(&mut self).deserialize(&mut json) {
                let place = (error.line() > 0).then(|| (error.line(), error.column()));
                let text = error.to_string();
                let text = match place {
                    Some((line, column)) => text
                        .strip_suffix(&format!(" at line {line} column {column}"))
                        .unwrap_or(&text),
                    None => &text,
                };
                let message = if error.is_eof() {
                    "it breaks off in the middle".to_owned()
                } else {
                    text.escape_debug().to_string()
                };
                // At the very beginning of a line serde_json counts from zero.
                let place = place.map(|(line, column)| (line, column.max(1)));
                return Err(self.broken(message, place, error.is_io()));
            }
            match json.end() {
                Ok(()) => return Ok(self.finish()),
                Err(error) if error.is_io() => {
                    return Err(self.broken(error.to_string(), None, true));
                }
                Err(_) => {} // the next page
            }
        }
    }

    fn broken(
        self,
        message: String,
        place: Option<(usize, usize)>,
        is_io: bool,
    ) -> Box<AuditError> {
        Box::new(AuditError {
            message,
            position: place,
            is_io,
            so_far: self.finish(),
        })
    }

    fn role(&mut self, detail: RoleDetail) {
        let account = arn::account(&detail.arn).unwrap_or_default().to_owned();
        self.audit.roles_read += 1;
        self.audit.accounts.insert(account.clone());
        let document = detail
            .assume_role_policy_document
            .ok_or_else(|| "the file does not hold its trust policy".to_owned());
        let policy = document.and_then(|Document(text)| match Policy::parse(&text) {
            Ok(policy) => Ok((text, policy)),
            Err(error) => Err(error.to_string()),
        });
        let (text, policy) = match policy {
            Ok(policy) => policy,
            Err(why) => {
                self.audit.unreadable.push(Unreadable {
                    arn: detail.arn,
                    why,
                });
                return;
            }
        };
        let (mut ways, services) = reach::ways(&policy, &account);
        for service in services {
            *self.audit.services.entry(service).or_default() += 1;
        }
        if ways.is_empty() {
            return;
        }
        let token = self
            .candidate
            .as_mut()
            .map(|candidate| candidate.ask(&policy, &detail.arn));
        let name = if detail.role_name.is_empty() {
            detail.arn.rsplit('/').next().unwrap_or_default().to_owned()
        } else {
            detail.role_name
        };
        let boundary = detail
            .permissions_boundary
            .map(|boundary| boundary.permissions_boundary_arn);
        let has_deny = policy
            .statements
            .iter()
            .any(|statement| statement.effect == Effect::Deny);
        if ways.iter().any(|way| way.from.has_token()) {
            let faults = reach::faults(&document::Role {
                name: Some(name.clone()),
                arn: Some(detail.arn.clone()),
                account: Some(account.clone()),
                origin: "role".to_owned(),
                policy,
                text,
                policy_place: Place::default(),
                embedded: false,
                max_session: None,
                permissions_boundary: boundary.clone(),
            });
            for way in ways.iter_mut().filter(|way| way.from.has_token()) {
                let own = faults
                    .iter()
                    .filter(|(statement, _)| *statement == way.statement);
                way.faults = own.map(|(_, fault)| fault.clone()).collect();
            }
        }
        self.audit.roles.push(Role {
            token,
            name,
            account,
            danger: Danger::Low, // told when the power is known
            power: Power::Unknown,
            boundary,
            max_session: detail.max_session_duration,
            has_deny,
            ways,
            arn: detail.arn,
        });
        let inline = detail.role_policy_list.unwrap_or_default();
        self.attached.push(Attachments {
            policies: detail
                .attached_managed_policies
                .map(|attached| attached.into_iter().map(|each| each.policy_arn).collect()),
            administrator: inline
                .into_iter()
                .find(|policy| power::is_administrator(&policy.policy_document.0))
                .map(|policy| policy.policy_name),
        });
    }

    fn policy(&mut self, policy: ManagedPolicy) {
        self.has_policies = true;
        let versions = policy.policy_version_list.unwrap_or_default();
        if versions.iter().any(|version| {
            version.is_default_version && power::is_administrator(&version.document.0)
        }) {
            self.administrators.insert(policy.arn);
        }
    }

    /// Now that every policy has been read: how much each role may do, and so how dangerous it is.
    fn finish(mut self) -> Audit {
        for (role, attached) in self.audit.roles.iter_mut().zip(self.attached) {
            let is_administrator = |arn: &String| {
                power::is_known_administrator(arn) || self.administrators.contains(arn)
            };
            let by = attached.administrator.or_else(|| {
                attached
                    .policies
                    .iter()
                    .flatten()
                    .find(|arn| is_administrator(arn))
                    .cloned()
            });
            role.power = match (by, &attached.policies) {
                (Some(by), _) => Power::Administrator {
                    by,
                    bounded: role
                        .boundary
                        .as_ref()
                        .is_some_and(|boundary| !is_administrator(boundary)),
                },
                (None, Some(policies)) if self.has_policies || policies.is_empty() => {
                    Power::Limited
                }
                (None, _) => Power::Unknown,
            };
            for way in &mut role.ways {
                way.judge(&role.power, role.has_deny);
            }
            role.ways
                .sort_by_key(|way| std::cmp::Reverse((way.danger, way.reach)));
            role.danger = role.ways.first().map_or(Danger::Low, |way| way.danger);
        }
        let order = |role: &Role| {
            let reach = role.ways.first().map(|way| way.reach);
            std::cmp::Reverse((role.danger, role.power.is_administrator(), reach))
        };
        self.audit
            .roles
            .sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.arn.cmp(&b.arn)));
        self.audit
    }
}

impl Audit {
    /// The roles that the survey's token could take.
    pub fn taken(&self) -> impl Iterator<Item = &Role> {
        self.roles
            .iter()
            .filter(|role| matches!(role.token, Some(Grant::Taken { .. })))
    }

    /// The roles that one thing alone keeps it from.
    pub fn near(&self) -> impl Iterator<Item = &Role> {
        self.roles
            .iter()
            .filter(|role| matches!(role.token, Some(Grant::Near { .. })))
    }
}

/// The first bytes, without a byte order mark. `None` where that is one of UTF-16, which Windows' shell writes into a file
/// unless told otherwise, and which is no JSON text.
fn beginning(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut start = Vec::new();
    reader.take(3).read_to_end(&mut start)?;
    Ok(match &*start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => None,
        [0xef, 0xbb, 0xbf] => Some(Vec::new()),
        _ => Some(start),
    })
}

/// One document: an object that holds roles, or a list of such objects.
struct Page<'a>(&'a mut Survey);

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Page<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what `aws iam get-account-authorization-details` prints")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Page(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_one = false;
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "RoleDetailList" | "Roles" => {
                    is_one = true;
                    map.next_value_seed(Each::new(|role| self.0.role(role)))?;
                }
                "Policies" => {
                    is_one = true;
                    map.next_value_seed(Each::new(|policy| self.0.policy(policy)))?;
                }
                "UserDetailList" | "GroupDetailList" => {
                    is_one = true;
                    map.next_value::<IgnoredAny>()?;
                }
                "IsTruncated" => self.0.audit.is_truncated = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_one {
            Ok(())
        } else {
            Err(A::Error::custom(
                "it has no RoleDetailList: `aws iam get-account-authorization-details` prints one",
            ))
        }
    }
}

/// A list whose elements are handed on one by one; none of them stays.
struct Each<T, F>(F, std::marker::PhantomData<T>);

impl<T, F: FnMut(T)> Each<T, F> {
    fn new(take: F) -> Self {
        Self(take, std::marker::PhantomData)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Each<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

/// Why an account file could not be read to its end.
#[derive(Clone, Debug)]
pub struct AuditError {
    message: String,
    position: Option<(usize, usize)>,
    is_io: bool,
    so_far: Audit,
}

impl AuditError {
    /// Line and column, from one, where reading stopped.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// Whether the reader failed, and not what it read.
    pub fn is_io(&self) -> bool {
        self.is_io
    }

    /// What had been read until then. As the account's policies come last, it may not tell how much a role may do.
    pub fn so_far(&self) -> &Audit {
        &self.so_far
    }
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.position.map_or(Ok(()), |(line, column)| {
            write!(f, " at line {line} column {column}")
        })
    }
}

impl std::error::Error for AuditError {}
