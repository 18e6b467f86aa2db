"""What the two stacks of deploy/ must say: names that AWS would refuse are refused before anything is made,
queues stay where a stack goes, but not where it cannot be made, and both give workers the same rights.
Functions of documents that have been read: CloudFormation's, and Terraform's as JSON; and of the actions
that `sagabus iam-policy` prints."""

import re

TABLES = {"good": ["abc", "sagas", "a_b-c.D9", "x" * 255], "bad": ["", "ab", "a b", "a/b", "x" * 256]}
PREFIXES = {"good": ["s", "shop", "a_b-C9", "x" * 40], "bad": ["", "a.b", "a b", "x" * 41]}
MOST_OF_A_QUEUE_NAME = 80
REGEX = re.compile(r'regex\("\^(.*?)\$", (?:var\.)?(\w+)\)')


def judge(pattern, samples, name):
    """What a pattern, which stands between ^ and $, makes of names."""
    for sample in samples["good"]:
        if not re.fullmatch(pattern, sample):
            yield f"{name}: refuses '{sample[:20]}' of {len(sample)} characters"
    for sample in samples["bad"]:
        if re.fullmatch(pattern, sample):
            yield f"{name}: takes '{sample[:20]}' of {len(sample)} characters"


def of_cloudformation(document):
    for name, samples in (("TableName", TABLES), ("QueuePrefix", PREFIXES)):
        pattern = document["Parameters"][name].get("AllowedPattern", ".*")
        yield from judge(pattern.removeprefix("^").removesuffix("$"), samples, name)
    longest = max(len(sample) for sample in PREFIXES["good"])
    for name, resource in document["Resources"].items():
        if resource["Type"] != "AWS::SQS::Queue":
            continue
        wanted = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        for policy, value in wanted.items():
            if resource.get(policy) != value:
                yield f"{name}: {policy}: expected {value}"
        queue = resource["Properties"]["QueueName"].replace("${QueuePrefix}", "x" * longest)
        if len(queue) > MOST_OF_A_QUEUE_NAME:
            yield f"{name}: its name may come to {len(queue)} characters"


def conditions(block):
    return [one["condition"] for one in block.get("validation", []) + block.get("precondition", [])]


def of_terraform(files):
    variables = files["variables.tf"]["variable"]
    for name, samples in (("table_name", TABLES), ("queue_prefix", PREFIXES)):
        found = [REGEX.search(condition) for condition in conditions(variables[name][0])]
        if not found or not found[0] or found[0][2] != name:
            yield f"{name}: no validation"
            continue
        yield from judge(found[0][1].replace("\\\\", "\\"), samples, name)
    for name in ("endpoints", "ttl_days", "workers"):
        if not conditions(variables[name][0]):
            yield f"{name}: no validation"
    letters = files["main.tf"]["resource"]["aws_sqs_queue"]["dead_letters"][0]
    limit = f'length("{letters["name"]}") <= {MOST_OF_A_QUEUE_NAME}'
    if not any(limit in condition for condition in conditions(letters["lifecycle"][0])):
        yield f"aws_sqs_queue.dead_letters: no precondition that {limit}"


def actions_of_cloudformation(document):
    statements = document["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return sorted(action for statement in statements for action in statement["Action"])


def actions_of_terraform(files):
    policy = files["main.tf"]["data"]["aws_iam_policy_document"]["worker"][0]
    return sorted(action for statement in policy["statement"] for action in statement["actions"])


def problems_of(document, files, printed):
    yield from (f"cloudformation: {text}" for text in of_cloudformation(document))
    yield from (f"terraform: {text}" for text in of_terraform(files))
    for name, actions in (("CloudFormation", actions_of_cloudformation(document)),
                          ("Terraform", actions_of_terraform(files))):
        if actions != sorted(printed):
            yield f"the worker's actions in {name} are not those that sagabus iam-policy prints"
