# One image: its repository in Amazon ECR, who may pull it from another account, and the role with which GitHub Actions pushes it.
# The same as image.yaml, for Terraform.

variable "image" {
  description = "The name of the repository in ECR."
  type        = string
}

variable "source_repository" {
  description = "The source repository on GitHub, owner/name."
  type        = string
}

variable "branches" {
  description = "The branches that environments follow."
  type        = list(string)
  default     = ["develop", "staging", "main"]
}

variable "github_provider" {
  description = "The ARN of the account's OIDC provider for token.actions.githubusercontent.com. Empty makes it."
  type        = string
  default     = ""
}

variable "pulling_account" {
  description = "Another AWS account whose clusters pull the image. Empty for none."
  type        = string
  default     = ""
}

data "aws_partition" "image" {}

locals {
  provider = var.github_provider == "" ? one(aws_iam_openid_connect_provider.github[*].arn) : var.github_provider
}

resource "aws_ecr_repository" "image" {
  name                 = var.image
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "pull" {
  statement {
    sid     = "PullFromAnotherAccount"
    effect  = "Allow"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.image.partition}:iam::${var.pulling_account}:root"]
    }
  }
}

resource "aws_ecr_repository_policy" "pull" {
  count      = var.pulling_account == "" ? 0 : 1
  repository = aws_ecr_repository.image.name
  policy     = data.aws_iam_policy_document.pull.json
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.github_provider == "" ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "merged_code" {
  statement {
    sid     = "MergedCode"
    effect  = "Allow"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [for branch in var.branches : "repo:${var.source_repository}:ref:refs/heads/${branch}"]
    }
  }
}

data "aws_iam_policy_document" "push" {
  statement {
    sid       = "LogIn"
    effect    = "Allow"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid    = "PushThisImage"
    effect = "Allow"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [aws_ecr_repository.image.arn]
  }
}

resource "aws_iam_role" "build" {
  name               = "build-${replace(var.image, "/", "-")}"
  assume_role_policy = data.aws_iam_policy_document.merged_code.json
}

resource "aws_iam_role_policy" "push" {
  name   = "push"
  role   = aws_iam_role.build.name
  policy = data.aws_iam_policy_document.push.json
}

output "role_arn" {
  description = "The input `role` of the workflow."
  value       = aws_iam_role.build.arn
}

output "repository_uri" {
  description = "The input `image` of the workflow."
  value       = aws_ecr_repository.image.repository_url
}
