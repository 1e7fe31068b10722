# SPDX-License-Identifier: Apache-2.0
"""F43, how bodies arrive: to the byte of the limit, in chunks of any size, announced first, broken, and many at once."""

import unittest

from harness import Case, Client, SPEECHES, seeded
from sim import answers, steps

DIALECTS = tuple(SPEECHES)
MB = 1 << 20


def body_of_size(dialect, model, size):
    """Exactly so long."""
    short = SPEECHES[dialect].body(model, text="TEXT")
    return short.replace(b"TEXT", b"x" * (size - len(short) + 4))


def chunked(data, sizes):
    out, at = [], 0
    while at < len(data):
        piece = data[at:at + next(sizes)]
        out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at += len(piece)
    return b"".join(out) + b"0\r\n\r\n"


class Limited(Case):
    dialects = DIALECTS
    config_extra = {"limits": {"body": "256KB"}}
    strict = False

    def test_f43_to_the_byte(self):
        for dialect in DIALECTS:
            for extra, status in ((0, 200), (1, 413)):
                for framing in ("length", "chunked"):
                    with self.subTest(dialect=dialect, extra=extra, framing=framing):
                        model = self.model(dialect)
                        body = body_of_size(dialect, model, 256 * 1024 + extra)
                        headers = []
                        if framing == "chunked":
                            body, headers = chunked(body, iter(lambda: 5000, None)), [("Transfer-Encoding", "chunked")]
                        response = self.ask(dialect, body=body, model=model, headers=headers)
                        self.assertEqual(response.status, status, response.body[:300])
                        if status == 413:
                            self.assert_error(response, 413, "weir_request_too_large", "gateway")

    def test_f43_chunked_uploads(self):
        random = seeded("uploads-chunked")
        for dialect in DIALECTS:
            for smallest, largest in ((1, 3), (1, 5000), (60000, 70000)):
                with self.subTest(dialect=dialect, largest=largest):
                    self.one.clear()
                    model = self.model(dialect)
                    body = body_of_size(dialect, model, 3000 if largest == 3 else 200000)
                    data = chunked(body, iter(lambda: random.randint(smallest, largest), None))
                    response = self.ask(dialect, body=data, model=model, headers=[("Transfer-Encoding", "chunked")])
                    self.assertEqual(response.status, 200, response.body[:300])
                    self.assertEqual(self.one.journal[0].body.replace(b"one-", dialect.encode() + b"-"), body)

    def test_f43_chunk_extensions_and_trailers(self):
        model = self.model("openai-chat")
        body = SPEECHES["openai-chat"].body(model)
        data = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: t\r\n\r\n" % (len(body), body)
        self.assertEqual(self.ask("openai-chat", body=data, model=model, headers=[("Transfer-Encoding", "chunked")]).status, 200)
        endless = b"1;" + b"x" * 100000 + b"\r\n"
        response = self.ask("openai-chat", body=endless, model=model, headers=[("Transfer-Encoding", "chunked")])
        self.assert_error(response, 400, origin="gateway")

    def test_what_is_no_request(self):
        in_path = (b"{}", b'{"model": null}', b'{"model": 5, "messages": []}', b'{"model": "", "messages": []}')
        for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe{}", b'{"model": "x"} {"model": "y"}', b"[" * 100000, b'{"a":' * 50000,
                     b"\xef\xbb\xbf" + b"[" * 10, b'{"model":"\xff"}', b'{"model":"a\x00"}', *in_path):
            for dialect in DIALECTS:
                with self.subTest(body=body[:40], dialect=dialect):
                    response = self.ask(dialect, body=body)
                    # Gemini's path names the model: what its body lacks is for the provider to say.
                    origin = "provider" if dialect == "gemini" and body in in_path else "gateway"
                    self.assert_error(response, 400, origin=origin)


class Together(Case):
    """limits.bodies: what all bodies in flight may take."""

    dialects = ("openai-chat", "anthropic")
    config_extra = {"limits": {"body": "4MB", "bodies": "9MB"}}

    def half_sent(self, dialect, size=3 * MB):
        """A client that has announced a body, and sent half of it; and the other half."""
        model = self.model(dialect)
        body = body_of_size(dialect, model, size)
        client = self.with_(Client(self.weir.port))
        client.request("POST", SPEECHES[dialect].path(model), [*SPEECHES[dialect].headers, ("Expect", "100-continue"),
                                                              ("Content-Type", "application/json"), ("Content-Length", str(size))])
        self.assertEqual(client._until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue")  # it is counted now
        client.send(body[:size // 2])
        return client, body[size // 2:]

    def test_f43_over_it_some_are_sent_away(self):
        waiting = [self.half_sent("openai-chat") for _ in range(3)]
        for dialect in self.dialects:
            for framing in ("length", "chunked"):
                with self.subTest(dialect=dialect, framing=framing):
                    model = self.model(dialect)
                    body = body_of_size(dialect, model, MB)
                    headers = []
                    if framing == "chunked":
                        body, headers = chunked(body, iter(lambda: 100000, None)), [("Transfer-Encoding", "chunked")]
                    response = self.ask(dialect, body=body, model=model, headers=headers)
                    self.assert_error(response, 503, "weir_unavailable", "gateway")
                    self.assertGreaterEqual(int(response.header("retry-after")), 1)
        for client, rest in waiting[:2]:
            client.send(rest)
            self.assertEqual(client.read_response().status, 200)
        model = self.model("anthropic")
        self.assertEqual(self.ask("anthropic", body=body_of_size("anthropic", model, 3 * MB), model=model).status, 200)
        before = len(self.weir.records)
        waiting[2][0].reset()
        self.weir.wait_records(before + 1)

    def test_f43_what_is_given_up_is_given_back(self):
        for _ in range(12):
            client, _ = self.half_sent("openai-chat")
            before = len(self.weir.records)
            client.reset()
            self.weir.wait_records(before + 1)
        model = self.model("openai-chat")
        self.assertEqual(self.ask("openai-chat", body=body_of_size("openai-chat", model, 4 * MB), model=model).status, 200)

    def test_f43_what_was_refused_is_given_back(self):
        for _ in range(12):
            model = self.model("openai-chat")
            response = self.ask("openai-chat", body=body_of_size("openai-chat", model, 3 * MB)[:-1], model=model)
            self.assert_error(response, 400, origin="gateway")
        self.one.next(*[answers.fail(400)] * 12)
        for _ in range(12):
            model = self.model("openai-chat")
            self.assertEqual(self.ask("openai-chat", body=body_of_size("openai-chat", model, 3 * MB), model=model).status, 400)

    def test_f43_streams_give_their_bodies_back(self):
        """A long answer does not hold the request that it answers: 18 MB of requests under a limit of 9."""
        gate, clients = steps.Gate(), []
        for _ in range(6):
            self.one.next(answers.stream(edit=lambda events: [*events[:-2], gate, *events[-2:]]))
            client = self.with_(Client(self.weir.port))
            body = body_of_size("openai-chat", self.model("openai-chat"), 3 * MB).replace(b'"messages"', b'"stream":true,"messages"')
            client.request("POST", "/v1/chat/completions", [], body)
            client.read_head()
            self.assertEqual(client.response.status, 200)
            client.read_until_text(b"one")
            clients.append(client)
        gate.open()
        for client in clients:
            self.assertIn(b"[DONE]", client.read_body().body)


if __name__ == "__main__":
    unittest.main()
