variable "table_name" {
  description = "The table of the sagas, made before, as by `sagabus table create`"
  type        = string
  default     = "sagas"
  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.table_name))
    error_message = "table_name: expected 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.'."
  }
}

variable "ttl_days" {
  description = "Days that completed sagas stay in the table"
  type        = number
  default     = 30
  validation {
    condition     = var.ttl_days > 0
    error_message = "ttl_days: expected a number over 0."
  }
}

variable "queue_prefix" {
  description = "Begins the names of all queues"
  type        = string
  default     = "shop"
  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,40}$", var.queue_prefix))
    error_message = "queue_prefix: expected 1 to 40 of a-z, A-Z, 0-9, '_' and '-'."
  }
}

variable "endpoints" {
  description = "The sagas and services that the workers run: each has a queue, and one for its dead letters"
  type        = set(string)
  default     = ["OrderSaga", "payments", "inventory", "shipping", "audit"]
  validation {
    condition     = alltrue([for name in var.endpoints : can(regex("^[a-zA-Z0-9_-]{1,69}$", name)) && !endswith(name, "-dlq")])
    error_message = "endpoints: expected names of a-z, A-Z, 0-9, '_' and '-' that do not end in -dlq: workers look for others under other names, see docs/guide/sqs.md."
  }
}

variable "image" {
  description = "URI of the image that deploy/docker/Dockerfile makes"
  type        = string
}

variable "workers" {
  type    = number
  default = 2
  validation {
    condition     = var.workers >= 0 && floor(var.workers) == var.workers
    error_message = "workers: expected a whole number of 0 or more."
  }
}

variable "cluster" {
  description = "ARN or name of the ECS cluster"
  type        = string
  default     = "default"
}

variable "subnets" {
  description = "With a way to DynamoDB, SQS and the image"
  type        = list(string)
}

variable "security_groups" {
  description = "Nothing needs to come in; TCP 443 goes out"
  type        = list(string)
}
