#!/usr/bin/env python3
"""Checks what lies in deploy/: that each file can be read, that the files it names are there, and that
every option, URI and variable of the environment is one that the programs know. It asks the programs
themselves: the first argument is the `sagabus` command, the second the example's worker.

It proves nothing about the services that are to run them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import stacks

try:
    import yaml
except ImportError:  # another python than Debian's, which has it from python3-yaml
    yaml = None

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DEBIANS = "/usr/bin/python3"
# What stands for a value that is known later: CloudFormation's, Terraform's.
PLACEHOLDER = re.compile(r"\$\{[A-Za-z_.:]+\}")
URI = re.compile(r"\b(?:dynamodb|sqs|sqlite)://[^\s\"'`]+")
NAMED = re.compile(r"(?<![\w/.-])(?:deploy|scripts|docs|examples|tools)/[\w./-]*\w")
VARIABLE = re.compile(r"\b(?:AWS|SAGABUS)_[A-Z0-9_]+\b")
# CloudFormation's short forms are no errors.
if yaml:
    yaml.SafeLoader.add_multi_constructor("!", lambda loader, tag, node: str(node.value))

    class LongForm(yaml.SafeLoader):
        """Reads `!Ref A` as {"Ref": "A"}, `!GetAtt A.B` as {"Fn::GetAtt": ["A", "B"]}, and so on."""

    def long_form(loader, tag, node):
        if not isinstance(node, yaml.ScalarNode):
            deep = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
            return {f"Fn::{tag}": deep(node, deep=True)}
        if tag == "Ref":
            return {"Ref": node.value}
        return {f"Fn::{tag}": node.value.split(".", 1) if tag == "GetAtt" else node.value}

    LongForm.add_multi_constructor("!", long_form)

problems = []


def complain(path, text):
    problems.append(f"{path.relative_to(ROOT)}: {text}")


def files(*patterns):
    return sorted(path for pattern in patterns for path in DEPLOY.rglob(pattern))


def run(words, **environment):
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(words, env={**clean, **environment}, capture_output=True, text=True,
                          timeout=60, check=False)


def check_syntax():
    for path in files("*.yaml", "*.yml"):
        try:
            list(yaml.safe_load_all(path.read_text()))
        except yaml.YAMLError as error:
            complain(path, " ".join(str(error).split()))
    for path in files("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError as error:
            complain(path, error)
    for path in files("*"):
        if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash"):
            done = run(["bash", "-n", str(path)])
            if done.returncode != 0:
                complain(path, done.stderr.strip())


# Paths of the project, wherever one is named, comments included.
def check_paths():
    for path in files("*"):
        if not path.is_file():
            continue
        for name in NAMED.findall(path.read_text()):
            if not (ROOT / name).exists():
                complain(path, f"no such file: {name}")


def words_of(value):
    """All lists of words in a document."""
    if isinstance(value, list):
        if value and all(isinstance(word, str) for word in value):
            yield value
        for part in value:
            yield from words_of(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from words_of(part)


def command_lines(path):
    text = path.read_text()
    if path.suffix in (".yaml", ".yml"):
        for document in yaml.safe_load_all(text):
            yield from words_of(document)
    elif path.suffix == ".json":
        yield from words_of(json.loads(text))
    else:
        for line in re.findall(r"\[(\"[^\]\n]*\")\]", text):
            yield re.findall(r"\"([^\"]*)\"", line)


# A program complains of a word that it does not know before it does anything else.
def check_command_line(path, words, programs):
    if not any(word.startswith("--") for word in words):
        return
    words = [word for word in words if word != "CMD"]
    program = programs["order_worker"]
    if words[0].startswith("/usr/local/bin/"):
        program = programs[Path(words[0]).name]
        words = words[1:]
    done = run([program, *words, "--help"])
    known = done.returncode == 0 and all(
        word.split("=")[0] in done.stdout for word in words if word.startswith("--"))
    if not known:
        complain(path, f"{Path(program).name} does not take {' '.join(words)}")


def check_uri(path, uri, sagabus):
    uri = PLACEHOLDER.sub("7", uri.rstrip(".,;)"))
    if uri.startswith("sqlite:"):
        uri = re.sub("//.*/", "///nonexistent/", uri)
    else:
        uri += ("&" if "?" in uri else "?") + "endpoint=http://127.0.0.1:1"
        uri = re.sub(r"://7(?=[?&])", "://777", uri)  # no table has so short a name
    words = ["outbox", "list", "--saga", "Probe", "--store", uri]
    if uri.startswith("sqs:"):
        words = ["dlq", "list", "Probe", "--transport", uri]
    done = run([sagabus, *words], AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="test",
               AWS_SECRET_ACCESS_KEY="test", AWS_MAX_ATTEMPTS="1")
    if done.returncode == 2:
        complain(path, f"{uri}: {done.stderr.strip()}")


def check_programs(programs):
    known = set(VARIABLE.findall((ROOT / "docs/guide/aws.md").read_text()))
    for program in programs.values():
        known |= set(VARIABLE.findall(run([program, "--help"]).stdout))
    uris = {}
    for path in files("*"):
        if not path.is_file():
            continue
        for name in set(VARIABLE.findall(path.read_text())) - known:
            complain(path, f"no program knows {name}")
        for uri in URI.findall(path.read_text()):
            uris.setdefault(uri, path)
        if path.suffix in (".yaml", ".json") or path.name in ("Dockerfile", "main.tf"):
            for words in command_lines(path):
                check_command_line(path, words, programs)
    for uri, path in uris.items():
        check_uri(path, uri, programs["sagabus"])
    if len(uris) < 5:
        problems.append("deploy: hardly a URI was found: is the check still right?")


# What `sagabus iam-policy` prints for a worker on FIFO queues that are there.
def printed_statements(sagabus):
    for words in (["runtime", "--table-arn", stacks.TABLE_ARN], ["sqs", "--queue-arn", stacks.QUEUE_ARN]):
        yield from json.loads(run([sagabus, "iam-policy", *words]).stdout)["Statement"]


def node(script, *words, **options):
    """What one of the scripts of tests/schema prints, which read what those of `sagabus schema` do; None where it
    fails."""
    done = subprocess.run([str(ROOT / "tests/emulators/node"), str(ROOT / "tests/schema" / script), *words],
                          capture_output=True, text=True, timeout=60, check=False, **options)
    if done.returncode == 0:
        return json.loads(done.stdout)
    problems.append(f"deploy: {script}: {done.stderr.strip()}")
    return None


def capitalised(value):
    """The same with names that begin as those of CloudFormation do."""
    if isinstance(value, list):
        return [capitalised(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {name[:1].upper() + name[1:]: capitalised(part) for name, part in value.items()}


# Names of resources, and of what they have, are those of CloudFormation and of the Terraform provider. A task of ECS
# has CloudFormation's, but for their first letters.
def check_names(terraform):
    templates = {str(path.relative_to(DEPLOY)): yaml.load(path.read_text(), LongForm)
                 for path in files("cloudformation/*.yaml")}
    for path in files("ecs/*.json"):
        task = {"Type": "AWS::ECS::TaskDefinition", "Properties": capitalised(json.loads(path.read_text()))}
        templates[str(path.relative_to(DEPLOY))] = {"Resources": {"Task": task}}
    found = node("stack_problems.mjs", input=json.dumps({"templates": templates, "terraform": terraform}))
    problems.extend(f"deploy: {text}" for text in found or [])


def check_manifests():
    kubernetes = {path.name: list(yaml.safe_load_all(path.read_text())) for path in files("kubernetes/*.yaml")}
    compose = {path.name: yaml.safe_load(path.read_text()) for path in files("docker/*.yaml")}
    found = node("manifest_problems.mjs", input=json.dumps({"kubernetes": kubernetes, "compose": compose}))
    problems.extend(f"deploy: {text}" for text in found or [])


def check_stacks(sagabus):
    terraform = node("print_hcl.mjs", *map(str, files("*.tf")))
    if terraform is None:
        return
    check_names(terraform)
    document = yaml.safe_load((DEPLOY / "cloudformation/worker.yaml").read_text())
    found = stacks.problems_of(document, terraform, list(printed_statements(sagabus)))
    problems.extend(f"deploy: {text}" for text in found)


# The image's root runs by itself: each program with the libraries that were collected, and no others.
def check_image_root(programs):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        collect = DEPLOY / "docker/collect-root"
        done = run([str(collect), str(root), *programs.values()])
        if done.returncode != 0:
            complain(collect, done.stderr.strip())
            return
        loader = next(root.glob("lib*/ld-linux*"), None)
        if not loader:
            complain(collect, "the root has no loader")
            return
        libraries = ":".join(sorted({str(path.parent) for path in root.rglob("*.so*")}))
        for name in programs:
            start = [str(loader), "--inhibit-cache", "--library-path", libraries]
            program = str(root / "usr/local/bin" / name)
            listed = run([*start, "--list", program])
            outside = [path for path in re.findall(r"=> (\S+)", listed.stdout)
                       if not path.startswith(str(root))]
            if outside:
                complain(collect, f"{name} also needs {', '.join(outside)}")
            elif run([*start, program, "--help"]).returncode != 0:
                complain(collect, f"{name} does not run on what was collected")


def check_units(programs):
    if not shutil.which("systemd-analyze"):
        print("deploy: no systemd-analyze here: units are not verified")
        return
    for path in files("*.service"):
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder) / path.name
            unit.write_text(path.read_text().replace("/usr/local/bin/order_worker",
                                                     programs["order_worker"]))
            done = run(["systemd-analyze", "verify", "--recursive-errors=no", str(unit)])
            if done.returncode != 0 or path.name in done.stderr:
                complain(path, " ".join(done.stderr.split()))


def main():
    if len(sys.argv) != 3:
        sys.exit("deploy.py SAGABUS ORDER_WORKER")
    if not yaml and os.path.realpath(sys.executable) != os.path.realpath(DEBIANS):
        os.execv(DEBIANS, [DEBIANS, "-B", *sys.argv])
    if not yaml:
        sys.exit("deploy: no yaml here: install python3-yaml")
    names = ("sagabus", "order_worker")
    programs = {name: os.path.abspath(path) for name, path in zip(names, sys.argv[1:])}
    check_syntax()
    check_paths()
    if not problems:
        check_stacks(programs["sagabus"])
        check_manifests()
        check_programs(programs)
        check_image_root(programs)
        check_units(programs)
    print("\n".join(problems) or f"deploy: {len([p for p in files('*') if p.is_file()])} files are well")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
