"""What the checks share: the files of the project, and how a finding is shown."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NOT_OURS = {"build", "node_modules", ".git", ".cache"}


def project_files(*suffixes, root=ROOT):
    """Relative paths of the files that git knows or would add; of all, where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = []
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in NOT_OURS]
            listed += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(path for path in set(listed)
                  if path and (not suffixes or path.endswith(suffixes)) and (root / path).is_file())


def read(path, root=ROOT):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def finish(name, findings):
    """Prints the findings, each `file:line: text`, and ends the program."""
    for finding in findings:
        print(finding)
    if findings:
        print(f"{name}: {len(findings)} finding{'s' if len(findings) > 1 else ''}")
    sys.exit(1 if findings else 0)
