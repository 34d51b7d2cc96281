//! The end of sessions that are running: the policy by which a role denies everything to those that began before a moment.
//!
//! AWS takes no session back. Its own way, which the console calls "Revoke active sessions", is an inline policy of the role (IAM User Guide,
//! "Revoke IAM role temporary security credentials"): it denies every action where `aws:TokenIssueTime` is earlier. Sessions that begin later are
//! as before. It takes effect within minutes, and reaches no further than the role: not the roles that a session has assumed meanwhile.
//!
//! ```
//! use keyless_trust::revoke::Revocation;
//!
//! let of_all = Revocation::before("2027-01-15T08:00:00Z").expect("a date");
//! assert_eq!(of_all.policy_name(), "AWSRevokeOlderSessions");
//! assert_eq!(
//!     of_all.policy(),
//!     r#"{
//!   "Version": "2012-10-17",
//!   "Statement": [
//!     {
//!       "Effect": "Deny",
//!       "Action": "*",
//!       "Resource": "*",
//!       "Condition": {
//!         "DateLessThan": { "aws:TokenIssueTime": "2027-01-15T08:00:00Z" }
//!       }
//!     }
//!   ]
//! }
//! "#
//! );
//! ```

use crate::policy;

/// Which sessions of a role are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    before: String,
    session_name: Option<String>,
}

impl Revocation {
    /// Every session, whoever's it is, that began before `moment`: `2027-01-15T08:00:00Z`. `None` where IAM would not take it for a moment.
    pub fn before(moment: &str) -> Option<Self> {
        let has_time = moment.contains(['T', 't']);
        (has_time && policy::date(moment).is_some()).then(|| Self {
            before: moment.to_owned(),
            session_name: None,
        })
    }

    /// Of those, the ones with this name alone: the `aws:userid` of an assumed role is `ROLE-ID:SESSION-NAME` (IAM User Guide, "AWS global condition
    /// context keys"). `None` where no session can be called so (STS, `RoleSessionName`): it could stand for others, too.
    #[must_use]
    pub fn of_session(self, name: &str) -> Option<Self> {
        let may_be_there = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        ((2..=64).contains(&name.len()) && name.chars().all(may_be_there)).then(|| Self {
            session_name: Some(name.to_owned()),
            ..self
        })
    }

    /// What to call the policy in its role: what the console calls it, where it is the console's. A later one takes the place of an earlier one.
    pub fn policy_name(&self) -> String {
        match &self.session_name {
            None => "AWSRevokeOlderSessions".to_owned(),
            Some(name) => format!("RevokeOlderSessionsOf-{name}"),
        }
    }

    /// The policy.
    pub fn policy(&self) -> String {
        let whose = match &self.session_name {
            None => String::new(),
            Some(name) => format!(",\n        \"StringLike\": {{ \"aws:userid\": \"*:{name}\" }}"),
        };
        let before = &self.before;
        format!(
            r#"{{
  "Version": "2012-10-17",
  "Statement": [
    {{
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {{
        "DateLessThan": {{ "aws:TokenIssueTime": "{before}" }}{whose}
      }}
    }}
  ]
}}
"#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Context;
    use crate::policy::{Effect, Policy};

    /// Whether the policy denies everything to a session of the role that began at `began` and is called `name`.
    fn denies(revocation: &Revocation, began: &str, name: &str) -> bool {
        let policy = revocation.policy();
        // It stands in the role, and so names neither a principal nor, to a reader of trust policies, a resource.
        let policy = policy.replacen(r#""Resource": "*""#, r#""Principal": "*""#, 1);
        let policy = Policy::parse(&policy).expect("a policy");
        let statement = &policy.statements[0];
        assert_eq!(statement.effect, Effect::Deny);
        assert!(statement.actions.include("s3:GetObject"));
        let mut context = Context::default();
        context.set("aws:TokenIssueTime", [began]);
        context.set("aws:userid", [format!("AROAEXAMPLE:{name}")]);
        let mut conditions = statement.conditions.iter();
        conditions.all(|condition| condition.holds(policy.version, &context))
    }

    #[test]
    fn it_ends_what_began_before_and_leaves_what_begins_after() {
        let all = Revocation::before("2027-01-15T08:00:00Z").expect("a date");
        let hers = all.clone().of_session("alice@example.com").expect("a name");
        for (began, name, by_all, by_hers) in [
            ("2027-01-15T07:59:59Z", "alice@example.com", true, true),
            ("2027-01-15T07:59:59Z", "bob@example.com", true, false),
            ("2027-01-15T07:59:59Z", "malice@example.com", true, false),
            ("2027-01-15T07:59:59Z", "Alice@example.com", true, false),
            ("2027-01-15T08:00:00Z", "alice@example.com", false, false),
            ("2027-01-15T08:00:01Z", "bob@example.com", false, false),
        ] {
            assert_eq!(denies(&all, began, name), by_all, "{began} {name}");
            assert_eq!(denies(&hers, began, name), by_hers, "{began} {name}");
        }
        assert_eq!(
            hers.policy_name(),
            "RevokeOlderSessionsOf-alice@example.com"
        );
    }

    #[test]
    fn what_would_end_others_is_no_name_and_what_is_no_moment_ends_nobody() {
        let all = Revocation::before("2027-01-15T08:00:00Z").expect("a date");
        for name in [
            "",
            "a",
            "*",
            "al*",
            "a?",
            "${aws:userid}",
            "a\"b",
            "a:b",
            "é√",
            &"x".repeat(65),
        ] {
            assert_eq!(all.clone().of_session(name), None, "{name}");
        }
        assert!(
            all.of_session(&"x".repeat(64))
                .is_some_and(|of| of.policy_name().len() <= 128)
        );
        for moment in [
            "",
            "now",
            "2027",
            "2027-01-15",
            "2027-13-15T08:00:00Z",
            "1800000000",
            "2027-01-15T08:00:00Z\"",
        ] {
            assert_eq!(Revocation::before(moment), None, "{moment}");
        }
    }
}
