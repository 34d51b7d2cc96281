//! Roles by their ARN, and the partitions of AWS that they live in.

use std::fmt;
use std::str::FromStr;

use crate::error::ExchangeError;

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME` (IAM identifiers, user guide).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoleArn {
    text: String,
    partition: Partition,
}

impl RoleArn {
    /// The ARN as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition it belongs to.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The twelve digits of its account.
    pub fn account_id(&self) -> &str {
        self.text.split(':').nth(4).unwrap_or_default()
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = ExchangeError;

    fn from_str(text: &str) -> Result<Self, ExchangeError> {
        let malformed = |found: String| {
            ExchangeError::misconfigured(format!("{text:?} is not the ARN of a role: {found}"))
                .with_advice("write it as arn:aws:iam::ACCOUNT:role/NAME; `aws iam get-role` and the console show it")
        };
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = fields[..] else {
            return Err(malformed(format!(
                "expected six fields with colons between, found {}",
                fields.len()
            )));
        };
        if arn != "arn" || service != "iam" || !region.is_empty() {
            return Err(malformed("expected it to begin with arn:aws:iam::".into()));
        }
        let partition = Partition::named(partition)
            .ok_or_else(|| malformed(format!("there is no partition {partition:?}")))?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed(format!(
                "expected an account of twelve digits, found {account:?}"
            )));
        }
        let name = resource
            .strip_prefix("role/")
            .ok_or_else(|| malformed(format!("expected role/NAME, found {resource:?}")))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c);
        if name.is_empty() || name.ends_with('/') || !name.chars().all(allowed) || text.len() > 2048
        {
            return Err(malformed(format!("{name:?} is not a role's name")));
        }
        Ok(Self {
            text: text.to_owned(),
            partition,
        })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A part of AWS that shares nothing with the others, STS included.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Partition(&'static Row);

/// One row of the table of partitions: its name, how its regions begin, and one region that it surely has.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    name: &'static str,
    regions: &'static str,
    default_region: &'static str,
}

/// From botocore's `partitions.json`. The first row takes every region that no other does.
const PARTITIONS: [Row; 8] = [
    Row {
        name: "aws",
        regions: "",
        default_region: "us-east-1",
    },
    Row {
        name: "aws-cn",
        regions: "cn-",
        default_region: "cn-north-1",
    },
    Row {
        name: "aws-us-gov",
        regions: "us-gov-",
        default_region: "us-gov-west-1",
    },
    Row {
        name: "aws-eusc",
        regions: "eusc-",
        default_region: "eusc-de-east-1",
    },
    Row {
        name: "aws-iso",
        regions: "us-iso-",
        default_region: "us-iso-east-1",
    },
    Row {
        name: "aws-iso-b",
        regions: "us-isob-",
        default_region: "us-isob-east-1",
    },
    Row {
        name: "aws-iso-e",
        regions: "eu-isoe-",
        default_region: "eu-isoe-west-1",
    },
    Row {
        name: "aws-iso-f",
        regions: "us-isof-",
        default_region: "us-isof-south-1",
    },
];

impl Partition {
    fn named(name: &str) -> Option<Self> {
        PARTITIONS.iter().find(|row| row.name == name).map(Self)
    }

    /// The partition that a region lies in.
    pub fn of_region(region: &str) -> Self {
        Self(
            PARTITIONS[1..]
                .iter()
                .find(|row| region.starts_with(row.regions))
                .unwrap_or(&PARTITIONS[0]),
        )
    }

    /// `aws`, `aws-cn`, `aws-us-gov` and so on, as in ARNs.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The region whose STS is asked where none is configured.
    pub fn default_region(self) -> &'static str {
        self.0.default_region
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_to_the_letter() {
        let role: RoleArn = "arn:aws-cn:iam::111122223333:role/team/ops/Deploy"
            .parse()
            .expect("a role");
        assert_eq!(
            (role.partition().name(), role.account_id(), role.name()),
            ("aws-cn", "111122223333", "Deploy")
        );
    }

    #[test]
    fn what_is_no_role_is_refused_and_told_why() {
        for (text, found) in [
            ("Developer", "six fields"),
            ("arn:aws:iam::111122223333:user/alice", "expected role/NAME"),
            (
                "arn:aws:sts::111122223333:assumed-role/x/y",
                "arn:aws:iam::",
            ),
            ("arn:aws:iam:eu-west-1:111122223333:role/x", "arn:aws:iam::"),
            ("arn:aws:iam::1111:role/x", "twelve digits"),
            ("arn:aws:iam::111122223333:role/", "not a role's name"),
            ("arn:aws:iam::111122223333:role/x y", "not a role's name"),
            (
                "arn:amazon:iam::111122223333:role/x",
                "no partition \"amazon\"",
            ),
            ("", "six fields"),
        ] {
            let error = text.parse::<RoleArn>().expect_err(text);
            assert!(error.to_string().contains(found), "{text:?}: {error}");
        }
    }

    #[test]
    fn every_region_has_one_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-gov-east-1", "aws-us-gov"),
            ("cn-northwest-1", "aws-cn"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
            ("mx-central-1", "aws"),
        ] {
            assert_eq!(Partition::of_region(region).name(), partition, "{region}");
        }
    }
}
