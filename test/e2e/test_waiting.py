# SPDX-License-Identifier: Apache-2.0
"""Standing in line (`when_down: wait`): bounded in time and number, by priority, in fair shares, and called when there is room."""

import threading
import time
import unittest

from harness import Case, SLOW
from sim import answers, steps

KEYS = {"alice": "weir-key-of-alice-0123456789", "bob": "weir-key-of-bob-0123456789"}


class Waiting(Case):
    """One target with room for one request at a time."""

    dialects = ("openai-chat",)
    keep_alive = False
    wait = {"up_to": "20s", "queue": 3}
    when_down = "wait"
    more = {}

    @classmethod
    def config(cls):
        providers = {"one": {"dialect": "openai-chat", "base_url": cls.one.url + "/v1", "models": [f"m-{n}" for n in range(40)], "retries": 0,
                             "keys": [{"key": cls.one.key, "in_flight": 1}]}}
        wait = {"when_down": cls.when_down, **({"wait": cls.wait} if cls.when_down == "wait" else {})}
        models = {f"w-{n}": {"try": [f"one/m-{n}"], **wait} for n in range(40)}
        return {"providers": providers, "models": models, **cls.more}

    def entry(self):
        return f"w-{next(self._models)}"

    def in_line(self, count):
        """So many requests are in the step that waits, those that are under way included."""
        self.wait_until(lambda: self.weir.metrics().get('weir_requests_in_flight{step="await_content"}', 0) == count,
                        lambda: self.weir.metrics().get('weir_requests_in_flight{step="await_content"}', 0))

    def occupy(self, model, **options):
        gate = steps.Gate()
        self.one.next(answers.stream(before=[gate], **options))
        client = self.begin("openai-chat", model=model)
        gate.wait_reached()
        return gate, client

    def nothing_is_left(self):
        self.wait_until(lambda: not any(value for name, value in self.weir.metrics().items()
                                        if name.startswith(("weir_requests_in_flight", 'weir_upstream_connections{state="active"'))))


class Lines(Waiting):
    def test_who_waits_is_called_when_there_is_room(self):
        model = self.entry()
        gate, first = self.occupy(model)
        second = self.begin("openai-chat", model=model)
        self.in_line(2)
        self.assertEqual(len(self.one.journal), 1)
        gate.open()
        for client in (first, second):
            response = self.finish(client, "openai-chat")
            self.assertEqual((response.status, self.weir.record_of(response)["attempt_count"]), (200, 1))
        self.assertEqual(len(self.one.journal), 2)

    def test_one_after_the_other(self):
        model = self.entry()
        gate, first = self.occupy(model)
        others = []
        for number in range(3):
            others.append(self.begin("openai-chat", model=model, user=f"u{number}"))
            self.in_line(2 + number)
        gate.open()
        self.finish(first, "openai-chat")
        for client in others:
            self.assertEqual(self.finish(client, "openai-chat").status, 200)
        self.assertEqual([request.json().get("user") for request in self.one.journal], [None, "u0", "u1", "u2"])
        arrived = [request.arrived_at for request in self.one.journal]
        answered = [request.answered_at for request in self.one.journal]
        self.assertTrue(all(a >= b for a, b in zip(arrived[1:], answered)), "more than the limit were under way")

    def test_the_line_is_bounded(self):
        model = self.entry()
        gate, first = self.occupy(model)
        others = []
        for number in range(3):
            others.append(self.begin("openai-chat", model=model))
            self.in_line(2 + number)
        refused = self.ask("openai-chat", model=model)
        self.assert_error(refused, 429, "weir_upstream_rate_limited")
        self.assertIsNotNone(refused.header("retry-after"))
        gate.open()
        for client in (first, *others):
            self.assertEqual(self.finish(client, "openai-chat").status, 200)

    def test_lines_of_two_routes(self):
        """A full line keeps nobody from another one."""
        gate, first = self.occupy(self.entry())
        others = [self.begin("openai-chat", model=self.entry()) for _ in range(6)]
        self.in_line(7)
        gate.open()
        for client in (first, *others):
            self.assertEqual(self.finish(client, "openai-chat").status, 200)

    def test_who_leaves_gives_its_place_back(self):
        for how in ("close", "reset"):
            with self.subTest(how=how):
                self.one.clear()
                model = self.entry()
                gate, first = self.occupy(model)
                others = []
                for number in range(3):
                    others.append(self.begin("openai-chat", model=model))
                    self.in_line(2 + number)
                getattr(others[1], how)()
                record = self.weir.wait(lambda: next((r for r in self.weir.records if r["status"] == 499 and
                                                       r["model_requested"] == model), None), "its record")
                self.assertEqual((record["outcome"], record["attempt_count"], record["cost_usd"]), ("client_gone", 0, 0))
                others.append(self.begin("openai-chat", model=model))
                self.in_line(4)
                gate.open()
                for client in (first, others[0], others[2], others[3]):
                    self.assertEqual(self.finish(client, "openai-chat").status, 200)
                self.nothing_is_left()

    def test_who_is_under_way_leaves(self):
        """Its room goes to the next."""
        model = self.entry()
        gate, first = self.occupy(model)
        second = self.begin("openai-chat", model=model)
        self.in_line(2)
        first.reset()
        self.assertEqual(self.finish(second, "openai-chat").status, 200)
        gate.open()
        self.nothing_is_left()

    def test_the_deadline_holds_in_line(self):
        model = self.entry()
        gate, first = self.occupy(model)
        refused = self.ask("openai-chat", model=model, headers=[("x-weir-timeout", "200ms")])
        self.assert_error(refused, 504, "weir_timeout_request")
        gate.open()
        self.finish(first, "openai-chat")
        self.nothing_is_left()

    def test_many(self):
        """A crowd, a few at a time: everybody is served, and never two together."""
        model = self.entry()
        served = []

        def one_by_one():
            for _ in range(8):
                served.append(self.ask("openai-chat", True, model).status)

        threads = [threading.Thread(target=one_by_one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(served, [200] * 32)
        self.nothing_is_left()


class Beats(Waiting):
    more = {"defaults": {"heartbeat": {"after": "60ms", "every": "40ms"}}}

    def test_heartbeats_run_in_line(self):
        model = self.entry()
        gate, first = self.occupy(model)
        second = self.begin("openai-chat", model=model)
        second.read_head()
        second.read_until(lambda data: data.count(b": ping") >= 2)
        gate.open()
        self.assertIn("Hello", self.finish(second, "openai-chat").stream.text)
        self.finish(first, "openai-chat")


class UpTo(Waiting):
    wait = {"up_to": "300ms", "queue": 3}

    def test_the_time_is_bounded(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.one.clear()
                model = self.entry()
                gate, first = self.occupy(model)
                started = time.monotonic()
                refused = self.ask("openai-chat", stream, model)
                took = time.monotonic() - started
                self.assert_error(refused, 429, "weir_upstream_rate_limited")
                self.assertGreaterEqual(took, 0.3)
                self.assertLess(took, 0.3 + 2 * SLOW)
                self.assertIsNotNone(refused.header("retry-after"))
                gate.open()
                self.finish(first, "openai-chat")

    def test_a_dead_target(self):
        """It rests after faults: 503, when the time in line is over."""
        model = self.entry()
        self.one.default = lambda sim, request: answers.fail(500)
        try:
            for _ in range(12):
                response = self.ask("openai-chat", model=model)
                if response.code != "weir_upstream_error":
                    break
        finally:
            self.one.default = answers.default
        self.assert_error(response, 503, "weir_unavailable")
        self.assertIsNotNone(response.header("retry-after"))
        asked = len(self.one.journal)
        self.assertLessEqual(asked, 5)


class Refuse(Waiting):
    when_down = "refuse"

    def test_at_once(self):
        model = self.entry()
        gate, first = self.occupy(model)
        refused = self.ask("openai-chat", model=model)
        self.assert_error(refused, 429, "weir_upstream_rate_limited")
        gate.open()
        self.finish(first, "openai-chat")


class Order(Case):
    """Two rules of one name are one line, with two priorities."""

    dialects = ("openai-chat",)
    keep_alive = False

    @classmethod
    def config(cls):
        wait = {"up_to": "20s", "queue": 20}
        return {"providers": {"one": {"dialect": "openai-chat", "base_url": cls.one.url + "/v1", "models": ["m"], "retries": 0,
                                      "keys": [{"key": cls.one.key, "in_flight": 1}]}},
                "keys": [{"name": name, "key": key} for name, key in KEYS.items()],
                "routing": [{"name": "line", "match": {"tag": "urgent"}, "wait": {**wait, "priority": 0}},
                            {"name": "line", "wait": {**wait, "priority": 5}}]}

    def enter(self, user, key="alice", tag=None):
        headers = [("Authorization", f"Bearer {KEYS[key]}"), *([("x-weir-tags", tag)] if tag else [])]
        before = self.waiting()
        client = self.begin("openai-chat", model="m", headers=headers, user=user)
        self.wait_until(lambda: self.waiting() > before)
        return client

    def waiting(self):
        return self.weir.metrics().get('weir_requests_in_flight{step="await_content"}', 0)

    def served(self, enter):
        gate = steps.Gate()
        self.one.clear()
        self.one.next(answers.stream(before=[gate]))
        clients = [self.enter("first")]
        gate.wait_reached()
        clients += enter()
        gate.open()
        for client in clients:
            self.assertEqual(self.finish(client, "openai-chat").status, 200)
        return [request.json()["user"] for request in self.one.journal][1:]

    def test_priorities(self):
        order = self.served(lambda: [self.enter("a"), self.enter("b"), self.enter("c", tag="urgent"), self.enter("d", tag="urgent")])
        self.assertEqual(order, ["c", "d", "a", "b"])

    def test_fair_shares(self):
        order = self.served(lambda: [*(self.enter(f"a{n}") for n in range(4)), *(self.enter(f"b{n}", "bob") for n in range(2))])
        self.assertEqual(sorted(order), ["a0", "a1", "a2", "a3", "b0", "b1"])
        self.assertLess(order.index("b0"), order.index("a2"))
        self.assertLess(order.index("b1"), order.index("a3"))


class LinesOfWorkers(Lines):
    """The same where each connection may be another worker's."""

    workers = 4
    # Who is called counts in the line until its worker has heard: a full line may refuse one too many for that moment.
    test_many = None


if __name__ == "__main__":
    unittest.main()
