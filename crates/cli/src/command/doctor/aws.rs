//! Checks of AWS's side: role, region, STS, the session and whose it is.

use std::sync::Arc;

use keyless::profile::Profile;
use keyless::{Environment, RoleArn};
use keyless_sts::{Partition, caller_identity};
use keyless_token::text::printable;

use super::finding::Finding;
use super::issuer::compared;
use super::patient::Patient;
use crate::exit::INVALID;
use crate::words::when;

/// Whether the role can be one, and be asked of the STS that is configured.
pub(super) async fn role(patient: Arc<Patient>) -> Finding {
    let access = match patient.usable() {
        Ok(access) => access,
        Err(finding) => return finding,
    };
    let profile = access.profile();
    let Some(role) = &profile.role else {
        return Finding::warn("the profile names none, so that there is no session to be had")
            .advised("give it one: role = \"arn:aws:iam::ACCOUNT:role/NAME\"");
    };
    // Region, duration, policies and every role of the chain are judged along with it.
    if let Err(error) = access.provider() {
        return Finding::of(error);
    }
    let last = profile.via.last().unwrap_or(role);
    match last.parse::<RoleArn>() {
        Ok(arn) => Finding::pass(format!(
            "{} in the account {}, partition {}{}",
            arn.name(),
            arn.account_id(),
            arn.partition().name(),
            match profile.via.len() {
                0 => String::new(),
                hops => format!(", by way of {hops} more"),
            }
        )),
        Err(error) => Finding::of(keyless::Error::from(error)),
    }
}

/// Whether it is said which region is meant, once.
pub(super) async fn region(patient: Arc<Patient>) -> Finding {
    let access = match patient.usable() {
        Ok(access) => access,
        Err(finding) => return finding,
    };
    let variable = match patient.environment().region() {
        Ok(variable) => variable,
        Err(error) => return Finding::of(error),
    };
    match (&access.profile().region, variable) {
        (Some(ours), Some(theirs)) if *ours != theirs => Finding::warn(printable(&format!(
            "{ours} in the profile, {theirs} in this environment, which AWS tools go by"
        )))
        .advised("unset AWS_REGION and AWS_DEFAULT_REGION, or set them to the same"),
        (Some(region), _) => Finding::pass(printable(region)),
        (None, Some(region)) => {
            Finding::pass(format!("{}, from this environment", printable(&region)))
        }
        (None, None) => Finding::warn("none is named, and most AWS tools want one")
            .advised("give the profile one: region = \"eu-west-1\""),
    }
}

/// Whether STS answers.
pub(super) async fn sts(patient: Arc<Patient>) -> Finding {
    match patient.sts().await {
        Ok(sts) => Finding::pass(format!("{} answers", printable(&sts.address))),
        Err(finding) => finding.clone(),
    }
}

/// Whether its clock and ours agree.
pub(super) async fn clock(patient: Arc<Patient>) -> Finding {
    match patient.sts().await {
        Ok(sts) => compared("STS", sts.date, patient.now),
        Err(_) => Finding::skip("STS was not heard"),
    }
}

/// Whether a session is held or to be had without asking anybody.
pub(super) async fn session(patient: Arc<Patient>) -> Finding {
    let held = patient
        .usable()
        .ok()
        .and_then(|access| access.provider().ok()?.peek());
    match patient.session().await {
        Ok(session) => {
            let until = when(session.expires_at(), patient.now);
            let how = if held.is_some() {
                "one is held"
            } else {
                "AWS has given one"
            };
            Finding::pass(format!("{how}, until {until}"))
        }
        Err(finding) => finding.clone(),
    }
}

/// Who AWS says that the session is.
pub(super) async fn caller(patient: Arc<Patient>) -> Finding {
    let (Ok(access), Ok(session)) = (patient.usable(), patient.session().await) else {
        return Finding::skip("there is no session to ask with");
    };
    if !patient.network {
        return Finding::skip("not asked, because of --no-network");
    }
    let sts = match patient.sts_client(access) {
        Ok(sts) => sts,
        Err(finding) => return finding,
    };
    match caller_identity(&sts, session).await {
        Ok(caller) => Finding::pass(printable(&caller.arn)),
        Err(error) => Finding::of(keyless::Error::from(error)),
    }
}

/// Where the STS of a profile is: what is configured, else the regional one.
pub(super) fn sts_address(profile: &Profile, environment: &Environment) -> Result<String, Finding> {
    let configured = match &profile.endpoint_url {
        Some(url) => Some(url.clone()),
        None => environment.sts_endpoint().map_err(Finding::of)?,
    };
    if let Some(url) = configured {
        return Ok(url);
    }
    let named = match &profile.region {
        Some(region) => Some(region.clone()),
        None => environment.region().map_err(Finding::of)?,
    };
    let role = profile.role.as_deref().map(str::parse::<RoleArn>);
    let region = match (named, role) {
        (Some(region), _) => region,
        (None, Some(Ok(role))) => role.partition().default_region().to_owned(),
        (None, _) => {
            return Err(Finding::skip(
                "there is neither a role nor a region that says which",
            ));
        }
    };
    let (fips, dual) = (
        environment.switch("AWS_USE_FIPS_ENDPOINT"),
        environment.switch("AWS_USE_DUALSTACK_ENDPOINT"),
    );
    let partition = Partition::of_region(&region).name();
    let known = SUFFIXES.iter().find(|(name, ..)| *name == partition);
    let Some((_, single, double)) = known else {
        return Err(Finding::fail(
            INVALID,
            format!("{region:?} lies in no known partition"),
        ));
    };
    let suffix = if dual { double } else { single };
    let service = if fips { "sts-fips" } else { "sts" };
    Ok(format!("https://{service}.{region}.{suffix}/"))
}

/// A partition's hosts end so, with IPv4 alone and with both (botocore's `partitions.json`).
const SUFFIXES: &[(&str, &str, &str)] = &[
    ("aws", "amazonaws.com", "api.aws"),
    ("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("aws-us-gov", "amazonaws.com", "api.aws"),
    ("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    ("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    ("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_looked_for_where_it_is_asked() {
        let none = &[][..];
        for (region, role, variables, address) in [
            (
                Some("eu-west-1"),
                None,
                none,
                "https://sts.eu-west-1.amazonaws.com/",
            ),
            (
                None,
                Some("arn:aws-cn:iam::111122223333:role/x"),
                none,
                "https://sts.cn-north-1.amazonaws.com.cn/",
            ),
            (
                None,
                None,
                &[("AWS_REGION", "us-gov-east-1")],
                "https://sts.us-gov-east-1.amazonaws.com/",
            ),
            (
                Some("us-east-1"),
                None,
                &[("AWS_USE_FIPS_ENDPOINT", "true")],
                "https://sts-fips.us-east-1.amazonaws.com/",
            ),
            (
                Some("us-east-1"),
                None,
                &[("AWS_USE_DUALSTACK_ENDPOINT", "true")],
                "https://sts.us-east-1.api.aws/",
            ),
            (
                Some("us-east-1"),
                None,
                &[("AWS_ENDPOINT_URL_STS", "https://sts.corp.example")],
                "https://sts.corp.example",
            ),
        ] {
            let profile = Profile {
                region: region.map(str::to_owned),
                role: role.map(str::to_owned),
                ..Profile::default()
            };
            let environment = Environment::of(variables.iter().copied());
            let found = sts_address(&profile, &environment).expect("an address");
            assert_eq!(found, address);
        }
    }
}
