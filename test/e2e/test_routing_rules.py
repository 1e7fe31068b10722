# SPDX-License-Identifier: Apache-2.0
"""The routing language, seen from outside: who is asked, and who is not."""

import collections
import json
import time
import unittest

from harness import Case, SPEECHES, Weir
from sim import answers

DIALECTS = tuple(SPEECHES)
PEOPLE = {"alice": "weir-key-of-alice-0123456789", "trial-bob": "weir-key-of-bob-0123456789"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}


def user(*parts):
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


HOUR = time.gmtime().tm_hour
# match → (what fits, what does not): members of a chat request, and headers beside them.
MATCHES = {
    "model": ({"model": "x-*"}, {"model": "x-1"}, {"model": "y-1"}),
    "model list": ({"model": ["x-1", "z*"]}, {"model": "x-1"}, {"model": "x-2"}),
    "prompt_length": ({"prompt_length": ">100"}, {"messages": [{"role": "user", "content": "word " * 300}]}, {}),
    "prompt_length range": ({"prompt_length": "1..50"}, {}, {"messages": [{"role": "user", "content": "word " * 300}]}),
    "max_tokens": ({"max_tokens": "<=500"}, {"max_tokens": 500}, {"max_tokens": 501}),
    "max_tokens unsaid": ({"max_tokens": "<=500"}, {"max_completion_tokens": 5}, {}),
    "stream": ({"stream": True}, {"stream": True}, {}),
    "image": ({"image": True}, {"messages": user(PICTURE)}, {}),
    "no image": ({"image": False}, {}, {"messages": user(PICTURE)}),
    "audio": ({"audio": True}, {"messages": user(SOUND)}, {}),
    "document": ({"document": True}, {"messages": user(FILE)}, {}),
    "tools": ({"tools": True}, {"tools": [TOOL]}, {}),
    "structured_output": ({"structured_output": True}, {"response_format": {"type": "json_schema", "json_schema": {
        "name": "s", "schema": {"type": "object", "properties": {}}}}}, {}),
    "reasoning": ({"reasoning": True}, {"reasoning_effort": "high"}, {}),
    "key": ({"key": "trial-*"}, {"key": "trial-bob"}, {}),
    "tag": ({"tag": ["nightly", "batch-*"]}, {"headers": [("x-weir-tags", "a, batch-7")]}, {"headers": [("x-weir-tags", "batches")]}),
    "header": ({"header": {"x-data": "personal*", "x-more": "*"}}, {"headers": [("x-data", "personal-1"), ("X-More", "1")]},
               {"headers": [("x-data", "personal-1")]}),
    "region": ({"region": ["eu", "us"]}, {}, None),
    "another region": ({"region": "us"}, None, {}),
    "hour": ({"hour": f"{(HOUR + 23) % 24}..{(HOUR + 1) % 24}"}, {}, None),
    "another hour": ({"hour": (HOUR + 12) % 24}, None, {}),
    "dialect": ({"dialect": "openai-chat"}, {}, None),
    "another dialect": ({"dialect": ["anthropic", "gemini"]}, None, {}),
    "all of them": ({"stream": True, "tag": "x", "max_tokens": "<10"}, {"stream": True, "max_tokens": 5, "headers": [("x-weir-tags", "x")]},
                    {"stream": True, "max_tokens": 5}),
}


class Rules(Case):
    """Each test has a weir of its own."""

    dialects = ()
    keep_alive = False

    def setUp(self):
        from sim import Sim
        self.sims = {name: self.with_(Sim(*DIALECTS, key=f"sk-{name}", name=name, keep_alive=False)) for name in ("one", "two", "three")}

    def provider(self, name, **more):
        return {"dialect": "openai-chat", "base_url": self.sims[name].url + "/v1", "keys": [f"sk-{name}"],
                "models": ["x-1", "x-2", "y-1"], "retries": 0, **more}

    def run_weir(self, config=None, env=None, **more):
        providers = {name: self.provider(name, **more.get(name, {})) for name in self.sims}
        return self.with_(Weir({"providers": providers, **(config or {})}, env=env))

    def chat(self, weir, key=None, headers=(), **members):
        value = {"model": "x-1", "messages": [{"role": "user", "content": "Say hello."}], **members}
        headers = [*headers, *([("Authorization", f"Bearer {PEOPLE[key]}")] if key else [])]
        return self.ask("openai-chat", bool(value.get("stream")), "x-1", json.dumps(value).encode(), headers, weir)

    def asked(self):
        return {name: len(sim.journal) for name, sim in self.sims.items()}


class Matches(Rules):
    def test_each_word(self):
        config = {"keys": [{"name": name, "key": key} for name, key in PEOPLE.items()], "routing": []}
        weir = self.run_weir(config, env={"WEIR_REGION": "eu"})
        for name, (match, fits, other) in MATCHES.items():
            with self.subTest(match=name):
                line = weir.reload({"providers": {n: self.provider(n) for n in self.sims}, **config,
                                    "routing": [{"name": "it", "match": match, "try": ["two"]}]})
                self.assertIn("in force", line)
                for members, route, provider in ((fits, "it", "two"), (other, None, "one")):
                    if members is None:
                        continue
                    record = weir.record_of(self.chat(weir, **{"key": "alice", **members}))
                    self.assertEqual((record["provider_chosen"], record["route"] == "it"), (provider, route == "it"), members)


class Decisions(Rules):
    def test_the_first_rule_decides(self):
        weir = self.run_weir({"routing": [{"match": {"stream": True}, "try": ["three"]}, {"try": ["two"]}]})
        self.assertEqual(weir.record_of(self.chat(weir, stream=True))["provider_chosen"], "three")
        record = weir.record_of(self.chat(weir))
        self.assertEqual((record["provider_chosen"], record["route"]), ("two", "rule-2"))

    def test_deny(self):
        weir = self.run_weir({"routing": [{"match": {"model": "x-2"}, "deny": "Ask the platform team for x-2."}]})
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    response = self.ask(dialect, stream, "x-2", weir=weir)
                    self.assert_error(response, 403, "weir_denied")
                    self.assertIn("Ask the platform team", response.message)
                    self.assertEqual(weir.record_of(response)["attempt_count"], 0)
        self.assertEqual(self.chat(weir).status, 200)

    def test_split_by_lot(self):
        weir = self.run_weir({"routing": [{"split": {"one": 1, "two": 3}, "sticky": "none"}]})
        count = collections.Counter(weir.record_of(self.chat(weir))["provider_chosen"] for _ in range(200))
        self.assertEqual(sum(count.values()), 200)
        self.assertTrue(25 <= count["one"] <= 80, count)  # 50; five deviations

    def test_split_by_session(self):
        weir = self.run_weir({"routing": [{"try": ["one", "two"], "split": "50/50"}]})
        count = collections.Counter()
        for session in range(100):
            chosen = {weir.record_of(self.chat(weir, headers=[("x-weir-session", f"session {session}")]))["provider_chosen"]
                      for _ in range(2)}
            self.assertEqual(len(chosen), 1)
            count[chosen.pop()] += 1
        self.assertTrue(25 <= count["one"] <= 75, count)

    def test_split_falls_back(self):
        weir = self.run_weir({"routing": [{"split": {"one": 1, "two": 0}}]})
        self.sims["one"].next(answers.fail(500))
        self.assertEqual(weir.record_of(self.chat(weir))["provider_chosen"], "two")

    def test_require_holds_in_failover(self):
        regions = {"one": {"region": "eu", "zero_retention": True}, "two": {"region": "us", "zero_retention": True},
                   "three": {"region": "eu"}}
        rule = {"try": ["one", "two", "three"], "require": {"region": "eu"}, "on": {"error": ["two", "three"]}}
        weir = self.run_weir({"routing": [rule]}, **regions)
        self.sims["one"].next(answers.fail(500))
        self.assertEqual(weir.record_of(self.chat(weir))["provider_chosen"], "three")
        self.assertEqual(self.asked()["two"], 0)
        weir.reload({"providers": {n: self.provider(n, **regions[n]) for n in self.sims},
                     "routing": [{"try": ["two", "three", "one"], "require": {"region": ["eu"], "zero_retention": True}}]})
        self.assertEqual(weir.record_of(self.chat(weir))["provider_chosen"], "one")
        for name in ("one", "two", "three"):
            self.sims[name].clear()
        self.sims["one"].next(answers.fail(500))
        self.assertEqual(self.chat(weir).status, 502)
        self.assertEqual(self.asked(), {"one": 1, "two": 0, "three": 0})

    def test_on_each_cause(self):
        faults = {"context_length": answers.fail(400, "This model's maximum context length is 10 tokens.", code="context_length_exceeded"),
                  "content_filter": answers.fail(400, "The response was filtered.", code="content_filter"),
                  "rate_limit": answers.fail(429, headers=[("Retry-After", "60")]),
                  "error": answers.fail(500), "timeout": answers.silence()}
        for cause, fault in faults.items():
            for stream in (False, True):
                with self.subTest(cause=cause, stream=stream):
                    for sim in self.sims.values():
                        sim.clear()
                    patience = {"total": "300ms", "first_token": "300ms"}
                    weir = Weir({"providers": {"one": self.provider("one", timeout=patience), "two": self.provider("two"),
                                               "three": self.provider("three")},
                                 "routing": [{"name": "r", "try": ["one", "two"], "on": {cause: ["three"]}}]})
                    try:
                        self.sims["one"].next(fault)
                        record = weir.record_of(self.chat(weir, stream=stream))
                        self.assertEqual((record["provider_chosen"], record["fallback_used"]), ("three", True))
                        self.assertEqual(self.asked(), {"one": 1, "two": 0, "three": 1})
                    finally:
                        weir.stop()

    def test_on_another_cause(self):
        weir = self.run_weir({"routing": [{"try": ["one", "two"], "on": {"rate_limit": ["three"]}}]})
        self.sims["one"].next(answers.fail(500))
        self.assertEqual(weir.record_of(self.chat(weir))["provider_chosen"], "two")

    def test_a_filtered_request_goes_nowhere_else(self):
        weir = self.run_weir({"routing": [{"try": ["one", "two"]}]})
        self.sims["one"].next(answers.fail(400, "The response was filtered.", code="content_filter"))
        response = self.chat(weir)
        self.assert_error(response, 400, "content_filter")
        self.assertIn("filtered", response.message)
        self.assertEqual(self.asked()["two"], 0)


class KeyPools(Rules):
    """401, 402 and 403 retire a key; 429 goes to the next; 5xx says nothing about it."""

    def key_of(self, request):
        return request.header("authorization").removeprefix("Bearer ")

    def pool(self, count=3, **more):
        keys = [f"sk-key-{n}-CANARY" for n in range(count)]
        self.sims["one"].key = None
        return keys, self.with_(Weir({"providers": {"one": self.provider("one", keys=keys, **more)}}))

    def test_a_refused_key_is_retired(self):
        for status in (401, 402, 403):
            with self.subTest(status=status):
                sim = self.sims["one"]
                sim.clear()
                keys, weir = self.pool(spread=True)
                bad = keys[0]
                sim.default = lambda sim, request: answers.fail(status) if self.key_of(request) == bad else answers.default(sim, request)
                for _ in range(12):
                    self.assertEqual(self.chat(weir).status, 200)
                used = [self.key_of(request) for request in sim.journal]
                self.assertEqual(used.count(bad), 1, used)
                self.assertEqual({keys[1], keys[2]} <= set(used), True)
                sim.default = answers.default

    def test_all_keys_are_dead(self):
        sim = self.sims["one"]
        keys, weir = self.pool()
        sim.default = lambda sim, request: answers.fail(401)
        try:
            first = self.chat(weir)
            self.assertEqual(first.status, 502)
            asked = len(sim.journal)
            self.assertEqual({self.key_of(request) for request in sim.journal}, set(keys))
            for stream in (False, True):
                later = self.chat(weir, stream=stream)
                self.assert_error(later, 502, "weir_upstream_keys_exhausted")
            self.assertLessEqual(len(sim.journal), asked + 1, "hammered")
            self.assertNotIn(b"CANARY", first.body + later.body)
        finally:
            sim.default = answers.default

    def test_a_limited_key_rotates(self):
        sim = self.sims["one"]
        keys, weir = self.pool()
        sim.next(answers.fail(429, headers=[("Retry-After", "60")]))
        self.assertEqual(self.chat(weir).status, 200)
        first, second = (self.key_of(request) for request in sim.journal)
        self.assertNotEqual(first, second)
        for _ in range(4):
            self.assertEqual(self.chat(weir).status, 200)
        self.assertNotIn(first, [self.key_of(request) for request in sim.journal[1:]])

    def test_a_fault_keeps_the_key(self):
        sim = self.sims["one"]
        keys, weir = self.pool(retries=1)
        sim.next(answers.fail(500))
        self.assertEqual(self.chat(weir).status, 200)
        first, second = (self.key_of(request) for request in sim.journal)
        self.assertEqual(first, second)

    def test_limits_of_one_key(self):
        sim = self.sims["one"]
        sim.key = None
        keys = [{"key": "sk-key-a", "requests_per_minute": 3}, {"key": "sk-key-b", "requests_per_minute": 2}]
        weir = self.with_(Weir({"providers": {"one": self.provider("one", keys=keys)}}))
        statuses = [self.chat(weir).status for _ in range(7)]
        self.assertEqual(statuses, [200] * 5 + [429] * 2)
        count = collections.Counter(self.key_of(request) for request in sim.journal)
        self.assertEqual(count, {"sk-key-a": 3, "sk-key-b": 2})
        refused = self.chat(weir)
        self.assertLessEqual(int(refused.header("retry-after")), 61)

    def test_a_request_that_no_key_allows_is_not_told_to_wait_for_ever(self):
        sim = self.sims["one"]
        sim.key = None
        weir = self.with_(Weir({"providers": {"one": self.provider("one", keys=[{"key": "sk-key-a", "tokens_per_minute": 20}])}}))
        refused = self.chat(weir)
        self.assert_error(refused, 429, "weir_upstream_rate_limited")
        self.assertIn("fewer tokens", refused.message)
        self.assertLessEqual(int(refused.header("retry-after") or 0), 61)
        self.assertEqual(sim.journal, [])


class Recovery(Rules):
    """A dead primary is tried no more often than requests arrive, and is used again within seconds of its recovery."""

    def test_dead_and_back(self):
        weir = self.run_weir({"routing": [{"try": ["one", "two"]}]})
        dead = self.sims["one"]
        dead.default = lambda sim, request: answers.fail(503)
        for count in range(1, 31):
            record = weir.record_of(self.chat(weir))
            self.assertEqual(record["provider_chosen"], "two")
            self.assertLessEqual(len(dead.journal), count)
        self.assertLessEqual(len(dead.journal), 6, "hammered")
        dead.default = answers.default
        started = time.monotonic()
        self.wait_until(lambda: weir.record_of(self.chat(weir))["provider_chosen"] == "one", timeout=15)
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(weir.record_of(self.chat(weir))["provider_chosen"], "one")


if __name__ == "__main__":
    unittest.main()
