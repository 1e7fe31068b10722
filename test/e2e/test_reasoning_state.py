# SPDX-License-Identifier: Apache-2.0
"""F4: what a provider wants back of its reasoning comes back to it, also from clients that echo only standard fields; to nobody else."""

import json
import tempfile

from harness import Case, SPEECHES, Weir, fetch
from sim import Sim, answers
from sim.dialects import Reply, sign, sign_call

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
                    kept["function"]["name"] += call.get("function", {}).get("name") or ""
                    kept["function"]["arguments"] += call.get("function", {}).get("arguments") or ""
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
    backends = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-pro"}

    def start_weir(self, one, two=None, own_id=None, **extra):
        own_id = own_id or self.backends[one.speaks[0]]
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
                        self.assertIn(self.state_of(dialect, number), body)

    def state_of(self, dialect, number):
        """What the provider must see again of its n-th answer."""
        if dialect == "gemini":
            return sign_call(*thinking(number).calls[0][1:])
        return sign(f"I must think: {number} \u00e9.")

    def test_f4_an_anthropic_client_on_gemini(self):
        """It has no place for what signs a call."""
        for echoes_thinking in (True, False):
            with self.subTest(echoes_thinking=echoes_thinking):
                one = self.sim("one", "gemini")
                weir = self.with_(self.start_weir(one))
                messages = [{"role": "user", "content": "What is there?"}]
                tools = [{"name": "look_up", "input_schema": TOOLS[0]["function"]["parameters"]}]
                for number in range(3):
                    one.next(answers.auto(thinking(number)))
                    body = {"model": "m", "max_tokens": 20000, "messages": messages, "tools": tools,
                            "thinking": {"type": "enabled", "budget_tokens": 4000}}
                    response = fetch(weir.port, "POST", "/v1/messages", SPEECHES["anthropic"].headers, json.dumps(body).encode())
                    self.assertEqual(response.status, 200, response.body[:500])
                    content = [block for block in response.json()["content"] if echoes_thinking or block["type"] != "thinking"]
                    messages += [{"role": "assistant", "content": content},
                                 {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block["id"], "content": "found"}
                                                              for block in content if block["type"] == "tool_use"]}]
                self.assertIn(self.state_of("gemini", 1), one.journal[2].body.decode())
                self.assertEqual([r.problem for r in one.journal], [None] * 3)

    def test_f4_a_gemini_client_on_anthropic(self):
        for echoes_thoughts in (True, False):
            with self.subTest(echoes_thoughts=echoes_thoughts):
                one = self.sim("one", "anthropic")
                weir = self.with_(self.start_weir(one))
                contents = [{"role": "user", "parts": [{"text": "What is there?"}]}]
                tools = [{"functionDeclarations": [{"name": "look_up", "parametersJsonSchema": TOOLS[0]["function"]["parameters"]}]}]
                for number in range(3):
                    one.next(answers.auto(thinking(number, 1)))
                    body = {"contents": contents, "tools": tools,
                            "generationConfig": {"maxOutputTokens": 20000, "thinkingConfig": {"thinkingBudget": 4000, "includeThoughts": True}}}
                    response = fetch(weir.port, "POST", "/v1beta/models/m:generateContent", [], json.dumps(body).encode())
                    self.assertEqual(response.status, 200, response.body[:500])
                    content = response.json()["candidates"][0]["content"]
                    if not echoes_thoughts:
                        content["parts"] = [{name: value for name, value in part.items() if name != "thoughtSignature"}
                                            for part in content["parts"] if not part.get("thought")]
                    contents += [content, {"role": "user", "parts": [
                        {"functionResponse": {**{name: part["functionCall"][name] for name in ("id", "name") if name in part["functionCall"]},
                                              "response": {"output": "found"}}}
                        for part in content["parts"] if "functionCall" in part]}]
                self.assertIn(self.state_of("anthropic", 1), one.journal[2].body.decode())
                self.assertEqual([r.problem for r in one.journal], [None] * 3)

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
