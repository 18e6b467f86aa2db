"""What the two stacks of deploy/ must say: names that AWS would refuse are refused before anything is made,
queues stay where a stack goes, but not where it cannot be made, and both give workers the same rights.
Functions of documents that have been read: CloudFormation's, and Terraform's as JSON; and of the statements
that `sagabus iam-policy` prints for TABLE_ARN and QUEUE_ARN."""

import re

TABLES = {"good": ["abc", "sagas", "a_b-c.D9", "x" * 255], "bad": ["", "ab", "a b", "a/b", "x" * 256]}
PREFIXES = {"good": ["s", "shop", "a_b-C9", "x" * 40], "bad": ["", "a.b", "a b", "x" * 41]}
MOST_OF_A_QUEUE_NAME = 80
# What the stacks' resources come to where their names are these.
TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/sagas"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:shop"
CLOUDFORMATIONS = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012",
                   "TableName": "sagas", "QueuePrefix": "shop"}
TERRAFORMS = {"data.aws_partition.here.partition": "aws", "data.aws_region.here.region": "us-east-1",
              "data.aws_caller_identity.here.account_id": "123456789012",
              "var.table_name": "sagas", "var.queue_prefix": "shop"}
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


def fill_in(text, names):
    """With what its references stand for, and those in that, too."""
    while any("${" + name + "}" in text for name in names):
        for name, value in names.items():
            text = text.replace("${" + name + "}", value)
    return text


def listed(value):
    return value if isinstance(value, list) else [value]


def rights(statements, names):
    """Each action that is allowed, and where; what says anything else is there as it is."""
    out = set()
    for statement in statements:
        if set(statement) - {"Sid"} != {"Effect", "Action", "Resource"} or statement["Effect"] != "Allow":
            out.add((str(statement), "a statement that this check does not understand"))
            continue
        out |= {(action, fill_in(resource, names)) for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])}
    return out


def rights_of_cloudformation(document):
    role = document["Resources"]["TaskRole"]["Properties"]
    managed = {("all of it", arn) for arn in role.get("ManagedPolicyArns", [])}
    statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    return rights(statements, CLOUDFORMATIONS) | managed


TERMS = {"effect": "Effect", "actions": "Action", "resources": "Resource"}


def rights_of_terraform(files):
    main = files["main.tf"]
    names = {**TERRAFORMS, **{f"local.{name}": value for name, value in main["locals"][0].items()}}
    statements = [{"Effect": "Allow", **{TERMS.get(key, key): value for key, value in statement.items()}}
                  for statement in main["data"]["aws_iam_policy_document"]["worker"][0]["statement"]]
    managed = {("all of it", one[0]["policy_arn"])
               for one in main["resource"].get("aws_iam_role_policy_attachment", {}).values()
               if "aws_iam_role.worker." in one[0]["role"]}
    return rights(statements, names) | managed


def problems_of(document, files, printed):
    yield from (f"cloudformation: {text}" for text in of_cloudformation(document))
    yield from (f"terraform: {text}" for text in of_terraform(files))
    wanted = rights(printed, {})
    for name, given in (("CloudFormation", rights_of_cloudformation(document)),
                        ("Terraform", rights_of_terraform(files))):
        for action, resource in sorted(given - wanted):
            yield f"{name} lets the worker do more than sagabus iam-policy prints: {action} on {resource}"
        for action, resource in sorted(wanted - given):
            yield f"{name} does not let the worker do what sagabus iam-policy prints: {action} on {resource}"
