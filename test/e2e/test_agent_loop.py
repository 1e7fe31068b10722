# SPDX-License-Identifier: Apache-2.0
"""A tool-use agent of many turns on every pair of dialects (pain.md F2 to F5, F26): parallel calls, errors and pictures in results,
thinking that is signed and bound to all that came before it, cache markers. The provider refuses history that was altered."""

import json
import struct
import unittest
import zlib

from harness import Case, FULL, Weir, fetch, seeded
from harness.agents import AGENTS, TOOLS
from harness.signer import SIGNS, Signer, WireSim, media_of, say
from harness.wires import WIRES, Call, Said, Text, Thought
from asked import squeeze
from sim.dialects import Usage

TURNS = 50 if FULL else 8
# What the provider's model is called: its rules make it think, and in which way.
MODELS = {"openai-chat": "deepseek-v4", "openrouter": "anthropic/claude-sonnet-4.5", "openai-responses": "gpt-5.5",
          "anthropic": "claude-sonnet-4-5", "gemini": "gemini-3-flash-preview", "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
          "cohere": "command-a-reasoning-08-2025", "ollama": "qwen3"}
# Where pictures in results have a place, or one beside them.
SEES = {"openai-chat": False, "openrouter": True, "openai-responses": True, "anthropic": True, "gemini": True, "bedrock": True,
        "cohere": False, "ollama": True}
CARRIES_MARKS = {"anthropic", "bedrock", "openai-chat"}
TAKES_MARKS = {"anthropic", "bedrock", "openrouter"}


def png(number):
    """A picture of one pixel, unlike all others."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    pixel = zlib.compress(b"\0" + struct.pack(">I", number)[1:])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IDAT", pixel) +
            chunk(b"IEND", b""))


def dialect_of(target):
    return "openai-chat" if target == "openrouter" else target


class Loop:
    """One agent at one provider."""

    def __init__(self, test, weir, sim, client, target, plain, name):
        self.test, self.weir, self.sim, self.client, self.target = test, weir, sim, client, target
        self.random = seeded(name)
        dialect = dialect_of(target)
        self.signer = Signer(dialect, SIGNS.get(target), wants_content=target == "openai-chat")
        sim.look = self.signer.look
        text = "What is there? Look \u00e9 \u4e2d \U0001f600 #end"
        self.agent = AGENTS[client](f"m-{target}", "You are a careful agent.", text, plain)
        self.signer.expected = [("user", squeeze(text))]
        if client in CARRIES_MARKS and target in TAKES_MARKS:
            self.signer.marks_least = 1
        self.calls = self.pictures = 0
        self.plain = plain

    def answer(self, number, is_last):
        """What the provider will say: it thinks, says something or nothing, and calls tools, some at once; now and then it only
        says something."""
        parts = [Thought(f"I must think: {number} \u00e9 {self.random.random()}")]
        says_only = is_last or self.random.random() < 0.15
        if says_only or self.random.random() < 0.6:
            parts.append(Text(f"Step {number}: \u4e2d\u6587 \U0001f680.", 4))
        for n in range(0 if says_only else self.random.choice((1, 1, 2, 3))):
            name = self.random.choice(list(TOOLS))
            arguments = {"look_up": {"what": f"thing {number}.{n} \"\u00e9\"", "times": number}, "take-picture": {"of": f"{n}"}, "wait": {}}[name]
            parts.append(Call(f"call_{self.random.getrandbits(40):010x}", name, arguments))
        said = Said(parts, usage=Usage(1000 + number, 100 + number, 500, 0, 0, 40), id=f"{number:04}")
        if says_only and self.signer.signs == "thoughts" and (self.plain or self.client in ("cohere", "ollama")):
            said.parts = said.parts[1:]    # nothing to keep it by
        return said

    def ask(self, said, stream):
        self.sim.next(say(lambda request: self.signer.sign(request, said)))
        body = json.dumps(self.agent.request(stream)).encode()
        response = fetch(self.weir.port, "POST", self.agent.path(stream), self.agent.headers, body, dialect=self.client)
        problem = self.sim.journal[-1].problem if self.sim.journal else None
        self.test.assertEqual((response.status, problem), (200, None), response.body[:700])
        return self.agent.take(response, stream)

    def turn(self, number, is_last=False):
        said = self.answer(number, is_last)
        calls = self.ask(said, stream=self.random.random() < 0.5)
        self.test.assertEqual([call[1:] for call in calls], [(call.name, call.arguments) for call in said.calls])
        self.test.assertEqual(len({id for id, _, _ in calls}), len(calls), "ids are not one each")
        self.expect(said)
        if calls:
            self.give(calls)
        else:
            text = f"Go on, {number}. #end"
            self.agent.say(text)
            self.signer.expected.append(("user", squeeze(text)))

    def expect(self, said):
        """The answer is part of the conversation from now on."""
        if said.text:
            self.signer.expected.append(("assistant", squeeze(said.text)))
        for call in said.calls:
            self.signer.expected.append(("call", self.calls, call.name, call.arguments))
            self.calls += 1
        self.signer.signed_turns += any(part.state for part in said.parts if not isinstance(part, Text))

    def give(self, calls):
        results, first = [], self.calls - len(calls)
        pictures = []
        for place, (id, name, _) in enumerate(calls):
            is_error, text, image = self.random.random() < 0.2, f"result {first + place} <&> #end", None
            if name == "take-picture" and self.agent.results_have_images and SEES[self.target] and not is_error:
                self.pictures += 1
                image = png(self.pictures)
                pictures.append(media_of(image))
            results.append((id, text, is_error, image))
            self.signer.expected.append(("result", first + place, squeeze(text)))
            if image is not None and self.signer.dialect not in ("openai-chat",):
                self.signer.expected.append(pictures.pop())
        self.signer.expected += pictures   # after all results, in the user's words
        self.agent.give(results)


class AgentLoops(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sims, providers = {}, {}
        for target, own_id in MODELS.items():
            dialect = dialect_of(target)
            sim = cls.sims[target] = cls.keep(WireSim(dialect, name=target))
            name = target if target == "openrouter" else f"the-{target}"
            providers[name] = {"dialect": dialect, "base_url": sim.url + WIRES[dialect].base, "keys": ["sk-sim"], "auth": "bearer",
                               "models": {f"m-{target}": own_id}}
        cls.weir = cls.keep(Weir({"providers": providers}))

    def check(self, client, target, plain):
        sim = self.sims[target]
        sim.clear()
        loop = Loop(self, self.weir, sim, client, target, plain, f"agent/{client}/{target}/{plain}")
        for number in range(TURNS):
            loop.turn(number, number == TURNS - 1)
        self.assertEqual([r.script_error for r in sim.journal if r.script_error], [])

    def check_all(self, plain):
        for client in AGENTS:
            for target in MODELS:
                # Who speaks its provider's own dialect is on its own: what it leaves out is not put in.
                if plain and client == dialect_of(target):
                    continue
                with self.subTest(client=client, target=target):
                    self.check(client, target, plain)

    def test_the_provider_refuses_altered_history(self):
        """Else the other tests would prove nothing."""
        loop = Loop(self, self.weir, self.sims["anthropic"], "anthropic", "anthropic", False, "altered")
        for number in range(3):
            loop.turn(number)
        loop.sim.log.requests.clear()
        for alter in (lambda history: history[1]["content"][0].update(thinking="I thought otherwise."),
                      lambda history: history[1]["content"].pop(0),
                      lambda history: history[0]["content"][0].update(text="What was there? #end"),
                      lambda history: history[2]["content"].append({"type": "text", "text": "And?"})):
            kept, loop.agent.history = loop.agent.history, json.loads(json.dumps(loop.agent.history))
            alter(loop.agent.history)
            body = json.dumps(loop.agent.request(False)).encode()
            response = fetch(self.weir.port, "POST", loop.agent.path(False), loop.agent.headers, body, dialect="anthropic")
            self.assertEqual(response.status, 400)
            loop.agent.history = kept

    def test_an_agent_that_echoes_what_it_got(self):
        self.check_all(plain=False)

    def test_f4_an_agent_that_echoes_standard_fields_only(self):
        self.check_all(plain=True)


if __name__ == "__main__":
    unittest.main()
