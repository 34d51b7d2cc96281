#!/usr/bin/env bash
# Role deploy for github:acme/app@fix!"'`$HOME%{x}, github:acme@12/app@34#tag:v*, at https://token.actions.githubusercontent.com.
# Needs the AWS CLI, signed in to the account. It can be run again: what is there is brought up to date.
set -eu
export AWS_PAGER=""
iam() { aws iam "$@" < /dev/null; }

account=$(aws sts get-caller-identity --query Account --output text < /dev/null)
[ "$account" = 111122223333 ] || {
    echo "signed in to account $account, and this is for 111122223333" >&2
    exit 1
}

provider="arn:aws:iam::$account:oidc-provider/token.actions.githubusercontent.com"
if known=$(iam get-open-id-connect-provider --open-id-connect-provider-arn "$provider" \
        --query ClientIDList --output text 2> /dev/null); then
    echo "provider $provider is there"
    for client in sts.amazonaws.com 'it'\''s'; do
        printf '%s' "$known" | tr '\t' '\n' | grep -Fqxe "$client" && continue
        echo "adding client id $client to it"
        iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn "$provider" \
            --client-id "$client"
    done
    iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn "$provider" \
        --thumbprint-list bbb2b7b14f224ff6ea3868f9803240406726b77c
else
    echo "making provider $provider"
    iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com \
        --client-id-list sts.amazonaws.com 'it'\''s' \
        --thumbprint-list bbb2b7b14f224ff6ea3868f9803240406726b77c > /dev/null
fi

trust='{"Version":"2012-10-17","Statement":[{"Sid":"GitHubActions","Effect":"Allow","Principal":{"Federated":"'"$provider"'"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com","it\u0027s"],"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/fix\u0021\"\u0027`$HOME%{x}"}}},{"Sid":"GitHubActions2","Effect":"Allow","Principal":{"Federated":"'"$provider"'"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com","it\u0027s"],"token.actions.githubusercontent.com:repository_id":"34","token.actions.githubusercontent.com:repository_owner_id":"12"},"StringLike":{"token.actions.githubusercontent.com:sub":["repo:acme@12/app@34:ref:refs/tags/v*","repo:acme/app:ref:refs/tags/v*"]}}},{"Sid":"AlsoAccount","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::444455556666:root","arn:aws:iam::444455556666:role/ops"]},"Action":"sts:AssumeRole"}]}'
if before=$(iam get-role --role-name deploy --query Role.AssumeRolePolicyDocument --output json 2> /dev/null); then
    echo "role deploy is there; it is brought up to date. Its trust policy was:"
    echo "$before"
    iam update-assume-role-policy --role-name deploy --policy-document "$trust"
    iam update-role --role-name deploy --max-session-duration 7200 > /dev/null
    iam put-role-permissions-boundary --role-name deploy --permissions-boundary arn:aws:iam::111122223333:policy/edge
else
    echo "making role deploy"
    iam create-role --role-name deploy --assume-role-policy-document "$trust" \
        --max-session-duration 7200 \
        --permissions-boundary arn:aws:iam::111122223333:policy/edge > /dev/null
fi
echo "attaching arn:aws:iam::aws:policy/ReadOnlyAccess"
iam attach-role-policy --role-name deploy --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess

echo "done: arn:aws:iam::$account:role/deploy"
echo "it takes AWS some seconds to know it everywhere"
