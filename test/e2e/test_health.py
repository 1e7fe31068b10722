# SPDX-License-Identifier: Apache-2.0
"""Providers are looked after between requests: who is down is not asked, who is back is asked soon, and nothing is paid for it."""

import unittest

from harness import Case, SPEECHES, Weir
from harness.case import KEYS
from harness.http2_face import Http2Face
from sim import Sim, answers
from sim.tls import Authority

DIALECTS = tuple(SPEECHES)
LISTS = {"openai-chat": "/v1/models", "openai-responses": "/v1/models", "anthropic": "/v1/models", "gemini": "/v1beta/models"}


class Listing(Sim):
    """Also has a list of models, which answers as the test says."""

    list_status, list_headers, refused_keys = 200, (), ()

    async def _answer(self, connection, request):
        if request.method != "GET":
            return await super()._answer(connection, request)
        refused = any(key in value for _, value in request.headers for key in self.refused_keys)
        script = answers.body({"data": []}, 401 if refused else self.list_status, headers=self.list_headers)
        return await script.play(type("Wire", (), {"sim": self, "connection": connection, "send": connection.send,
                                                   "send_body": connection.send})())

    @property
    def lists(self):
        return [request for request in self.journal if request.method == "GET"]

    @property
    def prompts(self):
        return [request for request in self.journal if request.method != "GET"]


class Health(Case):
    def start_two(self, dialect="openai-chat", check="models", **more):
        self.one = self.with_(Listing(dialect, key=KEYS["one"], name="one"))
        self.two = self.with_(Sim(dialect, key=KEYS["two"], name="two"))
        self.weir = self.with_(Weir(self.configuration(dialect, {"check": check, "every": "1s"}, **more)))

    def configuration(self, dialect, health, url=None, **more):
        base = SPEECHES[dialect].base
        first = {"dialect": dialect, "base_url": (url or self.one.url) + base, "keys": [KEYS["one"]], "models": ["m"], "priority": 1, **more}
        if health:
            first["health"] = health
        return {"providers": {"one": first, "two": {"dialect": dialect, "base_url": self.two.url + base, "keys": [KEYS["two"]],
                                                    "models": ["m"], "priority": 2}}}

    def check_by(self, name, dialect="openai-chat", attempts="1"):
        response = self.ask(dialect, model="m")
        self.assertEqual((response.status, response.header("x-weir-provider"), response.header("x-weir-attempts")), (200, name, attempts))

    def test_who_is_down_is_not_asked(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.start_two(dialect)
                self.check_by("one", dialect)
                self.one.list_status = 503
                self.weir.wait_line(r"provider one \(127.0.0.1:\d+\) is down: .* status 503")
                before = len(self.one.prompts)
                for _ in range(3):
                    self.check_by("two", dialect)
                self.assertEqual(len(self.one.prompts), before)
                self.one.list_status = 200
                self.weir.wait_line(r"provider one .* is there again")
                self.check_by("one", dialect)
                self.assertEqual({request.path for request in self.one.lists}, {LISTS[dialect]})
                self.assertEqual({request.method for request in self.one.prompts}, {"POST"})
                self.assertEqual(len(self.one.prompts), before + 1)  # as many as there were requests
                self.assertTrue(all(any(KEYS["one"] in value for _, value in request.headers) for request in self.one.lists))
                self.weir.stop()

    def test_by_connecting(self):
        self.start_two(check="connect")
        self.check_by("one")
        port = self.one.port
        self.one.close()
        self.weir.wait_line(r"provider one .* is down: no connection to")
        self.check_by("two")
        again = self.with_(Listing("openai-chat", key=KEYS["one"], name="one", port=port))
        self.weir.wait_line(r"provider one .* is there again")
        self.check_by("one")
        self.assertEqual((again.lists, len(again.prompts)), ([], 1))  # nothing is sent

    def test_by_connecting_with_tls(self):
        authority, other = self.with_(Authority()), self.with_(Authority("another authority"))
        self.two = self.with_(Sim("openai-chat", key=KEYS["two"], name="two"))
        self.one = self.with_(Listing("openai-chat", key=KEYS["one"], name="one", tls=authority.server_context("localhost")))
        for trusted, spoke in ((authority, "one"), (other, "two")):
            with self.subTest(spoke=spoke):
                self.weir = self.with_(Weir(self.configuration("openai-chat", {"check": "connect", "every": "1s"},
                                                               f"https://localhost:{self.one.port}", tls={"ca": str(trusted.ca)})))
                if spoke == "two":
                    self.weir.wait_line(r"provider one .* is down: no TLS with")
                else:
                    seen = len(self.one.log.connections)
                    self.wait_until(lambda: len(self.one.log.connections) >= seen + 2)
                self.check_by(spoke)
                self.assertEqual(self.one.lists, [])

    def test_by_connecting_with_http2(self):
        self.two = self.with_(Sim("openai-chat", key=KEYS["two"], name="two"))
        self.one = self.with_(Listing("openai-chat", key=KEYS["one"], name="one"))
        face = self.with_(Http2Face(self.one))
        self.weir = self.with_(Weir(self.configuration("openai-chat", {"check": "connect", "every": "1s"}, face.url, http=2)))
        self.wait_until(lambda: len(face.connections) >= 2)
        self.check_by("one")
        self.assertEqual(self.one.lists, [])

    def test_a_recovered_target_is_tried_before_its_breaker_would(self):
        self.start_two()
        self.one.next(*[answers.fail(500)] * 8)  # five open the breaker; three probes, each let through by a check, fail
        self.wait_until(lambda: self.ask("openai-chat", model="m").header("x-weir-provider") == "one" and not self.one.script)
        # The breaker alone would rest for 40 seconds by now.
        self.check_by("one")

    def test_a_refused_key_is_no_fault(self):
        self.start_two()
        self.one.refused_keys = (KEYS["one"],)
        self.weir.wait_line(r"provider one refuses key [0-9a-f]{8} for its list of models \(status 401\)")
        seen = len(self.one.lists)
        self.wait_until(lambda: len(self.one.lists) >= seen + 3)
        self.check_by("one")
        self.assertEqual(len([line for line in self.weir.lines if "refuses key" in line]), 1)
        self.assertEqual([line for line in self.weir.lines if "is down" in line], [])
        self.assertNotIn(KEYS["one"], "".join(self.weir.lines))

    def test_a_refused_key_of_several_is_not_used(self):
        self.start_two(keys=[KEYS["one"], "sk-other"], spread=True)
        self.one.key = None
        self.one.refused_keys = ("sk-other",)
        self.weir.wait_line(r"provider one refuses key")
        for _ in range(4):
            self.check_by("one")
        used = {request.header("authorization") for request in self.one.prompts}
        self.assertEqual(used, {f"Bearer {KEYS['one']}"})

    def test_what_is_an_answer_and_what_is_a_fault(self):
        for status, headers, down in ((404, (), False), (429, (), False), (302, [("Location", "http://127.0.0.1:1/")], True)):
            with self.subTest(status=status):
                self.start_two()
                self.one.list_status, self.one.list_headers = status, headers
                if down:
                    self.weir.wait_line(rf"provider one .* is down: .* status {status}")
                else:
                    seen = len(self.one.lists)
                    self.wait_until(lambda: len(self.one.lists) >= seen + 3)
                self.check_by("two" if down else "one")
                self.weir.stop()

    def test_all_down_least_bad_is_asked(self):
        self.one = self.with_(Listing("openai-chat", key=KEYS["one"], name="one"))
        self.one.list_status = 500
        self.weir = self.with_(Weir({"providers": {"one": {
            "dialect": "openai-chat", "base_url": self.one.url + "/v1", "keys": [KEYS["one"]], "models": ["m"],
            "health": {"check": "models", "every": "1s"}}}}))
        self.weir.wait_line(r"provider one .* is down")
        self.check_by("one")

    def test_follows_the_configuration(self):
        self.start_two()
        self.one.list_status = 503
        self.weir.wait_line(r"provider one .* is down")
        self.check_by("two")
        self.weir.reload({**self.weir.base, **self.configuration("openai-chat", None)})
        self.check_by("one")  # nobody looks any more, so nobody knows
        seen = len(self.one.lists)
        self.weir.reload({**self.weir.base, **self.configuration("openai-chat", {"check": "models", "every": "1s"})})
        self.wait_until(lambda: len(self.one.lists) >= seen + 2)
        self.wait_until(lambda: self.ask("openai-chat", model="m").header("x-weir-provider") == "two")


if __name__ == "__main__":
    unittest.main()
