"""No committed file names the machine it was written on, or where packages were downloaded from."""

import json
import os
import re
import sys

from common import ROOT, finish, project_files, read

HOME = re.compile(r"(?<![\w./-])/(?:home/[a-z][\w.-]*|root|Users/[A-Za-z][\w.-]*)/")
MAY_NAME_HOMES = {"scripts/checks/hygiene.py", "scripts/checks/self_test.py"}


def findings(path, text, machine_paths=()):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if path not in MAY_NAME_HOMES and HOME.search(line) or any(p in line for p in machine_paths):
            found.append(f"{path}:{number}: a path of one machine")
    if path.endswith("package-lock.json"):
        for name, package in json.loads(text).get("packages", {}).items():
            if "://" in str(package.get("resolved", "")):
                found.append(f"{path}: {name} is tied to a download host; write the file with "
                             "`npm install --omit-lockfile-registry-resolved`")
    return found


def main():
    # Where the project lies is of no interest to others, unless it is as short as `/src`.
    own = [str(ROOT)] if str(ROOT).count(os.sep) > 1 else []
    found = []
    for path in project_files():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data[:8000]:
            found += findings(path, data.decode("utf-8", errors="replace"), own)
    finish("hygiene", found)


if __name__ == "__main__":
    main()
