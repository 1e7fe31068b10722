# SPDX-License-Identifier: Apache-2.0
"""Issue 4, §5: every real request keeps its decision, with what then happened: GET /api/requests and /api/requests/{id}."""

import json

from harness import fetch
from sim import answers, steps
from test_explain import ExplainCase


class Requests(ExplainCase):
    dialects = ("openai-chat", "anthropic")
    providers_extra = {"retries": 0}
    workers = 2

    def detail(self, response_or_id, status=200):
        wanted = response_or_id if isinstance(response_or_id, str) else response_or_id.header("x-weir-request-id")
        response = fetch(self.weir.admin_port, "GET", f"/api/requests/{wanted}")
        self.assertEqual(response.status, status, response.body)
        return self.check_described("/api/requests/{id}", response)

    def finished(self, response):
        self.weir.record_of(response) # the log has it when it is over
        return self.detail(response)

    def listed(self, query="", status=200):
        response = fetch(self.weir.admin_port, "GET", "/api/requests" + query)
        self.assertEqual(response.status, status)
        return self.check_described("/api/requests", response)

    def test_a_failover_shows_both_attempts(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                model = self.model("openai-chat")
                self.one.next(answers.fail(500))
                value = self.finished(self.ask("openai-chat", stream, model=model))
                self.assertEqual([a["provider"] for a in value["record"]["attempts"]], ["one-openai-chat", "two-openai-chat"])
                self.assertEqual([a["outcome"] for a in value["record"]["attempts"]], ["server", "ok"])
                decision = value["decision"]
                self.assertEqual([(c["provider"], c["chosen"]) for c in decision["candidates"] if c["usable"]][:2],
                                 [("one-openai-chat", True), ("two-openai-chat", False)])
                self.assertEqual((decision["asked"], decision["route"], decision["refusal"]), (model, "direct", None))

    def test_the_record_is_the_logged_one(self):
        response = self.ask("anthropic")
        self.assertEqual(self.weir.record_of(response), self.finished(response)["record"])

    def test_what_was_known_then(self):
        """The second decision knows the first one's latency, and keeps knowing that when more has happened."""
        model = self.model("openai-chat")
        first = self.ask("openai-chat", True, model=model)
        second = self.ask("openai-chat", True, model=model)
        self.assertIsNone(self.candidate_of(self.finished(first)["decision"], "one-openai-chat")["first_token_ms"])
        known = self.candidate_of(self.finished(second)["decision"], "one-openai-chat")
        self.assertGreater(known["first_token_ms"], 0)
        self.assertEqual(known["breaker"], "closed")

    def test_a_breaker_that_was_open(self):
        model = self.model("openai-chat")
        self.one.next(answers.fail(429, headers=[("Retry-After", "60")]))
        self.ask("openai-chat", model=model)
        value = self.finished(self.ask("openai-chat", model=model))
        self.assertEqual([a["provider"] for a in value["record"]["attempts"]], ["two-openai-chat"])
        first = value["decision"]["candidates"][0]
        self.assertEqual((first["breaker"], first["chosen"]), ("open", False))

    def test_a_refused_one(self):
        value = self.finished(self.ask("openai-chat", model="no-such-model"))
        self.assertEqual((value["decision"]["refusal"]["status"], value["record"]["status"]), (404, 404))
        self.assertEqual(value["record"]["attempts"], [])

    def test_a_running_one(self):
        gate = steps.Gate()
        self.one.next(answers.stream(edit=lambda events: [*events[:2], gate, *events[2:]]))
        client = self.begin("openai-chat")
        gate.wait_reached()
        client.read_head()
        wanted = client.response.header("x-weir-request-id")
        value = self.detail(wanted)
        self.assertEqual((value["step"], value["attempt_count"]), ("relay", 1))
        self.assertEqual(value["decision"]["candidates"][0]["provider"], "one-openai-chat")
        gate.open()
        self.assertIn("record", self.finished(self.finish(client, "openai-chat")))

    def test_the_newest_first(self):
        ids = []
        for _ in range(5):
            response = self.ask("anthropic")
            self.weir.record_of(response)
            ids.append(response.header("x-weir-request-id"))
        value = self.listed("?limit=5")
        self.assertEqual(sorted(r["request_id"] for r in value["requests"]), sorted(ids))
        times = [r["time"] for r in self.listed()["requests"]]
        self.assertEqual(times, sorted(times, reverse=True))
        for limit in ("0", "x", "1001", "-1"):
            self.listed(f"?limit={limit}", 400)

    def test_unknown_ids(self):
        for wanted in ("req_0", "x" * 300, "%2F"):
            self.detail(wanted, 404)

    def test_pages_and_health_are_not_kept(self):
        fetch(self.weir.port, "GET", "/v1/models")
        self.assertNotIn("/v1/models", json.dumps(self.listed("?limit=1000")))

    def test_after_a_reload(self):
        """What the rule says is told only while the configuration is the one it was decided by."""
        response = self.ask("openai-chat")
        self.finished(response)
        self.weir.reload({**self.config(), "limits": {"body": "1MB"}})
        value = self.detail(response)
        self.assertEqual(value["decision"]["actions"], [])
        self.assertEqual(value["record"]["config_version"], 1)


class Volume(ExplainCase):
    """Thousands of requests: bounded, and the oldest go first."""

    dialects = ("openai-chat",)

    def test_bounded(self):
        model = self.model("openai-chat")
        first = self.ask("openai-chat", model=model).header("x-weir-request-id")
        for _ in range(2100):
            last = self.ask("openai-chat", model="no-such-model").header("x-weir-request-id")
        self.weir.record_of(last)
        self.assertEqual(fetch(self.weir.admin_port, "GET", f"/api/requests/{first}").status, 404)
        self.assertEqual(fetch(self.weir.admin_port, "GET", f"/api/requests/{last}").status, 200)
