# SPDX-License-Identifier: Apache-2.0
"""F41: content codings. A body always is what its headers say; what cannot be decoded is refused, whoever sends it."""

import gzip
import unittest
import zlib

from harness import Case, SPEECHES, seeded
from sim import answers, codings, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CODINGS = tuple(codings.CODINGS)


class AnswersCoded(Case):
    dialects = DIALECTS

    def assert_plain(self, response):
        self.assertIsNone(response.header("content-encoding"))
        if response.header("content-length"):
            self.assertEqual(response.header("content-length"), str(len(response.body)))

    def accepted(self):
        return ((), [("Accept-Encoding", "gzip, deflate, br, zstd")], [("Accept-Encoding", "identity")])

    def test_f41_whole(self):
        for dialect in DIALECTS:
            for coding in CODINGS:
                for headers in self.accepted():
                    with self.subTest(dialect=dialect, coding=coding, headers=headers):
                        text = f"{coding} ümlaut 漢字 " * 50
                        self.one.next(answers.whole(Reply(text=text), coding=coding, framing="chunked" if headers else "length"))
                        response = self.ask(dialect, headers=headers)
                        self.assertEqual(response.status, 200, response.body[:200])
                        self.assertEqual(self.text_of(dialect, response), text)
                        self.assert_plain(response)

    def test_f41_streams(self):
        for dialect in DIALECTS:
            for coding in CODINGS:
                with self.subTest(dialect=dialect, coding=coding):
                    tokens = [f"{coding}{n} ü漢😀 " for n in range(40)]
                    self.one.next(answers.stream(Reply(tokens=tokens), coding=coding))
                    response = self.ask(dialect, True)
                    self.assertEqual(response.stream.text, "".join(tokens))
                    self.assert_plain(response)

    def test_f41_streams_are_not_held_back(self):
        """Every event that a flush of the compressor let out is relayed before the next one comes."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()

                def edit(events):
                    at = next(n for n, event in enumerate(events) if event.kind == "content") + 2
                    return [*events[:at], gate, *events[at:]]

                self.one.next(self.gated(edit))
                client = self.begin(dialect)
                client.read_head()
                client.read_until_text(b"tok1")
                gate.open()
                self.assertEqual(self.finish(client, dialect).stream.text, "tok0 tok1 tok2 tok3 ")

    def gated(self, edit):
        def make(sim, request):
            dialect, events = answers.events_of(sim, request, Reply(tokens=["tok0 ", "tok1 ", "tok2 ", "tok3 "]))
            packer = zlib.compressobj(wbits=31)
            played = [packer.compress(step.raw) + packer.flush(zlib.Z_SYNC_FLUSH) if not isinstance(step, steps.Gate) else step
                      for step in edit(events)]
            return answers.Play([*played, packer.flush()], headers=[("Content-Type", dialect.stream_type(request)),
                                                                    ("Content-Encoding", "gzip")])
        return answers.Deferred(make)

    def test_f41_errors(self):
        for dialect in DIALECTS:
            for coding in CODINGS:
                with self.subTest(dialect=dialect, coding=coding):
                    self.one.next(answers.fail(400, f"said in {coding}", coding=coding))
                    response = self.ask(dialect)
                    self.assert_error(response, 400, origin="provider")
                    self.assertIn(f"said in {coding}", response.message)
                    self.assert_plain(response)

    def test_f41_events_compressed_byte_by_byte(self):
        """Cut anywhere: within a multi-byte character, a frame of the coding, or both."""
        random = seeded("coded-splits")
        for coding in CODINGS:
            with self.subTest(coding=coding):
                tokens = ["ü漢😀" * 3] * 5

                def make(sim, request):
                    _, events = answers.events_of(sim, request, Reply(tokens=tokens))
                    data = codings.encode(b"".join(event.raw for event in events), coding)
                    pieces = steps.split(data, *random.sample(range(len(data)), min(12, len(data) - 1)))
                    headers = [("Content-Type", "text/event-stream")] + ([("Content-Encoding", coding)] if coding != "identity" else [])
                    return answers.Play(steps.paced(pieces), headers=headers)
                self.one.next(answers.Deferred(make))
                self.assertEqual(self.ask("openai-chat", True).stream.text, "".join(tokens))

    def test_f41_answers_that_do_not_decode_are_faults(self):
        whole = b'{"choices":[{"message":{"content":"x","role":"assistant"},"finish_reason":"stop"}]}'
        packed = gzip.compress(whole)
        cases = {"unknown": ("compress", whole), "twice": ("gzip, gzip", gzip.compress(packed)), "not gzip": ("gzip", whole),
                 "cut": ("gzip", packed[:-6]), "damaged": ("gzip", packed[:20] + b"\xff\xff" + packed[22:]), "empty": ("gzip", b""),
                 "bomb": ("gzip", gzip.compress(b" " * (32 << 20)))}
        if "br" in CODINGS:
            cases["cut br"] = ("br", codings.encode(whole, "br")[:-3])
        if "zstd" in CODINGS:
            cases["cut zstd"] = ("zstd", codings.encode(whole, "zstd")[:-3])
        for name, (coding, data) in cases.items():
            with self.subTest(name):
                script = answers.body(data, headers=[("Content-Encoding", coding)])
                self.one.script.clear()
                self.one.next(script, script)
                response = self.ask("openai-chat")
                self.one.script.clear()
                self.assertEqual((response.status, response.header("x-weir-provider")), (200, "two-openai-chat"))

    def test_f41_stream_cut_within_its_coding(self):
        """Content is out, the rest of the compressed stream never comes: told, not passed for complete."""
        def make(sim, request):
            _, events = answers.events_of(sim, request, Reply(tokens=["tok0 ", "tok1 "]))
            pieces = list(codings.gzip_pieces([event.raw for event in events]))
            return answers.Play(pieces[:3], headers=[("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip")])
        self.one.next(answers.Deferred(make))
        response = self.ask("openai-chat", True)
        self.assertIsNotNone(response.stream.error)


class RequestsCoded(Case):
    """Clients compress, too (Codex sends zstd): decoded here, bounded, and sent on plain."""

    dialects = DIALECTS

    @classmethod
    def config(cls):
        return {**super().config(), "limits": {"body": "2MB"}}

    def post(self, dialect, body, coding, model=None, headers=()):
        headers = [*headers, ("Content-Encoding", coding)] if coding else headers
        return self.ask(dialect, model=model or self.model(dialect), body=body, headers=headers)

    def test_f41_decoded(self):
        for dialect in DIALECTS:
            for coding in CODINGS:
                with self.subTest(dialect=dialect, coding=coding):
                    self.one.clear()
                    model = self.model(dialect)
                    body = SPEECHES[dialect].body(model, text=f"{coding} ü漢😀 " * 200)
                    response = self.post(dialect, codings.encode(body, coding), coding, model)
                    self.assertEqual(response.status, 200, response.body)
                    got = self.one.journal[0]
                    self.assertEqual(got.body.replace(f"one-{model.split('-')[-1]}".encode(), model.encode()), body)
                    self.assertIsNone(got.header("content-encoding"))

    def test_f41_names_are_read_as_the_standard_says(self):
        body = SPEECHES["openai-chat"].body(self.model("openai-chat"))
        for coding in ("GZIP", "x-gzip", "Gzip"):
            with self.subTest(coding):
                self.assertEqual(self.post("openai-chat", gzip.compress(body), coding).status, 200)
        raw = zlib.compressobj(wbits=-15)
        for data in (zlib.compress(body), raw.compress(body) + raw.flush()):
            self.assertIn(self.post("openai-chat", data, "deflate").status, (200, 400))
        self.assertEqual(self.post("openai-chat", gzip.compress(body[:50]) + gzip.compress(body[50:]), "gzip").status, 200)

    def test_f41_chunked_and_coded(self):
        model = self.model("openai-chat")
        data = gzip.compress(SPEECHES["openai-chat"].body(model, text="ü漢😀 " * 500))
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[n:n + 7]), data[n:n + 7]) for n in range(0, len(data), 7)) + b"0\r\n\r\n"
        response = self.post("openai-chat", chunks, "gzip", model, headers=[("Transfer-Encoding", "chunked")])
        self.assertEqual(response.status, 200, response.body)

    def test_f41_refused(self):
        for dialect in DIALECTS:
            body = SPEECHES[dialect].body(self.model(dialect), text="x" * 2000)
            packed = gzip.compress(body)
            cases = [("unknown", "compress", body, 415), ("made up", "snappy", body, 415),
                     ("twice", "gzip, gzip", gzip.compress(packed), 415),
                     ("not gzip", "gzip", body, 400), ("cut", "gzip", packed[:-9], 400),
                     ("damaged", "gzip", packed[:30] + b"\0\xff\0" + packed[33:], 400),
                     ("followed by more", "gzip", packed + b"trailing", 400), ("empty", "gzip", b"", 400), ("not br", "br", b"\xff" * 50, 400),
                     ("not zstd", "zstd", body, 400)]
            for name, coding, data, status in cases:
                with self.subTest(dialect=dialect, name=name):
                    self.assert_error(self.post(dialect, data, coding), status, origin="gateway")
        self.assert_error(self.post("openai-chat", gzip.compress(b"{}"), None, headers=[("Content-Encoding", "gzip"),
                                                                                         ("Content-Encoding", "gzip")]), 415)
        self.assertEqual(self.one.journal, [])

    def test_f41_bombs(self):
        zeros = b" " * (8 << 20)
        for coding in CODINGS[1:]:
            for name, data in (("plain", codings.encode(zeros, coding)),
                               ("valid JSON around", codings.encode(b'{"x":"' + zeros + b'"}', coding))):
                for dialect in ("openai-chat", "anthropic"):
                    with self.subTest(coding=coding, name=name, dialect=dialect):
                        response = self.post(dialect, data, coding)
                        self.assert_error(response, 413, "weir_request_too_large", "gateway")
        nested = gzip.compress(b"") * 200000  # members of nothing
        self.assertIn(self.post("openai-chat", nested, "gzip").status, (400, 413))
        self.assertEqual(self.one.journal, [])


if __name__ == "__main__":
    unittest.main()
