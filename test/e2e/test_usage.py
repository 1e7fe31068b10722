# SPDX-License-Identifier: Apache-2.0
"""F11: usage is known whatever the client asked for, and asking for it leaves no trace in the answer."""

from decimal import Decimal

from harness import Case, SPEECHES, Weir
from sim import answers, dialects
from sim.dialects import Reply, Usage

DIALECTS = tuple(SPEECHES)
USAGE = Usage(input=1000, output=300, cached=400, written=0, reasoning=120)


class Reported(Case):
    dialects = DIALECTS

    def record(self, dialect, stream, reply, **members):
        self.one.clear()
        self.one.next(answers.auto(reply))
        response = self.ask(dialect, stream, **members)
        self.assertEqual(response.status, 200)
        return self.weir.record_of(response), response

    def test_f11_final_and_cumulative(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                for style in ("final", "every"):
                    with self.subTest(dialect=dialect, stream=stream, style=style):
                        record, _ = self.record(dialect, stream, Reply(usage=USAGE, usage_style=style))
                        self.assertEqual((record["input_tokens"], record["output_tokens"]), (1000, 300))
                        self.assertEqual(record["input_tokens_cached"], 400)
                        self.assertFalse(record["usage_estimated"])
                        if dialect != "anthropic":
                            self.assertEqual(record["output_tokens_reasoning"], 120)

    def test_f11_zeros_and_absent_are_estimated_never_zero(self):
        before = self.weir.metrics().get("weir_usage_estimated_total", 0)
        for dialect in DIALECTS:
            for stream in (False, True):
                for style in ("zeros", "absent"):
                    with self.subTest(dialect=dialect, stream=stream, style=style):
                        record, _ = self.record(dialect, stream, Reply(usage_style=style), text="a question of some length, twice over")
                        self.assertTrue(record["usage_estimated"])
                        self.assertGreater(record["input_tokens"], 0)
                        self.assertGreater(record["output_tokens"], 0)
        self.assertEqual(self.weir.metrics()["weir_usage_estimated_total"] - before, len(DIALECTS) * 4)

    def test_f11_anthropic_start_and_delta_are_not_added(self):
        record, _ = self.record("anthropic", True, Reply(usage=Usage(input=500, output=77, cached=100, written=50, written_1h=20)))
        self.assertEqual((record["input_tokens"], record["output_tokens"]), (500, 77))
        self.assertEqual((record["input_tokens_cached"], record["input_tokens_written_5m"], record["input_tokens_written_1h"]),
                         (100, 30, 20))

    def test_f11_every_way_of_asking(self):
        """Nothing said, true, false: the provider always hears true, and only true shows in the answer."""
        for given, shown in ((None, False), (True, True), (False, False)):
            with self.subTest(given=given):
                members = {} if given is None else {"stream_options": {"include_usage": given}}
                record, response = self.record("openai-chat", True, Reply(usage=USAGE), **members)
                self.assertIs(self.one.journal[0].json()["stream_options"]["include_usage"], True)
                self.assertEqual((record["input_tokens"], record["output_tokens"]), (1000, 300))
                self.assertEqual(response.stream.usage is not None, shown)
                self.assertEqual(b'"usage"' in response.body, shown)

    def test_f11_injection_is_invisible(self):
        """The client's stream is what it would have been if nobody had asked."""
        for style in ("final", "every"):
            for spaces in (False, True):
                for path in ("/v1/chat/completions", "/v1/completions"):
                    with self.subTest(style=style, spaces=spaces, path=path):
                        reply = Reply(usage=USAGE, usage_style=style, spaces=spaces, tokens=["usage", ' "usage":null', " 漢."])
                        model = self.model("openai-chat")
                        self.one.clear()
                        self.one.next(answers.stream(reply))
                        body = SPEECHES["openai-chat"].body(model, True) if "chat" in path else \
                            b'{"model":"%s","prompt":"x","stream":true}' % model.encode()
                        response = self.ask("openai-chat", True, model=model, body=body, path=path)
                        plain = dialects.DIALECTS["openai-chat"].events(reply, self.one.journal[0], False)
                        self.assertEqual(response.body, b"".join(event.raw for event in plain))


class RefusedInjection(Case):
    """A provider that knows no stream_options."""

    dialects = ("openai-chat",)
    strict = False

    def refusal(self):
        return answers.fail(400, "Unrecognized request argument supplied: stream_options")

    def test_f11_retried_once_without_and_remembered(self):
        model = self.model("openai-chat")
        self.one.next(self.refusal())
        first = self.ask("openai-chat", True, model=model)
        self.assertEqual((first.status, first.stream.done), (200, True))
        self.assertEqual(["stream_options" in r.json() for r in self.one.journal], [True, False])
        self.assertTrue(self.weir.record_of(first)["usage_estimated"])
        self.one.clear()
        second = self.ask("openai-chat", True, model=model)
        self.assertEqual(second.status, 200)
        self.assertEqual(["stream_options" in r.json() for r in self.one.journal], [False])

    def test_f11_a_client_that_asks_itself_hears_the_refusal(self):
        self.one.next(self.refusal())
        response = self.ask("openai-chat", True, stream_options={"include_usage": True})
        self.assert_error(response, 400, origin="provider")
        self.assertIn("stream_options", response.message)
        self.assertEqual(len(self.one.journal), 1)

    def test_f11_another_400_is_not_retried(self):
        self.one.next(answers.fail(400, "temperature is too high"))
        response = self.ask("openai-chat", True)
        self.assert_error(response, 400, origin="provider")
        self.assertEqual((len(self.one.journal), len(self.two.journal)), (1, 0))


class Cost(Case):
    """The record's cost is the provider's usage times the catalogue's prices, to the last nano-dollar."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sim import Sim
        cls.one = cls.keep(Sim("anthropic", key="sk-one"))
        cls.weir = cls.keep(Weir({"providers": {"anthropic": {"base_url": cls.one.url, "keys": ["sk-one"]}}}))

    def test_cost_of_known_prices(self):
        from harness import run_weir
        import json
        listed = json.loads(run_weir("models", "-c", self.weir.file, "--json").stdout)
        text = json.dumps(listed)
        self.assertIn("claude-opus-4.7", text)
        self.one.next(answers.whole(Reply(usage=Usage(input=1000000, output=1000000))))
        response = self.ask("anthropic", model="claude-opus-4.7")
        record = self.weir.record_of(response)
        self.assertFalse(record["unpriced"])
        self.assertEqual(Decimal(response.header("x-weir-cost-usd")), Decimal(str(record["cost_usd"])))
        self.assertGreater(Decimal(str(record["cost_usd"])), 0)
        # Doubling the usage doubles the money.
        self.one.next(answers.stream(Reply(usage=Usage(input=2000000, output=2000000))))
        double = self.weir.record_of(self.ask("anthropic", True, model="claude-opus-4.7"))
        self.assertEqual(Decimal(str(double["cost_usd"])), 2 * Decimal(str(record["cost_usd"])))
