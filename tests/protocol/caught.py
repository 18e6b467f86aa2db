"""Runs the tests with a fault built in, and is content if they fail.

    caught.py PROGRAM MUTATION FILTER

Only those that the FILTER of GoogleTest lets through. A crash, or tests that never end, do not count: the fault must be what the tests say is wrong. With
the MUTATION "nothing", all of them must pass.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TIME = 100  # seconds


def failed_tests(report):
    return [f"{suite['name']}.{test['name']}"
            for suite in json.loads(report.read_text(encoding="utf-8"))["testsuites"]
            for test in suite["testsuite"] if test.get("failures")]


def main():
    program, mutation, tests = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        run = subprocess.run([program, "--gtest_brief=1", f"--gtest_filter={tests}",
                              f"--gtest_output=json:{report}"],
                             env={**os.environ, "SAGABUS_MUTATION": mutation},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIME)
        if run.returncode not in (0, 1) or not report.exists():
            sys.exit(f"{mutation}: ended with {run.returncode}\n" + run.stdout.decode()[-4000:])
        failed = failed_tests(report)
    print(f"{mutation} is caught by {len(failed)} tests", *failed, sep="\n  ")
    if bool(failed) == (mutation == "nothing"):
        sys.exit(run.stdout.decode()[-4000:])


if __name__ == "__main__":
    main()
