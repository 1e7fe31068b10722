# SPDX-License-Identifier: Apache-2.0
"""DESIGN §1's second latch: what is content, after which nobody else may answer, and what is not; what is a complete end, and what
only looks like one (F1, F17)."""

import json

from harness import Case, Client, SPEECHES, fetch, grammar
from sim import answers, steps
from sim.dialects import Reply
from test_failover import in_band

DIALECTS = tuple(SPEECHES)


def chat(delta, finish=None, index=0):
    return b"data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": index, "delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


class _Numbered:
    """Responses events, each with the next sequence number."""

    def __init__(self):
        self.number = -1

    def __call__(self, name, **members):
        self.number += 1
        value = {"type": name, "sequence_number": self.number, **members}
        return f"event: {name}\ndata: {json.dumps(value)}\n\n".encode()


def responses(*events):
    make = _Numbered()
    out = [make("response.created", response={"id": "r1", "object": "response", "status": "in_progress", "output": []})]
    return out + [make(name, **members) for name, members in events]


def messages(*events):
    start = {"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                                  "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}}
    return [f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode() for value in (start, *events)]


def block(kind, index=0, **members):
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def delta(kind, index=0, **members):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


STOP = {"type": "content_block_stop", "index": 0}


def gemini(*parts, **members):
    value = {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0}]} if parts else {}
    return [b"data: " + json.dumps({**value, **members}).encode() + b"\r\n\r\n"]


ITEM = {"output_index": 0}
PLACE = {"output_index": 0, "content_index": 0, "item_id": "i"}

# After these, an error inside the stream reaches the client: the answer has begun.
CONTENT = {
    "openai-chat": {
        "text": [chat({"role": "assistant"}), chat({"content": "a"})],
        "a blank": [chat({"content": " "})],
        "refusal": [chat({"role": "assistant"}), chat({"refusal": "no"})],
        "tool call": [chat({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}]})],
        "old function call": [chat({"function_call": {"name": "f", "arguments": "{"}})],
        "reasoning": [chat({"reasoning_content": "hm"})],
        "audio": [chat({"audio": {"id": "a", "data": "AAAA"}})],
    },
    "openai-responses": {
        "text": responses(("response.output_item.added", {**ITEM, "item": {"type": "message", "id": "i", "content": []}}),
                          ("response.content_part.added", {**PLACE, "part": {"type": "output_text", "text": ""}}),
                          ("response.output_text.delta", {**PLACE, "delta": "a"})),
        "function call": responses(("response.output_item.added", {**ITEM, "item": {"type": "function_call", "id": "i", "name": "f",
                                                                                    "call_id": "c", "arguments": ""}})),
        "reasoning closed": responses(("response.output_item.added", {**ITEM, "item": {"type": "reasoning", "id": "i", "summary": []}}),
                                      ("response.output_item.done", {**ITEM, "item": {"type": "reasoning", "id": "i", "summary": []}})),
        "reasoning summary": responses(("response.output_item.added", {**ITEM, "item": {"type": "reasoning", "id": "i", "summary": []}}),
                                       ("response.reasoning_summary_text.delta", {"output_index": 0, "summary_index": 0, "delta": "hm"})),
        "refusal": responses(("response.output_item.added", {**ITEM, "item": {"type": "message", "id": "i", "content": []}}),
                             ("response.refusal.delta", {**PLACE, "delta": "no"})),
    },
    "anthropic": {
        "text": messages(block("text", text=""), delta("text_delta", text="a")),
        "thinking": messages(block("thinking", thinking="", signature=""), delta("thinking_delta", thinking="hm")),
        "signature-only thinking that has closed": messages(block("thinking", thinking="", signature=""),
                                                            delta("signature_delta", signature="c2ln"), STOP),
        "redacted thinking": messages(block("redacted_thinking", data="AAAA"), STOP),
        "tool use": messages(block("tool_use", id="t", name="f", input={})),
        "a block to come": messages(block("hologram", data={})),
    },
    "gemini": {
        "text": gemini({"text": "a"}),
        "thought": gemini({"text": "hm", "thought": True}),
        "function call": gemini({"functionCall": {"name": "f", "args": {}}}),
        "media": gemini({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
        "signature": gemini({"text": "", "thoughtSignature": "c2ln"}),
    },
}

# After these, another target answers and the client sees nothing of it.
NO_CONTENT = {
    "openai-chat": {
        "role": [chat({"role": "assistant", "content": ""})], "null": [chat({"role": "assistant", "content": None})],
        "empty tool list": [chat({"role": "assistant", "tool_calls": []})], "no choices": [b'data: {"id":"c1","choices":[]}\n\n'],
        "filter results": [b'data: {"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n'],
        "comments": [b": OPENROUTER PROCESSING\n\n", b": ping\n\n"], "nothing": [],
        "no delta": [b'data: {"id":"c1","choices":[{"index":0,"finish_reason":null}]}\n\n'],
    },
    "openai-responses": {
        "created": responses(), "in progress": responses(("response.in_progress", {"response": {"id": "r1", "output": []}})),
        "queued": responses(("response.queued", {"response": {"id": "r1", "output": []}})),
        "opened message": responses(("response.output_item.added", {**ITEM, "item": {"type": "message", "id": "i", "content": []}}),
                                    ("response.content_part.added", {**PLACE, "part": {"type": "output_text", "text": ""}})),
        "opened reasoning": responses(("response.output_item.added", {**ITEM, "item": {"type": "reasoning", "id": "i", "summary": []}})),
    },
    "anthropic": {
        "start": messages(), "ping": [*messages(), b'event: ping\ndata: {"type": "ping"}\n\n'],
        "opened text": messages(block("text", text="")), "opened thinking": messages(block("thinking", thinking="", signature="")),
        "empty delta": messages(block("text", text=""), delta("text_delta", text="")),
    },
    "gemini": {
        "usage only": gemini(usageMetadata={"promptTokenCount": 4}), "empty text": gemini({"text": ""}),
        "no parts": [b'data: {"candidates":[{"content":{"role":"model"},"index":0}]}\r\n\r\n'],
    },
}


def play(dialect, pieces, headers=()):
    kind = "text/event-stream" if dialect == "gemini" else "text/event-stream; charset=utf-8"
    return answers.Play(pieces, headers=[("Content-Type", kind), *headers])


class Latch(Case):
    dialects = DIALECTS
    keep_alive = False
    providers_extra = {"retries": 0}

    def test_content_commits(self):
        for dialect, table in CONTENT.items():
            for name, events in table.items():
                with self.subTest(dialect=dialect, content=name):
                    self.two.clear()
                    self.one.next(play(dialect, [*events, in_band(dialect)]))
                    response = self.ask(dialect, True)
                    self.assertEqual(response.status, 200)
                    self.assertIsNotNone(response.stream.error)
                    self.assertFalse(response.stream.done or response.stream.finish)
                    self.assertTrue(response.body.startswith(b"".join(events)))
                    self.assertEqual(self.two.journal, [])

    def test_no_content_does_not(self):
        for dialect, table in NO_CONTENT.items():
            for name, events in table.items():
                with self.subTest(dialect=dialect, lifecycle=name):
                    self.two.clear()
                    self.one.next(play(dialect, [*events, in_band(dialect)]))
                    response = self.ask(dialect, True)
                    self.assertIn("Hello from two", response.stream.text)
                    self.assertNotIn(b'"c1"', response.body)
                    self.assertNotIn(b"PROCESSING", response.body)

    def test_too_much_before_content_is_a_fault(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                name = next(iter(NO_CONTENT[dialect]))
                events = NO_CONTENT[dialect][name]
                filler = b": " + b"x" * 1000 + b"\n\n" if dialect != "gemini" else gemini(usageMetadata={"x": "y" * 1000})[0]
                self.one.next(play(dialect, [*events, filler * 300, steps.SILENCE]))
                self.assertIn("Hello from two", self.ask(dialect, True).stream.text)


class Ends(Case):
    """A clean end of the HTTP framing is not yet an end of the answer."""

    dialects = DIALECTS
    keep_alive = False
    providers_extra = {"retries": 0}

    def ended(self, dialect, events):
        self.one.next(play(dialect, events))
        response = self.ask(dialect, True)
        return response.stream

    def test_one_of_two_choices_is_missing(self):
        stream = self.ended("openai-chat", [chat({"content": "a"}), chat({"content": "b"}, index=1), chat({}, "stop")])
        self.assertIsNotNone(stream.error)
        self.assertFalse(stream.done)

    def test_two_choices(self):
        stream = self.ended("openai-chat", [chat({"content": "a"}), chat({"content": "b"}, index=1), chat({}, "stop"),
                                            chat({}, "length", index=1), b"data: [DONE]\n\n"])
        self.assertTrue(stream.done)

    def test_done_without_a_finish_is_a_cut(self):
        """In OpenAI's dialect only when choices are left open: gpt-audio and Snowflake never give a finish reason (recorded)."""
        for dialect, events in (("openai-chat", [*CONTENT["openai-chat"]["text"], chat({}, "stop", index=1)]),
                                ("openai-responses", CONTENT["openai-responses"]["text"]), ("anthropic", CONTENT["anthropic"]["text"])):
            with self.subTest(dialect=dialect):
                stream = self.ended(dialect, [*events, b"data: [DONE]\n\n"])
                self.assertIsNotNone(stream.error)
                self.assertFalse(stream.done)
        self.assertTrue(self.ended("openai-chat", [*CONTENT["openai-chat"]["text"], b"data: [DONE]\n\n"]).done)
        self.assertIn("Hello from two", self.ended("openai-chat", [*NO_CONTENT["openai-chat"]["role"], b"data: [DONE]\n\n"]).text)

    def test_message_stop_without_a_stop_reason_is_a_cut(self):
        stream = self.ended("anthropic", messages(block("text", text=""), delta("text_delta", text="a"), STOP, {"type": "message_stop"}))
        self.assertIsNotNone(stream.error)
        self.assertFalse(stream.done)

    def test_a_length_that_is_not_reached(self):
        """Content-Length framing of a stream, cut exactly after its finish: everything is there but the promise is broken."""
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                data = b"".join(CONTENT[dialect]["text"])
                self.one.next(answers.Play([data, steps.CLOSE], headers=[("Content-Type", "text/event-stream")], framing="length",
                                           length=len(data) + 1000))
                response = self.ask(dialect, True)
                self.assertIsNotNone(response.stream.error)
                self.assertTrue(response.complete)

    def test_stopped_by_length(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.next(answers.auto(Reply(finish="length")))
                    response = self.ask(dialect, stream)
                    self.assertEqual(response.status, 200)
                    self.assertEqual(self.weir.record_of(response)["outcome"], "ok")

    def test_failed_responses(self):
        """response.failed is a fault before content, an error after it; never an empty success (BerriAI/litellm#36768)."""
        failed = {"response": {"id": "r1", "status": "failed", "error": {"code": "server_error", "message": "The model crashed"}}}
        self.one.next(play("openai-responses", responses(("response.failed", failed))))
        self.assertIn("Hello from two", self.ask("openai-responses", True).stream.text)
        events = responses(("response.output_item.added", {**ITEM, "item": {"type": "message", "id": "i", "content": []}}),
                           ("response.content_part.added", {**PLACE, "part": {"type": "output_text", "text": ""}}),
                           ("response.output_text.delta", {**PLACE, "delta": "a"}), ("response.failed", failed))
        stream = self.ended("openai-responses", events)
        self.assertIsNotNone(stream.error)
        self.assertFalse(stream.done)

    def test_whole_response_that_failed(self):
        body = {"id": "r1", "object": "response", "status": "failed", "output": [],
                "error": {"code": "server_error", "message": "The model crashed"}}
        self.one.next(answers.body(body))
        self.assertIn("Hello from two", self.text_of("openai-responses", self.ask("openai-responses")))


class OddAnswers(Case):
    """What HTTP allows and few providers do."""

    dialects = DIALECTS
    keep_alive = False
    providers_extra = {"retries": 0}
    GOOD = b'{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}'

    def answered(self, *pieces, stream=False, dialect="openai-chat"):
        self.one.clear()
        self.two.clear()
        self.one.next(answers.raw(*pieces, steps.CLOSE))
        return self.ask(dialect, stream)

    def test_informational_answers_are_skipped(self):
        head = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
        response = self.answered(head + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.GOOD) + self.GOOD)
        self.assertEqual((response.status, response.body), (200, self.GOOD))

    def test_http_1_0(self):
        response = self.answered(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + self.GOOD)
        self.assertEqual((response.status, response.body), (200, self.GOOD))

    def test_until_close(self):
        response = self.answered(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + self.GOOD)
        self.assertEqual(response.body, self.GOOD)
        self.assertEqual(response.header("content-type"), "application/json")

    def test_half_an_answer_until_close_is_no_answer(self):
        response = self.answered(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + self.GOOD[:-9])
        self.assertIn("Hello from two", self.text_of("openai-chat", response))

    def test_a_stream_for_a_whole_request_is_no_answer(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(play(dialect, CONTENT[dialect]["text"]))
                self.assertIn("Hello from two", self.text_of(dialect, self.ask(dialect)))

    def test_a_whole_answer_for_a_stream_is_none(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(answers.whole())
                self.assertIn("Hello from two", self.ask(dialect, True).stream.text)

    def test_no_content(self):
        for status in (b"204 No Content", b"205 Reset Content", b"206 Partial Content", b"304 Not Modified"):
            with self.subTest(status=status):
                response = self.answered(b"HTTP/1.1 " + status + b"\r\n\r\n")
                self.assertIn("Hello from two", self.text_of("openai-chat", response))

    def test_heads_that_are_no_good(self):
        for name, head in {"too long": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000, "no version": b"200 OK\r\n\r\n",
                           "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                           "length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                           "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "status 99": b"HTTP/1.1 99 X\r\n\r\n",
                           "status 1000": b"HTTP/1.1 1000 X\r\n\r\n", "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                           "bytes": bytes(range(256)) * 20}.items():
            with self.subTest(name=name):
                response = self.answered(head)
                self.assertEqual((response.status, len(self.two.journal)), (200, 1))

    def test_streams_without_a_content_type(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(answers.Deferred(lambda sim, request: answers.Play(answers.stream().resolve(sim, request).steps)))
                response = self.ask(dialect, True)
                self.assertIn("Hello", response.stream.text)
                self.assertTrue(response.header("content-type").startswith("text/event-stream"))

    def test_gemini_arrays(self):
        """The same decisions when the stream is a JSON array."""
        def array(script):
            self.one.clear()
            self.two.clear()
            self.one.next(script)
            model = self.model("gemini")
            response = fetch(self.weir.port, "POST", f"/v1beta/models/{model}:streamGenerateContent", body=SPEECHES["gemini"].body(model))
            return response, grammar.judge_array(response.body)

        error = b'{"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL"}}'
        for name, edit in {"cut before content": lambda events: events[:1], "in band": lambda events: [events[0], b",\r\n" + error + b"]"],
                           "bare error": lambda events: [b"[" + error + b"]"], "malformed": lambda events: [events[0], b",\r\n{oops}"],
                           "reset": lambda events: [events[0], steps.RESET]}.items():
            with self.subTest(before=name):
                response, stream = array(answers.stream(edit=edit))
                self.assertEqual(response.status, 200)
                self.assertIn("Hello from two", stream.text)
        for name, edit in {"cut": lambda events: events[:3], "in band": lambda events: [*events[:3], b",\r\n" + error + b"]"],
                           "malformed": lambda events: [*events[:3], b",\r\n{oops}"]}.items():
            with self.subTest(after=name):
                response, stream = array(answers.stream(Reply(text="one two three four"), edit))
                self.assertIsNotNone(stream.error)
                self.assertIsNone(stream.finish)
                self.assertEqual(stream.text, "one two")
                self.assertTrue(self.weir.record_of(response)["truncated"])


class OtherOperations(Case):
    """Failover of what is no conversation."""

    dialects = DIALECTS
    keep_alive = False

    def test_they_move_on_too(self):
        rows = [("openai-chat", "/v1/embeddings", {"input": "x"}), ("openai-chat", "/v1/completions", {"prompt": "x"}),
                ("openai-chat", "/v1/completions", {"prompt": "x", "stream": True}),
                ("openai-responses", "/v1/responses/input_tokens", {"input": "x"}),
                ("anthropic", "/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "x"}]}),
                ("gemini", "/v1beta/models/{model}:countTokens", {"contents": [{"parts": [{"text": "x"}]}]}),
                ("gemini", "/v1beta/models/{model}:embedContent", {"content": {"parts": [{"text": "x"}]}})]
        for dialect, path, value in rows:
            for fault in (answers.fail(401), answers.body(b"[]"), answers.body({"error": {"message": "x", "code": 500}})):
                with self.subTest(path=path, stream=value.get("stream")):
                    self.one.clear()
                    self.two.clear()
                    model = self.model(dialect)
                    self.one.next(fault, *([] if fault.__class__ is answers.Deferred else [fault]))
                    body = json.dumps(value if dialect == "gemini" else {"model": model, **value}).encode()
                    response = self.ask(dialect, bool(value.get("stream")), model=model, body=body, path=path.format(model=model))
                    self.assertEqual(response.status, 200, response.body[:300])
                    self.assertEqual(response.header("x-weir-provider"), f"two-{dialect}")


class Clients(Case):
    """Old and odd clients."""

    dialects = ("openai-chat",)

    def test_http_1_0(self):
        for stream in (False, True):
            with self.subTest(stream=stream), Client(self.weir.port) as client:
                body = SPEECHES["openai-chat"].body(self.model("openai-chat"), stream)
                client.send(b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                response = client.read_response()
                self.assertIsNone(response.header("transfer-encoding"))
                self.assertEqual(response.status, 200)
                self.assertIn(b"[DONE]" if stream else b"Hello from one", response.body)
                self.assertTrue(client.is_closed_by_peer())

    def test_a_connection_survives_refusals(self):
        with Client(self.weir.port) as client:
            for number in range(3):
                client.request("POST", "/v1/chat/completions", body=SPEECHES["openai-chat"].body("no-such-model"))
                self.assertEqual(client.read_response().status, 404)
                client.request("GET", "/v1/nothing")
                self.assertEqual(client.read_response().status, 404)
                client.request("POST", "/v1/chat/completions", body=SPEECHES["openai-chat"].body(self.model("openai-chat"), number == 1))
                self.assertEqual(client.read_response().status, 200)

    def test_head_only(self):
        response = fetch(self.weir.port, "HEAD", "/v1/models")
        self.assertGreater(int(response.header("content-length")), 100)
        self.assertEqual(fetch(self.weir.port, "HEAD", "/v1/chat/completions").status, 405)
