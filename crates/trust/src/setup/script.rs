//! For the AWS CLI: a script that can be run again and again, and the same as one paste for CloudShell.

use std::fmt::Write;

use super::Generated;

impl Generated {
    /// A script for bash and the AWS CLI. It makes what is missing, brings what is there to what was asked for, and says
    /// which of the two it does.
    pub fn script(&self) -> String {
        format!(
            "#!/usr/bin/env bash\n# {}.\n# Needs the AWS CLI, signed in to the account. It can be run again: what is there is brought up to date.\n{}",
            self.about(),
            self.commands()
        )
    }

    /// The same for the prompt of AWS CloudShell, which is signed in already: open it in the console, paste, press Enter.
    pub fn cloudshell(&self) -> String {
        // A shell of its own, so that a failure does not close the terminal; the quotes keep everything as it is.
        format!("bash <<'{END}'\n{}{END}\n", self.commands())
    }

    fn commands(&self) -> String {
        let plan = &self.plan;
        let (name, partition) = (&plan.role_name, &plan.partition);
        // The list of commands may be this shell's input, so none of them may read it.
        let mut script = String::from(
            "set -eu\nexport AWS_PAGER=\"\"\niam() { aws iam \"$@\" < /dev/null; }\n\n\
             account=$(aws sts get-caller-identity --query Account --output text < /dev/null)\n",
        );
        if let Some(account) = &plan.account {
            _ = write!(
                script,
                "[ \"$account\" = {account} ] || {{\n    \
                     echo \"signed in to account $account, and this is for {account}\" >&2\n    \
                     exit 1\n\
                 }}\n"
            );
        }
        if self.has_provider {
            script += &self.make_provider(partition);
        }

        // JSON has its own way to write the two characters that a shell would look at: the quote that ends the text, and
        // what an interactive shell takes for its history.
        let document = self.trust_policy.compact(MARK);
        let document = document.replace('\'', "\\u0027").replace('!', "\\u0021");
        let document = document.replace(MARK, "'\"$provider\"'");
        let seconds = plan.max_session.as_secs();
        let boundary = plan.boundary.as_deref().map(word);
        let on_creation = boundary
            .as_ref()
            .map(|arn| format!(" \\\n        --permissions-boundary {arn}"))
            .unwrap_or_default();
        let on_update = boundary
            .as_ref()
            .map(|arn| {
                format!(
                    "    iam put-role-permissions-boundary --role-name {name} --permissions-boundary {arn}\n"
                )
            })
            .unwrap_or_default();
        _ = write!(
            script,
            "\ntrust='{document}'\n\
             if before=$(iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument --output json 2> /dev/null); then\n    \
                 echo \"role {name} is there; it is brought up to date. Its trust policy was:\"\n    \
                 echo \"$before\"\n    \
                 iam update-assume-role-policy --role-name {name} --policy-document \"$trust\"\n    \
                 iam update-role --role-name {name} --max-session-duration {seconds} > /dev/null\n\
             {on_update}\
             else\n    \
                 echo \"making role {name}\"\n    \
                 iam create-role --role-name {name} --assume-role-policy-document \"$trust\" \\\n        \
                     --max-session-duration {seconds}{on_creation} > /dev/null\n\
             fi\n"
        );
        for policy in &plan.attach {
            let arn = word(policy);
            _ = write!(
                script,
                "echo \"attaching {policy}\"\niam attach-role-policy --role-name {name} --policy-arn {arn}\n"
            );
        }
        _ = write!(
            script,
            "\necho \"done: arn:{partition}:iam::$account:role/{name}\"\necho \"it takes AWS some seconds to know it everywhere\"\n"
        );
        script
    }

    fn make_provider(&self, partition: &str) -> String {
        let words = |texts: &[String]| texts.iter().map(|text| word(text)).collect::<Vec<_>>();
        let issuer = self.provider_arn("");
        let path = issuer
            .split_once("oidc-provider/")
            .map_or("", |(_, path)| path);
        let (clients, thumbprints) = (words(&self.audiences), words(&self.thumbprints()));
        let (on_creation, on_update) = if thumbprints.is_empty() {
            (String::new(), String::new())
        } else {
            let list = thumbprints.join(" ");
            (
                format!(" \\\n        --thumbprint-list {list}"),
                format!(
                    "    iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn \"$provider\" \\\n        --thumbprint-list {list}\n"
                ),
            )
        };
        let mut script = format!(
            "\nprovider=\"arn:{partition}:iam::$account:oidc-provider/{path}\"\n\
             if known=$(iam get-open-id-connect-provider --open-id-connect-provider-arn \"$provider\" \\\n        \
                     --query ClientIDList --output text 2> /dev/null); then\n    \
                 echo \"provider $provider is there\"\n    \
                 for client in {}; do\n        \
                     printf '%s' \"$known\" | tr '\\t' '\\n' | grep -Fqxe \"$client\" && continue\n        \
                     echo \"adding client id $client to it\"\n        \
                     iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn \"$provider\" \\\n            \
                         --client-id \"$client\"\n    \
                 done\n",
            clients.join(" ")
        );
        _ = write!(
            script,
            "{on_update}else\n    \
                 echo \"making provider $provider\"\n    \
                 iam create-open-id-connect-provider --url {} \\\n        \
                     --client-id-list {}{on_creation} > /dev/null\n\
             fi\n",
            word(&self.issuer),
            clients.join(" "),
        );
        script
    }
}

/// One word of a shell.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=,.@:/%".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Stands for the provider's ARN until the script knows the account; no text of a policy holds it.
const MARK: &str = "\0";

/// What ends the paste: it cannot be a line of the script.
const END: &str = "KEYLESS";
