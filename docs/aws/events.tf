# Events of Amazon ECR and AWS CodeBuild in a queue that Mergeport's worker reads with its role. No door is opened for them.
# The same as events.yaml, for Terraform.

variable "worker_role" {
  description = "The name of the role that Mergeport's worker runs with. It gets the right to read the queue."
  type        = string
  default     = ""
}

resource "aws_sqs_queue" "events" {
  name_prefix                = "mergeport-events-"
  message_retention_seconds  = 3600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 60
  sqs_managed_sse_enabled    = true
}

resource "aws_cloudwatch_event_rule" "images" {
  description   = "Images that were pushed"
  event_pattern = <<-JSON
    {
      "source": ["aws.ecr"],
      "detail-type": ["ECR Image Action"],
      "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"]}
    }
  JSON
}

resource "aws_cloudwatch_event_target" "images" {
  rule      = aws_cloudwatch_event_rule.images.name
  target_id = "mergeport"
  arn       = aws_sqs_queue.events.arn
}

resource "aws_cloudwatch_event_rule" "builds" {
  description   = "Builds that Mergeport started. Their environment, which may hold secrets, does not reach the queue."
  event_pattern = <<-JSON
    {
      "source": ["aws.codebuild"],
      "detail-type": ["CodeBuild Build State Change"],
      "detail": {
        "additional-information": {"environment": {"environment-variables": {"name": ["MERGEPORT_CORRELATION"]}}}
      }
    }
  JSON
}

resource "aws_cloudwatch_event_target" "builds" {
  rule      = aws_cloudwatch_event_rule.builds.name
  target_id = "mergeport"
  arn       = aws_sqs_queue.events.arn

  input_transformer {
    input_paths = {
      account = "$.account"
      build   = "$.detail.build-id"
      project = "$.detail.project-name"
      region  = "$.region"
      source  = "$.source"
      status  = "$.detail.build-status"
      type    = "$.detail-type"
    }
    input_template = <<-JSON
      {"source": <source>, "detail-type": <type>, "account": <account>, "region": <region>,
      "detail": {"build-id": <build>, "build-status": <status>, "project-name": <project>}}
    JSON
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy    = data.aws_iam_policy_document.events.json
}

data "aws_iam_policy_document" "events" {
  statement {
    sid       = "EventsOfTheseRules"
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.images.arn, aws_cloudwatch_event_rule.builds.arn]
    }
  }
}

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "ReadEvents"
    effect    = "Allow"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = [aws_sqs_queue.events.arn]
  }
}

resource "aws_iam_role_policy" "worker" {
  count  = var.worker_role == "" ? 0 : 1
  name   = "mergeport-events"
  role   = var.worker_role
  policy = data.aws_iam_policy_document.worker.json
}

output "queue_url" {
  description = "The value of MERGEPORT_AWS_EVENTS_QUEUE_URL"
  value       = aws_sqs_queue.events.url
}
