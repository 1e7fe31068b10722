# SPDX-License-Identifier: Apache-2.0
"""Streams that break after content (DESIGN §6): wherever they break, whatever they say, and whoever finishes them."""

import itertools
import json
import unittest

from harness import Case, Client, FULL, SPEECHES, fetch, grammar, seeded, talks
from sim import answers, dialects, steps
from sim.dialects import Reply, Usage

DIALECTS = tuple(SPEECHES)
TOKENS = [*(f"tok{n} " for n in range(8)), "end."]
TEXT = "".join(TOKENS)
CALLS = [("call_1", "look_up", {"what": "the weather in Ulm", "times": 3}), ("call_2", "wait", {"for": "rain"})]
SAYINGS = {
    "text": Reply(tokens=TOKENS, usage=Usage(20, 15)),
    "calls": Reply(tokens=TOKENS[:2], calls=CALLS, usage=Usage(20, 15)),
    "only calls": Reply(text="", tokens=[], calls=CALLS, usage=Usage(20, 15)),
    "reasoning": Reply(tokens=TOKENS[:3], reasoning="First this, then that.", usage=Usage(20, 15, reasoning=4)),
    "everything": Reply(tokens=TOKENS[:3], reasoning="First this, then that.", calls=CALLS, usage=Usage(20, 15, reasoning=4)),
}


def cut_at(reply, number, tail=(steps.CLOSE,)):
    """The stream breaks before its event of that number."""
    return answers.stream(reply, lambda events: [*events[:number], *tail])


class Rescue(Case):
    """`rescue` of the class; one-DIALECT breaks, two-DIALECT finishes; an entry for each pair of them."""

    dialects = DIALECTS
    keep_alive = False
    models_max = 60
    rescue = "replay"
    more = {}
    providers_extra = {"retries": 0}

    @classmethod
    def config(cls):
        models = {f"{first}-to-{second}-{n}": {"try": [f"one-{first}/{first}-{n}", f"two-{second}/{second}-{n}"], "rescue": cls.rescue}
                  for first, second in itertools.product(DIALECTS, DIALECTS) for n in range(cls.models_max)}
        return {"providers": cls.two_providers(cls.one, cls.two), "models": models, **cls.more}

    def entry(self, first, second):
        return f"{first}-to-{second}-{next(self._models) % self.models_max}"

    def post(self, client, model, stream=True, **members):
        path, headers, body = talks.request(client, model, stream, tools=True, **members)
        if client == "openai-responses" and "store" not in members:
            body = json.dumps({**json.loads(body), "store": False}).encode()
        return fetch(self.weir.port, "POST", path, headers, body, dialect=client)

    def pairs(self, name):
        """(client, first, second), one of them the client's own: all where everything is wanted, else a few for each client."""
        every = [(client, first, second) for client, first, second in itertools.product(DIALECTS, repeat=3) if client in (first, second)]
        if FULL:
            return every
        random = seeded(name)
        return [(client, client, client) for client in DIALECTS] + [
            (client, *random.choice([(a, b) for c, a, b in every if c == client and (a, b) != (client, client)])) for client in DIALECTS]


class Everywhere(Rescue):
    """Broken before each of its events, the answer is the one that nothing has broken."""

    models_max = 600

    def undisturbed(self, client, second, reply):
        self.one.next(answers.fail(500))
        self.two.next(answers.stream(reply))
        return self.post(client, self.entry(second, second))

    def test_each_event(self):
        for client, first, second in self.pairs("each event"):
            for name, reply in SAYINGS.items():
                with self.subTest(client=client, first=first, second=second, says=name):
                    self.check(client, first, second, reply)

    def count(self, first, reply):
        """Events of that dialect's stream, and the first that has content."""
        probe = {"gemini": "/v1beta/models/m:streamGenerateContent", "openai-chat": "/v1/chat/completions",
                 "openai-responses": "/v1/responses", "anthropic": "/v1/messages"}[first]
        request = type("Request", (), {"path": probe, "query": "alt=sse", "json": lambda self: {"model": "m", "stream": True}})()
        events = dialects.DIALECTS[first].events(reply, request, True)
        return len(events), next((n for n, event in enumerate(events) if event.kind == "content"), len(events))

    def check(self, client, first, second, reply):
        wanted = talks.read(client, self.undisturbed(client, second, reply).body, True)
        events, content = self.count(first, reply)
        untold = (events - 2,) if first == "openai-chat" else ()
        numbers = range(content, events)
        if first != client:
            few = min(6 if FULL else 3, len(numbers))
            numbers = sorted(seeded(f"{client} {first} {events}").sample(numbers, few))
        for number in numbers:
            with self.subTest(number=number):
                self.one.clear()
                self.two.clear()
                self.one.next(cut_at(reply, number))
                self.two.default = lambda sim, request: answers.stream(reply)
                response = self.post(client, self.entry(first, second))
                stream = response.stream
                self.assertIsNone(stream.error)
                self.assertLessEqual(len(stream.ids), 1)
                differences = talks.differences(wanted, talks.read(client, response.body, True), client, client)
                # Ids that a provider does not give are made anew. A usage that had not come is not asked for once more.
                excused = ("id of a call", "usage.") if number in untold else ("id of a call",)
                self.assertEqual([words for words in differences if not words.startswith(excused)], [])
                record = self.weir.record_of(response)
                self.assertEqual(record["outcome"], "ok")
                self.assertLessEqual(len(self.two.journal), 1)


class SomethingElse(Rescue):
    """Never a splice: who says something else is not heard, and the client hears what broke first."""

    def test_another_text(self):
        for client, first, second in self.pairs("something else"):
            with self.subTest(client=client, first=first, second=second):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, first, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(answers.stream(Reply(text="tok0 tok1 and now for something else")))
                response = self.post(client, self.entry(first, second))
                stream = response.stream
                self.assertIsNotNone(stream.error)
                self.assertFalse(stream.done)
                self.assertTrue(TEXT.startswith(stream.text) and len(stream.text) >= 5, stream.text)
                record = self.weir.record_of(response)
                self.assertEqual((record["outcome"], record["truncated"]), ("cut", True))
                self.assertEqual([a["outcome"] for a in record["attempts"]], ["cut", "diverged"])
                self.assertNotIn("rescue", record)
                # Who spoke is who was heard.
                self.assertEqual((record["provider_chosen"], record["model"]), (f"one-{first}", record["attempts"][0]["model"]))
                self.assertGreater(record["output_tokens"], 0)
                self.assertGreater(record["input_tokens"], 0)

    def test_nobody_is_left(self):
        for client, first, second in self.pairs("nobody is left"):
            with self.subTest(client=client, first=first, second=second):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, first, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(answers.fail(503))
                response = self.post(client, self.entry(first, second))
                self.assertIsNotNone(response.stream.error)
                record = self.weir.record_of(response)
                self.assertEqual((record["outcome"], record["provider_chosen"]), ("cut", f"one-{first}"))

    def test_other_calls(self):
        other = Reply(tokens=TOKENS[:2], calls=[("call_1", "wait", {"for": "snow"})])
        for client in ("openai-chat", "openai-responses", "anthropic"):  # Gemini's calls come with its finish
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                # In the middle of the first call's arguments, or after it.
                self.one.next(cut_at(SAYINGS["calls"], Everywhere.count(self, client, SAYINGS["calls"])[0] - 5))
                self.two.next(answers.stream(other))
                response = self.post(client, self.entry(client, client))
                self.assertIsNotNone(response.stream.error)
                self.assertNotIn(b"snow", response.body)

    def test_the_first_may_have_broken_before_it_said_anything(self):
        """What an attempt without content has opened is not held against the next one."""
        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                reply = SAYINGS["reasoning"]
                self.one.next(cut_at(reply, Everywhere.count(self, client, reply)[1]))
                self.two.next(answers.stream(SAYINGS["text"]))
                self.assertEqual(self.post(client, self.entry(client, client)).stream.text, TEXT)


class StoredAnswers(Rescue):
    """Responses that are to be stored: the finished answer can be gone on from."""

    def test_going_on_from_a_rescued_answer(self):
        for first, second in itertools.product(DIALECTS, ("openai-responses", "anthropic")):
            with self.subTest(first=first, second=second):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, first, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 3))
                self.two.next(answers.stream(SAYINGS["text"]))
                response = self.post("openai-responses", self.entry(first, second), store=True)
                self.assertEqual(response.stream.text, TEXT)
                (id,) = response.stream.ids
                self.two.next(answers.stream(SAYINGS["text"]))
                self.one.next(answers.fail(500))
                again = self.post("openai-responses", self.entry(first, second), previous_response_id=id)
                self.assertEqual(again.stream.text, TEXT)
                self.assertIn(b"tok3 ", self.two.journal[-1].body)


class Continue(Rescue):
    """The next target gets what was delivered as its own beginning."""

    rescue = ["continue", "replay"]

    @staticmethod
    def rest(sim, request):
        """Goes on from the assistant turn at the end; without one it answers from the beginning."""
        last = request.json().get("messages", [{}])[-1]
        content = last.get("content")
        text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content or [])
        begun = text if last.get("role") == "assistant" else ""
        # What cannot end in white space was sent without.
        left = TEXT[len(begun):]
        return answers.stream(Reply(tokens=[left[:3], left[3:]] if begun else TOKENS, usage=Usage(30, 9)))

    def test_text_goes_on(self):
        for client, first in itertools.product(DIALECTS, DIALECTS):
            with self.subTest(client=client, first=first):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, first, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 5))
                self.two.default = self.rest
                response = self.post(client, self.entry(first, "anthropic"))
                self.assertEqual(response.stream.text, TEXT)
                self.assertIsNone(response.stream.error)
                record = self.weir.record_of(response)
                self.assertEqual((record["outcome"], record.get("rescue")), ("ok", "continue"))
                if client != "gemini":  # asked without alt=sse it is an array, which has no comments
                    self.assertIn(b": weir: two-anthropic goes on from here", response.body)
                messages = self.two.journal[-1].json()["messages"]
                self.assertEqual(messages[-1]["role"], "assistant")
                self.assertIn("tok0", json.dumps(messages[-1]))

    def test_a_call_is_not_continued(self):
        """Only replay completes it."""
        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                events, _ = Everywhere.count(self, "anthropic", SAYINGS["calls"])
                self.one.next(cut_at(SAYINGS["calls"], events - 4))
                self.two.next(answers.stream(SAYINGS["calls"]))
                response = self.post(client, self.entry("anthropic", "anthropic"))
                self.assertIsNone(response.stream.error)
                self.assertEqual(self.weir.record_of(response)["rescue"], "replay")
                self.assertEqual(self.two.journal[-1].json()["messages"][-1]["role"], "user")

    def test_where_nobody_can_continue_it_is_replayed(self):
        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 5))
                self.two.next(answers.stream(SAYINGS["text"]))
                response = self.post(client, self.entry(client, "gemini"))
                self.assertEqual(response.stream.text, TEXT)
                self.assertEqual(self.weir.record_of(response)["rescue"], "replay")

    def test_a_fallback_that_rejects_prefill(self):
        def make(sim, request):
            if request.json()["messages"][-1]["role"] == "assistant":
                return answers.fail(400, "This model does not support assistant message prefill.").resolve(sim, request)
            return answers.stream(SAYINGS["text"]).resolve(sim, request)

        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 5))
                self.two.default = lambda sim, request: answers.Deferred(make, unconditional=True)
                response = self.post(client, self.entry(client, "anthropic"))
                self.assertIsNone(response.stream.error)
                self.assertEqual(response.stream.text, TEXT)
                self.assertEqual([r.json()["messages"][-1]["role"] for r in self.two.journal], ["assistant", "user"])


class Hold(Rescue):
    rescue = "hold"
    more = {"limits": {"hold": "64KB"}, "defaults": {"heartbeat": {"after": "60ms", "every": "40ms"}}}

    def test_nothing_before_everything(self):
        """Heartbeats run meanwhile."""
        for client, first, second in self.pairs("hold"):
            with self.subTest(client=client, first=first, second=second):
                self.one.clear()
                self.two.clear()
                gate = steps.Gate()
                content = Everywhere.count(self, first, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 4, [gate, steps.CLOSE]))
                self.two.next(answers.stream(SAYINGS["text"]))
                connection = self.begin(client, model=self.entry(first, second))
                connection.read_head()
                came = connection.read_until(lambda data: talks.is_beat(client, data) >= 2)
                self.assertNotIn(b"tok", came)
                gate.open()
                response = self.finish(connection, client)
                self.assertEqual(response.stream.text, TEXT)
                self.assertIsNone(response.stream.error)

    def test_an_error_after_holding_alone(self):
        """Nothing of what was held is seen in it, nor counted."""
        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                gate = steps.Gate()
                self.one.next(cut_at(SAYINGS["text"], 5, [gate, steps.CLOSE]))
                self.two.next(cut_at(SAYINGS["text"], 5))
                connection = self.begin(client, model=self.entry(client, client))
                connection.read_head()
                connection.read_until(lambda data: talks.is_beat(client, data) >= 1)
                gate.open()
                response = self.finish(connection, client)
                self.assertIsNotNone(response.stream.error)
                self.assertEqual(response.stream.text, "")

    def test_an_array_that_was_held_is_still_an_array(self):
        """Gemini's JSON array: an error after heartbeats begins it."""
        gate = steps.Gate()
        self.one.next(cut_at(SAYINGS["text"], 4, [gate, steps.CLOSE]))
        self.two.next(cut_at(SAYINGS["text"], 4))
        model = self.entry("gemini", "gemini")
        with Client(self.weir.port) as connection:
            connection.request("POST", f"/v1beta/models/{model}:streamGenerateContent", [], SPEECHES["gemini"].body("x"))
            connection.read_head()
            next(connection.read_pieces())
            gate.open()
            response = connection.read_body()
        self.assertIsNotNone(grammar.judge_array(response.body).error)

    def test_what_is_too_long_is_sent_from_there_on(self):
        """To the byte, wherever the limit falls within what was read."""
        tokens = [f"{n:06d} " for n in range(30000)]
        for client in DIALECTS:
            # Responses that are written here are repeated at their end, and have to fit in.
            for first in (client,) if client == "openai-responses" else (client, "anthropic"):
                with self.subTest(client=client, first=first):
                    self.one.clear()
                    self.two.clear()
                    # One write: the limit falls within a batch of many events.
                    self.one.next(answers.stream(Reply(tokens=tokens), lambda events: [b"".join(event.raw for event in events)]))
                    response = self.post(client, self.entry(first, "gemini"))
                    self.assertIsNone(response.stream.error)
                    self.assertEqual(response.stream.text, "".join(tokens))
                    self.assertEqual(self.two.journal, [])

    def test_too_long_and_then_broken(self):
        tokens = [f"{n:06d} " for n in range(20000)]
        for client in DIALECTS:
            with self.subTest(client=client):
                self.one.clear()
                self.two.clear()
                self.one.next(answers.stream(Reply(tokens=tokens), lambda events: [*events[:19000], steps.CLOSE]))
                response = self.post(client, self.entry(client, client))
                self.assertIsNotNone(response.stream.error)
                self.assertTrue("".join(tokens).startswith(response.stream.text))
                self.assertEqual(self.two.journal, [])


class Leaving(Rescue):
    """A client that leaves while its answer is being finished stops everything, and gives everything back."""

    def leave(self, client, prepare, wait):
        for how in ("close", "reset"):
            with self.subTest(client=client, how=how):
                self.one.clear()
                self.two.clear()
                prepare()
                model = self.entry(client, client)
                connection = self.begin(client, model=model)
                connection.read_head()
                wait(connection)
                getattr(connection, how)()
                record = self.weir.wait(lambda: next((r for r in self.weir.records if r["model_requested"] == model), None), "its record")
                self.assertEqual((record["outcome"], record["status"]), ("client_gone", 499))
                for request in self.one.journal + self.two.journal:
                    (self.one if request in self.one.journal else self.two).wait_closed(request)
        self.wait_until(lambda: not any(value for name, value in self.weir.metrics().items() if name.startswith(
            ("weir_requests_in_flight", 'weir_upstream_connections{state="active"'))))

    def test_while_the_second_repeats(self):
        for client in DIALECTS:
            gate = steps.Gate()

            def prepare():
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                gate.__init__()
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(cut_at(SAYINGS["text"], content + 2, [gate]))
            self.leave(client, prepare, lambda connection: (connection.read_until_text(b"tok3"), gate.wait_reached()))

    def test_while_the_second_is_silent(self):
        for client in DIALECTS:
            def prepare():
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(answers.silence())
            self.leave(client, prepare, lambda connection: (connection.read_until_text(b"tok3"), self.two.wait_requests(1)))

    def test_after_the_second_went_on(self):
        for client in DIALECTS:
            def prepare():
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(cut_at(SAYINGS["text"], content + 7, [steps.SILENCE]))
            self.leave(client, prepare, lambda connection: connection.read_until_text(b"tok5"))


class LeavingWhileHeld(Leaving):
    rescue = "hold"
    more = {"defaults": {"heartbeat": {"after": "30ms", "every": "30ms"}}}

    def test_while_the_second_repeats(self):
        for client in DIALECTS:
            gate = steps.Gate()

            def prepare():
                content = Everywhere.count(self, client, SAYINGS["text"])[1]
                gate.__init__()
                self.one.next(cut_at(SAYINGS["text"], content + 4))
                self.two.next(cut_at(SAYINGS["text"], content + 2, [gate, steps.SILENCE]))
            self.leave(client, prepare, lambda connection: gate.wait_reached())

    def test_while_the_second_is_silent(self):
        for client in DIALECTS:
            def prepare():
                self.one.next(cut_at(SAYINGS["text"], 5))
                self.two.next(answers.silence())
            self.leave(client, prepare, lambda connection: self.two.wait_requests(1))

    test_after_the_second_went_on = None  # nothing goes on where all is held


if __name__ == "__main__":
    unittest.main()
