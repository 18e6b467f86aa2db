variable "table_name" {
  description = "The table of the sagas, made before, as by `sagabus table create`"
  type        = string
  default     = "sagas"
}

variable "ttl_days" {
  description = "Days that completed sagas stay in the table"
  type        = number
  default     = 30
}

variable "queue_prefix" {
  description = "Begins the names of all queues"
  type        = string
  default     = "shop"
}

variable "endpoints" {
  description = "The sagas and services that the workers run: each has a queue, and one for its dead letters"
  type        = set(string)
  default     = ["OrderSaga", "payments", "inventory", "shipping", "audit"]
}

variable "image" {
  description = "URI of the image that deploy/docker/Dockerfile makes"
  type        = string
}

variable "workers" {
  type    = number
  default = 2
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
