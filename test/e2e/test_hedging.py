# SPDX-License-Identifier: Apache-2.0
"""Hedged requests: one second attempt elsewhere when the first is slow; the first content wins, the other is closed, both are booked."""

import json
import unittest

from harness import Case, SPEECHES, Weir
from sim import answers, steps
from sim.dialects import Reply, Usage

DIALECTS = tuple(SPEECHES)


def gated(name, gate):
    return answers.stream(Reply(text=f"Hello from {name}: one two three."), before=[gate])


def never():
    """A head, and nothing behind it until somebody gives up."""
    return answers.stream(edit=lambda events: [*events[:1], steps.SILENCE])


class Hedging(Case):
    """`hedge` is the class's; by default each request may be hedged."""

    dialects = DIALECTS
    keep_alive = False
    models_max = 200
    hedge = {"after": "100ms", "share": "100%"}
    more = {}

    @classmethod
    def config(cls):
        return {"providers": cls.two_providers(cls.one, cls.two), "defaults": {"hedge": cls.hedge, **cls.more}}


class Races(Hedging):
    def check_won_by_second(self, response, first_is):
        record = self.weir.record_of(response)
        one, two = record["attempts"]
        self.assertEqual((one["outcome"], one.get("hedge")), (first_is, None))
        self.assertEqual((two["outcome"], two["hedge"]), ("ok", True))
        self.assertEqual((record["outcome"], record["attempt_count"]), ("ok", 2))
        self.assertTrue(record["provider_chosen"].startswith("two-"))
        self.assertEqual(response.header("x-weir-provider"), record["provider_chosen"])
        self.assertTrue(record["fallback_used"])
        return one, two

    def test_the_first_content_wins_and_the_loser_is_closed(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                self.one.next(never())
                response = self.ask(dialect, True)
                self.assertIn("Hello from two", response.stream.text)
                self.assertLessEqual(len(response.stream.ids), 1)
                self.check_won_by_second(response, "lost")
                self.one.wait_closed(self.one.journal[0])

    def test_the_first_may_still_win(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                gate, other = steps.Gate(), steps.Gate()
                self.one.next(gated("one", gate))
                self.two.next(gated("two", other))
                client = self.begin(dialect)
                other.wait_reached()
                gate.open()
                response = self.finish(client, dialect)
                self.assertIn("Hello from", response.stream.text)
                record = self.weir.record_of(response)
                self.assertEqual([(a["outcome"], a.get("hedge", False)) for a in record["attempts"]], [("ok", False), ("lost", True)])
                self.assertFalse(record["fallback_used"])
                self.assertTrue(record["provider_chosen"].startswith("one-"))
                self.two.wait_closed(self.two.journal[0])

    def test_a_fast_answer_is_not_hedged(self):
        for dialect in DIALECTS:
            self.assertEqual(self.weir.record_of(self.ask(dialect, True))["attempt_count"], 1)
        self.assertEqual(self.two.journal, [])

    def test_whole_answers_are_hedged_after_a_named_time(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                self.one.next(answers.whole(before=[steps.SILENCE]))
                response = self.ask(dialect)
                self.assertIn("Hello from two", self.text_of(dialect, response))
                self.check_won_by_second(response, "lost")
                self.one.wait_closed(self.one.journal[0])

    def test_the_second_fails_and_the_first_answers(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                gate = steps.Gate()
                self.one.next(answers.stream(before=[gate]))
                self.two.next(answers.fail(500))
                client = self.begin(dialect)
                self.two.wait_requests(1)
                self.two.log.wait(lambda: self.two.journal[0].answered_at, "the failure to be sent")
                gate.open()
                response = self.finish(client, dialect)
                self.assertIn("Hello from", response.stream.text)
                record = self.weir.record_of(response)
                self.assertEqual((record["outcome"], record["attempt_count"]), ("ok", 2))
                self.assertTrue(record["provider_chosen"].startswith("one-"))

    def test_the_first_fails_while_both_run(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                first, second = steps.Gate(), steps.Gate()
                self.one.next(answers.stream(edit=lambda events: [events[0], first, steps.CLOSE]))
                self.two.next(gated("two", second))
                client = self.begin(dialect)
                second.wait_reached()
                first.wait_reached()
                first.open()
                self.one.wait_closed(self.one.journal[0])
                second.open()
                response = self.finish(client, dialect)
                self.assertIn("Hello from two", response.stream.text)
                self.check_won_by_second(response, "cut")

    def test_both_fail(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                gate = steps.Gate()
                self.one.next(answers.stream(before=[gate], edit=lambda events: [steps.CLOSE]))
                self.two.next(answers.fail(500), answers.fail(500))
                client = self.begin(dialect)
                self.two.wait_requests(1)
                gate.open()
                response = self.finish(client, dialect)
                self.two.script.clear()
                self.one.script.clear()
                record = self.weir.record_of(response)
                self.assertLessEqual(record["attempt_count"], 4)
                self.assertIn(response.status, (200, 502))

    def test_never_for_what_is_stored(self):
        """Who refers to something is not asked of two."""
        # A deleted response or an unknown one: the provider's word is relayed, after the time of a hedge.
        gate = steps.Gate()
        model = self.model("openai-responses")
        kept = json.loads(self.ask("openai-responses", model=model, store=True).body)["id"]
        self.one.clear()
        self.two.clear()
        self.one.next(answers.whole(before=[gate]))
        client = self.begin("openai-responses", False, model, previous_response_id=kept)
        gate.wait_reached()
        with self.assertRaises(AssertionError):
            self.two.wait_requests(1, timeout=0.4)
        gate.open()
        self.finish(client, "openai-responses")
        self.assertEqual(self.two.journal, [])

    def test_the_client_leaves_while_both_run(self):
        for dialect in DIALECTS:
            for how in ("close", "reset"):
                with self.subTest(dialect=dialect, how=how):
                    self.one.clear()
                    self.two.clear()
                    self.one.next(never())
                    self.two.next(never())
                    before = len(self.weir.records)
                    client = self.begin(dialect)
                    self.two.wait_requests(1)
                    getattr(client, how)()
                    self.one.wait_closed(self.one.journal[0])
                    self.two.wait_closed(self.two.journal[0])
                    record = self.weir.wait(lambda: next((r for r in self.weir.records[before:] if r["status"] == 499), None), "its record")
                    self.assertEqual((record["outcome"], record["attempt_count"]), ("client_gone", 2))
                    self.assertEqual([attempt.get("hedge", False) for attempt in record["attempts"]], [False, True])
        self.wait_until(lambda: not any(value for name, value in self.weir.metrics().items() if name.startswith(
            ("weir_requests_in_flight", "weir_upstream_connections{state=\"active"))))


class Together(Hedging):
    """Hedges and rescues in one request: the loser's words are not held against the winner."""

    more = {"rescue": "replay"}
    providers_extra = {"retries": 0}

    def test_the_winner_breaks(self):
        text = "one two three four five six seven eight"
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                self.one.next(answers.stream(Reply(text="Something else."), lambda events: [events[0], steps.SILENCE]))
                self.two.next(answers.stream(Reply(text=text), lambda events: [*events[:6], steps.CLOSE]))
                self.one.next(answers.stream(Reply(text=text)))
                response = self.ask(dialect, True)
                record = self.weir.record_of(response)
                self.assertEqual([a["outcome"] for a in record["attempts"]][:2], ["lost", "cut"])
                self.assertIsNone(response.stream.error)
                self.assertEqual(response.stream.text, text)
                self.assertEqual((record["outcome"], record["rescue"]), ("ok", "replay"))


class Share(Hedging):
    """At most that share of all requests, beside the few that are always allowed."""

    hedge = {"after": "30ms", "share": "5%"}

    def test_share(self):
        """Forty slow requests in a row: two hedges, and the one in ten seconds that is allowed anyway."""
        gate = steps.Gate()
        self.one.default = lambda sim, request: answers.stream(before=[steps.Pause(0.06)])
        hedged = 0
        for _ in range(40):
            hedged += self.weir.record_of(self.ask("openai-chat", True))["attempt_count"] - 1
        gate.open()
        self.one.default = answers.default
        self.assertGreaterEqual(hedged, 1)
        self.assertLessEqual(hedged, 4)


class Costs(Case):
    dialects = ()

    def test_both_are_in_the_sum(self):
        from sim import Sim
        one = self.with_(Sim("anthropic", key="sk-one", keep_alive=False))
        two = self.with_(Sim("openai-chat", "openai-responses", key="sk-two", keep_alive=False))
        two.default = lambda sim, request: answers.auto(Reply(usage=Usage(100, 50)))
        weir = self.with_(Weir({"providers": {
            "anthropic": {"base_url": one.url, "keys": ["sk-one"], "dialect": "anthropic"},
            "openai": {"base_url": two.url + "/v1", "keys": ["sk-two"]}},
            "models": {"m": {"try": ["anthropic/claude-opus-4.7", "openai/gpt-5.5"], "hedge": {"after": "50ms", "share": "100%"}}}}))
        for client in DIALECTS:
            with self.subTest(client=client):
                one.clear()
                one.next(never())
                record = weir.record_of(self.ask(client, True, "m", weir=weir))
                costs = [attempt["cost_usd"] for attempt in record["attempts"]]
                self.assertEqual([attempt["outcome"] for attempt in record["attempts"]], ["lost", "ok"])
                self.assertGreater(min(costs), 0)
                self.assertAlmostEqual(record["cost_usd"], sum(costs), 9)
                self.assertEqual((record["model"], record["output_tokens"]), ("gpt-5.5", 50))


class RacesOfWorkers(Races):
    """The same where each connection may be another worker's."""

    workers = 4


if __name__ == "__main__":
    unittest.main()
