#!/usr/bin/env python3
"""Runs the order example with 1, 2 and 4 worker processes, none of which is killed, and prints a
table in Markdown.

    bench/scaling.py                                  # state and messages in SQLite
    tests/emulators/with-emulators dynamodb sqs -- \\
      bench/scaling.py --store 'dynamodb://scaling?region=us-east-1&endpoint={dynamodb}' \\
        --transport 'sqs://scaling?region=us-east-1&endpoint={sqs}'

Requests and units are those of the store: of the workers, and of the process that sends the orders
in and waits for their ends.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(options, workers):
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [str(options.program), "--orders", str(options.orders),
                   "--concurrency", str(options.concurrency), "--timeout", str(options.timeout),
                   "--workers", str(workers), "--kill", "0", "--report-json", str(report)]
        for name in ("store", "transport"):
            if getattr(options, name):
                command += [f"--{name}", getattr(options, name)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(f"scaling: {workers} workers ended with exit code {done.returncode}")
        return json.loads(report.read_text())


def row(figures):
    orders = figures["setup"]["orders"]
    cells = [str(figures["setup"]["workers"]),
             f"{figures['seconds']:.1f}",
             f"{figures['messages'] / figures['seconds']:,.0f}",
             f"{figures['p50Ms']:,.0f} ms", f"{figures['p99Ms']:,.0f} ms"]
    if figures["storeRequests"]:
        cells += [f"{figures[name] / orders:.2f}"
                  for name in ("storeRequests", "failedConditions", "readUnits", "writeUnits")]
    else:  # a store that bills nobody
        cells += [""] * 4
    sent = figures["transportRequests"]
    cells.append(f"{sent / figures['messages']:.2f}" if sent else "")
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/release/examples/order_saga")
    parser.add_argument("--store", default="")
    parser.add_argument("--transport", default="")
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--timeout", type=int, default=600, help="seconds for each run")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    print("| workers | seconds | messages/s | p50 | p99 "
          "| requests an order | refused writes | read units | write units "
          "| transport requests a message |")
    print("|" + "---|" * 10)
    for workers in options.workers:
        print(row(run(options, workers)), flush=True)


if __name__ == "__main__":
    main()
