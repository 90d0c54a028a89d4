# The role that Mergeport's worker runs with, on Amazon EKS: Pod Identity, or IRSA where oidc_provider is set.
# The same as role.yaml, for Terraform.

variable "role_name" {
  description = "The role's name."
  type        = string
  default     = "mergeport"
}

variable "oidc_provider" {
  description = "The ARN of the cluster's OIDC provider, for IRSA. Empty for Pod Identity."
  type        = string
  default     = ""
}

variable "service_account" {
  description = "The namespace and name of the service account, for IRSA."
  type        = string
  default     = "mergeport:mergeport"
}

variable "repositories" {
  description = "The names of the ECR repositories; a star is allowed."
  type        = string
  default     = "*"
}

variable "projects" {
  description = "The names of the CodeBuild projects; a star is allowed."
  type        = string
  default     = "*"
}

variable "uses_codebuild" {
  description = "Whether Mergeport starts builds in CodeBuild."
  type        = bool
  default     = false
}

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

locals {
  issuer = element(split("oidc-provider/", var.oidc_provider), 1)
}

data "aws_iam_policy_document" "pod_identity" {
  statement {
    sid     = "PodIdentity"
    effect  = "Allow"
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "service_account" {
  statement {
    sid     = "ServiceAccountOfTheCluster"
    effect  = "Allow"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${var.service_account}"]
    }
  }
}

resource "aws_iam_role" "mergeport" {
  name               = var.role_name
  assume_role_policy = var.oidc_provider == "" ? data.aws_iam_policy_document.pod_identity.json : data.aws_iam_policy_document.service_account.json
}

data "aws_iam_policy_document" "registry" {
  statement {
    sid    = "LogIn"
    effect = "Allow"
    actions = [
      "ecr:GetAuthorizationToken",
    ]
    resources = ["*"]
  }

  statement {
    sid    = "Read"
    effect = "Allow"
    actions = [
      "ecr:BatchGetImage",
      "ecr:GetDownloadUrlForLayer",
      "ecr:DescribeImages",
      "ecr:DescribeImageScanFindings",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:ecr:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:repository/${var.repositories}"]
  }

  statement {
    sid    = "Push"
    effect = "Allow"
    actions = [
      "ecr:DescribeRepositories",
      "ecr:BatchCheckLayerAvailability",
      "ecr:InitiateLayerUpload",
      "ecr:UploadLayerPart",
      "ecr:CompleteLayerUpload",
      "ecr:PutImage",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:ecr:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:repository/${var.repositories}"]
  }

  statement {
    sid    = "CreateAsConfigured"
    effect = "Allow"
    actions = [
      "ecr:CreateRepository",
      "ecr:PutLifecyclePolicy",
      "ecr:TagResource",
      "ecr:ListTagsForResource",
      "ecr:PutImageTagMutability",
      "ecr:PutImageScanningConfiguration",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:ecr:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:repository/${var.repositories}"]
  }

  statement {
    sid    = "KeepImagesInUse"
    effect = "Allow"
    actions = [
      "ecr:DescribeImages",
      "ecr:BatchDeleteImage",
      "ecr:GetLifecyclePolicy",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:ecr:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:repository/${var.repositories}"]
  }
}

resource "aws_iam_role_policy" "registry" {
  name   = "mergeport-registry"
  role   = aws_iam_role.mergeport.name
  policy = data.aws_iam_policy_document.registry.json
}

data "aws_iam_policy_document" "builds" {
  statement {
    sid    = "Build"
    effect = "Allow"
    actions = [
      "codebuild:StartBuild",
      "codebuild:BatchGetBuilds",
      "codebuild:ListBuildsForProject",
      "codebuild:StopBuild",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:codebuild:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:project/${var.projects}"]
  }

  statement {
    sid    = "ReadLogs"
    effect = "Allow"
    actions = [
      "logs:GetLogEvents",
    ]
    resources = ["arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:log-group:/aws/codebuild/${var.projects}:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "builds" {
  count  = var.uses_codebuild ? 1 : 0
  name   = "mergeport-builds"
  role   = aws_iam_role.mergeport.name
  policy = data.aws_iam_policy_document.builds.json
}

output "role_arn" {
  description = "The value of the annotation eks.amazonaws.com/role-arn, for IRSA."
  value       = aws_iam_role.mergeport.arn
}
