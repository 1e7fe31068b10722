# SPDX-License-Identifier: Apache-2.0
"""Streams without end and events without measure: memory does not grow with them."""

import re
import socket
import unittest

from harness import Case, FULL, SPEECHES, Weir
from sim import answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
EVENTS = 200_000
BATCH = 500            # events in one write of the provider
GROWTH_KB = 4096       # what is allowed between the first tenth and the end
MB = 1 << 20


class Played:
    """Head, content over and over, tail: made as it is sent, so that this side stays small, too."""

    unconditional = False

    def __init__(self, count, gate):
        self.count, self.gate = count, gate

    async def play(self, wire):
        dialect, events = answers.events_of(wire.sim, wire.request, Reply(tokens=["token "] * 2))
        content = [number for number, event in enumerate(events) if event.kind == "content"]
        kinds = [event.kind for event in events]
        first = kinds.index("content") if "content" in kinds else len(events) - 1
        await answers.Play([], headers=[("Content-Type", dialect.stream_type(wire.request))], framing="chunked").play(_HeadOnly(wire))
        wire.encode = lambda data: b"%x\r\n%s\r\n" % (len(data), data)
        for event in events[:first]:
            await wire.send_body(event.raw)
        batch = self.batch(dialect, events[content[0]].raw)
        for sent in range(0, self.count, BATCH):
            if sent == self.count // 10 // BATCH * BATCH:
                await self.gate.play(wire)
            await wire.send_body(batch)
        for event in events[content[-1] + 1:]:
            await wire.send_body(event.raw)
        await wire.send(b"0\r\n\r\n")
        return True

    def batch(self, dialect, raw):
        """The same delta again and again; sequence numbers are optional in the grammar, so they are left out."""
        return re.sub(rb'"sequence_number":\d+,', b"", raw) * BATCH


class _HeadOnly:
    """Lets Play write its head, and nothing of its end."""

    def __init__(self, wire):
        self._wire, self.sim, self.connection, self.request = wire, wire.sim, wire.connection, wire.request
        self.encode = None

    async def send(self, data):
        if data != b"0\r\n\r\n":
            await self._wire.send(data)


class Counter:
    """Reads an answer and remembers only how often a text was in it, and its end."""

    def __init__(self, connection, needle):
        self.socket, self.needle = connection, needle
        self.count, self.tail, self.bytes = 0, b"", 0

    def read(self, until):
        while not until(self):
            piece = self.socket.recv(1 << 18)
            if not piece:
                return self
            keep = len(self.needle) - 1
            self.count += (self.tail[-keep:] + piece).count(self.needle)
            self.tail = (self.tail + piece)[-400:]
            self.bytes += len(piece)
        return self

    def has_ended(self):
        return self.tail.endswith(b"0\r\n\r\n")


class LongStreams(Case):
    dialects = DIALECTS
    NEEDLES = {"openai-chat": b'"content":"token "', "openai-responses": b'"delta":"token "', "anthropic": b'"text":"token "',
               "gemini": b'"text":"token "'}

    def check(self, dialect, count, **members):
        gate = steps.Gate()
        self.one.next(Played(count, gate))
        client = self.begin(dialect, **members)
        counter = Counter(client.socket, self.NEEDLES[dialect])
        tenth = count // 10 // BATCH * BATCH
        counter.read(lambda c: c.count >= tenth)
        before = self.weir.rss_kb()
        gate.open()
        counter.read(lambda c: c.count >= count - BATCH)
        after = self.weir.rss_kb()
        counter.read(Counter.has_ended)
        self.assertTrue(counter.has_ended(), counter.tail)
        self.assertNotIn(b"error", counter.tail)
        self.assertLess(after - before, GROWTH_KB, f"{before} KB after {tenth} events, {after} KB at the end")
        self.assertGreaterEqual(counter.count, count)

    def test_constant_memory(self):
        self.check("openai-chat", EVENTS, stream_options={"include_usage": True})

    def test_constant_memory_while_usage_is_cut_out(self):
        """weir asked for usage, the client did not: a member is cut from every chunk."""
        self.check("openai-chat", EVENTS if FULL else EVENTS // 10)

    def test_constant_memory_in_every_dialect(self):
        for dialect in ("openai-responses", "anthropic", "gemini"):
            with self.subTest(dialect=dialect):
                self.check(dialect, EVENTS if FULL else EVENTS // 10)

    def test_a_client_that_does_not_read_holds_the_provider_back(self):
        """Back-pressure: what the client leaves unread is not collected here."""
        gate = steps.Gate()
        gate.open()
        self.one.next(Played(EVENTS, gate))
        speech = SPEECHES["openai-chat"]
        raw = socket.socket()
        self.addCleanup(raw.close)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        raw.settimeout(30)
        raw.connect(("127.0.0.1", self.weir.port))
        body = speech.body(self.model("openai-chat"), True, stream_options={"include_usage": True})
        raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        counter = Counter(raw, self.NEEDLES["openai-chat"])
        counter.read(lambda c: c.count >= BATCH)
        before = self.weir.rss_kb()
        request = self.one.wait_requests(1)
        self.one.log.wait(lambda: request.connection.is_held_back, "the provider to be held back")
        self.assertLess(self.weir.rss_kb() - before, GROWTH_KB)
        self.assertIsNone(request.answered_at)
        counter.read(Counter.has_ended)
        self.assertGreaterEqual(counter.count, EVENTS)


class LargeEvents(Case):
    dialects = DIALECTS
    strict = False

    def delta(self, dialect, size):
        """A stream whose second content event has so many bytes of text."""
        return answers.stream(Reply(tokens=["first ", "x" * size, " last"]))

    def test_up_to_the_limit(self):
        """16 MB, as it comes."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                size = 15 * MB if dialect == "openai-chat" or FULL else 3 * MB
                if dialect == "openai-responses":
                    size //= 5  # its last events repeat the text
                self.one.next(self.delta(dialect, size))
                members = {"stream_options": {"include_usage": True}} if dialect == "openai-chat" else {}
                response = self.ask(dialect, True, **members)
                self.assertEqual(len(response.stream.text), size + len("first  last"))
                self.assertIsNone(response.stream.error)

    def test_over_the_limit(self):
        self.one.next(self.delta("openai-chat", 17 * MB))
        response = self.ask("openai-chat", True)
        self.assertEqual(response.stream.text, "first ")
        self.assertIsNotNone(response.stream.error)
        self.assertEqual(self.weir.record_of(response)["outcome"], "malformed")

    def test_configured_limit(self):
        weir = self.with_(Weir({**self.config(), "limits": {"event": "100KB"}}))
        for dialect in DIALECTS:
            for size, passes in ((40 << 10, True), (120 << 10, False)):
                with self.subTest(dialect=dialect, size=size):
                    self.one.next(self.delta(dialect, size))
                    stream = self.ask(dialect, True, weir=weir).stream
                    self.assertEqual(stream.error is None, passes)
                    self.assertEqual(len(stream.text) > size, passes)

    def test_over_the_limit_before_content_is_a_fault_like_others(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                script = answers.stream(edit=lambda events: [b": " + b"x" * (17 * MB) + b"\n\n", *events])
                self.one.next(script, script)
                response = self.ask(dialect, True)
                self.one.script.clear()
                self.assertEqual(response.status, 200)
                self.assertIsNone(response.stream.error)


if __name__ == "__main__":
    unittest.main()
