//! For CloudFormation.

use std::fmt::Write;

use super::{
    Generated,
    tree::{Node, quoted},
};

impl Generated {
    /// A template for CloudFormation, YAML. Where the account has the provider already, its ARN is a parameter.
    pub fn cloudformation(&self) -> String {
        let plan = &self.plan;
        let mut file = format!(
            "# {}.\n\
             # aws cloudformation deploy --stack-name {} --template-file FILE --capabilities CAPABILITY_NAMED_IAM\n\
             AWSTemplateFormatVersion: \"2010-09-09\"\n\
             Description: {}\n",
            self.about(),
            stack(&plan.role_name),
            quoted(&format!(
                "Role {} for whom {} vouches",
                plan.role_name, self.issuer
            )),
        );
        if self.has_provider {
            file += "\n# An account has one provider for an issuer. If it is there already: --parameter-overrides ProviderArn=ARN\n\
                     Parameters:\n  \
                       ProviderArn:\n    \
                         Type: String\n    \
                         Default: \"\"\n    \
                         Description: ARN of the provider, if the account has it already\n\
                     \n\
                     Conditions:\n  \
                       MakeProvider: !Equals [!Ref ProviderArn, \"\"]\n";
        }
        file += "\nResources:\n";
        if self.has_provider {
            file += "  Provider:\n    Type: AWS::IAM::OIDCProvider\n    Condition: MakeProvider\n    Properties:\n";
            _ = writeln!(file, "      Url: {}", quoted(&self.issuer));
            list(&mut file, "ClientIdList", &self.audiences);
            list(&mut file, "ThumbprintList", &self.thumbprints());
            file += "\n";
        }
        file += "  Role:\n    Type: AWS::IAM::Role\n    Properties:\n";
        _ = writeln!(file, "      RoleName: {}", quoted(&plan.role_name));
        _ = writeln!(
            file,
            "      MaxSessionDuration: {}",
            plan.max_session.as_secs()
        );
        list(&mut file, "ManagedPolicyArns", &plan.attach);
        if let Some(boundary) = &plan.boundary {
            _ = writeln!(file, "      PermissionsBoundary: {}", quoted(boundary));
        }
        file += "      AssumeRolePolicyDocument:\n";
        let provider = "!If [MakeProvider, !GetAtt Provider.Arn, !Ref ProviderArn]";
        self.trust_policy.yaml(provider, 8, &mut file);
        file + "\nOutputs:\n  RoleArn:\n    Value: !GetAtt Role.Arn\n"
    }
}

fn list(file: &mut String, name: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    _ = writeln!(file, "      {name}:");
    Node::List(texts.iter().map(Node::text).collect()).yaml("", 8, file);
}

/// A name that CloudFormation takes for a stack: letters, digits and hyphens.
fn stack(role: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("role-{}", role.chars().map(plain).collect::<String>())
}
