# SPDX-License-Identifier: Apache-2.0
"""The headers that are weir's own: controls on requests (x-weir-*), and what answers say of how they came about."""

import re
import unittest

from harness import Case, SPEECHES, Weir, fetch
from harness.case import KEYS
from sim import answers, steps

DIALECTS = tuple(SPEECHES)
OWN = {"x-weir-request-id", "x-weir-provider", "x-weir-model", "x-weir-attempts", "x-weir-cache", "x-weir-cost-usd", "x-weir-dropped",
       "x-weir-error-origin"}


class Controls(Case):
    dialects = DIALECTS

    def test_none_reaches_a_provider(self):
        controls = [("x-weir-tags", "a,b=c"), ("x-weir-user", "u-1"), ("x-weir-session", "s-1"), ("x-weir-cache", "off"),
                    ("x-weir-timeout", "30s")]
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.clear()
                    response = self.ask(dialect, stream, headers=[*controls, ("X-Weir-Only", f"one-{dialect}")])
                    self.assertEqual(response.status, 200)
                    names = [name.lower() for name, _ in self.one.journal[0].headers]
                    self.assertEqual([name for name in names if name.startswith("x-weir")], [])

    def test_recorded(self):
        controls = [("x-weir-tags", "team=blue, nightly"), ("X-Weir-User", "user-17"), ("x-weir-session", "session-4")]
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                record = self.weir.record_of(self.ask(dialect, headers=controls))
                self.assertEqual((record["tags"], record["user"], record["session"]), ("team=blue, nightly", "user-17", "session-4"))
        record = self.weir.record_of(self.ask("openai-chat", headers=[("x-weir-user", "from-header")], user="from-body"))
        self.assertEqual(record["user"], "from-header")
        record = self.weir.record_of(self.ask("openai-chat", user="from-body"))
        self.assertEqual(record["user"], "from-body")

    def test_recorded_texts_are_bounded_and_whole(self):
        record = self.weir.record_of(self.ask("openai-chat", headers=[("x-weir-tags", "ü".encode().decode("latin-1") * 3000)]))
        self.assertLess(len(record["tags"]), 2000)
        self.assertEqual(set(record["tags"]), {"ü"})

    def test_only_narrows(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                for only, spoke in ((f"one-{dialect}", "one"), (f"two-{dialect}", "two"), (f"two-{dialect}, one-{dialect}", "one"),
                                    (f"two-{dialect},nowhere", "two")):
                    response = self.ask(dialect, headers=[("x-weir-only", only)])
                    self.assertEqual(response.header("x-weir-provider"), f"{spoke}-{dialect}")
                self.two.clear()
                self.one.next(answers.fail(500), answers.fail(500))
                response = self.ask(dialect, headers=[("x-weir-only", f"one-{dialect}")])
                self.assert_error(response, 502)
                self.assertEqual(self.two.journal, [])
                for nobody in ("nowhere", "", f"one-{dialect}x", f"ONE-{dialect.upper()}"):
                    response = self.ask(dialect, headers=[("x-weir-only", nobody)])
                    self.assertIn(response.status, (400, 403, 404, 503), response.body)
                    self.assertEqual(response.header("x-weir-error-origin"), "gateway")

    def test_timeout(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.next(answers.silence())
                    response = self.ask(dialect, stream, headers=[("x-weir-timeout", "80ms")])
                    self.assert_error(response, 504, "weir_timeout_request", "gateway")
                    self.assertIn("deadline", response.message)
        for wrong in ("5", "-1s", "0s", "0ms", "soon", "1s ", "1 s", "99999999999999999999s", "1e3s", ""):
            with self.subTest(wrong=wrong):
                response = self.ask("openai-chat", headers=[("x-weir-timeout", wrong)])
                if wrong == "1s ":
                    self.assertEqual(response.status, 200)  # blanks around a value are not of it
                else:
                    self.assert_error(response, 400, "weir_bad_request", "gateway")

    def test_timeout_after_content(self):
        """The deadline holds for a stream that has begun, too: it is told inside."""
        self.one.next(answers.stream(edit=lambda events: [*events[:-3], steps.SILENCE]))
        response = self.ask("openai-chat", True, headers=[("x-weir-timeout", "250ms")])
        self.assertEqual(response.status, 200)
        self.assertEqual(response.stream.error["code"], "weir_timeout_request")

    def test_cache_words(self):
        for word in ("off", "refresh"):
            response = self.ask("openai-chat", headers=[("x-weir-cache", word)])
            self.assertEqual((response.status, response.header("x-weir-cache")), (200, "off"))
        for wrong in ("on", "OFF", "no-cache", ""):
            with self.subTest(wrong=wrong):
                self.assert_error(self.ask("openai-chat", headers=[("x-weir-cache", wrong)]), 400, "weir_bad_request", "gateway")

    def test_unknown_controls(self):
        for name, nearest in (("x-weir-tag", "x-weir-tags"), ("x-weir-timeot", "x-weir-timeout"), ("X-Weir-Usr", "x-weir-user"),
                              ("x-weir-cash", "x-weir-cache"), ("x-weir-provider", "x-weir-"), ("x-weir-", "x-weir-")):
            for dialect in DIALECTS:
                with self.subTest(name=name, dialect=dialect):
                    response = self.ask(dialect, headers=[(name, "x")])
                    self.assert_error(response, 400, "weir_bad_request", "gateway")
                    self.assertIn(name.lower(), response.message)
                    self.assertIn(f"did you mean '{nearest}", response.message)
        self.assert_error(self.ask("openai-chat", headers=[("x-weir-user", "a"), ("x-weir-user", "b")]), 400, "weir_bad_request")
        self.assertEqual(self.one.journal, [])


class AnswerHeaders(Case):
    dialects = DIALECTS

    def test_whole_and_streamed(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    model = self.model(dialect)
                    response = self.ask(dialect, stream, model=model)
                    own = {name.lower() for name, _ in response.headers if name.lower().startswith("x-weir-")}
                    self.assertEqual(own - OWN, set())
                    self.assertRegex(response.header("x-weir-request-id"), r"^req_[0-9a-f]{24}$")
                    self.assertEqual(response.header("x-weir-provider"), f"one-{dialect}")
                    self.assertEqual(response.header("x-weir-model"), model)
                    self.assertEqual(response.header("x-weir-attempts"), "1")
                    self.assertEqual(response.header("x-weir-cache"), "off")
                    self.assertIsNone(response.header("x-weir-error-origin"))
                    self.assertIsNone(response.header("x-weir-dropped"))
                    for name, _ in response.headers:
                        self.assertEqual(len(response.all(name)), 1, f"{name} stands twice")

    def test_request_ids_are_unique_and_ours(self):
        ids = {self.ask("openai-chat", headers=[("x-weir-user", "x"), ("x-request-id", "mine")]).header("x-weir-request-id")
               for _ in range(20)}
        self.assertEqual(len(ids), 20)

    def test_cost_of_whole_answers(self):
        sim = self.one
        weir = self.with_(Weir({"providers": {"openai": {"base_url": sim.url + "/v1", "keys": [KEYS["one"]], "models": ["gpt-5.5"]}}}))
        response = self.ask("openai-chat", model="gpt-5.5", weir=weir)
        self.assertEqual(response.status, 200, response.body)
        cost = response.header("x-weir-cost-usd")
        self.assertRegex(cost, r"^0\.\d+$")
        self.assertGreater(float(cost), 0)
        self.assertEqual(float(cost), weir.record_of(response)["cost_usd"])
        self.assertIsNone(self.ask("openai-chat", True, model="gpt-5.5", weir=weir).header("x-weir-cost-usd"))
        self.assertIsNone(self.ask("openai-chat").header("x-weir-cost-usd"), "an unknown price was told")

    def test_server_timing(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                stages = dict(re.fullmatch(r"(\w+);dur=([\d.]+)", part).groups()
                              for part in self.ask("openai-chat", stream).header("server-timing").split(", "))
                self.assertEqual(list(stages), ["read", "plan", "connect", "first_byte", "weir"])
                for stage, duration in stages.items():
                    self.assertLess(float(duration), 20000, stage)

    def test_request_id_of_every_answer(self):
        for method, path in (("GET", "/v1/models"), ("GET", "/healthz"), ("GET", "/nowhere"), ("DELETE", "/v1/models"),
                             ("POST", "/v1/images/generations")):
            with self.subTest(path=path):
                self.assertRegex(fetch(self.weir.port, method, path).header("x-weir-request-id"), "^req_")


class ErrorHeaders(Case):
    dialects = DIALECTS
    providers_extra = {"retries": 0}

    def test_origin(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(answers.fail(400, "no such member"))
                response = self.ask(dialect)
                self.assert_error(response, 400, origin="provider")
                self.assertIn("no such member", response.message)
                self.assert_error(self.ask(dialect, body=b"{"), 400, "weir_bad_request", "gateway")
                self.one.next(answers.fail(500))
                self.two.next(answers.reset(), answers.reset())
                self.assert_error(self.ask(dialect), 502)
                self.two.script.clear()

    def test_should_retry(self):
        """What weir has retried to its budget is not to be retried by the SDK on top of it."""
        for dialect in DIALECTS:
            for status, expected in ((401, 502), (403, 502), (500, 502), (429, 429)):
                with self.subTest(dialect=dialect, status=status):
                    self.one.next(answers.fail(status))
                    self.two.next(answers.fail(status))
                    response = self.ask(dialect)
                    self.assert_error(response, expected)
                    self.assertEqual(response.header("x-should-retry"), "false")
                    self.assertEqual(response.header("x-weir-attempts"), "2")
            with self.subTest(dialect=dialect, status=404):
                response = self.ask(dialect, model="no-such-model")
                self.assert_error(response, 404, "model_not_found", "gateway")
                self.assertEqual(response.header("x-should-retry"), "false")
                self.assertIsNone(response.header("x-weir-attempts"))

    def test_retry_after_is_the_smallest_true_one(self):
        for dialect in DIALECTS:
            for first, second, told in (("60", "20", "20"), ("20", "60", "20"), (None, "30", "30"), ("30", None, "30"), (None, None, None)):
                with self.subTest(dialect=dialect, first=first, second=second):
                    for sim, value in ((self.one, first), (self.two, second)):
                        sim.next(answers.fail(429, headers=[("Retry-After", value)] if value else []))
                    response = self.ask(dialect)
                    self.assert_error(response, 429)
                    self.assertEqual(response.header("retry-after"), told)

    def test_overloaded(self):
        """529 is Anthropic's own word; others know 429."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(answers.fail(529, "Overloaded", "overloaded_error"))
                self.two.next(answers.fail(529, "Overloaded", "overloaded_error"))
                self.assert_error(self.ask(dialect), 529 if dialect == "anthropic" else 429)

    def test_all_breakers_open(self):
        model = self.model("openai-chat")
        for number in range(40):
            for sim in (self.one, self.two):
                sim.script.clear()
                sim.next(answers.fail(500))
            response = self.ask("openai-chat", model=model)
            if response.status == 503:
                break
        self.one.script.clear()
        self.two.script.clear()
        self.assertIn(response.status, (502, 503))
        if response.status == 503:
            self.assertGreaterEqual(int(response.header("retry-after")), 1)
            self.assertEqual(response.code, "weir_unavailable")


if __name__ == "__main__":
    unittest.main()
