# SPDX-License-Identifier: Apache-2.0
"""F8: a client that goes away stops everything that was done for it, at any step, and is accounted for."""

import socket
import time

from harness import Case, Client, SLOW, SPEECHES, Weir
from sim import answers, dialects, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CLOSED_WITHIN = 0.25 * SLOW


class Disconnect(Case):
    dialects = DIALECTS
    providers_extra = {"timeout": {"first_token": "60s"}}

    def leave(self, client, how):
        moment = time.monotonic()
        getattr(client, how)()
        return moment

    def check_closed(self, request, left_at):
        """The provider's connection is closed at once, nobody else is asked, and the row says who left."""
        before = len(self.two.journal)
        closed_at = self.one.wait_closed(request)
        self.assertLess(closed_at - left_at, CLOSED_WITHIN)
        record = self.weir.wait_records(self.records + 1)[-1]
        self.records += 1
        self.assertEqual((record["status"], record["outcome"]), (499, "client_gone"))
        self.assertTrue(record["usage_estimated"] or record["output_tokens"] > 0)
        self.assertGreater(record["input_tokens"], 0)
        self.assertEqual(len(self.two.journal), before)
        return record

    def setUp(self):
        super().setUp()
        self.records = len(self.weir.records)

    def each(self):
        for dialect in DIALECTS:
            for how in ("close", "reset"):
                with self.subTest(dialect=dialect, how=how):
                    self.one.clear()
                    yield dialect, how

    def test_f8_after_connect_before_head(self):
        for stream in (True, False):
            for dialect, how in self.each():
                gate = steps.Gate()
                self.one.next(answers.stream(before=[gate]) if stream else answers.whole(before=[gate]))
                client = self.begin(dialect, stream)
                gate.wait_reached()
                left = self.leave(client, how)
                self.check_closed(self.one.journal[0], left)

    def test_f8_after_head_before_content(self):
        for dialect, how in self.each():
            gate = steps.Gate()

            def edit(events):
                first = next(n for n, event in enumerate(events) if event.kind in ("content", "finish"))
                return [*events[:first], gate, *events[first:]]

            self.one.next(answers.stream(edit=edit))
            client = self.begin(dialect)
            gate.wait_reached()
            left = self.leave(client, how)
            self.check_closed(self.one.journal[0], left)

    def test_f8_mid_stream(self):
        for dialect, how in self.each():
            gate = steps.Gate()
            reply = Reply(tokens=[f"tok{n} " for n in range(30)], usage=dialects.Usage(40, 30))

            def edit(events):
                first = next(n for n, event in enumerate(events) if event.kind == "content")
                return [*events[:first + 10], gate, *events[first + 10:]]

            self.one.next(answers.stream(reply, edit))
            client = self.begin(dialect)
            client.read_head()
            client.read_until_text(b"tok9 ")
            gate.wait_reached()
            left = self.leave(client, how)
            record = self.check_closed(self.one.journal[0], left)
            self.assertGreaterEqual(record["output_tokens"], 10)

    def test_f8_while_a_whole_answer_comes(self):
        for dialect, how in self.each():
            gate = steps.Gate()
            self.one.next(answers.Play([b'{"id":', gate, b"1}"], headers=[("Content-Type", "application/json")]))
            client = self.begin(dialect, stream=False)
            gate.wait_reached()
            left = self.leave(client, how)
            self.check_closed(self.one.journal[0], left)

    def test_f8_during_back_off(self):
        """Between two tries nobody is being waited for; the second try must not happen."""
        for dialect, how in self.each():
            self.one.next(answers.fail(429, headers=[("Retry-After", "1")]))
            client = self.begin(dialect)
            self.one.wait_requests(1)
            self.one.log.wait(lambda: self.one.journal[0].answered_at, "the answer to be sent")
            left = self.leave(client, how)
            record = self.weir.wait_records(self.records + 1)[-1]
            self.records += 1
            self.assertLess(time.monotonic() - left, 1.0)
            self.assertEqual((record["status"], record["attempt_count"]), (499, 1))
        self.ask("openai-chat", model=f"openai-chat-{self.models_max - 1}")
        self.assertEqual(len(self.two.journal), 0)

    def test_f8_half_a_request(self):
        """The client leaves while it sends: nothing was started."""
        for how in ("close", "reset"):
            with self.subTest(how=how):
                self.one.clear()
                client = Client(self.weir.port)
                client.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                            b"Content-Length: 1000\r\n\r\n{\"model\":")
                self.leave(client, how)
                record = self.weir.wait_records(self.records + 1)[-1]
                self.records += 1
                self.assertEqual((record["status"], record["attempt_count"]), (499, 0))
                self.assertEqual(self.one.journal, [])

    def test_f8_nothing_is_left(self):
        """After all of it no exchange hangs in any step and no connection to the providers is in use."""
        client = self.begin("openai-chat")
        client.read_head()
        client.reset()
        self.weir.wait_records(self.records + 1)

        def busy():
            return {name: value for name, value in self.weir.metrics().items() if value and (
                name.startswith("weir_requests_in_flight") or "active" in name or "connecting" in name)}

        self.wait_until(lambda: not busy(), busy)


class BeforeConnect(Case):
    """The provider's port accepts nobody: the connect is under way when the client leaves."""

    dialects = ()

    def test_f8_before_upstream_connect(self):
        with socket.socket() as full:
            # A listener whose queue is full leaves further connections in SYN_SENT.
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            for _ in range(4):
                filler = socket.socket()
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            weir = self.with_(Weir({"providers": {"box": {"dialect": "openai-chat", "base_url": f"http://127.0.0.1:{port}/v1",
                                                          "keys": ["k"], "models": ["m"], "timeout": {"connect": "30s"}}}}))
            for how in ("close", "reset"):
                client = self.begin("openai-chat", model="m", weir=weir)
                self.wait_until(lambda: weir.metrics().get('weir_requests_in_flight{step="await_content"}') == 1)
                before = time.monotonic()
                getattr(client, how)()
                count = len(weir.records)
                record = weir.wait_records(count + 1)[-1]
                self.assertLess(time.monotonic() - before, 5)
                self.assertEqual(record["status"], 499)
                self.assertEqual((record["input_tokens"], record["cost_usd"]), (0, 0))
