# SPDX-License-Identifier: Apache-2.0
"""Corners of the engine that a reviewer found: one named case each."""

import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import SPEECHES, Case
from harness.http2 import Http2Client
from sim import answers
from sim.answers import Play, fail, raw, stream
from sim.dialects import Reply
from sim.steps import CLOSE, RESET, SILENCE, Pause

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Corners(Case):
    dialects = ("openai-chat", "openai-responses")
    providers_extra = {"timeout": {"idle": "300ms", "first_token": "5s", "total": "60s"}}
    config_extra = {"limits": {"hold": "64KB", "event": "256KB"}}

    def whole_body(self, size):
        message = {"role": "assistant", "content": "x" * size}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return json.dumps({"object": "chat.completion", "choices": choices}).encode()

    def test_an_announced_length_beyond_any_number(self):
        """2^64 - 616 is minus 616 to who is careless."""
        self.one.next(raw(WHOLE + b"Content-Length: 18446744073709551000\r\n\r\n" + b" " * 100000, CLOSE))
        client = self.begin("openai-chat", stream=False)
        response = client.read_response()
        self.assertEqual(response.header("transfer-encoding"), "chunked")
        self.assertFalse(response.complete)

    def test_a_long_whole_body_is_no_stream(self):
        self.one.next(*[Play([self.whole_body(100000)], headers=[("Content-Type", "application/json")])] * 2)
        response = self.ask("openai-chat", stream=True)
        self.assertEqual((response.status, response.header("x-weir-provider")), (200, "two-openai-chat"))

    def test_a_large_last_event(self):
        """response.completed repeats the whole answer, the instructions and the tools."""
        text = "x" * 150000
        self.one.next(stream(Reply(text=text, tokens=[text[:1000]] * 150)))
        response = self.ask("openai-responses", stream=True)
        self.assertEqual(response.stream.text, text)
        self.assertTrue(response.body.rstrip().rsplit(b"\n\n", 1)[-1].startswith(b"event: response.completed"))

    def test_what_came_before_a_fault_in_the_same_read(self):
        def edit(events):
            return [b"".join(event.raw for event in events[:3]) + b"data: " + b"y" * 300000]
        self.one.next(stream(Reply(tokens=["alpha ", "beta "]), edit=edit))
        client = self.begin("openai-chat")
        response = client.read_response()
        self.assertIn(b"alpha ", response.body)
        self.assertIn(b"beta ", response.body)
        self.assertIn(b"weir_upstream_malformed", response.body)
        self.assertTrue(self.weir.record_of(response)["truncated"])

    def test_a_long_whole_answer_has_no_idle_timer(self):
        body = self.whole_body(100000)
        self.one.next(Play([body[:90000], Pause(0.8), body[90000:]], headers=[("Content-Type", "application/json")]))
        response = self.ask("openai-chat")
        self.assertEqual(response.body, body)
        self.assertTrue(response.complete)

    def test_a_slow_client_is_not_a_silent_provider(self):
        """What waits for it falls below the mark at which weir stops reading, but not so far that it goes on."""
        pieces = ["x" * 20000] * 40
        self.one.next(stream(Reply(tokens=pieces)))
        model, speech = self.model("openai-chat"), SPEECHES["openai-chat"]
        client = self.with_(Http2Client(self.weir.port, window=65535))
        number = client.post(speech.path(model, True), body=speech.body(model, True))
        answer = client.streams[number]
        for wanted in (65535, 125000, 185000):
            client.wait(lambda: len(answer.body) >= wanted)
            time.sleep(0.9)            # three times `idle`
            client.allow(0, 60000)
            client.allow(number, 60000)
        client.allow(0, 1 << 24)
        client.allow(number, 1 << 24)
        client.finish(number)
        self.assertEqual(answer.body.count(b"xxxx" * 5000), 40)
        self.assertTrue(answer.body.endswith(b"[DONE]\n\n"), answer.body[-300:])

    def test_a_deadline_within_an_answer_truncates_it(self):
        self.one.next(stream(edit=lambda e: [*e[:3], Pause(0.2), *e[3:5], Pause(0.2), e[5], SILENCE]))
        response = self.ask_raw(headers=[("x-weir-timeout", "250ms")])
        self.assertIn(b"weir_timeout_request", response.body)
        record = self.weir.record_of(response)
        self.assertEqual((record["truncated"], record["status"]), (True, 200))

    def ask_raw(self, headers=()):
        return self.begin("openai-chat", headers=headers).read_response()

    def test_a_reset_after_the_terminator_changes_nothing(self):
        for end in (RESET, CLOSE, SILENCE):
            self.one.next(stream(edit=lambda e, end=end: [*e, b"data: unfinis", end]))
            self.assertEqual(self.ask("openai-chat", stream=True).status, 200)


class RetryAfter(Case):
    dialects = ("openai-chat",)

    @classmethod
    def two_providers(cls, one, two, **extra):
        providers = super().two_providers(one, two, **extra)
        return {name: value for name, value in providers.items() if name.startswith("one")}

    def test_the_wait_ends_after_the_breaker_opens(self):
        """Both are told the same number; the request must not come a moment too early."""
        for number in range(60):
            self.one.next(fail(429, headers=[("retry-after-ms", str(number % 4))]), answers.whole())
            response = self.ask("openai-chat")
            self.assertEqual((response.status, response.header("x-weir-attempts")), (200, "2"), response.body)


if __name__ == "__main__":
    unittest.main()
