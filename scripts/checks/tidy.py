"""clang-tidy with the short list of .clang-tidy, over what a build folder compiles.

    tidy.py build/release

The files of a target are looked at several at a time, as one translation unit: most of the time goes
into the headers that they share. A batch is looked at again only when a file of it, a header that one
includes, its flags or the list changed.
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

BATCH = 16
FOLDERS = ("src", "tools", "examples", "tests", "bench", "fuzz", "quickstart")
# Where findings are ours. A batch includes the files that it looks at, so they count as headers.
OURS = f"^{re.escape(str(ROOT))}/({'|'.join(('include/sagabus', *FOLDERS))})/"
# clang 14 compiles coroutines without saying so, and libstdc++ asks.
FOR_CLANG = ["-D__cpp_impl_coroutine=201902L", "-w", "-Wno-unknown-warning-option"]
INCLUDED = re.compile(r'^#include "(.+)"$', re.M)
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


def targets(build):
    """The source files that a build folder compiles, by target and flags, and what each includes."""
    listed, found = dependencies(build), {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).resolve()
        words = shlex.split(entry["command"])
        made = words[words.index("-o") + 1]
        sources = [source]
        if source.parent.name == "Unity":  # CMake made one of several
            sources = [pathlib.Path(path).resolve() for path in INCLUDED.findall(source.read_text())]
        target = pathlib.Path(made.split("CMakeFiles/")[1]).parts[0]
        flags = tuple(flag for flag in flags_of(entry["command"]) if flag != entry["file"])
        for path in sources:
            inside = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in FOLDERS
            if inside and path not in (known := found.setdefault((target, flags), {})):
                known[path] = listed.get(made, [])
    return found


class Batch:
    def __init__(self, build, name, sources, flags):
        self.sources, self.flags = sources, flags
        self.file = build / "tidy" / f"{name}.cpp"
        self.stamp = self.file.with_suffix(".ok")

    def look(self, hashed):
        """What was found, and which files cannot be read. Leaves a stamp where nothing was found."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("".join(f'#include "{path}"\n' for path in self.sources))
        found, unreadable = look_at(self.file, self.flags)
        if unreadable:
            alone = [look_at(path, self.flags) for path in self.sources]
            found = set().union(*(findings for findings, _ in alone))
            unreadable = [path for path, (_, failed) in zip(self.sources, alone) if failed]
        else:
            unreadable = []
        names = sorted(str(path.relative_to(ROOT)) for path in unreadable)
        if not found:
            self.stamp.write_text("\n".join([hashed, *names]))
        return found, names


def look_at(source, flags):
    result = subprocess.run(["clang-tidy", "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
                             f"--header-filter={OURS}", str(source), "--", *flags, *FOR_CLANG],
                            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found, unreadable = set(), result.returncode < 0
    for match in FINDING.finditer(result.stdout):
        if "[clang-diagnostic-error" in match["text"]:
            unreadable = True
        else:
            found.add(f"{os.path.relpath(match['where'], ROOT)}: {match['text']}")
    return found, unreadable or (result.returncode != 0 and not found)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    version = subprocess.run(["clang-tidy", "--version"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    settings = (ROOT / ".clang-tidy").read_text() + pathlib.Path(__file__).read_text()
    hasher, due, unreadable = Hasher(build), [], set()
    for (target, flags), included in targets(build).items():
        sources = sorted(included)
        for start in range(0, len(sources), BATCH):
            some = sources[start:start + BATCH]
            name = f"{target}-{hashlib.sha256(repr(flags).encode()).hexdigest()[:8]}-{start}"
            batch = Batch(build, name, some, flags)
            files = {str(path) for path in some}.union(*(included[path] for path in some))
            hashed = hasher.of_all([version, settings, *flags, *FOR_CLANG], files)
            stamp = batch.stamp.read_text().split("\n") if batch.stamp.is_file() else [""]
            if all(included[path] for path in some) and stamp[0] == hashed:
                unreadable.update(stamp[1:])
            else:
                due.append((batch, hashed))

    found = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings, names in pool.map(lambda job: job[0].look(job[1]), due):
            found |= findings
            unreadable.update(names)
    print(f"tidy: looked at {sum(len(batch.sources) for batch, _ in due)} files")
    for path in sorted(unreadable):
        print(f"tidy: clang 14 cannot read all of {path}")
    finish("tidy", sorted(found))


if __name__ == "__main__":
    main()
