"""Runs the tests with a fault built in, and is content if they fail.

    caught.py PROGRAM MUTATION FILTER [REASON]

Only those that the FILTER of GoogleTest lets through. A crash, or tests that never end, do not
count: the fault must be what the tests say is wrong. With the MUTATION "nothing", all of them must
pass. With a REASON, a regular expression, a failure must say that, or it is another fault's.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TIME = 100  # seconds


def failures(report):
    """What each failed test has said, by its name."""
    return {f"{suite['name']}.{test['name']}": "\n".join(it["failure"] for it in test["failures"])
            for suite in json.loads(report.read_text(encoding="utf-8"))["testsuites"]
            for test in suite["testsuite"] if test.get("failures")}


def main():
    program, mutation, tests, reason = (*sys.argv[1:], "")[:4]
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        # One that fails is enough.
        stop = [] if mutation == "nothing" else ["--gtest_fail_fast"]
        run = subprocess.run([program, *stop, "--gtest_brief=1", f"--gtest_filter={tests}",
                              f"--gtest_output=json:{report}"],
                             env={**os.environ, "SAGABUS_MUTATION": mutation},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIME)
        if run.returncode not in (0, 1) or not report.exists():
            sys.exit(f"{mutation}: ended with {run.returncode}\n" + run.stdout.decode()[-4000:])
        failed = failures(report)
    print(f"{mutation} is caught by", *failed, sep="\n  ")
    right = not failed if mutation == "nothing" else any(
        re.search(reason, said) for said in failed.values())
    if not right:
        sys.exit(f"expected: {reason}\n" + run.stdout.decode()[-4000:])


if __name__ == "__main__":
    main()
