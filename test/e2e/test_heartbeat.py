# SPDX-License-Identifier: Apache-2.0
"""F19: silence of a provider is not silence towards the client of a stream."""

import json

from harness import Case, Client, SPEECHES, fetch, grammar
from sim import answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)


class Heartbeat(Case):
    dialects = DIALECTS
    config_extra = {"defaults": {"heartbeat": {"after": "80ms", "every": "60ms"}}}
    providers_extra = {"retries": 0}

    def pings(self, dialect, data):
        """Gemini's SDKs know no comments: two empty lines, which its own CRLFs never make, are an event of nothing."""
        return data.count(b"\n\n" if dialect == "gemini" else b": ping\n\n")

    def test_f19_before_the_providers_head(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                self.one.next(answers.stream(before=[gate]))
                client = self.begin(dialect)
                head = client.read_head()
                self.assertEqual(head.status, 200)
                self.assertEqual(head.header("cache-control"), "no-cache")
                self.assertEqual(head.header("x-accel-buffering"), "no")
                self.assertTrue(head.header("content-type").startswith("text/event-stream"))
                self.assertIsNone(head.header("x-weir-provider"))  # nobody has answered yet
                client.read_until(lambda data: self.pings(dialect, data) >= 3)
                gate.open()
                response = self.finish(client, dialect)
                self.assertIn("Hello", response.stream.text)
                self.assertTrue(response.stream.done or response.stream.finish)

    def test_f19_between_events(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                reply = Reply(tokens=[f"tok{n} " for n in range(10)])

                def edit(events):
                    first = next(n for n, event in enumerate(events) if event.kind == "content")
                    return [*events[:first + 3], gate, *events[first + 3:]]

                self.one.next(answers.stream(reply, edit))
                client = self.begin(dialect)
                client.read_head()
                client.read_until_text(b"tok2 ")
                before = self.pings(dialect, b"".join(client.response.pieces))
                client.read_until(lambda data: self.pings(dialect, data) >= before + 2)
                gate.open()
                response = self.finish(client, dialect)
                self.assertEqual(response.stream.text, "".join(reply.tokens))

    def test_f19_an_error_after_pings_is_an_error_event(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                self.one.next(answers.Deferred(lambda sim, request: _fail_after(gate), unconditional=True))
                self.two.next(answers.fail(500))
                client = self.begin(dialect)
                client.read_head()
                next(client.read_pieces())
                gate.open()
                response = self.finish(client, dialect)
                self.assertEqual(response.status, 200)
                self.assertIsNotNone(response.stream.error)
                self.assertFalse(response.stream.done or response.stream.finish)
                self.assertTrue(response.complete)

    def test_f19_failover_after_pings(self):
        """head_sent does not commit: any target may still answer."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                self.one.next(answers.Deferred(lambda sim, request: _fail_after(gate), unconditional=True))
                client = self.begin(dialect)
                client.read_head()
                next(client.read_pieces())
                gate.open()
                response = self.finish(client, dialect)
                self.assertIn("Hello from two", response.stream.text)

    def test_f19_whole_answers_get_none(self):
        gate = steps.Gate()
        self.one.next(answers.whole(before=[gate, steps.Pause(0.2)]))
        client = self.begin("openai-chat", stream=False)
        gate.wait_reached()
        gate.open()
        response = self.finish(client, "openai-chat")
        self.assertEqual(response.json()["object"], "chat.completion")
        self.assertFalse(response.body.startswith(b" "))

    def test_f19_gemini_array_gets_blanks(self):
        for fails in (False, True):
            with self.subTest(fails=fails):
                gate = steps.Gate()
                model = self.model("gemini")
                self.one.next(answers.Deferred(lambda sim, request: _fail_after(gate), unconditional=True) if fails
                              else answers.stream(before=[gate]))
                if fails:
                    self.two.next(answers.fail(500))
                with Client(self.weir.port) as client:
                    client.request("POST", f"/v1beta/models/{model}:streamGenerateContent", body=SPEECHES["gemini"].body(model))
                    client.read_head()
                    came = client.read_until(lambda data: len(data) >= 3)
                    self.assertEqual(came.strip(), b"")
                    gate.open()
                    response = client.read_body()
                stream = grammar.judge_array(response.body)
                self.assertEqual(stream.error is not None, fails)
                self.assertIsInstance(json.loads(response.body), list)

    def test_f19_events_are_not_collected(self):
        """Each event is at the client before the provider writes the next one."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gates = [steps.Gate() for _ in range(6)]
                reply = Reply(tokens=[f"tok{n} " for n in range(8)])

                def edit(events):
                    first = next(n for n, event in enumerate(events) if event.kind == "content")
                    out = events[:first]
                    for number, event in enumerate(events[first:]):
                        out += [event, gates[number]] if number < len(gates) else [event]
                    return out

                self.one.next(answers.stream(reply, edit))
                client = self.begin(dialect)
                client.read_head()
                for number, gate in enumerate(gates):
                    client.read_until_text(b"tok%d " % number)
                    gate.open()
                self.assertEqual(self.finish(client, dialect).stream.text, "".join(reply.tokens))


def _fail_after(gate):
    script = answers.body({"error": {"message": "exploded", "type": "server_error", "code": None}}, 500)
    script.before = [gate]
    return script


class QuickAnswersGetNoHeartbeat(Case):
    dialects = ("anthropic",)

    def test_f19_default_interval_is_far(self):
        response = self.ask("anthropic", True)
        self.assertEqual(response.stream.comments, 0)
        self.assertEqual(fetch(self.weir.port, "GET", "/healthz").status, 200)
