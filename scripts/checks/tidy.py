"""clang-tidy with the short list of .clang-tidy, over what a build folder compiles.

    tidy.py build/release

A file is looked at again only when it, a header that it includes, its flags or the list changed.
What clang 14 cannot read, but g++ can, is named and does not fail: parts of <ranges> are such.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from common import ROOT, finish

FOLDERS = ("src", "tools", "examples", "tests", "bench", "quickstart")
# clang 14 compiles coroutines without saying so, and libstdc++ asks.
FOR_CLANG = ["-D__cpp_impl_coroutine=201902L", "-w", "-Wno-unknown-warning-option"]
FINDING = re.compile(r"^(?P<where>\S+?:\d+):\d+: (?:error|warning): (?P<text>.*)$", re.M)


def flags_of(command):
    """The compiler flags without what only g++ takes: its precompiled headers and warnings."""
    flags, words = [], iter(shlex.split(command)[1:])
    for word in words:
        if word in ("-include", "-o", "-c"):
            next(words)
        elif not word.startswith(("-W", "-fpch", "-fsanitize", "-fno-sanitize")):
            flags.append(word)
    return flags


def dependencies(build):
    """The files that each object was compiled from, as ninja remembers them."""
    listed, found = {}, None
    output = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        if line.startswith("    "):
            found.append(line.strip())
        elif ": #deps" in line:
            found = listed.setdefault(line.split(": #deps")[0], [])
    return listed


class Hasher:
    def __init__(self, build):
        self.build, self.seen = build, {}

    def of_file(self, path):
        if path not in self.seen:
            full = self.build / path
            if not full.is_file():
                self.seen[path] = "gone"
            elif full.resolve().is_relative_to(ROOT):
                self.seen[path] = hashlib.sha256(full.read_bytes()).hexdigest()
            else:  # a system header changes with its package only
                status = full.stat()
                self.seen[path] = f"{status.st_size} {status.st_mtime_ns}"
        return self.seen[path]

    def of_all(self, words, files):
        text = "\0".join([*words, *(f"{path} {self.of_file(path)}" for path in sorted(files))])
        return hashlib.sha256(text.encode()).hexdigest()


def look_at(job):
    source, flags = job["source"], job["flags"]
    result = subprocess.run(["clang-tidy", "--quiet", str(source), "--", *flags, *FOR_CLANG],
                            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found, unreadable = set(), result.returncode < 0
    for match in FINDING.finditer(result.stdout):
        if "[clang-diagnostic-error" in match["text"]:
            unreadable = True
        else:
            found.add(f"{os.path.relpath(match['where'], ROOT)}: {match['text']}")
    if result.returncode and not found:
        unreadable = True
    if not found:
        job["stamp"].parent.mkdir(parents=True, exist_ok=True)
        job["stamp"].write_text(f"{job['hash']}\n{'unreadable' if unreadable else ''}")
    return found, unreadable


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    version = subprocess.run(["clang-tidy", "--version"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    settings = (ROOT / ".clang-tidy").read_text()
    listed, hasher = dependencies(build), Hasher(build)
    jobs, unreadable = {}, set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).resolve()
        if source in jobs or not source.is_relative_to(ROOT):
            continue
        relative = source.relative_to(ROOT)
        if relative.parts[0] not in FOLDERS:
            continue
        flags = flags_of(entry["command"])
        words = shlex.split(entry["command"])
        compiled_from = listed.get(words[words.index("-o") + 1], [])
        stamp = build / "tidy" / f"{relative}.ok"
        state = hasher.of_all([version, settings, *flags, *FOR_CLANG],
                              {str(source), *compiled_from})
        if compiled_from and stamp.is_file() and stamp.read_text().split("\n")[0] == state:
            if "unreadable" in stamp.read_text():
                unreadable.add(str(relative))
            continue
        jobs[source] = {"source": source, "flags": flags, "stamp": stamp, "hash": state}

    found = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for job, (findings, failed) in zip(jobs.values(), pool.map(look_at, jobs.values())):
            found |= findings
            if failed:
                unreadable.add(str(job["source"].relative_to(ROOT)))
    print(f"tidy: looked at {len(jobs)} files")
    for path in sorted(unreadable):
        print(f"tidy: clang 14 cannot read all of {path}")
    finish("tidy", sorted(found))


if __name__ == "__main__":
    main()
