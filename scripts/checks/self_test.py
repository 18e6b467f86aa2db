"""Shows that each check catches what it is there for, and lets pass what is right. Also that
with-emulators keeps the user's own AWS settings from the tests."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

import arrows
import coroutines
import deploy
import hygiene
import snippets
import stacks
import tidy
import usings
from common import ROOT


class Coroutines(unittest.TestCase):
    HITS = [
        "co_await f([p] { return p; });",
        "co_await f([p = std::move(p)]() mutable -> int { return 1; });",
        "co_await f([=] { return 1; });",
        "co_await f([*this] { return 1; });",
        "co_await co_spawn(ex, [p]() -> awaitable<void> { co_await g(); }, use_awaitable);",
        "co_await f(Options{.limit = 3});",
        "co_await f(Options{});",
        "co_await f({.limit = 3});",
        "co_await bus.publish(m, {.headers = h});",
        "co_await client.call(x, CallOptions{.attempts = 1});",
        "co_return co_await a::b<int>(x)->call(y, {});",
        "co_await f({1, 2, 3});",
        "auto x = use(Agg{1}, co_await g());",
        "Agg a{.x = co_await g()};",
        "auto a = Agg{.x = co_await g()};",
        "a = Agg{.x = co_await g()};",
        "v.push_back({.x = co_await g()});",
        "co_return Agg{.x = co_await g()};",
        "x = fast ? co_await f() : none;",
        "x = fast ? none : co_await f();",
        "if (co_await f(Agg{1})) return;",
        "for (auto& x : co_await f(Agg{1})) use(x);",
        "for (int i = 0; co_await f(Agg{i}); ++i) {}",
        "co_await f(std::function<int()>([p] { return 1; }));",
        "co_await f(std::vector<Agg>{a});",
        "auto r = co_await f(  // two lines\n    Agg{1});",
        'co_await f("a // b", Agg{1});',
        'co_await f(R"(co { " )", Agg{1});',
        "[&] { return [p]() -> awaitable<void> { co_await f(Agg{1}); }; }();",
    ]
    PASSES = [
        "auto op = f([p] { return p; }); co_await std::move(op);",
        "auto options = Options{.limit = 3}; co_await f(std::move(options));",
        "co_await f([&p] { return p; });",
        "co_await f([this, &p] { return p; });",
        "co_await f([] { return 1; });",
        "co_spawn(ex, [p]() -> awaitable<void> { co_await g(); }, detached);",
        "auto g = [p]() -> awaitable<void> { co_await h(); };",
        "auto g = Holder{[p]() -> awaitable<void> { co_await h(); }};",
        "co_await clock.sleep_for(std::chrono::milliseconds{5});",
        "co_await f(std::string{\"x\"}, std::size_t{3});",
        "std::string text{co_await read()};",
        "auto x{co_await read()};",
        "co_return Agg{.x = 1};",
        "co_await f(fast ? 1 : 2); switch (x) { case 1: co_await f(); }",
        "if (co_await f()) g(Agg{1});",
        "if (co_await f()) { g(Agg{1}); }",
        "try { co_await f(); } catch (const Error& e) { g(Agg{1}); }",
        "for (const int x : {1, 2}) { co_await f(x); }",
        "while (true) { co_await f(); Agg a{1}; }",
        "switch (x) { case 1: { co_await f(); break; } default: { g(Agg{1}); } }",
        "co_await f(a[b[0]], c[i]);",
        "// co_await f(Agg{1});",
        "co_await f(Agg{1});  // coroutine-ok: holds only numbers",
        "// coroutine-ok: holds only numbers\nco_await f(Agg{1});",
        "#define WAIT(x) co_await f(Agg{x})\n",
    ]
    DEFAULTS = [
        "awaitable<void> f(Options options = {});",
        "boost::asio::awaitable<std::vector<int>> f(int x, Options = {}) const;",
        "asio::awaitable<Outcome> Client::call(std::string_view a, const Options& options = {});",
        "awaitable<void> f(Options options = Options{.limit = 3}, int x = 0);",
        "awaitable<void> f(a::Options options = a::Options{});",
        "awaitable<void> f(std::vector<std::string> x = std::vector<std::string>());",
        "awaitable<void> f(Options options = Options()) { co_return; }",
        "auto f(std::map<int, Agg> x = {}) -> boost::asio::awaitable<void>;",
        "auto f = [](Options options = {}) mutable -> awaitable<void> { co_return; };",
        "struct A { awaitable<void> operator()(Options options = {}) const; };",
        "awaitable<void> f(Options options = {});  // coroutine-ok:",
    ]
    DEFAULTS_THAT_PASS = [
        "awaitable<void> f(Options options);",
        "awaitable<void> f(int x = 3, bool b = {}, Options* p = {}, const Options* q = nullptr);",
        "awaitable<void> f(Mode mode = Mode::fast, double d = limits<double>::max());",
        "awaitable<void> f(std::optional<Agg> x = std::nullopt, std::string name = {});",
        "awaitable<void> f(TimePoint at = {}, std::chrono::seconds s = std::chrono::seconds{3});",
        "awaitable<void> f(Agg a = make_agg());",
        "awaitable<void> f(Mode mode = {});  // coroutine-ok: an enum",
        "void f(Options options = {}); awaitable<void> g(Options options);",
        "std::function<awaitable<void>()> f(Options options = {});",
        "awaitable<void> g = f(a = {});",
        "explicit Client(Options options = {}); awaitable<void> call() const;",
        "[[nodiscard]] auto f(Options options = {}) -> Answer; awaitable<void> g();",
    ]
    OUTSIDE = [
        "struct A { int x = 0; }; awaitable<void> f() { co_await g(); }",
        "namespace a::b { class C final : public D<E> { int x{1}; awaitable<F> f() const override "
        "{ co_return co_await g(); } C() : a_{1}, b_{2} { } }; }",
        "auto f(int x) -> awaitable<std::vector<int>> { co_await g(); }",
        "template <class T> requires std::copyable<T> awaitable<T> f(T t) noexcept { co_await g(t); }",
        "enum class Color : int { red, blue }; awaitable<void> f() { co_await g(); }",
        "const std::array<int, 2> kTable = {1, 2}; [[nodiscard]] awaitable<void> f() { co_await g(); }",
        "TEST(A, b) { run([]() -> awaitable<void> { const auto x = co_await g(); EXPECT_EQ(x, 1); }); }",
    ]

    def lint(self, statement):
        return coroutines.findings("a.cpp", statement)

    def test_hits(self):
        for statement in self.HITS:
            for text in (f"awaitable<void> f() {{ {statement} }}",
                         f"int i; auto l = [](int x) -> awaitable<void> {{ g(); {statement} }};"):
                with self.subTest(text):
                    self.assertEqual(len(self.lint(text)), 1)

    def test_passes(self):
        for statement in self.PASSES:
            for text in (f"awaitable<void> f() {{\n{statement}\n}}",
                         f"TEST(A, b) {{ run([x]() -> awaitable<void> {{\n{statement}\n}}); }}"):
                with self.subTest(text):
                    self.assertEqual(self.lint(text), [])

    def test_outside_of_functions(self):
        for text in self.OUTSIDE:
            with self.subTest(text):
                self.assertEqual(self.lint(text), [])

    def test_default_arguments(self):
        for text in self.DEFAULTS:
            with self.subTest(text):
                self.assertEqual(len(self.lint(text)), 1)
        for text in self.DEFAULTS_THAT_PASS:
            with self.subTest(text):
                self.assertEqual(self.lint(text), [])

    def test_the_line(self):
        self.assertIn("a.cpp:3:", self.lint("awaitable<void> f() {\n  g();\n  co_await h(A{});\n}")[0])

    def test_an_empty_reason_allows_nothing(self):
        self.assertTrue(self.lint("awaitable<void> f() { co_await g(A{});  // coroutine-ok:\n}"))


class Arrows(unittest.TestCase):
    HOUSE = {
        "include/sagabus/error.hpp": "", "include/sagabus/bus.hpp": "", "src/step.hpp": "",
        "include/sagabus/detail/traits.hpp": "", "include/sagabus/aws/client.hpp": "",
        "include/sagabus/dynamodb/store.hpp": "", "src/dynamodb/item.hpp": "",
        "include/sagabus/sqlite/store.hpp": "", "examples/orders.hpp": "",
    }
    WRONG = [
        ("src/bus.cpp", '#include "sagabus/dynamodb/store.hpp"', "core may not include dynamodb"),
        ("src/bus.cpp", '#include "dynamodb/item.hpp"', "core may not include dynamodb"),
        ("include/sagabus/bus.hpp", "#include <sagabus/aws/client.hpp>", "core may not include aws"),
        ("src/bus.cpp", "#include <boost/beast/http.hpp>", "core may not include boost/beast"),
        ("src/bus.cpp", "#include <boost/asio/ssl.hpp>", "core may not include boost/asio/ssl"),
        ("src/bus.cpp", "#  include <openssl/sha.h>", "core may not include openssl"),
        ("src/bus.cpp", "#include <sqlite3.h>", "core may not include sqlite3"),
        ("src/bus.cpp", "#include <gtest/gtest.h>", "core may not include gtest"),
        ("src/aws/a.cpp", '#include "sagabus/bus.hpp"', "aws may include of core only"),
        ("src/aws/a.cpp", '#include "step.hpp"', "aws may include of core only"),
        ("src/aws/a.cpp", '#include "sagabus/dynamodb/store.hpp"', "aws may not include dynamodb"),
        ("src/dynamodb/a.cpp", '#include "sagabus/sqlite/store.hpp"', "may not include sqlite"),
        ("src/dynamodb/a.cpp", "#include <boost/beast/http.hpp>", "dynamodb may not include boost"),
        ("src/sqlite/a.cpp", '#include "sagabus/aws/client.hpp"', "sqlite may not include aws"),
        ("src/memory/a.cpp", '#include "../sqlite/a.hpp"\n#include "sagabus/sqlite/store.hpp"',
         "memory may not include sqlite"),
        ("include/sagabus/bus.hpp", '#include "step.hpp"', "includes the private src/step.hpp"),
        ("include/sagabus/bus.hpp", "#include <boost/asio.hpp>", "public header may not include"),
        ("include/sagabus/bus.hpp", "#include <boost/asio/io_context.hpp>", "public header may not"),
        ("include/sagabus/bus.hpp", "#include <boost/json.hpp>", "public header may not include"),
        ("include/sagabus/aws/client.hpp", "#include <boost/beast/http.hpp>", "public header may not"),
        ("include/sagabus/sqlite/store.hpp", "#include <sqlite3.h>", "public header may not include"),
        ("include/sagabus/bus.hpp", '#include "sagabus/gone.hpp"', "there is no sagabus/gone.hpp"),
        ("tools/main.cpp", '#include "step.hpp"', "tools may include public headers only"),
        ("examples/a.cpp", '#include "../src/step.hpp"', "examples may include public headers only"),
        ("tools/main.cpp", '#include "../examples/orders.hpp"', "tools may include public headers"),
    ]
    RIGHT = [
        ("src/bus.cpp", '#include "sagabus/bus.hpp"\n#include "step.hpp"\n#include <boost/asio.hpp>'),
        ("src/aws/a.cpp", '#include "sagabus/error.hpp"\n#include <boost/beast.hpp>\n#include <openssl/sha.h>'),
        ("src/dynamodb/a.cpp", '#include "dynamodb/item.hpp"\n#include "sagabus/aws/client.hpp"\n'
                               '#include "item.hpp"\n#include "sagabus/bus.hpp"'),
        ("src/sqlite/a.cpp", "#include <sqlite3.h>"),
        ("include/sagabus/bus.hpp", "#include <boost/asio/awaitable.hpp>\n#include <vector>\n"
                                    "#include <boost/describe.hpp>\n#include <boost/mp11/list.hpp>"),
        ("include/sagabus/testing/suite.hpp", "#include <gtest/gtest.h>"),
        ("examples/a.cpp", '#include "orders.hpp"\n#include "sagabus/sqlite/store.hpp"\n#include <fmt/core.h>'),
        ("tests/unit/a.cpp", '#include "step.hpp"\n#include <gtest/gtest.h>'),
        ("src/bus.cpp", '// #include "sagabus/dynamodb/store.hpp"'),
    ]

    def test_wrong(self):
        for path, text, said in self.WRONG:
            with self.subTest(f"{path}: {text}"):
                found = arrows.findings({**self.HOUSE, path: text})
                self.assertEqual(len(found), 1, found)
                self.assertIn(said, found[0])

    def test_right(self):
        for path, text in self.RIGHT:
            with self.subTest(f"{path}: {text}"):
                self.assertEqual(arrows.findings({**self.HOUSE, path: text}), [])


class Snippets(unittest.TestCase):
    SOURCE = "int a;\n  // [one]\n  int b;\n    // [two]\n    int c;\n    // [two]\n  // [one]\n"

    def source_of(self, path):
        if path != "a.cpp":
            raise FileNotFoundError(path)
        return self.SOURCE

    def refresh(self, line, code):
        return snippets.refresh(
            "a.md", f"Text.\n\n<!-- snippet: {line} -->\n```cpp\n{code}```\nMore.\n", self.source_of)

    def test_fresh(self):
        self.assertEqual(self.refresh("a.cpp#one", "int b;\n  int c;\n")[1], [])
        self.assertEqual(self.refresh("a.cpp#two", "int c;\n")[1], [])
        self.assertEqual(self.refresh("a.cpp", "int a;\n  int b;\n    int c;\n")[1], [])

    def test_stale(self):
        text, found = self.refresh("a.cpp#two", "int old;\n")
        self.assertEqual(len(found), 1)
        self.assertIn("```cpp\nint c;\n```\nMore.", text)
        self.assertEqual(snippets.refresh("a.md", text, self.source_of)[1], [])

    def test_broken(self):
        for line, said in (("a.cpp#three", "0 markers"), ("b.cpp#one", "there is no b.cpp")):
            self.assertIn(said, self.refresh(line, "")[1][0])
        _, found = snippets.refresh("a.md", "<!-- snippet: a.cpp#one -->\nno fence\n", self.source_of)
        self.assertIn("no fenced code", found[0])


class Hygiene(unittest.TestCase):
    def test_paths(self):
        self.assertTrue(hygiene.findings("a.md", "see /home/jane/project/x"))
        self.assertTrue(hygiene.findings("a.md", "see /srv/checkout/x", ["/srv/checkout"]))
        self.assertEqual(hygiene.findings("a.md", "see ~/x, /usr/lib/x, a/home/x/y"), [])

    def test_download_hosts(self):
        lock = '{"packages": {"node_modules/a": {"version": "1.0.0"%s}}}'
        self.assertEqual(hygiene.findings("x/package-lock.json", lock % ""), [])
        self.assertTrue(hygiene.findings(
            "x/package-lock.json", lock % ', "resolved": "https://example.org/a.tgz"'))


class Tidy(unittest.TestCase):
    FLAGS = ("-std=gnu++20",)
    WRONG = ("#include <string>\n#include <utility>\n"
             "void f(std::string a, std::string& b) { b = std::move(a); b += a; }\n")

    def look(self, **sources):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name).resolve()
            paths = []
            for stem, text in sources.items():
                paths.append(folder / f"{stem}.cpp")
                paths[-1].write_text(text)
            with mock.patch.multiple(tidy, ROOT=folder, OURS=f"^{re.escape(str(folder))}/"):
                (folder / ".clang-tidy").write_text((ROOT / ".clang-tidy").read_text())
                batch = tidy.Batch(folder / "build", "b", paths, self.FLAGS)
                found, unreadable = batch.look("state")
                return found, unreadable, batch.stamp.is_file()

    def test_shows_what_it_finds_in_every_folder(self):
        for folder in ("include/sagabus", *tidy.FOLDERS):
            self.assertTrue(re.match(tidy.OURS, str(ROOT / folder / "x.cpp")), folder)
        self.assertFalse(re.match(tidy.OURS, str(ROOT / "build/x.cpp")))

    def test_finds_in_a_batch(self):
        found, unreadable, stamped = self.look(right="int g();\n", wrong=self.WRONG)
        self.assertIn("wrong.cpp:3: 'a' used after it was moved", "".join(found))
        self.assertEqual((unreadable, stamped), ([], False))

    def test_passes_what_is_right(self):
        self.assertEqual(self.look(right="int g();\n"), (set(), [], True))

    def test_looks_at_each_alone_where_a_batch_cannot_be_read(self):
        found, unreadable, stamped = self.look(
            one="namespace { int same; }\n", two="namespace { int same; }\n" + self.WRONG)
        self.assertIn("two.cpp:4:", "".join(found))
        self.assertEqual((unreadable, stamped), ([], False))

    def test_names_what_cannot_be_read(self):
        found, unreadable, stamped = self.look(right="int g();\n", broken="int x = ;\n")
        self.assertEqual((found, unreadable, stamped), (set(), ["broken.cpp"], True))


class Usings(unittest.TestCase):
    def test_unused(self):
        for source in ("using a::b;\n// b", 'using ::a::b::c;\nf("c");', "using a::b;\nusing d::b;"):
            self.assertTrue(usings.findings("x.cpp", source), source)

    def test_used(self):
        for source in ("using a::b;\nb x;", "using namespace a::b;", "using b = a::c;",
                       "namespace { using a::b; }\nauto x = f<b>();"):
            self.assertEqual(usings.findings("x.cpp", source), [], source)


@unittest.skipUnless(deploy.yaml, "this python has no yaml")
class Deploy(unittest.TestCase):
    """On a folder of its own, with programs that take --known, and URIs without a `?bad=1`."""
    PROGRAM = ('#!/bin/sh\ncase "$*" in *--help) echo "--known --saga --store --transport SAGABUS_KNOWN" ;;'
               ' *bad=*) exit 2 ;; *) exit 1 ;; esac\n')
    URIS = "# " + " ".join(f"sqlite:///tmp/{name}.db" for name in "abcde") + "\n"

    def complaints(self, text, name="worker.yaml"):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "deploy").mkdir()
            (root / "docs/guide").mkdir(parents=True)
            (root / "docs/guide/aws.md").write_text("AWS_REGION")
            (root / "deploy" / name).write_text(self.URIS + text if name != "task.json" else text)
            (root / "program").write_text(self.PROGRAM)
            (root / "program").chmod(0o755)
            programs = dict.fromkeys(("sagabus", "order_worker"), str(root / "program"))
            with mock.patch.multiple(deploy, ROOT=root, DEPLOY=root / "deploy", problems=[]):
                deploy.check_syntax()
                deploy.check_paths()
                if not deploy.problems:
                    deploy.check_programs(programs)
                return [line for line in deploy.problems if "hardly a URI" not in line]

    def test_passes(self):
        self.assertEqual(self.complaints('args: ["--known"]\nAWS_REGION: SAGABUS_KNOWN\n'), [])
        self.assertEqual(self.complaints("a: !Sub deploy/worker.yaml of dynamodb://${T}?x=1\n"), [])

    def test_hits(self):
        for text, said in (('args: ["--unknown"]\n', "does not take --unknown"),
                           ("a: sqs://x?bad=1\n", "sqs://x?bad=1"),
                           ("a: SAGABUS_OTHER\n", "no program knows SAGABUS_OTHER"),
                           ("a: scripts/nowhere\n", "no such file: scripts/nowhere"),
                           ("a: [\n", "worker.yaml: ")):
            found = self.complaints(text)
            self.assertEqual(len(found), 1, text)
            self.assertIn(said, found[0])
        self.assertEqual(len(self.complaints("{", "task.json")), 1)

    def test_capitalised(self):
        self.assertEqual(deploy.capitalised({"cpu": "1", "containerDefinitions": [{"stopTimeout": 9}]}),
                         {"Cpu": "1", "ContainerDefinitions": [{"StopTimeout": 9}]})

    def test_long_form(self):
        text = "[!Ref A, !GetAtt B.C.D, !Sub 'x${E}', !Join [',', [!Ref F]]]"
        self.assertEqual(deploy.yaml.load(text, deploy.LongForm),
                         [{"Ref": "A"}, {"Fn::GetAtt": ["B", "C.D"]}, {"Fn::Sub": "x${E}"},
                          {"Fn::Join": [",", [{"Ref": "F"}]]}])


class Stacks(unittest.TestCase):
    TABLE, PREFIX = "^[a-zA-Z0-9_.-]{3,255}$", "^[a-zA-Z0-9_-]{1,40}$"

    def cloudformation(self, table=TABLE, prefix=PREFIX, deletion="RetainExceptOnCreate", name="-a.fifo",
                       action="sqs:SendMessage", queues="arn:aws:sqs:${AWS::Region}:123456789012:${QueuePrefix}-*",
                       **more):
        queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": deletion, "UpdateReplacePolicy": "Retain",
                 "Properties": {"QueueName": "${QueuePrefix}" + name}}
        statement = {"Effect": "Allow", "Action": [action], "Resource": queues}
        policy = {"PolicyDocument": {"Statement": [statement]}}
        role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy], **more}}
        return {"Parameters": {"TableName": {"AllowedPattern": table},
                               "QueuePrefix": {"AllowedPattern": prefix}},
                "Resources": {"Queue": queue, "TaskRole": role}}

    def terraform(self, table=TABLE, prefix=PREFIX, others=("endpoints", "ttl_days", "workers"), most=80,
                  queues="${local.queues}", role="execution", **more):
        def check(text):
            return [{"validation": [{"condition": text}]}]
        variables = {name: check(f'${{can(regex("{pattern}", var.{name}))}}')
                     for name, pattern in (("table_name", table), ("queue_prefix", prefix))}
        for name in ("endpoints", "ttl_days", "workers"):
            variables[name] = check("${true}") if name in others else [{}]
        letters = {"name": "a-dlq", "lifecycle": [{"precondition": [
            {"condition": f'${{length("a-dlq") <= {most}}}'}]}]}
        statement = {"statement": [{"actions": ["sqs:SendMessage"], "resources": [queues], **more}]}
        attachment = {"policy_arn": "arn:p", "role": f"${{aws_iam_role.{role}.name}}"}
        here = {"region": "${data.aws_region.here.region}",
                "queues": "arn:aws:sqs:${local.region}:123456789012:${var.queue_prefix}-*"}
        return {"variables.tf": {"variable": variables},
                "main.tf": {"resource": {"aws_sqs_queue": {"dead_letters": [letters]},
                                         "aws_iam_role_policy_attachment": {"a": [attachment]}},
                            "data": {"aws_iam_policy_document": {"worker": [statement]}},
                            "locals": [here]}}

    PRINTED = [{"Sid": "S", "Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": stacks.QUEUE_ARN + "-*"}]

    def complaints(self, **spoilt):
        return list(stacks.problems_of(self.cloudformation(**spoilt), self.terraform(), self.PRINTED))

    def test_passes(self):
        self.assertEqual(self.complaints(), [])

    def test_hits_in_cloudformation(self):
        for spoilt, said in (({"table": ".{3,255}"}, "TableName: takes 'a b'"),
                             ({"prefix": "[a-z]{1,40}"}, "QueuePrefix: refuses 'a_b-C9'"),
                             ({"deletion": "Retain"}, "Queue: DeletionPolicy: expected RetainExcept"),
                             ({"name": "-" + "x" * 40}, "may come to 81 characters"),
                             ({"action": "sqs:*"}, "CloudFormation lets the worker do more"),
                             ({"action": "sqs:*"}, "CloudFormation does not let the worker do"),
                             ({"queues": "*"}, "prints: sqs:SendMessage on *"),
                             ({"queues": "arn:aws:sqs:${AWS::Region}:123456789012:*"}, "123456789012:*"),
                             ({"ManagedPolicyArns": ["arn:p"]}, "prints: all of it on arn:p")):
            self.assertIn(said, "\n".join(self.complaints(**spoilt)), spoilt)

    def test_hits_in_terraform(self):
        for spoilt, said in (({"table": "^[a-z]{3,255}$"}, "table_name: refuses 'a_b-c.D9'"),
                             ({"prefix": "^[a-zA-Z0-9_-]{0,40}$"}, "queue_prefix: takes ''"),
                             ({"others": ("endpoints", "workers")}, "ttl_days: no validation"),
                             ({"most": 90}, "no precondition"),
                             ({"queues": "*"}, "Terraform lets the worker do more"),
                             ({"not_actions": ["s3:*"]}, "this check does not understand"),
                             ({"role": "worker"}, "prints: all of it on arn:p")):
            found = stacks.problems_of(self.cloudformation(), self.terraform(**spoilt), self.PRINTED)
            self.assertIn(said, "\n".join(found), spoilt)


class WithEmulators(unittest.TestCase):
    OWN = {"PATH": os.environ["PATH"], "AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "t",
           "AWS_ENDPOINT_URL_DYNAMODB": "https://example.org", "AWS_ACCESS_KEY_ID": "own"}

    def setUp(self):
        loader = importlib.machinery.SourceFileLoader(
            "with_emulators", str(ROOT / "tests" / "emulators" / "with-emulators"))
        self.module = importlib.util.module_from_spec(
            importlib.util.spec_from_loader(loader.name, loader))
        loader.exec_module(self.module)

    def expect(self, environment):
        aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
        self.assertEqual(aws, self.module.MADE_UP)
        self.assertEqual(environment["SAGABUS_TEST_SQS_ENDPOINT"], "http://127.0.0.1:1/a b")
        self.assertEqual(environment["PATH"], self.OWN["PATH"])

    def test_environment(self):
        with mock.patch.dict(os.environ, self.OWN, clear=True):
            self.expect(self.module.environment_for({"sqs": "http://127.0.0.1:1/a b"}))

    def test_shell_lines(self):
        with mock.patch.dict(os.environ, self.OWN, clear=True):
            lines = self.module.shell_lines({"sqs": "http://127.0.0.1:1/a b"})
        said = subprocess.run(["sh", "-c", "\n".join(lines) + "\nenv"], env=self.OWN, check=True,
                              capture_output=True, text=True).stdout
        self.expect(dict(line.split("=", 1) for line in said.splitlines()))


if __name__ == "__main__":
    unittest.main()
