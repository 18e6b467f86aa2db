"""Finds what g++ 12 compiles wrongly: temporaries that it destroys twice beside a `co_await`.

In a full expression that holds `co_await` (GCC bug 107288 and its kin), g++ 12 destroys twice

  - a lambda with captures by copy:           co_await f([p] { ... });
  - an aggregate that braces initialise:      co_await f(Options{.limit = 3});
    also one that is initialised by the wait: Answer a{.status = co_await f()};
  - what a branch of ?: waits for:            x = fast ? co_await f() : co_await g();

A default argument is such a temporary too, in every awaited call that leaves it out. So no function
that returns an awaitable has one of class type:

    awaitable<void> f(Options options = {});  // instead: an overload that makes and moves Options

Give it a name in a statement of its own, and move it in:

    auto options = Options{.limit = 3};
    co_await f(std::move(options));

This reads text, not types. Where the type is no aggregate, or has nothing to destroy, say so with
a comment on the expression or the parameter: `// coroutine-ok: <why>`. Well-known harmless types need none.
"""

import re
import sys

from common import finish, project_files, read

HARMLESS = set("""
    auto bool char int long short unsigned signed float double size_t ptrdiff_t byte
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
    string string_view span path error_code lock_guard unique_lock scoped_lock
    duration nanoseconds microseconds milliseconds seconds minutes hours days time_point TimePoint
""".split())
ALLOWED = re.compile(r"coroutine-ok: *\S")

LEXER = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")
  | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
  | (?P<char>(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
  | (?P<directive>^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*)
  | (?P<number>\.?\d(?:[eEpP][+-]|'?[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>::|->|[{}()\[\];,<>:=&*?.!~+\-/%^|@$\\])
""", re.X | re.S | re.M)

NOT_A_TYPE = {"return", "co_return", "co_await", "co_yield", "case", "throw", "else", "do", "try"}
AFTER_PARAMETERS = {"const", "noexcept", "override", "final", "mutable", ")", "try"}
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Token:
    __slots__ = ("text", "line", "lambda_body")

    def __init__(self, text, line):
        self.text, self.line, self.lambda_body = text, line, False


def lex(source):
    """The tokens, and the lines that bear an allowing comment."""
    tokens, allowed = [], set()
    line, at = 1, 0
    for match in LEXER.finditer(source):
        line += source.count("\n", at, match.start())
        at = match.start()
        text, kind = match.group(), match.lastgroup
        if kind == "comment":
            if ALLOWED.search(text):
                allowed.add(line)
        elif kind in ("raw", "mark", "string", "char", "number"):
            tokens.append(Token("0", line))
        elif kind != "directive":
            tokens.append(Token(text, line))
    return tokens, allowed


def matching(tokens):
    """The index of the closing token for each opening one."""
    pairs, stack = {}, []
    for index, token in enumerate(tokens):
        if token.text in CLOSING:
            stack.append(index)
        elif token.text in (")", "]", "}"):
            while stack and CLOSING[tokens[stack[-1]].text] != token.text:
                stack.pop()
            if stack:
                pairs[stack.pop()] = index
    return pairs


def is_word(token):
    return token.text[0].isalpha() or token.text[0] == "_"


def before_angles(tokens, index):
    """The index before the `<` that the `>` at `index` closes."""
    depth = 0
    while index >= 0:
        text = tokens[index].text
        depth += (text == ">") - (text == "<")
        if depth == 0:
            return index - 1
        if text in (";", "{", "}"):
            break
        index -= 1
    return index


class Linter:
    def __init__(self, path, source):
        self.path = path
        self.tokens, self.allowed = lex(source)
        self.pairs = matching(self.tokens)
        self.found = []
        self.introducers = {}
        self.find_lambdas()

    def find_lambdas(self):
        tokens = self.tokens
        for index, token in enumerate(tokens):
            if token.text != "[" or index not in self.pairs:
                continue
            before = tokens[index - 1] if index else None
            if "[" in (tokens[index + 1].text, before and before.text):
                continue  # an attribute
            if before and (before.text in (")", "]", ">", "0") or
                           is_word(before) and before.text not in NOT_A_TYPE):
                continue  # a subscript
            at = self.pairs[index] + 1
            angles = 0
            while at < len(tokens):
                text = tokens[at].text
                if text == "{" and angles == 0:
                    tokens[at].lambda_body = True
                    self.introducers[index] = at
                    break
                if text == "(":
                    at = self.pairs.get(at, len(tokens))
                elif text in (";", ")", "]", "}") or text == "," and angles == 0:
                    break
                angles += (text == "<") - (text == ">")
                at += 1

    def copies(self, index):
        """Whether the lambda whose `[` is at `index` captures anything by copy."""
        words, depth, first = [], 0, True
        for token in self.tokens[index + 1:self.pairs[index]]:
            if token.text in ("(", "{", "["):
                depth += 1
            elif token.text in (")", "}", "]"):
                depth -= 1
            elif depth == 0 and token.text == ",":
                first = True
                continue
            if first:
                words.append(token.text)
            first = False
        return any(word not in ("&", "this") for word in words)

    def type_before(self, index):
        """The last name of the type that braces at `index` initialise, as far as text shows it."""
        tokens = self.tokens
        at = index - 1
        if at >= 0 and tokens[at].text == ">":
            at = before_angles(tokens, at)
        name = tokens[at].text if at >= 0 and is_word(tokens[at]) else ""
        declared = at - 1  # `Type name{`: then the type is what stands before
        if name and declared >= 0:
            if tokens[declared].text in ("&", "*"):
                declared -= 1
            if tokens[declared].text == ">":
                declared = before_angles(tokens, declared)
            if declared >= 0 and is_word(tokens[declared]) and \
                    tokens[declared].text not in NOT_A_TYPE:
                return tokens[declared].text
        return name

    def is_block(self, index, inside_expression):
        """Whether the `{` at `index` opens statements, rather than initialisers."""
        tokens = self.tokens
        if tokens[index].lambda_body or index == 0:
            return True
        before = tokens[index - 1].text
        if before in AFTER_PARAMETERS or before in ("else", "do"):
            return True
        if before in (";", "}"):
            return True
        if before in ("{", ":"):
            return not inside_expression
        if inside_expression or not (is_word(tokens[index - 1]) or before in (">", "&", "*", "0")):
            return False
        if before in NOT_A_TYPE:
            return False
        at = index - 1  # namespace x, struct x : y, enum x, and `) -> type`
        while at >= 0 and tokens[at].text not in (";", "{", "}"):
            text = tokens[at].text
            if text in ("namespace", "class", "struct", "union", "enum", "concept", "extern"):
                return not any(t.text == "=" for t in tokens[at:index])
            if text == "->":
                return tokens[at - 1].text in AFTER_PARAMETERS
            if text in ("=", "(", "return", "co_return"):
                return False
            if text == ")":
                return False
            at -= 1
        return False

    def lint(self):
        self.defaults()
        self.block(0, len(self.tokens))
        return self.found

    def block(self, at, end):
        """Statements: each full expression on its own."""
        tokens = self.tokens
        expression = Expression()
        while at < end:
            token = tokens[at]
            if token.text == ";":
                self.judge(expression)
                expression = Expression()
            elif token.text == "{" and at in self.pairs and self.is_block(at, False) \
                    and not token.lambda_body:
                self.judge(expression)
                expression = Expression()
                self.block(at + 1, self.pairs[at])
                at = self.pairs[at]
            elif token.text in ("if", "while", "switch", "for") and self.condition(at):
                self.judge(expression)
                opening = self.condition(at)
                inner = Expression()
                self.inside(opening + 1, self.pairs[opening], inner)
                self.judge(inner)
                expression = Expression()
                at = self.pairs[opening]
            else:
                at = self.step(at, expression)
            at += 1
        self.judge(expression)

    def condition(self, at):
        following = at + 1
        if following < len(self.tokens) and self.tokens[following].text == "constexpr":
            following += 1
        return following if following in self.pairs and self.tokens[following].text == "(" else 0

    def inside(self, at, end, expression):
        """Tokens within brackets. A `;` in a `for` or `if` ends an expression too."""
        while at < end:
            if self.tokens[at].text == ";":
                self.judge(expression)
                expression.clear()
            else:
                at = self.step(at, expression)
            at += 1

    def step(self, at, expression):
        """Takes in the token at `at`, with all that it encloses. Returns the last index of that."""
        token = self.tokens[at]
        expression.lines.add(token.line)
        if token.text == "?":
            expression.asks = True
        elif token.text == "co_await":
            expression.waits = True
            before = self.tokens[at - 1].text if at else ""
            if before == "?" or before == ":" and expression.asks:
                expression.suspects.append((token.line, "a wait as a branch of ?:"))
        elif token.text == "[" and at in self.introducers:
            if self.copies(at):
                expression.suspects.append((token.line, "a lambda with captures by copy"))
            body = self.introducers[at]
            self.block(body + 1, self.pairs.get(body, len(self.tokens)))
            return self.pairs.get(body, len(self.tokens))
        elif token.text == "{":
            if self.type_before(at) not in HARMLESS:
                expression.suspects.append((token.line, "a braced initialiser"))
            end = self.pairs.get(at, len(self.tokens))
            self.inside(at + 1, end, expression)
            return end
        elif token.text in ("(", "["):
            end = self.pairs.get(at, len(self.tokens))
            self.inside(at + 1, end, expression)
            return end
        return at

    def defaults(self):
        """Default arguments of class type, of functions that return an awaitable."""
        tokens = self.tokens
        for opening, closing in sorted(self.pairs.items()):
            if tokens[opening].text != "(" or not self.returns_awaitable(opening, closing):
                continue
            for first, last in self.parameters(opening + 1, closing):
                lines = {token.line for token in tokens[first:last]}
                if self.class_default(first, last) and \
                        not self.allowed & (lines | {min(lines) - 1}):
                    self.found.append(
                        f"{self.path}:{tokens[first].line}: a default argument of class type in a "
                        "function that returns an awaitable: g++ 12 destroys a braced one twice "
                        "where the call is awaited; make an overload")

    def returns_awaitable(self, opening, closing):
        tokens = self.tokens
        at = closing + 1  # ) const noexcept -> boost::asio::awaitable<...>
        while at < len(tokens) and tokens[at].text in ("const", "noexcept", "mutable", "&"):
            at += 1
        if at < len(tokens) and tokens[at].text == "->":
            at += 1
            while at < len(tokens) and (tokens[at].text == "::" or is_word(tokens[at])):
                if tokens[at].text == "awaitable":
                    return True
                at += 1
            return False
        at = opening - 1  # boost::asio::awaitable<...> Outer::name(
        if at > 1 and tokens[at].text == ")" and tokens[at - 2].text == "operator":
            at -= 2
        if at < 0 or not is_word(tokens[at]):
            return False
        while at > 1 and tokens[at - 1].text == "::" and is_word(tokens[at - 2]):
            at -= 2
        if at < 1 or tokens[at - 1].text != ">":
            return False
        at = before_angles(tokens, at - 1)
        return at >= 0 and tokens[at].text == "awaitable"

    def parameters(self, at, end):
        """Where each begins and ends, as far as text shows it: after an `=`, a `<` compares."""
        first, angles, value = at, 0, False
        while at < end:
            text = self.tokens[at].text
            if text in CLOSING:
                at = self.pairs.get(at, end)
            elif text == "=":
                value = True
            elif text == "," and angles <= 0:
                yield first, at
                first, angles, value = at + 1, 0, False
            elif not value:
                angles += (text == "<") - (text == ">")
            at += 1
        if first < end:
            yield first, end

    def class_default(self, first, last):
        tokens = self.tokens
        equals = next((at for at in range(first, last) if tokens[at].text == "="), None)
        if equals is None or equals + 1 >= last:
            return False
        kind = equals - 1  # Type name = ..., or Type = ...
        if kind > first and is_word(tokens[kind]) and tokens[kind - 1].text != "::" and \
                tokens[kind - 1].text != "const":
            kind -= 1
        while kind > first and tokens[kind].text in ("&", "const"):
            kind -= 1
        if tokens[kind].text == "*":
            return False
        if tokens[kind].text == ">":
            kind = before_angles(tokens, kind)
        if tokens[kind].text in HARMLESS:
            return False
        if tokens[equals + 1].text == "{":
            return True
        if tokens[last - 1].text == "}":  # = Type{...}
            opening = next(at for at in range(equals, last) if self.pairs.get(at) == last - 1)
            return self.type_before(opening) not in HARMLESS
        if tokens[last - 1].text == ")":  # = Type(...); a function may bear any other name
            opening = next(at for at in range(equals, last) if self.pairs.get(at) == last - 1)
            return self.type_before(opening) == tokens[kind].text
        return False

    def judge(self, expression):
        if not expression.waits or not expression.suspects:
            return
        if self.allowed & (expression.lines | {min(expression.lines) - 1}):
            return
        line, what = expression.suspects[0]
        self.found.append(f"{self.path}:{line}: {what} in an expression with co_await: g++ 12 "
                          "destroys it twice; give it a name in a statement before")


class Expression:
    def __init__(self):
        self.clear()

    def clear(self):
        self.waits, self.asks, self.suspects, self.lines = False, False, [], set()


def findings(path, source):
    return Linter(path, source).lint() if "await" in source else []


def main():
    sys.setrecursionlimit(10000)
    found = []
    for path in project_files(".cpp", ".hpp"):
        found += findings(path, read(path))
    finish("coroutines", found)


if __name__ == "__main__":
    main()
