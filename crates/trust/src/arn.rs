//! The parts of an ARN, as far as trust needs them.

/// The account in an ARN: the fifth of its fields. `None` for what is no ARN, or one without an account.
pub(crate) fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?
        .split(':')
        .nth(3)
        .filter(|account| !account.is_empty())
}

/// The partition in an ARN: the second of its fields.
pub(crate) fn partition(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').next()
}

/// Whether this is the ARN of a role: `arn:<partition>:iam::<12 digits>:role/<path and name>`.
pub(crate) fn is_role(arn: &str) -> bool {
    let mut fields = arn.splitn(6, ':');
    let mut next = || fields.next().unwrap_or_default();
    next() == "arn"
        && next().starts_with("aws")
        && next() == "iam"
        && next().is_empty()
        && matches!(next(), account if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()))
        && next()
            .strip_prefix("role/")
            .is_some_and(|name| !name.is_empty())
}
