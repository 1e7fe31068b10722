# SPDX-License-Identifier: Apache-2.0
"""F18: however the provider's bytes are cut, the client reads the same."""

from harness import Case, FULL, SPEECHES, seeded
from sim import answers, dialects, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
# A stream short enough to be cut everywhere, with everything that is easily torn: CJK, emoji, escapes, CRLF, comments, BOM.
REPLY = Reply(tokens=["漢", "😀", "\n", "\\", "é."])


class Splits(Case):
    dialects = DIALECTS
    models_max = 4

    def prepare(self, dialect, crlf):
        """The bytes of the whole answer, made once."""
        self.one.clear()
        taken = []

        def keep(events):
            taken.extend(event.raw for event in events)
            return events

        self.one.next(answers.stream(REPLY, keep))
        options = {"stream_options": {"include_usage": True}} if dialect == "openai-chat" else {}
        self.ask(dialect, True, model=f"{dialect}-0", **options)
        data = b"".join(taken)
        middle = data.index(b"\n\n") + 2 if dialect != "gemini" else data.index(b"\r\n\r\n") + 4
        data = b"\xef\xbb\xbf" + data[:middle] + ": комментарий\n\n".encode() + data[middle:]
        return data.replace(b"\n", b"\r\n") if crlf and dialect != "gemini" else data, options

    def relay(self, dialect, options, pieces, framing):
        content_type = dialects.DIALECTS[dialect].stream_type(self.one.journal[0])
        self.one.next(answers.Play(pieces, headers=[("Content-Type", content_type)], framing=framing))
        response = self.ask(dialect, True, model=f"{dialect}-0", **options)
        self.assertEqual(response.status, 200)
        return response.body

    def test_f18_every_split_point(self):
        random = seeded("splits")
        for dialect in DIALECTS:
            for crlf in (False, True):
                data, options = self.prepare(dialect, crlf)
                offsets = range(1, len(data)) if FULL else random.sample(range(1, len(data)), 40)
                for offset in offsets:
                    with self.subTest(dialect=dialect, crlf=crlf, offset=offset):
                        pieces = [data[:offset], steps.Pause(0.0003), data[offset:]]
                        self.assertEqual(self.relay(dialect, options, pieces, random.choice(["chunked", "close"])), data)

    def test_f18_many_splits_at_once(self):
        random = seeded("many-splits")
        for dialect in DIALECTS:
            data, options = self.prepare(dialect, crlf=True)
            for number in range(60 if FULL else 8):
                offsets = random.sample(range(1, len(data)), random.randrange(2, 60))
                with self.subTest(dialect=dialect, number=number):
                    pieces = steps.split(data, *offsets)
                    if random.random() < 0.5:
                        pieces = steps.paced(pieces, 0.0001)
                    self.assertEqual(self.relay(dialect, options, pieces, random.choice(["chunked", "close"])), data)

    def test_f18_byte_by_byte(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                data, options = self.prepare(dialect, crlf=False)
                self.assertEqual(self.relay(dialect, options, steps.one_by_one(data), "chunked"), data)

    def test_f18_splits_of_the_head_and_the_chunk_framing(self):
        """The wire itself cut anywhere: status line, headers, chunk sizes."""
        random = seeded("wire-splits")
        for dialect in DIALECTS:
            data, options = self.prepare(dialect, crlf=False)
            content_type = dialects.DIALECTS[dialect].stream_type(self.one.journal[0])
            wire = (f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
            half = len(data) // 2
            wire += b"%x;ext=1\r\n%s\r\n%X\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (half, data[:half], len(data) - half, data[half:])
            offsets = range(1, len(wire)) if FULL else random.sample(range(1, len(wire)), 30)
            for offset in offsets:
                with self.subTest(dialect=dialect, offset=offset):
                    self.one.next(answers.raw(wire[:offset], steps.Pause(0.0003), wire[offset:], steps.CLOSE))
                    response = self.ask(dialect, True, model=f"{dialect}-0", **options)
                    self.assertEqual(response.body, data)

    def test_f18_requests_in_pieces(self):
        """The client's bytes cut anywhere arrive the same."""
        from harness import Client
        random = seeded("request-splits")
        for dialect in DIALECTS:
            speech = SPEECHES[dialect]
            body = speech.body(f"{dialect}-0", text="漢字 😀")
            head = f"POST {speech.path(f'{dialect}-0')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in speech.headers)
            plain = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
            chunked = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (
                body[:5], len(body) - 5, body[5:])
            for wire in (plain, chunked):
                for offset in (range(1, len(wire)) if FULL else random.sample(range(1, len(wire)), 12)):
                    with self.subTest(dialect=dialect, offset=offset, chunked=wire is chunked):
                        self.one.clear()
                        with Client(self.weir.port) as client:
                            client.send(wire[:offset])
                            client.send(wire[offset:])
                            self.assertEqual(client.read_response().status, 200)
                        expected = body.replace(f'"{dialect}-0"'.encode(), b'"one-0"')
                        self.assertEqual(self.one.journal[0].body, expected)

    def test_f18_one_event_of_16_mb(self):
        """Passed, or refused by the documented cap: never a crash."""
        for size, status in ((15 << 20, 200), (17 << 20, 502)):
            with self.subTest(size=size):
                self.one.clear()
                self.two.clear()
                for sim in (self.one, self.one, self.two, self.two):
                    sim.next(answers.stream(Reply(tokens=["x" * size, "."])))
                response = self.ask("openai-chat", True, model="openai-chat-1")
                self.assertEqual(response.status, status, response.body[:300])
                if status == 200:
                    self.assertEqual(len(response.stream.text), size + 1)
                self.one.script.clear()
                self.two.script.clear()
