//! The token, and AWS's side.

use serde_json::json;

use crate::breaking::{Story, configure, developer, now, role, sign_in, token_file, wired};

pub(crate) const AWS: &[Story] = &[
    Story {
        told: "nobody is signed in",
        breaks: |_| vec![],
        arguments: &["dev"],
        id: "token",
        state: "warn",
        says: "nobody is signed in at http://127.0.0.1:",
        advises: "run `keyless login dev`",
        code: 0,
    },
    Story {
        told: "the token file is missing",
        breaks: |machine| {
            let file = machine.path("nothing");
            configure(
                machine,
                &format!("token_file = \"{}\"", file.display()),
                &developer(machine),
            );
            vec![]
        },
        arguments: &["dev"],
        id: "token",
        state: "fail",
        says: "~/nothing",
        advises: "",
        code: 5,
    },
    Story {
        told: "the token in the file has expired",
        breaks: |machine| {
            let old = json!({"iat": now() - 7200, "exp": now() - 3600});
            configure(machine, &token_file(machine, &old), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "token",
        state: "fail",
        says: "~/token: the token expired at",
        advises: "get a new token",
        code: 5,
    },
    Story {
        told: "the command for the token is missing",
        breaks: |machine| {
            configure(
                machine,
                "token_command = [\"/not/there\", \"secret\"]",
                &developer(machine),
            );
            vec![]
        },
        arguments: &["dev"],
        id: "token",
        state: "fail",
        says: "there is no command \"/not/there\"",
        advises: "",
        code: 5,
    },
    Story {
        told: "the token has two audiences",
        breaks: |machine| {
            let two = token_file(machine, &json!({"aud": ["keyless", "other"]}));
            configure(machine, &two, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "token-for-aws",
        state: "fail",
        says: "AWS would refuse it",
        advises: "aud",
        code: 4,
    },
    Story {
        told: "the token was issued to another party",
        breaks: |machine| {
            let azp = token_file(machine, &json!({"aud": "other", "azp": "keyless"}));
            configure(machine, &azp, &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "token-for-aws",
        state: "warn",
        says: "what counts for AWS is its azp, \"keyless\", and not its aud, other",
        advises: "among its client ids",
        code: 0,
    },
    Story {
        told: "the token names other roles",
        breaks: |machine| {
            let roles =
                json!({"https://aws.amazon.com/roles": ["arn:aws:iam::111122223333:role/Other"]});
            configure(machine, &token_file(machine, &roles), &developer(machine));
            vec![]
        },
        arguments: &["dev"],
        id: "token-for-aws",
        state: "fail",
        says: "AWS would refuse it",
        advises: "role",
        code: 4,
    },
    Story {
        told: "the role is only a name",
        breaks: |machine| {
            configure(machine, &sign_in(machine), &role(machine, "Developer"));
            vec![]
        },
        arguments: &["dev"],
        id: "role",
        state: "fail",
        says: "\"Developer\" is not the ARN of a role",
        advises: "write it as arn:aws:iam::ACCOUNT:role/NAME",
        code: 5,
    },
    Story {
        told: "role and region are of different partitions",
        breaks: |machine| {
            let role = "role = \"arn:aws-cn:iam::111122223333:role/x\"\nregion = \"eu-west-1\"";
            configure(machine, &sign_in(machine), role);
            vec![]
        },
        arguments: &["dev", "--no-network"],
        id: "role",
        state: "fail",
        says: "the region eu-west-1 is in the partition aws and the role arn:aws-cn:iam::11…33:role/x in aws-cn",
        advises: "cn-north-1",
        code: 5,
    },
    Story {
        told: "the region is nowhere named",
        breaks: |machine| {
            let (role, sts) = (
                machine.sandbox.role_arn("Developer"),
                machine.sandbox.sts_endpoint(),
            );
            configure(
                machine,
                &sign_in(machine),
                &format!("role = \"{role}\"\nendpoint_url = \"{sts}\""),
            );
            vec![]
        },
        arguments: &["dev"],
        id: "region",
        state: "warn",
        says: "none is named",
        advises: "region = \"eu-west-1\"",
        code: 0,
    },
    Story {
        told: "the environment has another region",
        breaks: |_| vec![("AWS_REGION", "us-east-1".into())],
        arguments: &["dev"],
        id: "region",
        state: "warn",
        says: "eu-west-1 in the profile, us-east-1 in this environment",
        advises: "unset AWS_REGION",
        code: 0,
    },
    Story {
        told: "nobody listens at STS",
        breaks: |machine| {
            let role = machine.sandbox.role_arn("Developer");
            let profile = format!(
                "role = \"{role}\"\nregion = \"eu-west-1\"\nendpoint_url = \"http://127.0.0.1:1\""
            );
            configure(machine, &sign_in(machine), &profile);
            vec![]
        },
        arguments: &["dev"],
        id: "sts",
        state: "fail",
        says: "http://127.0.0.1:1 cannot be reached",
        advises: "proxy",
        code: 6,
    },
    Story {
        told: "the role trusts somebody else",
        breaks: |machine| {
            let admin = role(machine, &machine.sandbox.role_arn("Admin"));
            configure(machine, &token_file(machine, &json!({})), &admin);
            vec![]
        },
        arguments: &["dev"],
        id: "session",
        state: "fail",
        says: "role/Admin: AWS answered AccessDenied",
        advises: "run `keyless explain dev --live` for the reason",
        code: 4,
    },
    Story {
        told: "AWS tools run a program that has gone",
        breaks: |machine| {
            wired(machine);
            let line =
                "[profile dev]\ncredential_process = \"/opt/old/keyless\" credential-process dev\n";
            machine.write(".aws/config", line);
            vec![]
        },
        arguments: &["dev"],
        id: "aws-profile",
        state: "fail",
        says: "[profile dev] in ~/.aws/config runs /opt/old/keyless, and there is no such program",
        advises: "`keyless login dev --write-aws-config dev`",
        code: 5,
    },
    Story {
        told: "keys in the environment come first",
        breaks: |machine| {
            wired(machine);
            vec![("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".into())]
        },
        arguments: &["dev"],
        id: "shadows",
        state: "warn",
        says: "some AWS tools will not come here: AWS_ACCESS_KEY_ID is set in this environment",
        advises: "unset it",
        code: 0,
    },
    Story {
        told: "keys in AWS's other file come first",
        breaks: |machine| {
            wired(machine);
            machine.write(
                ".aws/credentials",
                "[dev]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
            );
            vec![]
        },
        arguments: &["dev"],
        id: "shadows",
        state: "warn",
        says: "~/.aws/credentials has static keys for dev (aws_access_key_id)",
        advises: "remove it",
        code: 0,
    },
];
