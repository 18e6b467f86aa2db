"""Includes run one way: tools and examples -> adapters -> core. The rules are the tables below."""

import pathlib
import posixpath
import re
import sys

from common import ROOT, finish, project_files, read

# What each box may include, besides itself. A tuple with file names means: only those of its
# public headers.
PLAIN = ("error.hpp", "clock.hpp", "random.hpp", "log.hpp", "time_text.hpp")
BOXES = {
    "waiting": {},  # knows nothing but Asio
    "core": {"waiting": None},
    "aws": {"core": PLAIN, "waiting": None},
    "memory": {"core": None},
    "sqlite": {"core": None, "waiting": None},
    "telemetry": {"core": None},
    "testing": {"core": None, "memory": None, "waiting": None},
    "conformance": {"core": None, "testing": None},
    "dynamodb": {"core": None, "aws": None},
    "s3": {"core": None, "aws": None},
    "sqs": {"core": None, "aws": None, "waiting": None},
}

# Who may include what is not ours. What is not listed is free.
OUTSIDE = [
    (r"boost/beast(/|\.hpp)", {"aws"}),
    (r"boost/asio/ssl(/|\.hpp)", {"aws"}),
    (r"openssl/", {"aws"}),
    (r"zlib\.h$", {"aws", "dynamodb"}),
    (r"sqlite3(ext)?\.h$", {"sqlite"}),
    (r"(gtest|gmock)/", {"testing", "conformance"}),
    (r"(benchmark|CLI)/", set()),
]

# What of Boost a public header may include: all else costs every user its parsing.
PUBLIC_BOOST = re.compile(
    r"boost/(asio/(awaitable|any_io_executor)|json/fwd|system/(error_code|result)|"
    r"assert/source_location|(describe|mp11|preprocessor)([/_][\w/]*)?)\.hpp$")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def box_of(path):
    """The box of a file of ours, or None; and whether the file is public."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] in ("tools", "examples", "quickstart"):
        return parts[0], False
    public = parts[:2] == ("include", "sagabus")
    rest = parts[2:] if public else parts[1:] if parts[0] == "src" else None
    if rest is None:
        return None, False
    return (rest[0] if len(rest) > 1 and rest[0] in BOXES else "core"), public


def resolve(path, name, quoted, files):
    """The file of ours that `path` means by `name`, or None where it is not ours."""
    places = [posixpath.dirname(path)] if quoted else []
    for place in places + ["include", "src"]:
        candidate = posixpath.normpath(posixpath.join(place, name))
        if candidate in files:
            return candidate
    return None


def findings(files):
    """`files` maps each relative path to its text."""
    found = []
    for path, text in sorted(files.items()):
        box, public = box_of(path)
        if box is None:
            continue
        if box != "core" and box not in BOXES and path.startswith(("src/", "include/")):
            continue
        for match in INCLUDE.finditer(text):
            name = match.group(2)
            where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}: "
            ours = resolve(path, name, match.group(1) == '"', files)
            if ours:
                target, target_public = box_of(ours)
                if public and not target_public:
                    found.append(f"{where}a public header includes the private {ours}")
                elif box not in BOXES:  # tools, examples
                    if not target_public and target != box:
                        found.append(f"{where}{box} may include public headers only, not {ours}")
                elif target != box:
                    allowed = BOXES[box]
                    if target not in allowed:
                        found.append(f"{where}{box} may not include {target} ({ours})")
                    elif allowed[target] and ours not in [
                            f"include/sagabus/{file}" for file in allowed[target]]:
                        found.append(f"{where}{box} may include of {target} only "
                                     f"{', '.join(allowed[target])}, not {ours}")
                continue
            if name.startswith("sagabus/"):
                found.append(f"{where}there is no {name}")
                continue
            if box not in BOXES:
                continue
            for pattern, boxes in OUTSIDE:
                if re.match(pattern, name) and box not in boxes:
                    found.append(f"{where}{box} may not include {name}")
                    break
                if re.match(pattern, name) and public and box not in ("testing", "conformance"):
                    found.append(f"{where}a public header may not include {name}")
                    break
            else:
                if public and name.startswith("boost/") and not PUBLIC_BOOST.match(name):
                    found.append(f"{where}a public header may not include {name}")
    return found


def main():
    files = {path: read(path) for path in project_files(".hpp", ".cpp", ".h")
             if path.split("/")[0] in ("include", "src", "tools", "examples", "quickstart")}
    finish("arrows", findings(files))


if __name__ == "__main__":
    main()
