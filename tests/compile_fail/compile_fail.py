"""Shows that the compiler refuses a wrong use of the library, and that it says what is wrong.

    compile_fail.py build/release headers.hpp  precompiles what the files share
    compile_fail.py build/release sagas.cpp    tries every fault of that file

A fault is a region of a file:

    #if SAGABUS_FAULT == 1
      // expect: a handler takes (const M&, State&
      orders().on<Paid>().handle([](int) {});
    #else
      orders().on<Paid>().handle([](const Paid&, State&) {});
    #endif

Without a fault the file compiles, so none is refused for a reason of its own. With it the first
error has the expected text, and the compiler names a line of the region.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent.parent / "src" / "bus.cpp"  # the files are compiled as this one is
FAULT = re.compile(r"^#if SAGABUS_FAULT == (\d+)\n\s*// expect: (.+)\n(?:.*\n)*?#(?:else|endif)", re.M)
ERROR = re.compile(r"(?:^|: )(?:fatal )?error: (.*)$", re.M)


def compiles_the_model(file):
    """Alone, or in a batch, which is a file that includes it."""
    return file == MODEL or (file.parent.name == "Unity" and f'"{MODEL}"' in file.read_text())


def compile_command(build):
    """The project's, without what it reads, writes and optimises."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if compiles_the_model(pathlib.Path(entry["file"]).resolve()):
            break
    else:
        sys.exit(f"{build} does not say how it compiles {MODEL.name}")
    kept, words = [], iter(shlex.split(entry["command"]))
    for word in words:
        if word in ("-o", "-c", "-include"):
            next(words)
        elif not re.match(r"-O|-g|-M|(.*/)?ccache$", word):
            kept.append(word)
    return kept


def run(command):
    """LC_ALL: quotes are ASCII, and the errors are in English."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "LC_ALL": "C"})


def precompile(header, command, into):
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(f'#include "{header}"\n')
    result = run([*command, "-x", "c++-header", into, "-o", f"{into}.gch"])
    print(result.stdout, end="")
    return result.returncode


def problem_with(result, expected, lines, path):
    said = ERROR.search(result.stdout)
    if result.returncode == 0:
        return "it compiles"
    if not said:
        return f"the compiler ended with {result.returncode}, without an error"
    if expected not in said[1]:
        return f"the first error is another one: {said[1]}"
    named = re.findall(rf"\b{re.escape(path.name)}:(\d+)", result.stdout)
    if not any(int(line) in lines for line in named):
        return "the compiler does not name its line"
    return None


def try_faults(path, command):
    source, failed = path.read_text(), 0
    control = run([*command, "-DSAGABUS_FAULT=0", path])
    if control.returncode or control.stdout:
        print(f"{path.name} does not compile without a fault:\n{control.stdout}")
        return 1
    faults = list(FAULT.finditer(source))
    if [int(fault[1]) for fault in faults] != list(range(1, source.count("#if SAGABUS_FAULT ==") + 1)):
        print(f"{path.name}: a fault is not written as it should be, or they are not numbered in order")
        return 1
    for fault in faults:
        first = source.count("\n", 0, fault.start()) + 1
        lines = range(first, first + fault[0].count("\n"))
        result = run([*command, f"-DSAGABUS_FAULT={fault[1]}", path])
        problem = problem_with(result, fault[2], lines, path)
        if problem:
            failed += 1
            print(f"{path.name}:{first}: fault {fault[1]}: {problem}\n  expected: {fault[2]}\n"
                  f"{result.stdout[:4000]}")
    print(f"{path.name}: {len(faults) - failed} of {len(faults)} faults are refused as expected")
    return failed


def main():
    build, path = pathlib.Path(sys.argv[1]).resolve(), HERE / sys.argv[2]
    command, shared = compile_command(build), build / "compile_fail" / "headers.hpp"
    if path.suffix == ".hpp":
        sys.exit(precompile(path, command, shared))
    sys.exit(1 if try_faults(path, [*command, "-fsyntax-only", "-Winvalid-pch",
                                    "-include", shared]) else 0)


if __name__ == "__main__":
    main()
