"""What the command prints for other programs: completion for bash and zsh, and the manual page.

    texts_test.py SAGABUS

Each is read by the program that it is for.
"""

import shlex
import subprocess
import sys
import unittest

SAGABUS = ""


def printed(*words):
    return subprocess.run([SAGABUS, *words], check=True, capture_output=True, text=True).stdout


def run(shell, script):
    return subprocess.run([shell, "-c", script], check=True, capture_output=True, text=True)


class Bash(unittest.TestCase):
    def complete(self, *words):
        array = " ".join(shlex.quote(word) for word in ("sagabus",) + words)
        script = (printed("completion", "bash") +
                  f"COMP_WORDS=({array}); COMP_CWORD={len(words)}; _sagabus\n"
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        ran = run("bash", script)
        self.assertEqual(ran.stderr, "")
        return ran.stdout.split()

    def test_verbs_of_a_group(self):
        self.assertEqual(self.complete("table", "de"), ["describe", "delete"])

    def test_options_behind_options(self):
        self.assertEqual(self.complete("outbox", "redispatch", "--saga", "table", "--dr"),
                         ["--dry-run"])

    def test_every_first_word(self):
        words = self.complete("")
        for word in ("table", "outbox", "timer", "dlq", "publish", "bench", "completion", "manual"):
            self.assertIn(word, words)


class Zsh(unittest.TestCase):
    # Its completion system needs a terminal: what would be offered is printed instead.
    def complete(self, *words):
        array = " ".join(shlex.quote(word) for word in ("sagabus",) + words)
        script = ("compdef() { }\n_describe() { print -rl -- ${(P)2} }\n_files() { }\n" +
                  printed("completion", "zsh") +
                  f"words=({array}); CURRENT={len(words) + 1}; _sagabus\n")
        ran = run("zsh", script)
        self.assertEqual(ran.stderr, "")
        return [entry.split(":")[0] for entry in ran.stdout.splitlines()]

    def test_verbs_of_a_group(self):
        self.assertEqual(self.complete("timer", ""), ["list", "show", "cancel", "move", "--help"])

    def test_options_behind_options(self):
        self.assertIn("--dry-run", self.complete("outbox", "redispatch", "--saga", "table", "--"))


class Manual(unittest.TestCase):
    def page(self, *more):
        return subprocess.run(["groff", "-man", "-ww", "-Tascii", "-rLL=78n", *more], check=True,
                              input=printed("manual"), capture_output=True, text=True)

    def test_formatter_has_no_complaint(self):
        self.assertEqual(self.page("-z").stderr, "")

    def test_every_verb_and_its_options_are_there(self):
        text = " ".join(self.page("-P-c", "-P-b", "-P-u").stdout.split())  # wherever lines end
        for word in ("sagabus table create", "sagabus dlq redrive", "sagabus publish",
                     "--dry-run", "(environment: SAGABUS_TRANSPORT)", "130 interrupted"):
            self.assertIn(word, text)

    # A line that begins with a dot or a quote is a request to roff.
    def test_texts_are_no_requests(self):
        for line in printed("manual").splitlines():
            if line.startswith((".", "'")):
                self.assertRegex(line, r"^\.(TH|SH|SS|TP|PP|B|BI|I|RS|RE|nf|fi|nh|ad)\b")


if __name__ == "__main__":
    SAGABUS = sys.argv.pop(1)
    unittest.main()
