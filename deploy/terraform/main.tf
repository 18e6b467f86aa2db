# Workers of the order saga on Fargate, with their queues and no more rights than they need.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.8"
    }
  }
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
data "aws_region" "here" {}

locals {
  region    = data.aws_region.here.region
  account   = data.aws_caller_identity.here.account_id
  partition = data.aws_partition.here.partition
  table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.table_name}"
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.queue_prefix}-*"
}

resource "aws_sqs_queue" "dead_letters" {
  for_each                   = var.endpoints
  name                       = "${var.queue_prefix}-${each.key}-dlq.fifo"
  fifo_queue                 = true
  deduplication_scope        = "messageGroup"
  fifo_throughput_limit      = "perMessageGroupId"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 30
  max_message_size           = 1048576
  sqs_managed_sse_enabled    = true
  lifecycle {
    prevent_destroy = true
    precondition {
      condition     = length("${var.queue_prefix}-${each.key}-dlq.fifo") <= 80
      error_message = "A queue's name has at most 80 characters: shorten queue_prefix or the endpoint."
    }
  }
}

resource "aws_sqs_queue" "endpoint" {
  for_each                   = var.endpoints
  name                       = "${var.queue_prefix}-${each.key}.fifo"
  fifo_queue                 = true
  deduplication_scope        = "messageGroup"
  fifo_throughput_limit      = "perMessageGroupId"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 30
  max_message_size           = 1048576
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 50
  })
  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "worker" {
  statement {
    actions = [
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
      "dynamodb:DeleteItem",
      "dynamodb:Query",
    ]
    resources = [local.table_arn, "${local.table_arn}/index/*"]
  }

  statement {
    actions = [
      "sqs:SendMessage",
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueUrl",
      "sqs:GetQueueAttributes",
    ]
    resources = [local.queue_arn]
  }
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "worker" {
  name_prefix        = "order-worker-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "worker" {
  name   = "sagas"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.worker.json
}

resource "aws_iam_role" "execution" {
  name_prefix        = "order-worker-start-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_cloudwatch_log_group" "worker" {
  name_prefix       = "order-worker-"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "worker" {
  family                   = "order-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.worker.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name      = "worker"
    image     = var.image
    essential = true
    command   = ["--concurrency", "64"]
    environment = [
      { name = "AWS_REGION", value = local.region },
      { name = "SAGABUS_STORE", value = "dynamodb://${var.table_name}?ttl_days=${var.ttl_days}" },
      { name = "SAGABUS_TRANSPORT", value = "sqs://${var.queue_prefix}" },
    ]
    readonlyRootFilesystem = true
    stopTimeout            = 90
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.worker.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "worker"
      }
    }
  }])
}

resource "aws_ecs_service" "worker" {
  name            = "order-worker"
  cluster         = var.cluster
  launch_type     = "FARGATE"
  desired_count   = var.workers
  task_definition = aws_ecs_task_definition.worker.arn

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets         = var.subnets
    security_groups = var.security_groups
  }

  depends_on = [
    aws_sqs_queue.endpoint,
    aws_iam_role_policy.worker,
    aws_iam_role_policy_attachment.execution,
  ]
}

output "store" {
  value = "dynamodb://${var.table_name}?region=${local.region}&ttl_days=${var.ttl_days}"
}

output "transport" {
  value = "sqs://${var.queue_prefix}?region=${local.region}"
}

output "task_role_arn" {
  value = aws_iam_role.worker.arn
}
