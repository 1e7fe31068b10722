# SPDX-License-Identifier: Apache-2.0
"""Any dialect in, any dialect out: every client at every provider, whole and streamed, through the program itself."""

import json
import unittest

from harness import Case, Client, FULL, Weir, fetch, seeded, talks
from harness.agents import AGENTS
from harness.signer import WireSim, say
from harness.talks import request
from harness.wires import WIRES, Call, Said, Text, Thought, cut, wire_of
from sim import answers, steps
from sim.dialects import Usage

CLIENTS, TARGETS = tuple(AGENTS), tuple(WIRES)
PAIRS = [(client, target) for client in CLIENTS for target in TARGETS if client != target]


class Translation(Case):
    """A simulated provider per dialect; "m-DIALECT" is a model that nothing is known of, there."""

    options = {}
    models_max = 0
    config_more = {}
    environment = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sims = {target: cls.keep(WireSim(target, name=target)) for target in TARGETS}
        cls.weir = cls.keep(Weir({"providers": cls.providers(), **cls.config_more}, env=cls.environment))

    @classmethod
    def providers(cls):
        return {f"the-{target}": cls.row(target, {f"m-{target}": "sim-model", **cls.many(target)}) for target in TARGETS}

    @classmethod
    def many(cls, target):
        """Models for requests that fail: one each, so that the breaker of one does not meet another."""
        return {f"f-{target}-{n}": f"sim-{n}" for n in range(cls.models_max)}

    def fresh(self, target):
        return f"f-{target}-{next(self._models)}"

    @classmethod
    def row(cls, target, models, **more):
        return {"dialect": target, "base_url": cls.sims[target].url + WIRES[target].base, "keys": ["sk-sim"], "auth": "bearer",
                "models": models, **cls.options, **more}

    def setUp(self):
        super().setUp()
        for sim in self.sims.values():
            sim.clear()

    def every(self, check, streams=(False, True), pairs=PAIRS, **more):
        for client, target in pairs:
            for stream in streams:
                with self.subTest(client=client, target=target, stream=stream, **more):
                    sim = self.sims[target]
                    sim.clear()
                    check(client, target, stream, sim)
                    self.assertEqual([r.script_error for r in sim.journal if r.script_error], [])
                    self.assertEqual(len(sim.script), 0, "a scripted answer was not asked for")

    def post(self, client, model, stream=False, headers=(), **members):
        path, own, body = request(client, model, stream, **members)
        return fetch(self.weir.port, "POST", path, [*own, *headers], body, dialect=client)

    def start(self, client, model, stream=True, **members):
        """Sends it and leaves the connection to the test."""
        path, own, body = request(client, model, stream, **members)
        connection = Client(self.weir.port)
        self.addCleanup(connection.socket.close)
        connection.request("POST", path, own, body)
        return connection


SAYINGS = {
    "text": Said([Text("Hello \u00e9 \u4e2d\u6587 \U0001f680 <&> \"quoted\"\n\n two.", 7)], usage=Usage(110, 17)),
    "thought": Said([Thought("I think \u00e9."), Text("So it is.")], usage=Usage(110, 57, 100, 0, 0, 40)),
    "call": Said([Call("call_1", "look_up", {"what": "x \u00e9\n", "times": 3})], usage=Usage(110, 17)),
    "calls": Said([Text("Let me look."), Call("call_a1", "look_up", {"what": "{\"a\":1}"}), Call("call_a2", "wait", {}),
                   Call("call_a3", "take-picture", {"of": "\U0001f680"})], usage=Usage(20, 30, 10)),
    "length": Said([Text("It goes on and")], "length", Usage(11, 100)),
    "filter": Said([Text("I was about to")], "filter", Usage(11, 5)),
    "written": Said([Text("cached.")], usage=Usage(1000, 5, 600, 300, 0)),
}


class Answers(Translation):
    def test_f2_f3_every_answer(self):
        """What the client's own reader sees is what the provider's own reader sees: text, reasoning, calls, finish, usage."""
        counted = {}
        for name, said in SAYINGS.items():
            def check(client, target, stream, sim):
                sim.next(say(said))
                response = self.post(client, f"m-{target}", stream, tools=True)
                self.assertEqual(response.status, 200, response.body[:300])
                wire, asked = WIRES[target], sim.journal[0]
                self.assertEqual(wire.wants_stream(asked), stream)
                there = talks.read(target, b"".join(wire.stream(said, asked)) if stream else wire.whole(said, asked), stream)
                here = talks.read(client, response.body, stream)
                self.assertEqual(talks.differences(there, here, target, client), [], name)
                if stream:
                    self.assertTrue(response.stream.done or response.stream.finish)
                counted[response.header("x-weir-request-id")] = there.usage["input"], there.usage["output"]
            self.every(check, said=name)
        self.weir.record_of(next(reversed(counted)))
        records = {r["request_id"]: (r["input_tokens"], r["output_tokens"]) for r in self.weir.records if r["request_id"] in counted}
        self.assertEqual(records, counted)

    def test_f2_calls_are_calls_whatever_they_are_called(self):
        """A provider that says `stop` with calls in its answer."""
        said = Said([Call("call_1", "wait", {})])
        said.word = lambda stop, length, calls, refused: stop
        def check(client, target, stream, sim):
            sim.next(say(said))
            response = self.post(client, f"m-{target}", stream, tools=True)
            here = talks.read(client, response.body, stream)
            self.assertEqual(here.choice(0).finish, "calls")
            self.assertNotIn(here.choice(0).word, ("end_turn", "COMPLETE") if client in ("anthropic", "bedrock", "cohere") else ())
        self.every(check)


class StreamOnly(Translation):
    options = {"quirks": ["stream_only"]}

    def test_whole_answers_of_providers_that_stream_only(self):
        def check(client, target, stream, sim):
            said = SAYINGS["calls"]
            sim.next(say(said))
            response = self.post(client, f"m-{target}", False, tools=True)
            self.assertEqual(response.status, 200, response.body[:300])
            wire, asked = WIRES[target], sim.journal[0]
            self.assertTrue(wire.wants_stream(asked))
            there = talks.read(target, b"".join(wire.stream(said, asked)), True)
            self.assertEqual(talks.differences(there, talks.read(client, response.body, False), target, client), [])
            if target == "openai-chat":  # its usage comes only to who asks for it, and it is the stream that is asked
                self.assertIs(asked.json()["stream_options"]["include_usage"], True)
        self.every(check, (False,), [(c, t) for c in CLIENTS for t in TARGETS])


class NoStream(Translation):
    options = {"quirks": ["no_stream"]}

    def test_streams_of_providers_that_answer_whole_only(self):
        def check(client, target, stream, sim):
            said = SAYINGS["calls"]
            sim.next(say(said))
            response = self.post(client, f"m-{target}", True, tools=True)
            self.assertEqual(response.status, 200, response.body[:300])
            wire, asked = WIRES[target], sim.journal[0]
            self.assertFalse(wire.wants_stream(asked))
            there = talks.read(target, wire.whole(said, asked), False)
            self.assertEqual(talks.differences(there, talks.read(client, response.body, True), target, client), [])
            self.assertTrue(response.stream.done or response.stream.finish)
        self.every(check, (True,), [(c, t) for c in CLIENTS for t in TARGETS])


CONTEXT = {"openai-chat": "This model's maximum context length is 8192 tokens.", "openai-responses":
           "Your input exceeds the context window of this model. Please adjust your input and try again.",
           "anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
           "gemini": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
           "bedrock": "Input is too long for requested model.",
           "cohere": "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 200000.",
           "ollama": "the input length exceeds the context length"}
FILTER = {"openai-chat": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
          "openai-responses": "Your request was rejected as a result of our safety system.",
          "anthropic": "Output blocked by content filtering policy", "gemini": "The response was blocked."}
# (provider's status, its words, its code) → (client's status, weir's code, Retry-After).
ERRORS = [
    (400, "temperature is out of range", None, 400, None, None),
    (401, "invalid key", None, 502, "weir_upstream_credentials", None),
    (403, "not for you", None, 502, "weir_upstream_credentials", None),
    (404, "The model `x` does not exist", None, 404, "model_not_found", None),
    (429, "slow down", None, 429, "weir_upstream_rate_limited", "60"),
    (500, "we failed", None, 502, "weir_upstream_error", None),
    (503, "come back later", None, 502, "weir_upstream_error", None),
    (400, CONTEXT, "context_length_exceeded", 400, "context_length_exceeded", None),
    (400, FILTER, "content_filter", 400, "content_filter", None),
]
ANTHROPIC_TYPES = {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 502: "api_error"}


class Errors(Translation):
    options = {"retries": 0}
    models_max = 600

    def test_f22_errors_of_every_provider_in_every_dialect(self):
        for number, (status, words, code, wanted, weirs, retry) in enumerate(ERRORS):
            def check(client, target, stream, sim):
                text = words if isinstance(words, str) else words.get(target)
                if text is None:
                    return     # it has no such error
                sim.next(self.failing(status, text, code, retry))
                response = self.post(client, self.fresh(target), stream)
                self.assertEqual(response.status, wanted, response.body[:400])
                if weirs:
                    self.assertEqual(response.code, weirs)
                self.assertIn(text if wanted != 502 or status >= 500 else "", response.message)
                self.assertEqual(response.header("x-weir-error-origin"), "provider")
                if retry:
                    self.assertEqual(response.header("retry-after"), retry)
                self.check_shape(client, response)
            self.every(check, (bool(number % 2),))

    def failing(self, status, text, code, retry):
        def make(sim, asked):
            headers = [("Retry-After", retry)] if retry else []
            wire = wire_of(asked)
            if wire.name == "bedrock":
                headers.append(("x-amzn-errortype", wire.kinds[status]))
            return answers.body(wire.error(status, text, code), status, headers=headers)
        return answers.Deferred(make, unconditional=True)

    def check_shape(self, client, response):
        value = response.json()
        if client == "anthropic":
            self.assertEqual(value["error"]["type"], ANTHROPIC_TYPES[response.status])
        elif client.startswith("openai"):
            self.assertEqual(set(value["error"]), {"message", "type", "param", "code"})
        elif client == "gemini":
            self.assertEqual(value["error"]["code"], response.status)
        elif client == "bedrock":
            self.assertTrue(value["__type"].endswith("Exception"))


def failing_stream(*after, said=SAYINGS["text"], pieces=0):
    """The stream's events that say nothing, and `pieces` that do, then these steps."""
    def make(sim, asked):
        wire = wire_of(asked)
        events = wire.stream(said, asked)
        texts = [n for n, event in enumerate(events) if says_something(wire, event)]
        keep = events[:texts[pieces]]
        more = [step(wire) if callable(step) and not hasattr(step, "play") else step for step in after]
        return answers.Play([*keep, *more], headers=[("Content-Type", wire.stream_type)])
    return answers.Deferred(make, unconditional=True)


def says_something(wire, event):
    return any(piece.encode() in event or json.dumps(piece).encode()[1:-1] in event for piece in cut(SAYINGS["text"].text, 7))


def malformed(wire):
    return {"bedrock": b"\0\0\0\x20\0\0\0\0 this is no frame", "ollama": b'{"model": \n'}.get(wire.name, b'data: {"id": \n\n')


FAULTS = {"cut": [], "reset": [steps.Pause(0.005), steps.RESET], "malformed": [malformed],
          "error": [lambda wire: wire.broken("the server had an error")]}


def sample(name, all_if=FULL):
    """What takes time: each client and each provider once, in the full run all."""
    if all_if:
        return PAIRS
    step = seeded(name).randrange(1, len(TARGETS))
    return [(client, TARGETS[(place + step) % len(TARGETS)]) for place, client in enumerate(CLIENTS)]


class TwoProviders(Translation):
    """"both" is served by an anthropic provider first and by an openai-chat provider then."""

    models_max = 1200
    options = {"retries": 0}

    @classmethod
    def providers(cls):
        cls.others, rows = {}, {}
        for target in TARGETS:
            second = "openai-chat" if target != "openai-chat" else "anthropic"
            models = cls.many(target)
            rows[f"one-{target}"] = cls.row(target, models, priority=1)
            other = cls.others[target] = cls.keep(WireSim(second, name="second"))
            rows[f"two-{target}"] = cls.row(target, models, priority=2, dialect=second,
                                            base_url=other.url + WIRES[second].base)
        return rows

    def setUp(self):
        super().setUp()
        for sim in self.others.values():
            sim.clear()

    def fail_over(self, client, target, stream, sim, *script):
        """The second provider's answer, or the failed first's."""
        other = self.others[target]
        other.clear()
        sim.next(*script)
        other.next(say(SAYINGS["calls"]))
        response = self.post(client, self.fresh(target), stream, tools=True)
        return response, other

    def check_second(self, client, target, response, other, stream):
        self.assertEqual(response.status, 200, response.body[:300])
        self.assertEqual(len(other.journal), 1)
        here = talks.read(client, response.body, stream)
        self.assertEqual([call.name for call in here.choice(0).calls], ["look_up", "wait", "take-picture"])
        self.assertEqual(response.header("x-weir-provider"), f"two-{target}")
        self.assertEqual(response.header("x-weir-attempts"), "2")
        self.assertNotIn(b"Hello", response.body)

    def check_before_content(self, faults, pairs):
        for name, fault in faults.items():
            def check(client, target, stream, sim):
                response, other = self.fail_over(client, target, True, sim, failing_stream(*fault))
                self.check_second(client, target, response, other, True)
            self.every(check, (True,), pairs, fault=name)

    def check_after_content(self, faults, pairs):
        """The client dialect's error event, and nothing that looks like an end."""
        ids = []
        for name, fault in faults.items():
            def check(client, target, stream, sim):
                self.others[target].clear()
                sim.next(failing_stream(*fault, pieces=3))
                response = self.post(client, self.fresh(target), True)
                self.assertEqual(response.status, 200)
                self.assertTrue(response.stream.error, response.body[-300:])
                self.assertFalse(response.stream.done)
                self.assertIn("Hello", response.stream.text)
                self.assertEqual(self.others[target].journal, [])
                ids.append(response.header("x-weir-request-id"))
            self.every(check, (True,), pairs, fault=name)
        self.weir.record_of(ids[-1])
        outcomes = {r["request_id"]: r["outcome"] for r in self.weir.records}
        self.assertEqual([id for id in ids if outcomes[id] == "ok"], [])


class Failover(TwoProviders):
    def test_f1_over_dialects(self):
        def check(client, target, stream, sim):
            response, other = self.fail_over(client, target, stream, sim, answers.Deferred(
                lambda _, asked: answers.body(wire_of(asked).error(503, "not now"), 503), unconditional=True))
            self.check_second(client, target, response, other, stream)
        self.every(check, pairs=[(c, t) for c in CLIENTS for t in TARGETS])

    def test_f1_faults_before_content(self):
        self.check_before_content(FAULTS, PAIRS)

    def test_f1_faults_after_content(self):
        self.check_after_content(FAULTS, PAIRS)

    def test_a_refusal_of_what_was_translated_goes_on_to_the_next(self):
        def check(client, target, stream, sim):
            refusal = answers.Deferred(lambda _, asked: answers.body(wire_of(asked).error(400, "no such member"), 400), unconditional=True)
            response, other = self.fail_over(client, target, stream, sim, refusal)
            if client == target:
                self.assertEqual((response.status, other.journal), (400, []))
                other.script.clear()
            else:
                self.check_second(client, target, response, other, stream)
        self.every(check, pairs=[(c, t) for c in CLIENTS for t in TARGETS])


class Stalls(TwoProviders):
    options = {"retries": 0, "timeout": {"first_token": "300ms", "idle": "300ms", "total": "20s"}}

    def test_f1_silence(self):
        self.check_before_content({"stall": [steps.SILENCE]}, sample("stall"))
        self.check_after_content({"stall": [steps.SILENCE]}, sample("stall"))


if __name__ == "__main__":
    unittest.main()
