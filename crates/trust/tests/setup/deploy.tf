# Role deploy for github:acme/app@fix!"'`$HOME%{x}, github:acme@12/app@34#tag:v*, at https://token.actions.githubusercontent.com.

# An account has one provider for an issuer. If it is there already:
# terraform import aws_iam_openid_connect_provider.github arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com
resource "aws_iam_openid_connect_provider" "github" {
  url = "https://token.actions.githubusercontent.com"
  client_id_list = [
    "sts.amazonaws.com",
    "it's"
  ]
  thumbprint_list = ["bbb2b7b14f224ff6ea3868f9803240406726b77c"]
}

resource "aws_iam_role" "deploy" {
  name                 = "deploy"
  max_session_duration = 7200
  permissions_boundary = "arn:aws:iam::111122223333:policy/edge"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "GitHubActions"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.github.arn
        }
        Action = [
          "sts:AssumeRoleWithWebIdentity",
          "sts:TagSession"
        ]
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = [
              "sts.amazonaws.com",
              "it's"
            ]
            "token.actions.githubusercontent.com:sub" = "repo:acme/app:ref:refs/heads/fix!\"'`$HOME%%{x}"
          }
        }
      },
      {
        Sid    = "GitHubActions2"
        Effect = "Allow"
        Principal = {
          Federated = aws_iam_openid_connect_provider.github.arn
        }
        Action = [
          "sts:AssumeRoleWithWebIdentity",
          "sts:TagSession"
        ]
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = [
              "sts.amazonaws.com",
              "it's"
            ]
            "token.actions.githubusercontent.com:repository_id"       = "34"
            "token.actions.githubusercontent.com:repository_owner_id" = "12"
          }
          StringLike = {
            "token.actions.githubusercontent.com:sub" = [
              "repo:acme@12/app@34:ref:refs/tags/v*",
              "repo:acme/app:ref:refs/tags/v*"
            ]
          }
        }
      },
      {
        Sid    = "AlsoAccount"
        Effect = "Allow"
        Principal = {
          AWS = [
            "arn:aws:iam::444455556666:root",
            "arn:aws:iam::444455556666:role/ops"
          ]
        }
        Action = "sts:AssumeRole"
      }
    ]
  })
}

resource "aws_iam_role_policy_attachment" "deploy_ReadOnlyAccess" {
  role       = aws_iam_role.deploy.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

output "deploy_role_arn" {
  value = aws_iam_role.deploy.arn
}
