# SPDX-License-Identifier: Apache-2.0
"""Losses are known (pain.md F27, F28): what a target cannot be told is named in x-weir-dropped, refused, or passed over; and the
edits that a verbatim request needs touch nothing else (F5)."""

import json
import unittest

from harness import SPEECHES, Weir, fetch, talks
from harness.signer import WireSim, say
from harness.wires import WIRES, Said, Text, Thought
from sim import Sim, answers
from sim.dialects import Reply
from sim.reply import Usage
from test_translation import SAYINGS, Translation

# How clients ask for it, and where it can be said: from the providers' documentation (DIALECTS.md §3.9 to §3.11).
TUNING = {
    "seed": ({"openai-chat": {"seed": 7}, "gemini": {"generationConfig": {"seed": 7}}, "cohere": {"seed": 7},
              "ollama": {"options": {"seed": 7}}}, {"openai-chat", "gemini", "cohere", "ollama"}),
    "top_k": ({"anthropic": {"top_k": 5}, "gemini": {"generationConfig": {"topK": 5}}, "cohere": {"k": 5},
               "ollama": {"options": {"top_k": 5}},
               "bedrock": {"additionalModelRequestFields": {"top_k": 5}}}, {"anthropic", "gemini", "bedrock", "cohere", "ollama"}),
    "frequency_penalty": ({"openai-chat": {"frequency_penalty": 0.5}, "gemini": {"generationConfig": {"frequencyPenalty": 0.5}},
                           "cohere": {"frequency_penalty": 0.5}, "ollama": {"options": {"frequency_penalty": 0.5}}},
                          {"openai-chat", "gemini", "cohere", "ollama"}),
    "logit_bias": ({"openai-chat": {"logit_bias": {"50256": -100}}}, {"openai-chat"}),
    "min_p": ({"ollama": {"options": {"min_p": 0.1}}}, {"ollama"}),
    "temperature": ({"openai-chat": {"temperature": 0.5}, "openai-responses": {"temperature": 0.5}, "anthropic": {"temperature": 0.5},
                     "gemini": {"generationConfig": {"temperature": 0.5}}, "bedrock": {"inferenceConfig": {"temperature": 0.5}},
                     "cohere": {"temperature": 0.5}, "ollama": {"options": {"temperature": 0.5}}}, set(WIRES)),
}
MEANING = {
    "n": ({"openai-chat": {"n": 2}, "gemini": {"generationConfig": {"candidateCount": 2}}}, {"openai-chat", "gemini"}),
    "logprobs": ({"openai-chat": {"logprobs": True}, "cohere": {"logprobs": True},
                  "gemini": {"generationConfig": {"responseLogprobs": True}},
                  "openai-responses": {"include": ["message.output_text.logprobs"]}},
                 {"openai-chat", "openai-responses", "gemini", "cohere", "ollama"}),
    "stop": ({"openai-chat": {"stop": ["X"]}, "anthropic": {"stop_sequences": ["X"]},
              "gemini": {"generationConfig": {"stopSequences": ["X"]}},
              "bedrock": {"inferenceConfig": {"stopSequences": ["X"]}}, "cohere": {"stop_sequences": ["X"]},
              "ollama": {"options": {"stop": ["X"]}}}, set(WIRES) - {"openai-responses"}),
}
SMALL = Said([Text("Well.")])


def cases(table):
    return [(field, client, members, target, target in where) for field, (asked, where) in table.items()
            for client, members in asked.items() for target in WIRES if target != client]


class Losses(Translation):
    @classmethod
    def providers(cls):
        both = {f"both-{target}": "sim-model" for target in WIRES}
        rows = {f"the-{target}": cls.row(target, {f"{kind}-{target}": "sim-model" for kind in ("m", "strict", "both")}, priority=1)
                for target in WIRES}
        cls.second = cls.keep(WireSim("gemini", "openai-chat", name="second"))
        rows["second"] = {**cls.row("gemini", both, priority=2),
                          "dialect": {"gemini": cls.second.url + "/v1beta", "openai-chat": cls.second.url + "/v1"}}
        del rows["second"]["base_url"]
        return rows

    config_more = {"routing": [{"match": {"model": "strict-*"}, "unsupported": "refuse"}]}

    def setUp(self):
        super().setUp()
        self.second.clear()

    def test_f28_tuning_is_carried_or_named(self):
        for field, client, members, target, is_carried in cases(TUNING):
            with self.subTest(field=field, client=client, target=target):
                self.sims[target].clear()
                self.sims[target].next(say(SMALL))
                response = self.post(client, f"m-{target}", **members)
                self.assertEqual(response.status, 200, response.body[:300])
                named = (response.header("x-weir-dropped") or "").split(", ")
                self.assertEqual(field in named, not is_carried, named)
                asked = self.sims[target].journal[0].body
                number = next((n for n in (b"0.5", b"-100", b"0.1") if n in json.dumps(members).encode()), None)
                if number:
                    self.assertEqual(number in asked, is_carried, asked)

    def test_f28_tuning_refused(self):
        for field, client, members, target, is_carried in cases(TUNING):
            with self.subTest(field=field, client=client, target=target):
                self.sims[target].clear()
                if is_carried:
                    self.sims[target].next(say(SMALL))
                response = self.post(client, f"strict-{target}", **members)
                if is_carried:
                    self.assertEqual(response.status, 200, response.body[:300])
                else:
                    self.check_unsupported(client, target, response, field)

    def check_unsupported(self, client, target, response, field):
        self.assertEqual((response.status, response.code), (400, "weir_unsupported"), response.body[:300])
        self.assertIn(field, response.message)
        self.assertIn(f"the-{target}", response.message)
        self.assertEqual(self.sims[target].journal, [])

    def test_f27_meaning_is_carried_or_refused(self):
        for field, client, members, target, is_carried in cases(MEANING):
            with self.subTest(field=field, client=client, target=target):
                self.sims[target].clear()
                if is_carried:
                    self.sims[target].next(say(SMALL))
                response = self.post(client, f"m-{target}", **members)
                if is_carried:
                    self.assertEqual(response.status, 200, response.body[:300])
                    self.assertNotIn(field, (response.header("x-weir-dropped") or "").split(", "))
                else:
                    self.check_unsupported(client, target, response, field)

    def test_f27_who_cannot_carry_it_is_passed_over(self):
        """The second provider speaks gemini first, and openai-chat."""
        for field, client, members, target, is_carried in cases(MEANING):
            if is_carried:
                continue
            with self.subTest(field=field, client=client, target=target):
                self.second.clear()
                self.second.next(say(SMALL))
                response = self.post(client, f"both-{target}", **members)
                self.assertEqual((response.status, response.header("x-weir-provider")), (200, "second"), response.body[:300])
                self.assertEqual(response.header("x-weir-attempts"), "1")
                self.assertEqual(self.sims[target].journal, [])


class RefusedByDefault(Translation):
    config_more = {"defaults": {"unsupported": "refuse"}}

    def test_f28_defaults_unsupported(self):
        response = self.post("openai-chat", "m-anthropic", seed=7)
        self.assertEqual((response.status, response.code), (400, "weir_unsupported"))
        self.assertIn("seed", response.message)
        self.sims["anthropic"].next(say(SMALL))
        self.assertEqual(self.post("openai-chat", "m-anthropic").status, 200)


class Verbatim(Translation):
    """Requests in the provider's own dialect: what its model would refuse is edited in place, all else stays byte for byte."""

    @classmethod
    def providers(cls):
        return {"the-anthropic": cls.row("anthropic", {"m-anthropic": "claude-opus-4-7"}),
                "the-openai-chat": cls.row("openai-chat", {"m-gpt": "gpt-5.5", "m-old": "gpt-4o"}),
                "the-gemini": cls.row("gemini", {"m-gemini": "gemini-3-flash-preview"})}

    def send(self, client, path, body):
        self.sims[client].next(say(SMALL))
        response = fetch(self.weir.port, "POST", path, talks.HEADERS.get(client, ()), body, dialect=client)
        self.assertEqual(response.status, 200, response.body[:300])
        return response, self.sims[client].journal[-1].body

    MESSAGES = b'"messages" : [{"role":"user","content":"a\\/b \\u00e9 \xc3\xa9 <&> 12345678901234567890"}]'
    ODD = b'{ "x_1": 1.0,"model":"%s", ' + MESSAGES + b',%s  "z":[ ] }'

    def test_f5_without_a_need_nothing_changes(self):
        body = self.ODD % (b"m-anthropic", b'"max_tokens":10,')
        response, came = self.send("anthropic", "/v1/messages", body)
        self.assertEqual(came, self.ODD % (b"claude-opus-4-7", b'"max_tokens":10,'))
        self.assertIsNone(response.header("x-weir-dropped"))

    def test_f28_sampling_that_the_model_refuses_is_cut_out(self):
        response, came = self.send("anthropic", "/v1/messages", self.ODD % (b"m-anthropic", b'"temperature": 0.3,"max_tokens":10,'))
        self.assertEqual(response.header("x-weir-dropped"), "temperature")
        self.assertEqual(json.loads(came), json.loads(self.ODD % (b"claude-opus-4-7", b'"max_tokens":10,')))
        self.assertIn(self.MESSAGES, came)

    def test_f28_an_effort_beyond_the_models_is_its_strongest(self):
        _, came = self.send("openai-chat", "/v1/chat/completions", self.ODD % (b"m-gpt", b'"reasoning_effort":"max",'))
        self.assertEqual(came, self.ODD % (b"gpt-5.5", b'"reasoning_effort":"xhigh",'))

    def test_f28_the_limits_name(self):
        _, came = self.send("openai-chat", "/v1/chat/completions", self.ODD % (b"m-gpt", b'"max_tokens":10,'))
        self.assertEqual(json.loads(came), json.loads(self.ODD % (b"gpt-5.5", b'"max_completion_tokens":10,')))
        self.assertIn(self.MESSAGES, came)
        _, came = self.send("openai-chat", "/v1/chat/completions", self.ODD % (b"m-old", b'"max_tokens":10,'))
        self.assertEqual(came, self.ODD % (b"gpt-4o", b'"max_tokens":10,'))


class Foreign(Translation):
    """F4: state of one provider never reaches another, not even in the client's own dialect."""

    @classmethod
    def providers(cls):
        return {**super().providers(), "gem": cls.row("gemini", {"g": "gemini-3-flash-preview"}),
                "ant": cls.row("anthropic", {"a": "claude-opus-4-6"}), "bed": cls.row("bedrock", {"b": "anthropic.claude-opus-4-6-v1"})}

    def test_f4_wrapped_state_stays_away_from_others(self):
        state = "U0lHTkFUVVJFLW9mLWJlZHJvY2s="
        self.sims["bedrock"].next(say(Said([Thought("I think.", state), Text("So.")])))
        thinking = {"type": "adaptive"}
        first = self.post("anthropic", "b", thinking=thinking).json()
        block = first["content"][0]
        self.assertEqual((block["type"], block["thinking"]), ("thinking", "I think."))
        self.assertNotEqual(block["signature"], state)
        history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": "On"}]
        for target, model, is_home in (("anthropic", "a", False), ("gemini", "g", False), ("bedrock", "b", True)):
            with self.subTest(target=target):
                self.sims[target].clear()
                self.sims[target].next(say(SMALL))
                response = self.post("anthropic", model, thinking=thinking, messages=history)
                self.assertEqual(response.status, 200, response.body[:300])
                came = self.sims[target].journal[-1].body
                self.assertEqual(state.encode() in came, is_home)
                self.assertNotIn(block["signature"].encode(), came)
                self.assertEqual(b"signature" in came, is_home)


class Keys(Translation):
    config_more = {"keys": [{"name": "alice", "key": "weir-alice-0123456789abcdef"}]}

    def signed(self, key):
        return [("Authorization", f"AWS4-HMAC-SHA256 Credential={key}/20261120/us-east-1/bedrock/aws4_request, "
                 f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"), ("X-Amz-Date", "20261120T100000Z")]

    def test_bedrocks_sdk_signs_with_weirs_key_as_access_key_id(self):
        path, _, body = talks.request("bedrock", "m-anthropic")
        self.sims["anthropic"].next(say(SMALL))
        good = fetch(self.weir.port, "POST", path, self.signed("weir-alice-0123456789abcdef"), body, dialect="bedrock")
        self.assertEqual(good.status, 200, good.body[:300])
        self.assertNotIn("AWS4", str(self.sims["anthropic"].journal[0].headers))
        bad = fetch(self.weir.port, "POST", path, self.signed("weir-mallory-0123456789abcd"), body, dialect="bedrock")
        self.assertEqual((bad.status, bad.code), (401, "weir_invalid_api_key"))
        self.assertEqual(len(self.sims["anthropic"].journal), 1)


class Counting(Translation):
    """F44: count_tokens works for every model: by the provider where it counts, else as a labelled estimate."""

    PATHS = {"anthropic": ("/v1/messages/count_tokens", "input_tokens"), "gemini": ("/v1beta/models/{}:countTokens", "totalTokens"),
             "openai-responses": ("/v1/responses/input_tokens", "input_tokens")}

    def body(self, client, model):
        text = "The quick brown fox jumps over the lazy dog. " * 40
        return {"anthropic": {"model": model, "messages": [{"role": "user", "content": text}]},
                "gemini": {"contents": [{"role": "user", "parts": [{"text": text}]}]},
                "openai-responses": {"model": model, "input": text}}[client]

    def counters(self):
        sims = {target: self.with_(Sim(target, key="k", name=target)) for target in self.PATHS}
        providers = {target: {"dialect": target, "base_url": sim.url + SPEECHES[target].base, "keys": ["k"], "models": [f"m-{target}"],
                              "retries": 0}
                     for target, sim in sims.items()}
        return sims, self.with_(Weir({"providers": providers}))

    def test_f44_counted_by_who_answers(self):
        """In the provider's own words, whoever asks; and it is sent what it would be sent as a prompt."""
        sims, weir = self.counters()
        for client, (path, member) in self.PATHS.items():
            for target, (end, _) in self.PATHS.items():
                with self.subTest(client=client, target=target):
                    model, sim = f"m-{target}", sims[target]
                    sim.clear()
                    sim.next(answers.auto(Reply(usage=Usage(1234, 0))))
                    response = fetch(weir.port, "POST", path.format(model), talks.HEADERS.get(client, ()),
                                     json.dumps(self.body(client, model)).encode())
                    self.assertEqual((response.status, response.header("x-weir-usage")), (200, None), response.body[:300])
                    self.assertEqual((response.json()[member], len(sim.journal)), (1234, 1))
                    asked = sim.journal[0]
                    self.assertIsNone(asked.problem)
                    self.assertTrue(asked.path.endswith(end.split("{}")[-1]), asked.path)
                    self.assertIn("quick brown fox", json.dumps(asked.json()))

    def test_f44_estimated_where_the_count_fails(self):
        sims, weir = self.counters()
        for client, (path, member) in self.PATHS.items():
            for target in self.PATHS:
                with self.subTest(client=client, target=target):
                    model, sim = f"m-{target}", sims[target]
                    sim.next(answers.fail(404, "no such path"))
                    response = fetch(weir.port, "POST", path.format(model), talks.HEADERS.get(client, ()),
                                     json.dumps(self.body(client, model)).encode())
                    self.assertEqual((response.status, response.header("x-weir-usage")), (200, "estimated"), response.body[:300])
                    self.assertAlmostEqual(response.json()[member], 405, delta=100)

    def test_f44_estimated_where_nobody_counts(self):
        for client, (path, member) in self.PATHS.items():
            for target in ("openai-chat", "cohere", "ollama"):
                with self.subTest(client=client, target=target):
                    model = f"m-{target}"
                    response = fetch(self.weir.port, "POST", path.format(model), talks.HEADERS.get(client, ()),
                                     json.dumps(self.body(client, model)).encode())
                    self.assertEqual((response.status, response.header("x-weir-usage")), (200, "estimated"), response.body[:300])
                    # Cohere bills a prompt of its own with every request.
                    self.assertAlmostEqual(response.json()[member], 405 + (494 if target == "cohere" else 0), delta=60)
                    self.assertEqual(self.sims[target].journal, [])


if __name__ == "__main__":
    unittest.main()
