//! For the AWS CLI: a script that can be run again and again, and the same as one paste for CloudShell.

use super::{Generated, Plan};

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
        let Plan {
            role_name: name,
            partition,
            ..
        } = &self.plan;
        let parts = [
            self.check_account(),
            self.make_provider(),
            self.make_role(),
            self.attach_policies(),
            format!(
                "\necho \"done: arn:{partition}:iam::$account:role/{name}\"\n\
                 echo \"it takes AWS some seconds to know it everywhere\"\n"
            ),
        ];
        parts.concat()
    }

    fn check_account(&self) -> String {
        // These lines may be the shell's input, so that no command may read it.
        let start = "set -eu\n\
             export AWS_PAGER=\"\"\n\
             iam() { aws iam \"$@\" < /dev/null; }\n\
             \n\
             account=$(aws sts get-caller-identity --query Account --output text < /dev/null)\n";
        let check = self.plan.account.as_ref().map(|account| {
            format!(
                "[ \"$account\" = {account} ] || {{\n    \
                     echo \"signed in to account $account, and this is for {account}\" >&2\n    \
                     exit 1\n\
                 }}\n"
            )
        });
        start.to_owned() + &check.unwrap_or_default()
    }

    fn make_provider(&self) -> String {
        let Some(provider) = self.provider("$account") else {
            return String::new();
        };
        let words = |texts: &[String]| {
            let words: Vec<_> = texts.iter().map(|text| word(text)).collect();
            words.join(" ")
        };
        let (arn, clients) = (provider.arn(), words(&self.audiences));
        let thumbprints = words(&self.thumbprints());
        let (on_creation, on_update) = if thumbprints.is_empty() {
            (String::new(), String::new())
        } else {
            (
                format!(" \\\n        --thumbprint-list {thumbprints}"),
                format!(
                    "    iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn \"$provider\" \\\n        \
                             --thumbprint-list {thumbprints}\n"
                ),
            )
        };
        format!(
            "\nprovider=\"{arn}\"\n\
             if known=$(iam get-open-id-connect-provider --open-id-connect-provider-arn \"$provider\" \\\n        \
                     --query ClientIDList --output text 2> /dev/null); then\n    \
                 echo \"provider $provider is there\"\n    \
                 for client in {clients}; do\n        \
                     printf '%s' \"$known\" | tr '\\t' '\\n' | grep -Fqxe \"$client\" && continue\n        \
                     echo \"adding client id $client to it\"\n        \
                     iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn \"$provider\" \\\n            \
                         --client-id \"$client\"\n    \
                 done\n\
             {on_update}\
             else\n    \
                 echo \"making provider $provider\"\n    \
                 iam create-open-id-connect-provider --url {url} \\\n        \
                     --client-id-list {clients}{on_creation} > /dev/null\n\
             fi\n",
            url = word(&self.issuer),
        )
    }

    fn make_role(&self) -> String {
        let name = &self.plan.role_name;
        let seconds = self.plan.max_session.as_secs();
        let (on_creation, on_update) = match &self.plan.boundary {
            Some(arn) => (
                format!(" \\\n        --permissions-boundary {}", word(arn)),
                format!(
                    "    iam put-role-permissions-boundary --role-name {name} --permissions-boundary {}\n",
                    word(arn)
                ),
            ),
            None => (String::new(), String::new()),
        };
        // JSON has its own way to write what a shell would look at: the quote that ends the text, and what an interactive one
        // takes for its history.
        let trust = self
            .trust_policy
            .compact(MARK)
            .replace('\'', "\\u0027")
            .replace('!', "\\u0021")
            .replace(MARK, "'\"$provider\"'");
        format!(
            "\ntrust='{trust}'\n\
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
        )
    }

    fn attach_policies(&self) -> String {
        let name = &self.plan.role_name;
        let attach = |policy: &String| {
            format!(
                "echo \"attaching {policy}\"\n\
                 iam attach-role-policy --role-name {name} --policy-arn {}\n",
                word(policy)
            )
        };
        self.plan.attach.iter().map(attach).collect()
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
