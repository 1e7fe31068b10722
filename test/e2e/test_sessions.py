# SPDX-License-Identifier: Apache-2.0
"""Agents say which conversation a request belongs to, each in its own way: it stays with one key, where its prompt cache is."""

import json
import unittest

from harness import Case, SPEECHES, Weir
from sim import Sim

KEYS = [f"sk-{n}" for n in range(8)]
# Who says it: dialect, headers, members of the body.
AGENTS = {
    "weir": ("openai-chat", lambda s: [("x-weir-session", s)], lambda s: {}),
    "claude code": ("anthropic", lambda s: [("X-Claude-Code-Session-Id", s)], lambda s: {}),
    "claude code, body": ("anthropic", lambda s: [], lambda s: {"metadata": {"user_id": f"user_ab_account__session_{s}"}}),
    "claude code, newer body": ("anthropic", lambda s: [], lambda s: {"metadata": {"user_id": json.dumps({"session_id": s})}}),
    "codex": ("openai-responses", lambda s: [("session-id", s)], lambda s: {}),
    "codex, older": ("openai-responses", lambda s: [("session_id", s)], lambda s: {"prompt_cache_key": s}),
    "codex, body": ("openai-responses", lambda s: [], lambda s: {"prompt_cache_key": s}),
    "opencode": ("openai-chat", lambda s: [("x-session-affinity", s), ("X-Session-Id", s)], lambda s: {}),
    "opencode's provider": ("openai-chat", lambda s: [("x-opencode-session", s)], lambda s: {}),
    "goose": ("openai-chat", lambda s: [("agent-session-id", s)], lambda s: {}),
    "kilo code": ("openai-chat", lambda s: [("X-KiloCode-TaskId", s)], lambda s: {}),
    "copilot cli": ("openai-chat", lambda s: [("X-Client-Session-Id", s)], lambda s: {}),
    "openrouter": ("openai-chat", lambda s: [], lambda s: {"session_id": s}),
    "gemini, by header": ("gemini", lambda s: [("x-session-id", s)], lambda s: {}),
}


class Sessions(Case):
    strict = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one = cls.keep(Sim(*SPEECHES, name="one"))
        cls.weir = cls.keep(Weir({"providers": {
            dialect: {"dialect": dialect, "base_url": cls.one.url + speech.base, "keys": KEYS, "models": [f"m-{dialect}"]}
            for dialect, speech in SPEECHES.items()}}))

    def key_of(self, agent, session, text):
        """The key that a request of that session is sent with, and what it says."""
        dialect, headers, members = AGENTS[agent]
        speech = SPEECHES[dialect]
        before = len(self.one.journal)
        body = json.dumps({**speech.value(f"m-{dialect}", text=text), **members(session)}).encode()
        response = self.ask(dialect, model=f"m-{dialect}", headers=headers(session), body=body)
        self.assertEqual(response.status, 200, response.body)
        self.assertEqual(self.weir.record_of(response)["session"], session)
        sent = self.one.journal[before]
        return next(value for name, value in sent.headers if name.lower() == speech.key_header.lower())

    def test_a_session_keeps_its_key(self):
        for agent in AGENTS:
            with self.subTest(agent=agent):
                keys = set()
                for n in range(12):
                    session = f"{agent.replace(' ', '-')}-{n}"
                    used = {self.key_of(agent, session, f"a prompt that begins otherwise {n} {turn}") for turn in range(3)}
                    self.assertEqual(len(used), 1)
                    keys |= used
                self.assertGreater(len(keys), 1)  # sessions are spread over the keys

    def test_what_weir_is_told_itself_comes_first(self):
        response = self.ask("openai-chat", model="m-openai-chat", headers=[("x-session-id", "theirs"), ("x-weir-session", "ours")])
        self.assertEqual(self.weir.record_of(response)["session"], "ours")

    def test_long_ones_are_known_by_their_hash(self):
        sessions = set()
        for end in "ab":
            for header in ("x-weir-session", "x-session-id"):
                response = self.ask("openai-chat", model="m-openai-chat", headers=[(header, "s" * 5000 + end)])
                sessions.add(self.weir.record_of(response)["session"])
        self.assertEqual(len(sessions), 2)
        self.assertTrue(all(session.startswith("sha256-") and len(session) == 39 for session in sessions))


if __name__ == "__main__":
    unittest.main()
