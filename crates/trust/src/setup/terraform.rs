//! For Terraform and OpenTofu, set as `terraform fmt` sets it.

use super::{
    Generated,
    tree::{Node, assignments, hcl_quoted},
};

impl Generated {
    /// A file for Terraform or OpenTofu: the provider, the role, and its policies.
    pub fn terraform(&self) -> String {
        let plan = &self.plan;
        let role = identifier(&plan.role_name);
        let mut parts = vec![format!("# {}.\n", self.about())];
        if self.has_provider {
            parts.push(self.provider_block());
        }
        parts.push(resource("aws_iam_role", &role, &self.role_members()));
        for policy in &plan.attach {
            let name = policy.rsplit('/').next().unwrap_or(policy);
            let members = [
                ("role".to_owned(), format!("aws_iam_role.{role}.name")),
                ("policy_arn".to_owned(), hcl_quoted(policy)),
            ];
            parts.push(resource(
                "aws_iam_role_policy_attachment",
                &format!("{role}_{}", identifier(name)),
                &members,
            ));
        }
        parts.push(format!(
            "output \"{role}_role_arn\" {{\n  value = aws_iam_role.{role}.arn\n}}\n"
        ));
        parts.join("\n")
    }

    fn provider_block(&self) -> String {
        let name = self.provider_name();
        let mut members = vec![
            ("url".to_owned(), hcl_quoted(&self.issuer)),
            ("client_id_list".to_owned(), list(&self.audiences)),
        ];
        if !self.plan.thumbprints.is_empty() {
            members.push(("thumbprint_list".to_owned(), list(&self.thumbprints())));
        }
        format!(
            "# An account has one provider for an issuer. If it is there already:\n\
             # terraform import {PROVIDER}.{name} {}\n\
             {}",
            self.provider_arn(self.plan.account.as_deref().unwrap_or("ACCOUNT")),
            resource(PROVIDER, name, &members)
        )
    }

    fn role_members(&self) -> Vec<(String, String)> {
        let plan = &self.plan;
        let mut members = vec![
            ("name".to_owned(), hcl_quoted(&plan.role_name)),
            (
                "max_session_duration".to_owned(),
                plan.max_session.as_secs().to_string(),
            ),
        ];
        if let Some(boundary) = &plan.boundary {
            members.push(("permissions_boundary".to_owned(), hcl_quoted(boundary)));
        }
        let provider = format!("{PROVIDER}.{}.arn", self.provider_name());
        let document = format!("jsonencode({})", self.trust_policy.hcl(&provider, 2));
        members.push(("assume_role_policy".to_owned(), document));
        members
    }

    fn provider_name(&self) -> &'static str {
        self.plan.allow[0].source().name
    }
}

const PROVIDER: &str = "aws_iam_openid_connect_provider";

fn resource(kind: &str, name: &str, members: &[(String, String)]) -> String {
    format!(
        "resource \"{kind}\" \"{name}\" {{\n{}}}\n",
        assignments(members, 2)
    )
}

fn list(texts: &[String]) -> String {
    match texts {
        [one] => format!("[{}]", hcl_quoted(one)),
        several => Node::List(several.iter().map(Node::text).collect()).hcl("", 2),
    }
}

/// A name that Terraform takes: letters, digits, `_` and `-`, a letter first.
fn identifier(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) {
        plain
    } else {
        format!("role_{plain}")
    }
}
