# SPDX-License-Identifier: Apache-2.0
"""F43: sizes of bodies, in flight and one by one; and what long streams cost."""

import hashlib
import json
import socket
import threading
import time

from harness import Case, Client, SLOW, SPEECHES, Weir, fetch
from harness.case import KEYS
from sim import Sim, answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)


class Sizes(Case):
    dialects = DIALECTS
    providers_extra = {"timeout": {"total": "60s"}, "retries": 0}
    config_extra = {"limits": {"body": "4MB", "hold": "1MB"}}

    def test_f43_over_the_limit_is_413_in_the_dialect(self):
        for dialect in DIALECTS:
            speech = SPEECHES[dialect]
            body = speech.body(f"{dialect}-0", text="x" * (4 << 20))
            with self.subTest(dialect=dialect, how="length"):
                with Client(self.weir.port) as client:
                    # The head alone is enough to refuse it.
                    client.send(f"POST {speech.path(f'{dialect}-0')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                f"Content-Length: {len(body)}\r\n\r\n".encode())
                    response = client.read_response()
                self.assertEqual(response.status, 413)
                self.assert_error(response, 413, "weir_request_too_large", "gateway")
            with self.subTest(dialect=dialect, how="chunked"):
                with Client(self.weir.port) as client:
                    client.send(f"POST {speech.path(f'{dialect}-0')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n".encode())
                    try:
                        for start in range(0, len(body), 65536):
                            piece = body[start:start + 65536]
                            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                    response = client.read_response()
                self.assert_error(response, 413, "weir_request_too_large", "gateway")
            self.assertEqual(self.one.journal, [])

    def test_f43_just_below_the_limit_is_fine(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                model = self.model(dialect)
                empty = SPEECHES[dialect].body(model, text="")
                body = SPEECHES[dialect].body(model, text="x" * ((4 << 20) - len(empty)))
                self.assertEqual(len(body), 4 << 20)
                self.assertEqual(self.ask(dialect, model=model, body=body).status, 200)
                own = body.replace(f'"{model}"'.encode(), f'"{model.replace(dialect, "one")}"'.encode())
                self.assertEqual(self.one.journal[0].body_hash, hashlib.sha256(own).hexdigest())

    def test_f43_expect_100_continue(self):
        model = self.model("openai-chat")
        body = SPEECHES["openai-chat"].body(model)
        with Client(self.weir.port) as client:
            client.send(f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
            self.assertIn(b"100", client._until(b"\r\n\r\n"))
            client.send(body)
            self.assertEqual(client.read_response().status, 200)
        with Client(self.weir.port) as client:
            client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(client.read_response().status, 413)  # instead of 100

    def test_whole_answers_over_the_hold_are_relayed_as_they_come(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                reply = Reply(text="y" * (3 << 20))
                for framing in ("length", "chunked"):
                    self.one.next(answers.whole(reply, framing=framing))
                    response = self.ask(dialect)
                    self.assertTrue(response.complete)
                    self.assertEqual(self.text_of(dialect, response), reply.text)

    def test_a_cut_after_the_hold_breaks_the_connection(self):
        """Half of a whole answer cannot be taken back, but it must not look complete."""
        body = json.dumps({"choices": [{"message": {"content": "y" * (3 << 20)}, "finish_reason": "stop"}]}).encode()
        for framing, length in (("length", len(body)), ("chunked", None)):
            with self.subTest(framing=framing):
                gate = steps.Gate()
                self.one.next(answers.Play([body[:2 << 20], gate, steps.CLOSE], headers=[("Content-Type", "application/json")],
                                           framing=framing, length=length, keep_alive=False))
                client = self.begin("openai-chat", stream=False)
                gate.wait_reached()
                gate.open()
                response = client.read_response()
                self.assertFalse(response.complete)
                self.assertTrue(self.weir.wait_records(1)[-1]["truncated"])


class Memory(Case):
    dialects = ("openai-chat", "anthropic")
    providers_extra = {"timeout": {"total": "120s"}}

    def test_f43_many_large_bodies_stay_within_the_budget(self):
        """Bodies in flight are bounded by limits.bodies; what does not fit gets 503 and nothing else suffers."""
        count, size, budget = 24, 8 << 20, 64 << 20
        sim = self.with_(Sim("openai-chat", key=KEYS["one"]))
        weir = self.with_(Weir({"limits": {"bodies": "64MB"}, "providers": {
            "box": {"dialect": "openai-chat", "base_url": sim.url + "/v1", "keys": [KEYS["one"]], "models": ["m"]}}}))
        idle = weir.rss_kb()
        gate = steps.Gate()
        sim.default = lambda sim_, request: answers.whole(before=[gate])
        body = SPEECHES["openai-chat"].body("m", text="x" * size)
        statuses = []

        def send():
            statuses.append(fetch(weir.port, "POST", "/v1/chat/completions", body=body, timeout=120).status)

        threads = [threading.Thread(target=send) for _ in range(count)]
        for thread in threads:
            thread.start()
        self.wait_until(lambda: len(sim.journal) + len(statuses) >= count, timeout=60)
        used = (weir.rss_kb() - idle) << 10
        gate.open()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200, 503})
        self.assertGreaterEqual(statuses.count(200), budget // size - 1)
        if SLOW == 1:
            self.assertLess(used, 2 * budget + (16 << 20))
        self.assertEqual(fetch(weir.port, "POST", "/v1/chat/completions", body=SPEECHES["openai-chat"].body("m")).status, 200)

    def test_200_000_events_in_constant_memory(self):
        count = 200_000
        for dialect in self.dialects:
            with self.subTest(dialect=dialect):
                def edit(events):
                    first = next(n for n, event in enumerate(events) if event.kind == "content")
                    block = events[first].raw * 100
                    return [*events[:first], *[block] * (count // 100), *events[first + 1:]]

                self.ask(dialect, True)
                before = self.weir.rss_kb()
                self.one.next(answers.stream(Reply(tokens=["x"]), edit))
                client = self.begin(dialect)
                client.read_head()
                length, highest, last = 0, before, b""
                for number, piece in enumerate(client.read_pieces()):
                    length += len(piece)
                    last = (last + piece)[-200:]
                    client.response.pieces.clear()
                    if number % 500 == 0:
                        highest = max(highest, self.weir.rss_kb())
                self.assertTrue(client.response.complete)
                self.assertGreater(length, count * 60)
                self.assertIn(b"[DONE]" if dialect == "openai-chat" else b"message_stop", last)
                if SLOW == 1:
                    self.assertLess(highest - before, 1500)

    def test_back_pressure_reaches_the_provider(self):
        """A client that does not read stops the reading from the provider: nothing piles up here."""
        size = 64 << 20
        block = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"' + b"y" * 900 + b'"},"finish_reason":null}]}\n\n'
        before = self.weir.rss_kb()
        sent = []

        class Count:
            async def play(self, wire):
                sent.append(1)

        self.one.next(answers.stream(Reply(tokens=["x"]), lambda events: [
            events[0], *[step for _ in range(size // len(block) // 64) for step in (block * 64, Count())], *events[-2:]]))
        client = self.begin("openai-chat")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.read_head()
        previous = -1
        while len(sent) != previous:  # until the provider cannot write any more
            previous = len(sent)
            time.sleep(0.2)
        self.assertLess(len(sent) * len(block) * 64, size // 2)
        if SLOW == 1:
            self.assertLess(self.weir.rss_kb() - before, 4000)
        total = 0
        for piece in client.read_pieces():
            total += len(piece)
            client.response.pieces.clear()
        self.assertTrue(client.response.complete)
        self.assertGreater(total, size * 0.9)
