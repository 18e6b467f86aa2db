"""All C++ is formatted as .clang-format says. `--fix` formats it in place."""

import concurrent.futures
import os
import subprocess
import sys

from common import ROOT, finish, project_files


def main():
    mode = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "-Werror", "--ferror-limit=3"]
    files = project_files(".cpp", ".hpp", ".hpp.in")
    size = 16
    batches = [files[at:at + size] for at in range(0, len(files), size)]

    def run(batch):
        return subprocess.run(["clang-format", *mode, "--style=file", *batch], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run, batches))
    finish("format (mend with `make format`)", [r.stdout.rstrip() for r in results if r.returncode])


if __name__ == "__main__":
    main()
