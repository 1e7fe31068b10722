# SPDX-License-Identifier: Apache-2.0
"""F4: what a provider wants back of its reasoning comes back to it, also from clients that echo only standard fields; to nobody else."""

import json
import tempfile

from harness import Case, SPEECHES, Weir, fetch
from sim import Sim, answers
from sim.dialects import Reply, sign

KEYS = {"alice": "weir-key-of-alice-0123456789", "bob": "weir-key-of-bob-0123456789"}
TOOLS = [{"type": "function", "function": {"name": "look_up", "description": "Finds things.", "parameters": {
    "type": "object", "properties": {"what": {"type": "string"}, "times": {"type": "integer"}}}}}]


class Folder:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-e2e-store-")
        self.name = self._folder.name

    def close(self):
        self._folder.cleanup()


class Loop:
    """An OpenAI client that echoes {role, content, tool_calls} and nothing else, in a tool loop."""

    def __init__(self, test, weir, model, stream=False, key=None):
        self.test, self.weir, self.model, self.stream, self.key = test, weir, model, stream, key
        self.messages = [{"role": "user", "content": "What is there, and how often?"}]

    def ask(self):
        speech = SPEECHES["openai-chat"]
        body = {"model": self.model, "messages": self.messages, "tools": TOOLS, "reasoning_effort": "high", "max_tokens": 20000}
        headers = speech.auth(self.key) if self.key else speech.headers
        if self.stream:
            body["stream"] = True
        return fetch(self.weir.port, "POST", speech.path(self.model), headers, json.dumps(body).encode(), dialect="openai-chat")

    def message(self, response):
        """As the official SDK gathers it, less what is no standard field."""
        if not self.stream:
            message = response.json()["choices"][0]["message"]
            return {name: message[name] for name in ("role", "content", "tool_calls") if message.get(name)}
        content, calls = "", {}
        for line in response.body.decode().split("\n"):
            if not line.startswith("data: {"):
                continue
            for choice in json.loads(line[6:])["choices"]:
                content += choice["delta"].get("content") or ""
                for call in choice["delta"].get("tool_calls", []):
                    kept = calls.setdefault(call["index"], {"type": "function", "function": {"name": "", "arguments": ""}})
                    kept["id"] = call.get("id") or kept.get("id")
                    kept["function"]["name"] += call["function"].get("name") or ""
                    kept["function"]["arguments"] += call["function"].get("arguments") or ""
        message = {"role": "assistant", "content": content}
        return {**message, "tool_calls": list(calls.values())} if calls else message

    def turn(self):
        """Asks, and runs the tools that the answer calls."""
        response = self.ask()
        self.test.assertEqual(response.status, 200, response.body[:500])
        message = self.message(response)
        self.messages.append(message)
        for call in message.get("tool_calls", []):
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": "found"})
        return message


def thinking(number, calls=2):
    """The provider's answer to the n-th request: it thinks, and calls tools."""
    return Reply(text=f"Step {number}.", reasoning=f"I must think: {number} \u00e9.",
                 calls=[(f"toolu_{number}_{n}", "look_up", {"what": f"thing {n}", "times": number}) for n in range(calls)])


class Kept(Case):
    backends = ("anthropic",)

    def start_weir(self, one, two=None, own_id="claude-sonnet-4-5", **extra):
        providers = {"one": {"dialect": one.speaks[0], "base_url": one.url + SPEECHES[one.speaks[0]].base, "keys": [one.key],
                             "priority": 1, "models": {"m": own_id}}}
        if two:
            providers["two"] = {"dialect": two.speaks[0], "base_url": two.url + SPEECHES[two.speaks[0]].base, "keys": [two.key],
                                "priority": 2, "models": {"m": own_id}}
        return Weir({"providers": providers, **extra})

    def sim(self, name, dialect):
        return self.with_(Sim(dialect, key=f"sk-{name}-CANARY-provider-key", name=name))

    def test_f4_four_turns(self):
        for dialect in self.backends:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    one = self.sim("one", dialect)
                    weir = self.with_(self.start_weir(one))
                    loop = Loop(self, weir, "m", stream)
                    for number in range(3):
                        one.next(answers.auto(thinking(number)))
                        self.assertEqual(len(loop.turn()["tool_calls"]), 2)
                    one.next(answers.auto(Reply(text="Done.")))
                    self.assertEqual(loop.turn(), {"role": "assistant", "content": "Done."})
                    self.assertEqual([r.problem for r in one.journal], [None] * 4)
                    body = one.journal[-1].body.decode()
                    for number in range(3):
                        self.assertIn(sign(f"I must think: {number} \u00e9."), body)

    def test_f4_the_prefix_stays_the_same(self):
        """A conversation grown by a turn is written with the same bytes in front (F5)."""
        one = self.sim("one", "anthropic")
        weir = self.with_(self.start_weir(one))
        loop = Loop(self, weir, "m")
        for number in range(3):
            one.next(answers.auto(thinking(number)))
            loop.turn()
        turns = [json.dumps(r.json()["messages"]) for r in one.journal]
        self.assertTrue(turns[2].startswith(turns[1][:-1]))

    def test_f4_over_a_restart(self):
        one = self.sim("one", "anthropic")
        folder = self.with_(Folder())
        store = f"sqlite:{folder.name}/weir.db"
        first = self.start_weir(one, store=store)
        loop = Loop(self, first, "m")
        one.next(answers.auto(thinking(0)))
        loop.turn()
        first.stop()
        loop.weir = self.with_(self.start_weir(one, store=store))
        one.next(answers.auto(thinking(1)))
        loop.turn()
        self.assertIn(sign("I must think: 0 \u00e9."), one.journal[1].body.decode())
        self.assertIsNone(one.journal[1].problem)

    def test_f4_another_key_does_not_get_it(self):
        one = self.sim("one", "anthropic")
        weir = self.with_(self.start_weir(one, keys=[{"name": name, "key": key} for name, key in KEYS.items()]))
        loop = Loop(self, weir, "m", key=KEYS["alice"])
        one.next(answers.auto(thinking(0)))
        loop.turn()
        loop.key = KEYS["bob"]
        one.next(answers.auto(Reply(text="Who are you?")))
        loop.ask()
        self.assertNotIn("I must think", one.journal[1].body.decode())
        self.assertNotIn("signature", one.journal[1].body.decode())
        loop.key = KEYS["alice"]
        one.next(answers.auto(Reply(text="Welcome back.")))
        loop.turn()
        self.assertIn(sign("I must think: 0 \u00e9."), one.journal[2].body.decode())

    def test_f4_state_of_one_never_reaches_two(self):
        one, two = self.sim("one", "anthropic"), self.sim("two", "anthropic")
        weir = self.with_(self.start_weir(one, two, "claude-opus-4-6")) # thinks as it likes, also in the middle of a loop
        loop = Loop(self, weir, "m")
        one.next(answers.auto(thinking(0)))
        loop.turn()
        one.next(*[answers.fail(529)] * 4)
        two.next(answers.auto(Reply(text="I am another.")))
        loop.turn()
        self.assertIn(sign("I must think: 0 \u00e9."), one.journal[1].body.decode())
        self.assertEqual(len(two.journal), 1)
        self.assertNotIn(sign("I must think: 0 \u00e9."), two.journal[0].body.decode())
        self.assertNotIn("signature", two.journal[0].body.decode())
