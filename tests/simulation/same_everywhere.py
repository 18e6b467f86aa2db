"""Whether seeds are the same histories in every process.

    same_everywhere.py SIMULATION_TEST

Two processes run the same seeds. The second one's memory lies elsewhere, so that what goes by
addresses, or by what memory held before, goes another way.
"""

import os
import re
import subprocess
import sys

SEEDS = {"SAGABUS_SEED": "3000", "SAGABUS_SIMULATION_SEEDS": "150"}


def digest(program, **more):
    ran = subprocess.run([program, "--gtest_filter=Simulation.EveryEffect*"], text=True, check=True,
                         env={**os.environ, **SEEDS, **more}, stdout=subprocess.PIPE, timeout=100)
    return re.search(r"([0-9]+) requests.*digest ([0-9a-f]{16})", ran.stdout).groups()


def main():
    program = sys.argv[1]
    here = digest(program)
    there = digest(program, MALLOC_PERTURB_="165", MALLOC_ARENA_MAX="1", MALLOC_TOP_PAD_="7777777",
                   SAGABUS_PADDING="x" * 10_000)
    print(*here)
    if here != there:
        sys.exit(f"the same seeds are other histories: {there}")


if __name__ == "__main__":
    main()
