# SPDX-License-Identifier: Apache-2.0
"""Shadows of requests: another target is asked as well, its answer is thrown away, and nothing of it touches the client."""

import json
import unittest

from harness import Case, SPEECHES, Weir, fetch
from sim import Sim, answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)


class Mirror(Case):
    """one-DIALECT answers, the third one gets the copy."""

    dialects = DIALECTS
    keep_alive = False
    mirror = "third/shadow"

    @classmethod
    def start(cls):
        cls.third = cls.keep(Sim(*DIALECTS, key="sk-third", name="third", keep_alive=False))
        super().start()

    @classmethod
    def config(cls):
        providers = cls.two_providers(cls.one, cls.two)
        providers["third"] = {"dialect": "anthropic", "base_url": cls.third.url, "keys": ["sk-third"], "models": ["shadow"], "retries": 0}
        return {"providers": providers, "routing": [{"mirror": cls.mirror, "name": "mirrored"}]}

    def setUp(self):
        super().setUp()
        self.third.clear()

    def shadow_of(self, record):
        return self.weir.wait(lambda: next((r for r in self.weir.records if r.get("mirror_of") == record["request_id"]), None), "a shadow")


class Shadows(Mirror):
    def test_an_answer_and_its_shadow(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.third.clear()
                    self.one.clear()
                    response = self.ask(dialect, stream)
                    self.assertIn("Hello from one", self.text_of(dialect, response))
                    record = self.weir.record_of(response)
                    shadow = self.shadow_of(record)
                    self.assertEqual((shadow["provider_chosen"], shadow["model"], shadow["outcome"]), ("third", "shadow", "ok"))
                    self.assertEqual((shadow["route"], shadow["stream"], shadow["attempt_count"]), ("mirrored", stream, 1))
                    self.assertNotEqual(shadow["request_id"], record["request_id"])
                    self.assertNotIn("mirror_of", record)
                    self.assertEqual((len(self.one.journal), len(self.third.journal)), (1, 1))
                    self.assertIn(b"Say hello.", self.third.journal[0].body)

    def test_a_slow_shadow_delays_nobody(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.third.clear()
                gate = steps.Gate()
                self.third.next(answers.stream(before=[gate]))
                response = self.ask(dialect, True)
                self.assertIn("Hello from one", response.stream.text)
                record = self.weir.record_of(response)
                self.assertFalse(gate.opened.is_set())
                gate.open()
                self.assertEqual(self.shadow_of(record)["outcome"], "ok")

    def test_a_client_that_leaves(self):
        gate = steps.Gate()
        self.one.next(answers.stream(before=[gate]))
        client = self.begin("openai-chat")
        gate.wait_reached()
        client.reset()
        self.one.wait_closed(self.one.journal[0])
        self.wait_until(lambda: not any(value for name, value in self.weir.metrics().items()
                                        if name.startswith("weir_requests_in_flight")))

    def test_stored_responses_have_no_shadow(self):
        model = self.model("openai-responses")
        kept = json.loads(self.ask("openai-responses", model=model, store=True).body)["id"]
        self.third.wait_requests(1)  # the shadow of that one may come later than its answer
        self.third.clear()
        response = self.ask("openai-responses", model=model, previous_response_id=kept)
        self.assertEqual(response.status, 200, response.body)
        self.ask("openai-chat")
        self.third.wait_requests(1)
        self.assertEqual(len(self.third.journal), 1)


class Failing(Mirror):
    def test_a_failing_shadow_is_nobodys_failure(self):
        for dialect in DIALECTS:
            for script in (answers.fail(500), answers.reset(), answers.fail(401)):
                with self.subTest(dialect=dialect):
                    self.third.clear()
                    self.third.next(script)
                    response = self.ask(dialect)
                    self.assertEqual(response.status, 200)
                    # It may rest by now: then it is not even asked.
                    self.assertNotEqual(self.shadow_of(self.weir.record_of(response))["outcome"], "ok")
                    self.third.script.clear()


class Share(Mirror):
    mirror = {"to": "third/shadow", "share": "30%"}

    def test_share(self):
        for _ in range(200):
            fetch(self.weir.port, "POST", "/v1/chat/completions", body=SPEECHES["openai-chat"].body("openai-chat-0"))
        self.wait_until(lambda: sum("mirror_of" not in record for record in self.weir.records) == 200)
        self.wait_until(lambda: len(self.third.journal) == sum("mirror_of" in record for record in self.weir.records))
        self.assertTrue(30 <= len(self.third.journal) <= 90, len(self.third.journal))


class ShadowsOfWorkers(Shadows):
    """The same where each connection may be another worker's."""

    workers = 4


if __name__ == "__main__":
    unittest.main()
