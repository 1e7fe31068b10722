# SPDX-License-Identifier: Apache-2.0
"""PRODUCT §7: one record per request, whole and never null; and metrics that say the same."""

from harness import Case, SLOW, SPEECHES, fetch
from sim import answers, steps

FIRST = ["request_id", "architecture", "route", "provider_chosen", "model", "fallback_used", "cache_hit", "input_tokens",
         "output_tokens", "latency_ms", "cost_usd"]
MODEL_ENDPOINTS = {"openai-chat": "/v1/chat/completions", "openai-responses": "/v1/responses", "anthropic": "/v1/messages",
                   "gemini": "/v1beta/models/{id}:generateContent"}


class Records(Case):
    dialects = tuple(SPEECHES)

    def check_whole(self, record):
        self.assertEqual(list(record)[:len(FIRST)], FIRST)
        for name in FIRST:
            self.assertIsNotNone(record[name], name)
        self.assertEqual(record["architecture"], "multi-provider-gateway")
        self.assertEqual(record["attempt_count"], len(record["attempts"]))

    def test_answers_of_every_dialect(self):
        for dialect in SPEECHES:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    response = self.ask(dialect, stream)
                    record = self.weir.record_of(response)
                    self.check_whole(record)
                    self.assertEqual((record["dialect"], record["stream"], record["status"]), (dialect, stream, 200))
                    self.assertEqual(record["provider_chosen"], f"one-{dialect}")
                    self.assertTrue(record["endpoint"].startswith(MODEL_ENDPOINTS[dialect][:7]))
                    self.assertEqual(record["model"], record["model_requested"])
                    self.assertEqual(record["model_provider"], self.one.journal[-1].json().get("model", record["model_provider"]))
                    self.assertEqual(record["bytes_out"], len(response.body))

    def test_refusals_and_failures(self):
        """Whatever ends a request, it has exactly one record."""
        for sim in (self.one, self.two):
            sim.next(answers.fail(500), answers.fail(500))
        responses = [self.ask("anthropic"), fetch(self.weir.port, "GET", "/v1/nothing"), self.ask("openai-chat", body=b"{", model="x"),
                     self.ask("gemini", model="no-such-model"), fetch(self.weir.port, "GET", "/v1/models"),
                     fetch(self.weir.port, "PUT", "/v1/messages"), self.ask("openai-chat", headers=[("x-weir-nope", "1")])]
        records = [self.weir.record_of(response) for response in responses]
        self.assertEqual(len({record["request_id"] for record in self.weir.records}), len(self.weir.records))
        self.assertEqual([r.status for r in responses], [record["status"] for record in records])
        for record in records:
            self.check_whole(record)
        self.assertEqual(records[0]["attempt_count"], 4)

    def test_times_add_up(self):
        gate = steps.Gate()
        self.one.next(answers.stream(edit=lambda events: [*events[:2], gate, *events[2:]]))
        client = self.begin("openai-chat")
        gate.wait_reached()
        client.read_head()
        gate.open()
        record = self.weir.record_of(self.finish(client, "openai-chat"))
        attempt = record["attempts"][0]
        self.assertLessEqual(attempt["head_ms"], attempt["first_token_ms"])
        self.assertLessEqual(attempt["first_token_ms"], attempt["total_ms"])
        self.assertLessEqual(attempt["start_ms"] + attempt["total_ms"], record["latency_ms"] + 1)
        self.assertLess(record["own_ms"], 50 * SLOW)

    def test_metrics_agree(self):
        def counts():
            metrics = self.weir.metrics()
            return {name: metrics.get(name, 0) for name in (
                'weir_requests_total{plane="data",endpoint="/v1/messages",outcome="ok"}', "weir_fallbacks_total",
                "weir_usage_estimated_total")}

        before = counts()
        for stream in (False, True, True):
            self.ask("anthropic", stream)
        self.one.next(answers.fail(401))
        self.ask("anthropic")
        after = counts()
        self.assertEqual([after[name] - before[name] for name in before], [4, 1, 0])
