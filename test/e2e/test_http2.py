# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 with clients: many requests on one connection, cancelled one by one, slow ones, and what the standard forbids."""

import socket
import struct
import time
import unittest

from harness import Case, SLOW, SPEECHES, grammar, http2
from harness.http2 import Http2Client
from sim import answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CLOSED_WITHIN = 0.25 * SLOW


@unittest.skipUnless(http2.LIBRARY, "no libnghttp2 to read header blocks with")
class Http2(Case):
    dialects = DIALECTS
    providers_extra = {"timeout": {"first_token": "60s"}}
    config_extra = {"defaults": {"heartbeat": {"after": "10s", "every": "10s"}}}

    def connect(self, **options):
        client = Http2Client(self.weir.port, **options)
        self.addCleanup(client.close)
        return client

    def ask2(self, client, dialect, stream=False, model=None, **members):
        speech = SPEECHES[dialect]
        model = model or self.model(dialect)
        headers = [(name.lower(), value) for name, value in speech.headers]
        return client.post(speech.path(model, stream), headers, speech.body(model, stream, **members))

    def test_every_dialect_on_one_connection(self):
        client = self.connect()
        numbers = [(dialect, stream, self.ask2(client, dialect, stream)) for dialect in DIALECTS for stream in (False, True)]
        for dialect, stream, number in numbers:
            with self.subTest(dialect=dialect, stream=stream):
                answer = client.finish(number)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.header("x-weir-provider"), f"one-{dialect}")
                self.assertIsNone(answer.header("connection"))
                self.assertIsNone(answer.header("transfer-encoding"))
                self.assertTrue(all(name == name.lower() for name, _ in answer.headers))
                if stream:
                    judged = grammar.judge_bytes(dialect, answer.body)
                    self.assertIn("Hello from one", judged.text)
                else:
                    self.assertIn(b"Hello from one", answer.body)
                    self.assertEqual(answer.header("content-length"), str(len(answer.body)))

    def test_a_hundred_streams_at_once(self):
        gate = steps.Gate()
        client = self.connect()
        count = 100
        self.one.next(*[answers.stream(Reply(text="answer to all"), edit=lambda events: [*events[:3], gate, *events[3:]])] * count)
        numbers = [self.ask2(client, "openai-chat", True) for _ in range(count)]
        self.one.wait_requests(count)
        gate.open()
        for number in numbers:
            judged = grammar.judge_bytes("openai-chat", client.finish(number).body)
            self.assertEqual((judged.text, judged.done), ("answer to all", True))

    def test_f8_a_cancelled_stream_stops_its_upstream_and_no_other(self):
        for dialect in DIALECTS:
            for phase in ("head", "content"):
                with self.subTest(dialect=dialect, phase=phase):
                    self.one.clear()
                    gates = [steps.Gate(), steps.Gate()]
                    edits = [lambda events, gate=gate: [*events[:5], gate, *events[5:]] for gate in gates]
                    scripts = [answers.stream(Reply(tokens=[f"tok{n} " for n in range(9)]), edit) if phase == "content" else
                               answers.stream(before=[gate]) for edit, gate in zip(edits, gates)]
                    client = self.connect()
                    self.one.next(scripts[0])
                    model = self.model(dialect)
                    first = self.ask2(client, dialect, True, model)
                    gates[0].wait_reached()
                    self.one.next(scripts[1])
                    second = self.ask2(client, dialect, True)
                    gates[1].wait_reached()
                    if phase == "content":
                        client.wait(lambda: client.streams[first].body and client.streams[second].body)
                    left = time.monotonic()
                    client.cancel(first)
                    self.assertLess(self.one.wait_closed(self.one.journal[0]) - left, CLOSED_WITHIN)
                    self.assertIsNone(self.one.journal[1].closed_at)
                    gates[1].open()
                    self.assertEqual(client.finish(second).status, 200)
                    self.assertIsNone(grammar.judge_bytes(dialect, client.streams[second].body).error)
                    record = self.weir.wait(lambda: next((r for r in self.weir.records if r["model"] == model), None), "its record")
                    self.assertEqual((record["status"], record["outcome"]), (499, "client_gone"))

    def test_f8_a_dropped_connection_stops_all_of_its_streams(self):
        for how in ("close", "reset"):
            with self.subTest(how=how):
                self.one.clear()
                gate = steps.Gate()
                client = self.connect()
                self.one.next(*[answers.stream(before=[gate])] * 5)
                for dialect in (*DIALECTS, "openai-chat"):
                    self.ask2(client, dialect, True)
                self.one.wait_requests(5)
                left = time.monotonic()
                if how == "reset":
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.socket.close()
                for request in self.one.journal:
                    self.assertLess(self.one.wait_closed(request) - left, CLOSED_WITHIN)
        self.assertEqual(self.two.journal, [])

    def test_a_slow_reader_holds_up_itself_only(self):
        """One stream whose window is shut: its provider is not read, the others go on."""
        client = self.connect(window=2000)
        block = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"' + b"y" * 900 + b'"},"finish_reason":null}]}\n\n'
        sent = []

        class Count:
            async def play(self, wire):
                sent.append(1)

        before = self.weir.rss_kb()
        self.one.next(answers.stream(Reply(tokens=["x"]), lambda events: [
            events[0], *[step for _ in range(500) for step in (block * 64, Count())], *events[-2:]]))
        slow = self.ask2(client, "openai-chat", True)
        client.wait(lambda: len(client.streams[slow].body) >= 2000)
        previous = -1
        while len(sent) != previous:
            previous = len(sent)
            time.sleep(0.2)
        self.assertLess(len(sent), 450)
        if SLOW == 1:
            self.assertLess(self.weir.rss_kb() - before, 4000)
        quick = self.ask2(client, "anthropic")
        client.allow(quick, 100000)
        self.assertEqual(client.finish(quick).status, 200)
        self.assertEqual(len(client.streams[slow].body), 2000)
        client.window = None
        client.allow(0, 1 << 30)
        client.allow(slow, 1 << 30)
        answer = client.finish(slow)
        self.assertTrue(answer.body.endswith(b"data: [DONE]\n\n"))
        self.assertEqual(answer.body.count(b"y" * 900), 500 * 64)

    def test_large_requests_and_answers(self):
        client = self.connect()
        text = "z" * (2 << 20)
        self.one.next(answers.whole(Reply(text="y" * (2 << 20))))
        number = self.ask2(client, "openai-responses", text=text)
        self.assertIn(b"y" * (2 << 20), client.finish(number).body)
        self.assertIn(text.encode(), self.one.journal[0].body)

    def test_errors(self):
        client = self.connect()
        rows = [(client.get("/v1/nothing"), 404), (client.get("/v1/messages"), 405), (client.post("/v1/messages", body=b"{"), 400),
                (client.post("/v1/messages", [("x-weir-nope", "1")]), 400), (client.post("/v1//messages"), 400),
                (client.post("/v1/messages", [("origin", "https://evil.example")]), 403),
                (client.post("/v1/messages", authority="evil.example"), 403),
                (client.get("/v1/models", [("x-one", "y" * 40000), ("x-two", "y" * 40000)]), 431)]
        for number, status in rows:
            answer = client.finish(number)
            self.assertEqual(answer.status, status, answer.body[:300])
            self.assertIn(b"error", answer.body)
        self.assertEqual(self.ask2(client, "openai-chat") and client.finish(client.next_id - 2).status, 200)

    def test_p3_what_the_standard_forbids(self):
        """RFC 9113 §8.2, §8.3: refused by stream or connection; never sent on."""
        body = SPEECHES["openai-chat"].body("openai-chat-0")
        path, authority = "/v1/chat/completions", f"127.0.0.1:{self.weir.port}"
        good = [(":method", "POST"), (":scheme", "http"), (":authority", authority), (":path", path), ("content-type", "application/json")]
        cases = {
            "upper case": [*good, ("X-Upper", "1")],
            "connection": [*good, ("connection", "close")],
            "transfer-encoding": [*good, ("transfer-encoding", "chunked")],
            "keep-alive": [*good, ("keep-alive", "5")],
            "te": [*good, ("te", "gzip")],
            "two paths": [*good[:4], (":path", "/v1/messages"), good[4]],
            "two methods": [good[0], *good],
            "pseudo after fields": [*good[:3], ("content-type", "application/json"), (":path", path)],
            "unknown pseudo": [(":evil", "1"), *good],
            "no path": [good[0], good[1], good[2], good[4]],
            "empty path": [*good[:3], (":path", ""), good[4]],
            "no method": good[1:],
            "CR LF in a value": [*good, ("x-a", "1\r\nx-b: 2")],
            "NUL in a value": [*good, ("x-a", "1\x002")],
            "blank in a name": [*good, ("x a", "1")],
            "colon in a name": [*good, ("x:a", "1")],
            "length that is not so": [*good, ("content-length", str(len(body) + 5))],
            "two lengths": [*good, ("content-length", str(len(body))), ("content-length", "1")],
            "host differs": [*good, ("host", "evil.example")],
            "user in authority": [good[0], good[1], (":authority", f"a@{authority}"), *good[3:]],
            "dot segments": [*good[:3], (":path", "/v1/../v1/chat/completions"), good[4]],
            "absolute path": [*good[:3], (":path", "http://evil/v1/chat/completions"), good[4]],
        }
        for name, headers in cases.items():
            with self.subTest(case=name):
                client = self.connect()
                number = client.open(headers, body)
                self.assertTrue(client.wait_refused(number), client.streams[number].headers)
                client.close()
        self.assertEqual(self.one.journal, [])

    def test_floods_end_the_connection(self):
        """Rapid reset (CVE-2023-44487), settings and ping floods: the connection goes, the process stays."""
        def rapid_reset(client):
            for _ in range(3000):
                client.cancel(client.open([(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{self.weir.port}"),
                                           (":path", "/v1/models")]))

        def settings(client):
            for _ in range(20000):
                client.frame(http2.SETTINGS, 0, 0, struct.pack(">HI", 3, 100))

        def pings(client):
            for _ in range(20000):
                client.frame(http2.PING, 0, 0, b"12345678")

        for flood in (rapid_reset, settings, pings):
            with self.subTest(flood=flood.__name__):
                client = self.connect()
                try:
                    flood(client)
                    client.socket.settimeout(2)
                    while client.read_frame():
                        pass
                except (BrokenPipeError, ConnectionResetError, TimeoutError):
                    pass  # closed on us, or all of it was taken
                client.close()
                self.assertLess(self.weir.rss_kb(), (64 << 10) * SLOW)
                after = self.connect()
                self.assertEqual(after.finish(self.ask2(after, "openai-chat")).status, 200)

    def test_broken_frames(self):
        for name, data in {"garbage": b"\xff" * 100, "frame too long": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
                           "data for nobody": b"\x00\x00\x01\x00\x00\x00\x00\x00\x63x", "bad block": b"\x00\x00\x02\x01\x05\x00\x00\x00\x01\xff\xff",
                           "settings with a stream": b"\x00\x00\x00\x04\x00\x00\x00\x00\x01"}.items():
            with self.subTest(name=name):
                client = self.connect()
                client.socket.sendall(data)
                while client.read_frame():
                    pass
                self.assertTrue(client.closed)
                client.close()
        self.assertEqual(self.ask("openai-chat").status, 200)


if __name__ == "__main__":
    unittest.main()
