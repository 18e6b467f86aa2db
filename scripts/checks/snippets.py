"""Code in the documentation is cut from files that are compiled.

In Markdown:                             In the source:

    <!-- snippet: examples/a.cpp#setup -->    // [setup]
    ```cpp                                    bus.start();
    bus.start();                              // [setup]
    ```

Without `#name` the whole file is meant. The snippet loses its common indentation and the markers
of other regions. `--update` rewrites the Markdown.
"""

import re
import sys
import textwrap

from common import ROOT, finish, project_files, read

SNIPPET = re.compile(
    r"^(?P<indent>[ \t]*)<!-- snippet: (?P<file>[^\s#]+)(?:#(?P<name>[\w-]+))? -->[ \t]*\n"
    r"(?:[ \t]*\n)*[ \t]*```(?P<language>\w*)[ \t]*\n(?P<code>.*?)^[ \t]*```[ \t]*$", re.M | re.S)
MENTION = re.compile(r"^[ \t]*<!-- snippet:", re.M)
MARKER = re.compile(r"^[ \t]*(?://|#)[ \t]*\[[\w-]+\][ \t]*$")


class Broken(Exception):
    pass


def cut(source, name):
    """The text of the region `name` of a source file, or all of it."""
    lines = source.splitlines()
    if name:
        marker = re.compile(rf"^[ \t]*(?://|#)[ \t]*\[{re.escape(name)}\][ \t]*$")
        marks = [at for at, line in enumerate(lines) if marker.match(line)]
        if len(marks) != 2:
            raise Broken(f"has {len(marks)} markers [{name}], not two")
        lines = lines[marks[0] + 1:marks[1]]
    kept = [line.rstrip() for line in lines if not MARKER.match(line)]
    return textwrap.dedent("\n".join(kept)).strip("\n") + "\n"


def refresh(path, text, source_of):
    """The text as it should be, and what was wrong with it."""
    found = []

    def line_of(position):
        return text.count("\n", 0, position) + 1

    def replacement(match):
        try:
            code = textwrap.indent(cut(source_of(match["file"]), match["name"]), match["indent"])
        except OSError:
            found.append(f"{path}:{line_of(match.start())}: there is no {match['file']}")
            return match.group()
        except Broken as problem:
            found.append(f"{path}:{line_of(match.start())}: {match['file']} {problem}")
            return match.group()
        if code != match["code"]:
            found.append(f"{path}:{line_of(match.start())}: not what {match['file']} says; "
                         "mend with `python3 scripts/checks/snippets.py --update`")
        at, end = match.start("code") - match.start(), match.end("code") - match.start()
        return match.group()[:at] + code + match.group()[end:]

    updated = SNIPPET.sub(replacement, text)
    whole = {line_of(match.start()) for match in SNIPPET.finditer(text)}
    for match in MENTION.finditer(text):
        if line_of(match.start()) not in whole:
            found.append(f"{path}:{line_of(match.start())}: no fenced code follows the snippet line")
    return updated, found


def main():
    update, found = "--update" in sys.argv[1:], []
    for path in project_files(".md"):
        text = read(path)
        updated, problems = refresh(path, text, read)
        if update and updated != text:
            (ROOT / path).write_text(updated, encoding="utf-8")
            _, problems = refresh(path, updated, read)
        found += problems
    finish("snippets", found)


if __name__ == "__main__":
    main()
