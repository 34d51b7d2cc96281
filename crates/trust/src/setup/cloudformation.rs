//! For CloudFormation.

use super::{
    Generated,
    tree::{Node, quoted},
};

impl Generated {
    /// A template for CloudFormation, YAML. Where the account has the provider already, its ARN is a parameter.
    pub fn cloudformation(&self) -> String {
        let plan = &self.plan;
        let (parameters, provider) = if self.has_provider {
            (PARAMETERS, self.provider_resource())
        } else {
            ("", String::new())
        };
        let boundary = plan.boundary.as_ref().map_or_else(String::new, |arn| {
            format!("      PermissionsBoundary: {}\n", quoted(arn))
        });
        format!(
            "# {about}.\n\
             # aws cloudformation deploy --stack-name {stack} --template-file FILE --capabilities CAPABILITY_NAMED_IAM\n\
             AWSTemplateFormatVersion: \"2010-09-09\"\n\
             Description: {description}\n\
             {parameters}\n\
             Resources:\n\
             {provider}  Role:\n    \
                 Type: AWS::IAM::Role\n    \
                 Properties:\n      \
                   RoleName: {name}\n      \
                   MaxSessionDuration: {seconds}\n\
             {policies}{boundary}      \
                   AssumeRolePolicyDocument:\n\
             {trust}\n\
             Outputs:\n  \
               RoleArn:\n    \
                 Value: !GetAtt Role.Arn\n",
            about = self.about(),
            stack = stack(&plan.role_name),
            description = quoted(&format!(
                "Role {} for whom {} vouches",
                plan.role_name, self.issuer
            )),
            name = quoted(&plan.role_name),
            seconds = plan.max_session.as_secs(),
            policies = list("ManagedPolicyArns", &plan.attach),
            trust = self.trust_policy.yaml(
                "!If [MakeProvider, !GetAtt Provider.Arn, !Ref ProviderArn]",
                8
            ),
        )
    }

    fn provider_resource(&self) -> String {
        format!(
            "  Provider:\n    \
                 Type: AWS::IAM::OIDCProvider\n    \
                 Condition: MakeProvider\n    \
                 Properties:\n      \
                   Url: {}\n\
             {}{}\n",
            quoted(&self.issuer),
            list("ClientIdList", &self.audiences),
            list("ThumbprintList", &self.thumbprints())
        )
    }
}

fn list(name: &str, texts: &[String]) -> String {
    if texts.is_empty() {
        return String::new();
    }
    let texts = Node::List(texts.iter().map(Node::text).collect());
    format!("      {name}:\n{}", texts.yaml("", 8))
}

/// A name that CloudFormation takes for a stack: letters, digits and hyphens.
fn stack(role: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("role-{}", role.chars().map(plain).collect::<String>())
}

const PARAMETERS: &str = r#"
# An account has one provider for an issuer. If it is there already: --parameter-overrides ProviderArn=ARN
Parameters:
  ProviderArn:
    Type: String
    Default: ""
    Description: ARN of the provider, if the account has it already

Conditions:
  MakeProvider: !Equals [!Ref ProviderArn, ""]
"#;
