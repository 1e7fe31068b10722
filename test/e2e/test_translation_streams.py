# SPDX-License-Identifier: Apache-2.0
"""Translated streams in time and in pieces: heartbeats, clients that leave, every cut of the bytes, answers without end."""

import json
import os
import re
import time
import unittest

from harness import FULL, SLOW, grammar, seeded, talks
from harness.signer import say
from harness.wires import WIRES, Said, Text, wire_of
from sim import answers, steps
from test_translation import SAYINGS, TARGETS, Translation, sample, says_something

EVENTS = 200_000 if FULL else 20_000
GROWTH_KB = 4096
BATCH = 500


class Gated(Translation):
    def gated(self, gate, pieces, said=SAYINGS["text"]):
        """The stream waits at the gate when so many pieces of text have been said; before its head with None."""
        def make(sim, asked):
            wire = wire_of(asked)
            events = wire.stream(said, asked)
            if pieces is None:
                return answers.Play(events, headers=[("Content-Type", wire.stream_type)], before=[gate])
            at = [n for n, event in enumerate(events) if says_something(wire, event)][pieces]
            return answers.Play([*events[:at], gate, *events[at:]], headers=[("Content-Type", wire.stream_type)])
        return answers.Deferred(make, unconditional=True)


class Heartbeats(Gated):
    """F19: each client in its own framing; where there is nothing that means nothing, nothing is sent."""

    config_more = {"defaults": {"heartbeat": {"after": "60ms", "every": "40ms"}}}

    def check_beats(self, pieces):
        def check(client, target, stream, sim):
            gate = steps.Gate()
            sim.next(self.gated(gate, pieces))
            connection = self.start(client, f"m-{target}")
            head = connection.read_head()
            self.assertEqual(head.status, 200)
            if client in ("bedrock", "ollama"):
                time.sleep(0.2)
                self.assertEqual(connection.received.count(b"\n\n"), 0)
            else:
                connection.read_until(lambda data: talks.is_beat(client, data) >= 2)
            gate.open()
            response = self.finish(connection, client)
            there = talks.read(target, b"".join(WIRES[target].stream(SAYINGS["text"], sim.journal[0])), True)
            self.assertEqual(talks.differences(there, talks.read(client, response.body, True), target, client), [])
        self.every(check, (True,), sample(f"beats {pieces}"))

    def test_f19_before_the_providers_head(self):
        self.check_beats(None)

    def test_f19_between_events(self):
        self.check_beats(2)


class Leaving(Gated):
    """F8: a client that goes away stops its translated provider at once, at every step."""

    def check_leaving(self, pieces, stream=True):
        def check(client, target, _, sim):
            gate = steps.Gate()
            sim.next(self.gated(gate, pieces) if stream else answers.Deferred(
                lambda _, asked: answers.Play([gate], headers=[("Content-Type", "application/json")]), unconditional=True))
            before = len(self.weir.records)
            connection = self.start(client, f"m-{target}", stream)
            gate.wait_reached()
            if pieces:
                connection.read_head()
                connection.read_until(lambda data: b"Hel" in data)
            left = time.monotonic()
            connection.reset()
            self.assertLess(sim.wait_closed(sim.journal[0]) - left, 0.25 * SLOW)
            record = self.weir.wait_records(before + 1)[-1]
            self.assertEqual((record["status"], record["outcome"]), (499, "client_gone"))
        self.every(check, (stream,), sample(f"leaving {pieces}"))

    def test_f8_before_the_head(self):
        self.check_leaving(None)

    def test_f8_before_content(self):
        self.check_leaving(0)

    def test_f8_after_content(self):
        self.check_leaving(4)

    def test_f8_a_whole_answer(self):
        self.check_leaving(None, stream=False)


class Broken(Gated):
    """An answer that breaks off: its last event names what its first did."""

    def test_the_failure_names_the_model_that_the_beginning_named(self):
        for target in TARGETS:
            with self.subTest(target=target):
                if target == "openai-responses":
                    continue  # relayed as it is
                sim = self.sims[target]
                sim.clear()
                sim.next(self.gated(steps.CLOSE, 2))
                response = self.finish(self.start("openai-responses", f"m-{target}"), "openai-responses")
                said = [json.loads(event.data) for event in response.stream.events]
                self.assertEqual(said[-1]["type"], "response.failed")
                self.assertEqual(len({event["response"]["model"] for event in said if "response" in event}), 1)


VOLATILE = re.compile(rb'"(id|created|created_at|completed_at|responseId|item_id|call_id|model|createTime)": ?("[^"]*"|\d+)|'
                      rb"(resp|msg|fc|rs|chatcmpl)[-_]\w+")


def steady(client, body):
    """The bytes without what is made anew for every answer."""
    if client == "bedrock":
        body = b"\n".join(repr(frame).encode() for frame in grammar.parse_aws(body))
    return VOLATILE.sub(b"", body)


class Splits(Translation):
    """F18: however the provider's bytes are cut, the client's are the same."""

    def play(self, said, cut):
        def make(sim, asked):
            wire = wire_of(asked)
            data = b"".join(wire.stream(said, asked))
            return answers.Play(cut(data), headers=[("Content-Type", wire.stream_type)])
        return answers.Deferred(make, unconditional=True)

    def test_f18_split_points(self):
        said = SAYINGS["calls"]
        said.parts[0].text = "Let me look: \u00e9 \u4e2d\u6587 \U0001f680."
        count = 40 if FULL else 2

        def check(client, target, stream, sim):
            random = seeded(f"splits {client} {target}")
            whole = self.ask_once(client, target, sim, said, lambda data: [data])
            cuts = [lambda data: steps.one_by_one(data)] if FULL or (client, target) in one_by_one else []
            for _ in range(count):
                places = [random.random() for _ in range(random.choice((1, 2, 8)))]
                cuts.append(lambda data, places=places: steps.paced(steps.split(data, *(int(p * len(data)) for p in places))))
            for cut in cuts:
                self.assertEqual(self.ask_once(client, target, sim, said, cut), whole)
        one_by_one = sample("one by one")
        self.every(check, (True,))

    def ask_once(self, client, target, sim, said, cut):
        sim.next(self.play(said, cut))
        response = self.post(client, f"m-{target}", True, tools=True)
        self.assertEqual(response.status, 200)
        return steady(client, response.body)


class Long(Gated):
    """Streams whose length memory does not know (F9), and answers beyond limits.hold."""

    config_more = {"limits": {"hold": "1MB"}}
    # A sanitizer keeps what is freed for a while, so that its use is seen: that is no growth of the program's.
    environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}

    def test_f9_a_long_stream_in_constant_memory(self):
        def check(client, target, stream, sim):
            gate = steps.Gate()
            sim.next(answers.Deferred(lambda _, asked: Endless(wire_of(asked), gate), unconditional=True))
            connection = self.start(client, f"m-{target}")
            connection.read_head()
            seen, tail, before = 0, b"", None
            for piece in connection.read_pieces():
                connection.response.pieces.clear()
                seen += (tail[-4:] + piece).count(b"token")
                tail = (tail + piece)[-2000:]
                if before is None and seen >= EVENTS // 10:
                    before = self.weir.rss_kb()
                    gate.open()
            self.assertGreaterEqual(seen, EVENTS)
            self.assertTrue(connection.response.complete)
            self.assertLess(self.weir.rss_kb() - before, GROWTH_KB)
        # Responses repeats the text at its end: within limits.hold only.
        self.every(check, (True,), [pair for pair in sample("long", False) if pair[0] != "openai-responses"])

    def test_a_whole_answer_beyond_the_limit_is_an_error(self):
        long = Said([Text("token " * 300_000, 300)])

        def check(client, target, stream, sim):
            sim.next(say(long), *[say(long)] * 3)
            response = self.post(client, f"m-{target}", False)
            self.assertEqual(response.status, 502, response.body[:200])
            self.assertIn("limits.hold", response.message)
            sim.script.clear()
        self.every(check, (False,), sample("hold")[:2])


class Endless:
    """The head and the first text, that text again and again, the end."""

    unconditional = True

    def __init__(self, wire, gate):
        self.dialect, self.gate = wire, gate

    async def play(self, wire):
        events = self.dialect.stream(Said([Text("token ", 1)]), wire.request)
        at = next(n for n, event in enumerate(events) if b'token "' in event)  # not "input_tokens"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.dialect.stream_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        await wire.send(head.encode())
        wire.encode = lambda data: b"%x\r\n%s\r\n" % (len(data), data)
        batch = re.sub(rb'"sequence_number":\d+,', b"", events[at]) * BATCH
        await wire.send_body(b"".join(events[:at]))
        for sent in range(0, EVENTS, BATCH):
            if sent == EVENTS // 5:
                await self.gate.play(wire)
            await wire.send_body(batch)
        await wire.send_body(b"".join(event for event in events[at + 1:]))
        await wire.send(b"0\r\n\r\n")
        return True


if __name__ == "__main__":
    unittest.main()
