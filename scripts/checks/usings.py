"""Every name that a source file takes by `using a::name;` is used in it.

clang-tidy finds more of these, but only in a file that it looks at alone, and it looks at several at
a time. This reads text: a name that occurs anywhere else in the file counts as used.
"""

from common import finish, project_files, read
from coroutines import lex


def declared(words):
    """Of each `using a::b;`: where its last name stands."""
    for at, word in enumerate(words):
        if word != "using" or words[at + 1:at + 2] == ["namespace"]:
            continue
        end = at + 1
        while end < len(words) and (words[end] == "::" or words[end].isidentifier()):
            end += 1
        if "::" in words[at + 1:end] and words[end:end + 1] == [";"]:
            yield end - 1


def findings(path, source):
    tokens, _ = lex(source)
    words = [token.text for token in tokens]
    places = set(declared(words))
    used = {word for at, word in enumerate(words) if at not in places}
    return [f"{path}:{tokens[at].line}: `{words[at]}` is taken by `using` and not used"
            for at in sorted(places) if words[at] not in used]


def main():
    finish("usings", [finding for path in project_files(".cpp")
                      for finding in findings(path, read(path))])


if __name__ == "__main__":
    main()
