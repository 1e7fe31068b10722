# SPDX-License-Identifier: Apache-2.0
"""The commands, as they are typed, and PRODUCT §6's first fragment at work."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import threading
import unittest

from harness import Case, ROOT, SPEECHES, Weir, fetch, run_weir
from harness.gateway import BINARY, clean_environment
from sim import Sim, answers, steps

COMMANDS = ("serve", "demo", "check", "explain", "models", "mock", "version", "help")
FRAGMENT = """\
providers:
  anthropic:
    priority: 1
    models: [claude-opus-4.7, claude-sonnet-4.6]
  google:
    priority: 2
    models: [gemini-3.1-pro, gemini-3-flash]
  openai:
    priority: 3
    models: [gpt-5.5, gpt-5.4-mini]
routing:
  - match: { model: "claude-opus-4.7" }
    try: [anthropic, openai]
  - match: { model: "gemini-3-flash" }
    try: [google, anthropic]
  - match: { prompt_length: "<2000" }
    prefer: cheapest
"""
ENVIRONMENT = {"ANTHROPIC_API_KEY": "sk-ant-CANARY-1", "OPENAI_API_KEY": "sk-oai-CANARY-2", "GEMINI_API_KEY": "gk-CANARY-3"}


class Commands(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-e2e-")
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)

    def file(self, text, name="weir.yaml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def run_(self, *arguments, status=0, env=None, **options):
        """Runs it in the test's folder, with no colour and no secret in what it says."""
        result = run_weir(*arguments, env=env, cwd=self.folder, **options)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertNotIn("\x1b", result.stdout + result.stderr)
        self.assertNotIn("CANARY", result.stdout + result.stderr)
        return result


class Help(Commands):
    def test_every_command_has_help(self):
        listed = self.run_("--help").stdout
        self.assertEqual(re.findall(r"^  ([a-z]+)  ", listed, re.M), list(COMMANDS))
        self.assertEqual(self.run_("help").stdout, listed)
        for command in COMMANDS:
            with self.subTest(command=command):
                text = self.run_(command, "--help").stdout
                self.assertIn(f"Usage: weir {command}", text)
                self.assertEqual(self.run_("help", command).stdout, text)
                self.assertEqual(self.run_(command, "-h").stdout, text)
                self.assertLessEqual(max(map(len, text.splitlines())), 120)

    def test_manual_and_completion_name_everything(self):
        manual = (ROOT / "man/weir.1").read_text().replace("\\-", "-")
        completions = {name: (ROOT / "completion" / name).read_text() for name in ("weir.bash", "_weir", "weir.fish")}
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertIn(f".SS weir {command}\n", manual)
                for name, text in completions.items():
                    self.assertRegex(text, rf"\b{command}\b", name)
                for option in re.findall(r"--([a-z-]+)", self.run_(command, "--help").stdout.split("\n\n")[2]):
                    self.assertIn(f"--{option}", manual)
                    for name, text in completions.items():
                        self.assertRegex(text, rf"(--|-l ){option}\b", f"{name}: {option}")

    def test_version(self):
        text = self.run_("version").stdout
        self.assertRegex(text, r"^weir \d+\.\d+\.\d+ \(catalogue \d{4}-\d\d-\d\d: \d+ providers, \d+ models\)\n$")
        self.assertEqual(self.run_("--version").stdout, text)

    def test_wrong_usage(self):
        for arguments, said in (((), None), (("serv",), "did you mean 'serve'"), (("exlain",), "did you mean 'explain'"),
                                (("xyzzy",), "xyzzy"),
                                (("check", "--confg", "x"), "did you mean '--config'"), (("check", "-c"), "needs FILE"),
                                (("check", "-z"), "-z"),
                                (("explain", "--model", "a", "--model", "b"), "too often"), (("help", "nope"), "nope"),
                                (("version", "x"), "'x'"),
                                (("check", "--quiet=1"), "no value")):
            with self.subTest(arguments=arguments):
                result = self.run_(*arguments, status=2)
                self.assertIn(said or "Usage: weir", result.stderr if said else result.stdout)
        for command in ("key", "usage", "eval", "top", "import"):
            self.assertIn("later", self.run_(command, status=2).stderr)

    def test_colours_only_on_a_terminal(self):
        def on_terminal(**env):
            ours, theirs = pty.openpty()
            process = subprocess.Popen([BINARY, "--help"], stdout=theirs, stderr=theirs, env=clean_environment({"TERM": "xterm", **env}))
            os.close(theirs)
            data = b""
            try:
                while piece := os.read(ours, 4096):
                    data += piece
            except OSError:
                pass
            os.close(ours)
            self.assertEqual(process.wait(20), 0)
            return data
        self.assertIn(b"\x1b[", on_terminal())
        self.assertNotIn(b"\x1b[", on_terminal(NO_COLOR="1"))


class Check(Commands):
    def test_the_fragment_is_valid(self):
        result = self.run_("check", "-c", self.file(FRAGMENT), env=ENVIRONMENT)
        self.assertEqual(result.stderr, "")
        self.assertIn("rule-1: claude-opus-4.7 at openai: gpt-5.5 stands in", result.stdout)
        self.assertIn("rule-2: gemini-3-flash at anthropic: claude-sonnet-4.6 stands in", result.stdout)
        self.assertRegex(result.stdout.splitlines()[-1], r"^ok .*weir\.yaml: 3 providers")
        self.assertEqual(self.run_("check", "-q", "-c", self.file(FRAGMENT), env=ENVIRONMENT).stdout, "")

    def test_as_json(self):
        value = {"providers": {"openai": {"models": ["gpt-5.5"]}}, "models": {"smart": "gpt-5.5"}}
        self.run_("check", "-c", self.file(json.dumps(value), "weir.json"), env=ENVIRONMENT)
        self.run_("check", "-c", self.file(json.dumps(value, indent=2), "weir.json"), env=ENVIRONMENT)

    def test_an_empty_file_is_valid(self):
        for text in ("", "\n", "# nothing\n", "{}", "---\n"):
            with self.subTest(text=text):
                self.run_("check", "-c", self.file(text), env=ENVIRONMENT)

    def test_where_the_file_is_looked_for(self):
        self.assertIn("weir demo", self.run_("check", status=1).stdout)
        named = self.file(FRAGMENT, "named.yaml")
        self.assertIn("named.yaml", self.run_("check", env={**ENVIRONMENT, "WEIR_CONFIG": str(named)}).stdout)
        self.file("providers: { openai: {} }")
        self.assertIn("weir.yaml: 1 provider", self.run_("check", env=ENVIRONMENT).stdout)
        self.assertIn("missing.yaml: error", self.run_("check", "-c", "missing.yaml", status=1).stdout)

    def test_missing_keys_are_warnings(self):
        result = self.run_("check", "-c", self.file(FRAGMENT))
        for place, variable in (("2:3", "ANTHROPIC_API_KEY"), ("5:3", "GEMINI_API_KEY"), ("8:3", "OPENAI_API_KEY")):
            self.assertRegex(result.stdout + result.stderr, rf"weir\.yaml:{place}: warning: .*{variable}")

    def test_problems_have_a_place_and_the_right_word(self):
        cases = [
            ("provider: {}", "1:1", "providers"),
            ("providers:\n  openai:\n    prioritty: 1", "3:5", "priority"),
            ("providers:\n  openai:\n    models: [gpt-5.5]\nrouting:\n  - match: { modle: x }", "5:14", "model"),
            ("providers:\n  x:\n    dialect: openai-caht\n    base_url: http://a/v1", "3:14", "openai-chat"),
            ("providers:\n  x:\n    dialect: openai-chat\n    base_url: a/v1", "4:15", "http"),
            ("providers:\n  openai: {}\ndefaults:\n  timeout: { connect: 3 }", "4:23", "20s"),
            ("providers:\n  openai: {}\nlimits: { body: lots }", "3:17", "64MB"),
            ("providers:\n  openai: {}\nworkers: many", "3:10", "a whole number"),
            ("providers:\n  openai: {}\nrouting:\n  - try: [opnai]", "4:11", "openai"),
            ("providers:\n  openai: {}\n  openai: {}", "3:3", "openai"),
            ("providers:\n  openai: { keys: [\"${NOT_SET}\"] }", "2:20", "NOT_SET"),
            ("providers:\n  openai: { keys: [\"${file:/not/there}\"] }", "2:20", "/not/there"),
            ("providers:\n  openai: {}\nshared: valkey:x", "3:1", "later"),
            ("providers:\n  openai: {}\nlisten: 0.0.0.0:8484", "3:9", "keys"),
            ("providers:\n\topenai: {}", "2:", "YAML"),
        ]
        for text, place, word in cases:
            with self.subTest(text=text):
                result = self.run_("check", "-c", self.file(text), env=ENVIRONMENT, status=1)
                said = result.stdout + result.stderr
                self.assertRegex(said, rf"weir\.yaml:{place}.*error: .*{re.escape(word)}")

    def test_all_problems_at_once(self):
        result = self.run_("check", "-c", self.file("workers: many\nlisten: nowhere\nprovidres: {}\nlimits: { body: x }"), status=1)
        said = result.stdout + result.stderr
        for line in (1, 2, 3, 4):
            self.assertIn(f"weir.yaml:{line}:", said)
        self.assertIn("4 errors", said)


class ExplainAndModels(Commands):
    def explain(self, *arguments, status=0, text=FRAGMENT, **env):
        result = self.run_("explain", "-c", self.file(text), "--json", *arguments, status=status, env={**ENVIRONMENT, **env})
        return json.loads(result.stdout)

    def targets(self, value):
        return [(c["provider"], c["sent_as"]) for c in value["candidates"] if c["usable"]]

    def test_the_plan_of_the_fragment(self):
        value = self.explain("--model", "claude-opus-4.7")
        self.assertEqual(value["route"], "rule-1")
        self.assertEqual(self.targets(value), [("anthropic", "claude-opus-4-7"), ("openai", "gpt-5.5")])
        self.assertEqual([c["substituted"] for c in value["candidates"]], [False, True])
        value = self.explain("--model", "gpt-5.4-mini", "--prompt-tokens", "100")
        self.assertEqual((value["route"], self.targets(value)), ("rule-3", [("openai", "gpt-5.4-mini")]))
        value = self.explain("--model", "gpt-5.4-mini", "--prompt-tokens", "5000")
        self.assertEqual(value["route"], "direct")

    def test_only_and_missing_keys(self):
        value = self.explain("--model", "claude-opus-4.7", "--only", "openai")
        self.assertEqual(self.targets(value), [("openai", "gpt-5.5")])
        value = self.explain("--model", "claude-opus-4.7", ANTHROPIC_API_KEY="")
        self.assertEqual(self.targets(value), [("openai", "gpt-5.5")])
        self.assertIn("no key", json.dumps(value))

    def test_unknown_model(self):
        value = self.explain("--model", "claude-opus-4.8", status=1)
        self.assertIn("claude-opus-4.7", value["refusal"]["message"])
        self.assertEqual((value["refusal"]["status"], value["candidates"]), (404, []))

    def test_for_people(self):
        text = self.run_("explain", "-c", self.file(FRAGMENT), "--model", "claude-opus-4.7", env=ENVIRONMENT).stdout
        for word in ("anthropic", "openai", "gpt-5.5 (stands in)", "$", "https://api.openai.com/v1/chat/completions", "rule-1"):
            self.assertIn(word, text)

    def test_models(self):
        text = self.run_("models", "-c", self.file(FRAGMENT), env=ENVIRONMENT).stdout
        self.assertEqual([line.split()[0] for line in text.splitlines()[1:]],
                         ["claude-opus-4.7", "claude-sonnet-4.6", "gemini-3.1-pro", "gemini-3-flash", "gpt-5.5", "gpt-5.4-mini"])
        value = json.loads(self.run_("models", "-c", self.file(FRAGMENT), "--json", env=ENVIRONMENT).stdout)
        self.assertIn("claude-opus-4.7", json.dumps(value))
        self.assertIn("(anthropic)", self.run_("models", "-c", self.file(FRAGMENT)).stdout)

    def test_from_the_environment_alone(self):
        """Zero configuration: a provider for each key variable that is set, first-party ones first."""
        value = json.loads(self.run_("explain", "--json", "--model", "claude-opus-4.7",
                                     env={"OPENROUTER_API_KEY": "r-CANARY", "ANTHROPIC_API_KEY": "a-CANARY"}).stdout)
        self.assertEqual([c["provider"] for c in value["candidates"]], ["anthropic", "openrouter"])
        text = self.run_("models", env={"OPENAI_API_KEY": "o-CANARY"}).stdout
        self.assertIn("gpt-5.5", text)
        self.assertNotIn("claude", text)
        self.assertIn("weir demo", self.run_("models", status=1).stderr)


class Demo(Commands):
    def test_once(self):
        text = self.run_("demo", "--once").stdout
        self.assertRegex(text, r"anthropic is asked for \S+ and fails: status 529")
        self.assertRegex(text, r"200 from openai as gpt-5\.5, 2 attempts")
        self.assertEqual(len(re.findall(r"^   200 from", text, re.M)), 3)

    def test_with_the_log(self):
        result = self.run_("demo", "--once", "--log")
        records = [json.loads(line) for line in result.stderr.splitlines() if line.startswith('{"request_id"')]
        self.assertEqual([r["fallback_used"] for r in records], [False, False, True])

    def test_until_interrupted(self):
        process = subprocess.Popen([BINARY, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment(),
                                   cwd=self.folder, stdin=subprocess.DEVNULL)
        self.addCleanup(process.stdout.close)
        timer = threading.Timer(30, process.kill)
        timer.start()
        for line in process.stdout:
            if "curl" in line:
                match = re.search(r"http://[\w.:]+", line)
                break
        port = int(match.group().rsplit(":", 1)[1])
        for dialect, model in (("openai-chat", "gpt-5.5"), ("anthropic", "claude-sonnet-4.6"), ("gemini", "gemini-3-flash")):
            for stream in (False, True):
                speech = SPEECHES[dialect]
                response = fetch(port, "POST", speech.path(model, stream), speech.headers, speech.body(model, stream), dialect=dialect)
                self.assertEqual(response.status, 200, response.body)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        self.assertEqual(process.wait(20), 0)
        timer.cancel()


class Mock(Commands):
    def mock(self, *arguments):
        """The port of a `weir mock`."""
        process = subprocess.Popen([BINARY, "mock", "--listen", "127.0.0.1:0", "--quiet", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, env=clean_environment(), stdin=subprocess.DEVNULL)
        line = process.stdout.readline()

        def stop():
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            process.stdout.close()
            self.assertEqual(process.wait(20), 0, rest)
        self.addCleanup(stop)
        return int(re.search(r"127\.0\.0\.1:(\d+)", line).group(1))

    def ask(self, port, dialect, stream=False, model="some-model", headers=()):
        speech = SPEECHES[dialect]
        return fetch(port, "POST", speech.path(model, stream), [*speech.headers, *headers], speech.body(model, stream), dialect=dialect)

    DIALECTS = ("openai-chat", "anthropic", "gemini")

    def test_three_dialects(self):
        port = self.mock("--name", "riverbed", "--tokens", "12")
        for dialect in self.DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    response = self.ask(port, dialect, stream)
                    self.assertEqual(response.status, 200, response.body)
                    self.assertIn(b"riverbed", response.body)
                    if stream:
                        self.assertTrue(response.stream.finish)

    def test_faults(self):
        port = self.mock("--fault", "status=503,retry-after=7,times=1,model=a", "--fault", "error-event,after=2,model=b", "--fault",
                         "end,after=2,model=c", "--fault", "cut,after=2,model=d", "--fault", "reset,model=e", "--fault",
                         "malformed,model=f",
                         "--fault", "status=429,every=2,model=g")
        for dialect in self.DIALECTS:
            with self.subTest(dialect=dialect):
                self.assertEqual(self.ask(port, dialect, model="fault-503").status, 503)
                self.assertIn("error", self.ask(port, dialect, model="fault-401").json())
                stream = self.ask(port, dialect, True, model="b").stream
                self.assertIsNotNone(stream.error)
                with self.assertRaises(AssertionError):
                    self.ask(port, dialect, True, model="c")  # no stream of any grammar
                with self.assertRaises((AssertionError, ConnectionError)):
                    self.ask(port, dialect, True, model="d")
                with self.assertRaises((EOFError, ConnectionError)):
                    self.ask(port, dialect, model="e")
                with self.assertRaises(ValueError):
                    self.ask(port, dialect, model="f").json()
        response = self.ask(port, "openai-chat", model="a")
        self.assertEqual((response.status, response.header("retry-after")), (503, "7"))
        self.assertEqual(self.ask(port, "openai-chat", model="a").status, 200)
        self.assertEqual(sorted(self.ask(port, "openai-chat", model="g").status for _ in range(4)), [200, 200, 429, 429])

    def test_limit(self):
        port = self.mock("--limit", "3")
        statuses = [self.ask(port, "anthropic") for _ in range(4)]
        self.assertEqual([r.status for r in statuses], [200, 200, 200, 429])
        self.assertGreaterEqual(int(statuses[3].header("retry-after")), 1)

    def test_key(self):
        port = self.mock("--key", "mock-key")
        for dialect in self.DIALECTS:
            speech = SPEECHES[dialect]
            for key, status in (("mock-key", 200), ("wrong", 400 if dialect == "gemini" else 401)):
                with self.subTest(dialect=dialect, key=key):
                    response = self.ask(port, dialect, headers=[(speech.key_header, speech.key_format.format(key))])
                    self.assertIn(response.status, (status, 401 if status != 200 else 200))

    def test_wrong_faults(self):
        for spec in ("statu=503", "status", "status=99", "cut,after=x", "cut,whenever=1", "", "reset,chance=2"):
            with self.subTest(spec=spec):
                self.assertIn("fault", self.run_("mock", "--listen", "127.0.0.1:0", "--fault", spec, status=2).stderr)

    def test_behind_a_weir(self):
        """What `weir demo` does, by hand: two mocks, the first one failing."""
        bad, good = self.mock("--fault", "status=529", "--name", "bad"), self.mock("--name", "good")
        weir = Weir({"providers": {
            "bad": {"dialect": "anthropic", "base_url": f"http://127.0.0.1:{bad}", "auth": "none", "models": ["m"]},
            "good": {"dialect": "anthropic", "base_url": f"http://127.0.0.1:{good}", "auth": "none", "models": ["m"]}}})
        self.addCleanup(weir.stop)
        response = self.ask(weir.port, "anthropic", True, model="m")
        self.assertIn("good", response.stream.text)
        self.assertTrue(weir.record_of(response)["fallback_used"])


class ZeroConfiguration(Commands):
    def test_serve_from_the_environment(self):
        """`weir serve` and nothing else listens on the default ports; when somebody has them, another time."""
        process = subprocess.Popen([BINARY, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder,
                                   env=clean_environment({"OPENAI_API_KEY": "o-CANARY", "XDG_STATE_HOME": str(self.folder)}),
                                   stdin=subprocess.DEVNULL)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        line = process.stdout.readline()
        if not line:
            process.wait(20)
            said = process.stderr.read()
            self.assertIn("in use", said)
            self.skipTest("the default ports are in use")
        self.assertIn("listens on 127.0.0.1:8484, admin on 127.0.0.1:8485", line)
        listed = fetch(8484, "GET", "/v1/models")
        ready = fetch(8485, "GET", "/readyz")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)
        self.assertEqual((listed.status, ready.status), (200, 200))
        self.assertEqual({model["owned_by"] for model in listed.json()["data"]}, {"openai"})


class TheFirstFragment(Case):
    """PRODUCT §6's first file, with nothing added but where its providers are."""

    def setUp(self):
        super().setUp()
        self.sims = {name: self.with_(Sim("openai-chat", "openai-responses", "anthropic", "gemini", key=key, name=name)) for name, key in
                     (("anthropic", ENVIRONMENT["ANTHROPIC_API_KEY"]), ("openai", ENVIRONMENT["OPENAI_API_KEY"]),
                      ("google", ENVIRONMENT["GEMINI_API_KEY"]))}
        text = "listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n" + FRAGMENT
        for name, end in (("anthropic", ""), ("openai", "/v1"), ("google", "")):
            text = text.replace(f"  {name}:\n", f"  {name}:\n    base_url: {self.sims[name].url}{end}\n")
        self.weir = self.with_(Weir(text, env=ENVIRONMENT))

    def test_an_openai_client_asks_for_claude(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                response = self.ask("openai-chat", stream, model="claude-opus-4.7")
                self.assertEqual((response.status, response.header("x-weir-provider")), (200, "anthropic"))
                self.assertEqual(self.sims["anthropic"].journal[-1].json()["model"], "claude-opus-4-7")

    def test_and_is_answered_when_anthropic_fails(self):
        faults = [lambda: answers.fail(529), lambda: answers.fail(500), answers.reset, lambda: answers.fail(401),
                  lambda: answers.stream(edit=lambda events: [events[0], steps.RESET])]
        for number, fault in enumerate(faults):
            for stream in (False, True) if number < 4 else (True,):
                with self.subTest(fault=number, stream=stream):
                    self.sims["anthropic"].script.clear()
                    self.sims["anthropic"].next(*[fault() for _ in range(3)])
                    response = self.ask("openai-chat", stream, model="claude-opus-4.7")
                    self.assertEqual((response.status, response.header("x-weir-provider")), (200, "openai"))
                    self.assertEqual(response.header("x-weir-model"), "gpt-5.5")
                    self.assertIn("Hello from openai", self.text_of("openai-chat", response))
                    self.assertEqual(self.sims["openai"].journal[-1].json()["model"], "gpt-5.5")
                    record = self.weir.record_of(response)
                    self.assertEqual((record["route"], record["model"], record["fallback_used"]), ("rule-1", "gpt-5.5", True))
                    self.assertGreater(record["cost_usd"], 0)

    def test_an_anthropic_client_is_answered_by_openai(self):
        """In its own dialect, when Anthropic cannot."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.assertEqual(self.ask("anthropic", stream, model="claude-opus-4.7").header("x-weir-provider"), "anthropic")
                self.sims["anthropic"].next(answers.fail(529))
                response = self.ask("anthropic", stream, model="claude-opus-4.7")
                self.assertEqual((response.status, response.header("x-weir-provider")), (200, "openai"))
                self.assertIn("Hello from openai", self.text_of("anthropic", response))

    def test_gemini(self):
        self.assertEqual(self.ask("gemini", model="gemini-3-flash").header("x-weir-provider"), "google")
        self.assertEqual(self.ask("openai-chat", True, model="gemini-3-flash").header("x-weir-provider"), "google")


if __name__ == "__main__":
    unittest.main()
