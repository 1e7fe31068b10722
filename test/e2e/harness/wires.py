# SPDX-License-Identifier: Apache-2.0
"""What a provider of each dialect says, written from the providers' documentation (DIALECTS.md §4 to §6): one answer in no
dialect, whole and as a stream, and errors. Knows nothing of weir, and of the simulated provider only how it is asked."""

import base64
import json
import re
import struct
import zlib
from dataclasses import dataclass, field

from sim.dialects import Usage


@dataclass
class Thought:
    text: str
    state: str = None              # what must come back with it


@dataclass
class Text:
    text: str
    pieces: int = 3                # of a stream


@dataclass
class Call:
    id: str
    name: str
    arguments: dict
    state: str = None              # Gemini signs calls


@dataclass
class Said:
    """An answer: Thought, Text and Call in order."""
    parts: list
    finish: str = "stop"           # stop, length, filter; calls end in calls whatever stands here
    usage: Usage = field(default_factory=Usage)
    id: str = "0001"

    @property
    def calls(self):
        return [part for part in self.parts if isinstance(part, Call)]

    @property
    def text(self):
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self):
        return "".join(part.text for part in self.parts if isinstance(part, Thought))

    def word(self, stop, length, calls, refused):
        return calls if self.calls else {"stop": stop, "length": length, "filter": refused}[self.finish]


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sse(value, name=None):
    return ((f"event: {name}\n" if name else "") + f"data: {value if isinstance(value, str) else dump(value)}\n\n").encode()


def cut(text, count):
    """The text in pieces, none of them empty."""
    step = max(1, -(-len(text) // count))
    return [text[at:at + step] for at in range(0, len(text), step)]


def pieces(part):
    return cut(part.text, part.pieces) if isinstance(part, Text) else cut(part.text, 2)


class Wire:
    stream_type = "text/event-stream"
    error_headers = ()

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def model(self, request):
        return request.json().get("model")


class ChatWire(Wire):
    name, base = "openai-chat", "/v1"
    paths = re.compile(r"/chat/completions$")

    def usage(self, u):
        return {"prompt_tokens": u.input, "completion_tokens": u.output, "total_tokens": u.input + u.output,
                "prompt_tokens_details": {"cached_tokens": u.cached}, "completion_tokens_details": {"reasoning_tokens": u.reasoning}}

    def call(self, call, **index):
        return {**index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": dump(call.arguments)}}

    def details(self, part):
        return [{"type": "reasoning.text", "text": part.text, "signature": part.state, "format": "anthropic-claude-v1", "index": 0}]

    def word(self, said):
        return said.word("stop", "length", "tool_calls", "content_filter")

    def whole(self, said, request):
        message = {"role": "assistant", "content": said.text or None}
        for part in said.parts:
            if isinstance(part, Thought) and part.state:
                message["reasoning_details"] = self.details(part)
            elif isinstance(part, Thought):
                message["reasoning_content"] = part.text
        if said.calls:
            message["tool_calls"] = [self.call(call) for call in said.calls]
        return dump({"id": "chatcmpl-" + said.id, "object": "chat.completion", "created": 1754000000, "model": self.model(request),
                     "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": self.word(said)}],
                     "usage": self.usage(said.usage)}).encode()

    def stream(self, said, request):
        def chunk(delta, finish=None, **more):
            choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
            return sse({"id": "chatcmpl-" + said.id, "object": "chat.completion.chunk", "created": 1754000000,
                        "model": self.model(request), "choices": choices, **more})
        events, calls = [chunk({"role": "assistant", "content": ""})], 0
        for part in said.parts:
            if isinstance(part, Thought) and part.state:
                for piece in pieces(part):
                    events.append(chunk({"reasoning_details": [{**self.details(part)[0], "text": piece, "signature": None}]}))
                events.append(chunk({"reasoning_details": [{**self.details(part)[0], "text": ""}]}))
            elif isinstance(part, Thought):
                events += [chunk({"reasoning_content": piece}) for piece in pieces(part)]
            elif isinstance(part, Text):
                events += [chunk({"content": piece}) for piece in pieces(part)]
            else:
                whole = self.call(part, index=calls)
                text = whole["function"]["arguments"]
                events.append(chunk({"tool_calls": [{**whole, "function": {"name": part.name, "arguments": ""}}]}))
                events += [chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}) for piece in cut(text, 3)]
                calls += 1
        events.append(chunk({}, self.word(said)))
        if (request.json().get("stream_options") or {}).get("include_usage"):
            events.append(chunk(None, usage=self.usage(said.usage)))
        return [*events, sse("[DONE]")]

    def error(self, status, message, code=None):
        kind = "invalid_request_error" if status < 500 else "server_error"
        return dump({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()

    def broken(self, message):
        return sse({"error": {"message": message, "type": "server_error", "param": None, "code": None}})


class ResponsesWire(ChatWire):
    name = "openai-responses"
    paths = re.compile(r"/responses$")

    def usage(self, u):
        return {"input_tokens": u.input, "input_tokens_details": {"cached_tokens": u.cached}, "output_tokens": u.output,
                "output_tokens_details": {"reasoning_tokens": u.reasoning}, "total_tokens": u.input + u.output}

    def item(self, said, number, part):
        if isinstance(part, Thought):
            value = {"id": f"rs_{said.id}_{number}", "type": "reasoning", "summary": [{"type": "summary_text", "text": part.text}]}
            return {**value, "encrypted_content": part.state} if part.state else value
        if isinstance(part, Text):
            return {"id": f"msg_{said.id}_{number}", "type": "message", "status": "completed", "role": "assistant",
                    "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": part.text}]}
        return {"id": f"fc_{said.id}_{number}", "type": "function_call", "status": "completed", "arguments": dump(part.arguments),
                "call_id": part.id, "name": part.name}

    def response(self, said, request, status, output, usage=None):
        return {"id": "resp_" + said.id, "object": "response", "created_at": 1754000000, "status": status, "error": None,
                "incomplete_details": {"reason": "max_output_tokens" if said.finish == "length" else "content_filter"}
                if status == "incomplete" else None, "instructions": None, "model": self.model(request), "output": output,
                "parallel_tool_calls": True, "previous_response_id": None, "store": False, "temperature": 1.0, "tool_choice": "auto",
                "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage, "metadata": {}}

    def last(self, said, request):
        items = [self.item(said, number, part) for number, part in enumerate(said.parts)]
        status = "completed" if said.finish == "stop" or said.calls else "incomplete"
        return self.response(said, request, status, items, self.usage(said.usage))

    def whole(self, said, request):
        return dump(self.last(said, request)).encode()

    def stream(self, said, request):
        numbers = iter(range(1 << 30))

        def event(name, /, **members):
            return sse({"type": name, "sequence_number": next(numbers), **members}, name)
        events = [event("response.created", response=self.response(said, request, "in_progress", []))]
        for index, part in enumerate(said.parts):
            item = self.item(said, index, part)
            place = {"item_id": item["id"], "output_index": index}
            empty = {"reasoning": {"summary": []}, "message": {"content": []}, "function_call": {"arguments": ""}}[item["type"]]
            events.append(event("response.output_item.added", output_index=index, item={**item, **empty}))
            if isinstance(part, Thought):
                place["summary_index"] = 0
                events.append(event("response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""}))
                events += [event("response.reasoning_summary_text.delta", **place, delta=piece) for piece in pieces(part)]
                events.append(event("response.reasoning_summary_text.done", **place, text=part.text))
                events.append(event("response.reasoning_summary_part.done", **place, part={"type": "summary_text", "text": part.text}))
            elif isinstance(part, Text):
                place["content_index"] = 0
                empty = {**item["content"][0], "text": ""}
                events.append(event("response.content_part.added", **place, part=empty))
                events += [event("response.output_text.delta", **place, delta=piece, logprobs=[]) for piece in pieces(part)]
                events.append(event("response.output_text.done", **place, text=part.text, logprobs=[]))
                events.append(event("response.content_part.done", **place, part=item["content"][0]))
            else:
                events += [event("response.function_call_arguments.delta", **place, delta=piece) for piece in cut(item["arguments"], 3)]
                events.append(event("response.function_call_arguments.done", **place, name=part.name, arguments=item["arguments"]))
            events.append(event("response.output_item.done", output_index=index, item=item))
        last = self.last(said, request)
        return [*events, event("response." + last["status"], response=last)]

    def broken(self, message):
        return sse({"type": "error", "sequence_number": 1 << 20, "code": "server_error", "message": message, "param": None}, "error")


class AnthropicWire(Wire):
    name, base = "anthropic", ""
    paths = re.compile(r"/v1/messages$")
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
             429: "rate_limit_error", 529: "overloaded_error"}

    def usage(self, u):
        return {"input_tokens": u.input - u.cached - u.written, "cache_creation_input_tokens": u.written,
                "cache_read_input_tokens": u.cached, "output_tokens": u.output,
                "cache_creation": {"ephemeral_5m_input_tokens": u.written - u.written_1h, "ephemeral_1h_input_tokens": u.written_1h},
                "output_tokens_details": {"thinking_tokens": u.reasoning}}

    def block(self, part):
        if isinstance(part, Thought):
            return {"type": "thinking", "thinking": part.text, "signature": part.state or ""}
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}

    def message(self, said, request, content, stop, usage):
        return {"id": "msg_" + said.id, "type": "message", "role": "assistant", "model": self.model(request), "content": content,
                "stop_reason": stop, "stop_sequence": None, "usage": usage}

    def word(self, said):
        return said.word("end_turn", "max_tokens", "tool_use", "refusal")

    def whole(self, said, request):
        content = [self.block(part) for part in said.parts]
        return dump(self.message(said, request, content, self.word(said), self.usage(said.usage))).encode()

    def stream(self, said, request):
        def event(name, /, **members):
            return sse({"type": name, **members}, name)
        begun = {**self.usage(said.usage), "output_tokens": 1}
        events = [event("message_start", message=self.message(said, request, [], None, begun)), event("ping")]
        for index, part in enumerate(said.parts):
            block = self.block(part)
            empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}[block["type"]]
            events.append(event("content_block_start", index=index, content_block={**block, **empty}))
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(part)] if isinstance(part, Thought) else \
                     [{"type": "text_delta", "text": piece} for piece in pieces(part)] if isinstance(part, Text) else \
                     [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(dump(part.arguments), 3)]]
            if isinstance(part, Thought) and part.state:
                deltas.append({"type": "signature_delta", "signature": part.state})
            events += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
            events.append(event("content_block_stop", index=index))
        last = event("message_delta", delta={"stop_reason": self.word(said), "stop_sequence": None},
                     usage={"output_tokens": said.usage.output, "output_tokens_details": {"thinking_tokens": said.usage.reasoning}})
        return [*events, last, event("message_stop")]

    def error(self, status, message, code=None):
        return dump({"type": "error", "error": {"type": self.kinds.get(status, "api_error"), "message": message},
                     "request_id": "req_1"}).encode()

    def broken(self, message):
        return sse({"type": "error", "error": {"type": "api_error", "message": message}}, "error")


class GeminiWire(Wire):
    name, base = "gemini", "/v1beta"
    paths = re.compile(r":(generateContent|streamGenerateContent)$")
    kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
             500: "INTERNAL", 503: "UNAVAILABLE"}

    def wants_stream(self, request):
        return request.path.endswith(":streamGenerateContent")

    def model(self, request):
        return re.search(r"/models/([^:]+):", request.path).group(1)

    def usage(self, u):
        return {"promptTokenCount": u.input, "cachedContentTokenCount": u.cached, "candidatesTokenCount": u.output - u.reasoning,
                "thoughtsTokenCount": u.reasoning, "totalTokenCount": u.input + u.output}

    def part(self, part):
        if isinstance(part, Thought):
            return {"text": part.text, "thought": True}
        if isinstance(part, Text):
            return {"text": part.text}
        value = {"functionCall": {"id": part.id, "name": part.name, "args": part.arguments}}
        return {**value, "thoughtSignature": part.state} if part.state else value

    def response(self, said, request, parts, finish=None):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        return {"candidates": [candidate], "usageMetadata": self.usage(said.usage), "modelVersion": self.model(request),
                "responseId": said.id}

    def word(self, said):
        return said.word("STOP", "MAX_TOKENS", "STOP", "SAFETY")

    def whole(self, said, request):
        return json.dumps(self.response(said, request, [self.part(part) for part in said.parts], self.word(said)), indent=2).encode()

    def stream(self, said, request):
        chunks = []
        for part in said.parts:
            if isinstance(part, Call):
                chunks.append([self.part(part)])
            else:
                chunks += [[{**self.part(part), "text": piece}] for piece in pieces(part)]
        values = [self.response(said, request, parts) for parts in chunks]
        values.append(self.response(said, request, [{"text": ""}], self.word(said)))
        return [f"data: {dump(value)}\r\n\r\n".encode() for value in values]

    def error(self, status, message, code=None):
        return dump({"error": {"code": status, "message": message, "status": self.kinds.get(status, "INTERNAL")}}).encode()

    def broken(self, message):
        return b"data: " + self.error(500, message) + b"\r\n\r\n"


def frame(payload, **headers):
    """One of AWS's binary frames (DIALECTS.md §5.6)."""
    head = b""
    for name, value in headers.items():
        name, value = ":" + name.replace("_", "-"), value.encode()
        head += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return start + struct.pack(">I", zlib.crc32(start))


class BedrockWire(Wire):
    name, base = "bedrock", ""
    paths = re.compile(r"/converse(-stream)?$")
    stream_type = "application/vnd.amazon.eventstream"
    kinds = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException",
             404: "ResourceNotFoundException", 429: "ThrottlingException", 500: "InternalServerException",
             503: "ServiceUnavailableException"}

    def wants_stream(self, request):
        return request.path.endswith("/converse-stream")

    def usage(self, u):
        return {"inputTokens": u.input - u.cached - u.written, "outputTokens": u.output, "totalTokens": u.input + u.output,
                "cacheReadInputTokens": u.cached, "cacheWriteInputTokens": u.written}

    def block(self, part):
        if isinstance(part, Thought):
            return {"reasoningContent": {"reasoningText": {"text": part.text, **({"signature": part.state} if part.state else {})}}}
        if isinstance(part, Text):
            return {"text": part.text}
        return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": part.arguments}}

    def word(self, said):
        return said.word("end_turn", "max_tokens", "tool_use", "content_filtered")

    def whole(self, said, request):
        message = {"role": "assistant", "content": [self.block(part) for part in said.parts]}
        return dump({"output": {"message": message}, "stopReason": self.word(said), "usage": self.usage(said.usage),
                     "metrics": {"latencyMs": 12}}).encode()

    def stream(self, said, request):
        def event(name, /, **members):
            return frame(dump({**members, "p": "abcd"}).encode(), event_type=name, content_type="application/json", message_type="event")
        events = [event("messageStart", role="assistant")]
        for index, part in enumerate(said.parts):
            if isinstance(part, Call):
                events.append(event("contentBlockStart", contentBlockIndex=index,
                                    start={"toolUse": {"toolUseId": part.id, "name": part.name}}))
                deltas = [{"toolUse": {"input": piece}} for piece in cut(dump(part.arguments), 3)]
            elif isinstance(part, Thought):
                deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(part)]
                deltas += [{"reasoningContent": {"signature": part.state}}] if part.state else []
            else:
                deltas = [{"text": piece} for piece in pieces(part)]
            events += [event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas]
            events.append(event("contentBlockStop", contentBlockIndex=index))
        return [*events, event("messageStop", stopReason=self.word(said)),
                event("metadata", usage=self.usage(said.usage), metrics={"latencyMs": 12})]

    def error(self, status, message, code=None):
        return dump({"__type": self.kinds.get(status, "InternalServerException"), "message": message}).encode()

    def broken(self, message):
        return frame(dump({"message": message}).encode(), exception_type="internalServerException", content_type="application/json",
                     message_type="exception")


class CohereWire(Wire):
    name, base = "cohere", ""
    paths = re.compile(r"/v2/chat$")

    def usage(self, u):
        return {"billed_units": {"input_tokens": u.input, "output_tokens": u.output},
                "tokens": {"input_tokens": u.input, "output_tokens": u.output}, "cached_tokens": u.cached}

    def call(self, call):
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": dump(call.arguments)}}

    def word(self, said):
        return said.word("COMPLETE", "MAX_TOKENS", "TOOL_CALL", "ERROR_TOXIC")

    def content(self, part):
        return {"type": "thinking", "thinking": part.text} if isinstance(part, Thought) else {"type": "text", "text": part.text}

    def whole(self, said, request):
        message = {"role": "assistant", "content": [self.content(part) for part in said.parts if not isinstance(part, Call)]}
        if said.calls:
            message["tool_calls"] = [self.call(call) for call in said.calls]
        return dump({"id": said.id, "finish_reason": self.word(said), "message": message, "usage": self.usage(said.usage)}).encode()

    def stream(self, said, request):
        def event(name, /, **members):
            return sse({"type": name, **members}, name)
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        events, contents, calls = [event("message-start", id=said.id, delta={"message": empty})], 0, 0
        for part in said.parts:
            if isinstance(part, Call):
                whole = self.call(part)
                text = whole["function"].pop("arguments")
                begun = {**whole, "function": {**whole["function"], "arguments": ""}}
                events.append(event("tool-call-start", index=calls, delta={"message": {"tool_calls": begun}}))
                events += [event("tool-call-delta", index=calls, delta={"message": {"tool_calls": {"function": {"arguments": piece}}}})
                           for piece in cut(text, 3)]
                events.append(event("tool-call-end", index=calls))
                calls += 1
                continue
            kind = "thinking" if isinstance(part, Thought) else "text"
            events.append(event("content-start", index=contents, delta={"message": {"content": {"type": kind, kind: ""}}}))
            events += [event("content-delta", index=contents, delta={"message": {"content": {kind: piece}}}) for piece in pieces(part)]
            events.append(event("content-end", index=contents))
            contents += 1
        return [*events, event("message-end", delta={"finish_reason": self.word(said), "usage": self.usage(said.usage)})]

    def error(self, status, message, code=None):
        return dump({"id": "0001", "message": message}).encode()

    def broken(self, message):
        return sse({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}, "message-end")


class OllamaWire(Wire):
    name, base = "ollama", ""
    paths = re.compile(r"/api/chat$")
    stream_type = "application/x-ndjson"

    def wants_stream(self, request):
        return request.json().get("stream") is not False

    def call(self, call, index):
        return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments}}

    def line(self, request, message, **more):
        return {"model": self.model(request), "created_at": "2026-11-20T10:00:00.000000Z",
                "message": {"role": "assistant", "content": "", **message}, "done": False, **more}

    def end(self, said):
        return {"done": True, "done_reason": "length" if said.finish == "length" else "stop", "total_duration": 5000000,
                "load_duration": 1000, "prompt_eval_count": said.usage.input, "prompt_eval_duration": 1000,
                "eval_count": said.usage.output, "eval_duration": 1000}

    def whole(self, said, request):
        message = {"content": said.text}
        if said.reasoning:
            message["thinking"] = said.reasoning
        if said.calls:
            message["tool_calls"] = [self.call(call, index) for index, call in enumerate(said.calls)]
        return dump(self.line(request, message, **self.end(said))).encode()

    def stream(self, said, request):
        values, calls = [], 0
        for part in said.parts:
            if isinstance(part, Call):
                values.append(self.line(request, {"tool_calls": [self.call(part, calls)]}))
                calls += 1
            else:
                kind = "thinking" if isinstance(part, Thought) else "content"
                values += [self.line(request, {kind: piece}) for piece in pieces(part)]
        values.append(self.line(request, {}, **self.end(said)))
        return [dump(value).encode() + b"\n" for value in values]

    def error(self, status, message, code=None):
        return dump({"error": message}).encode()

    def broken(self, message):
        return self.error(500, message) + b"\n"


WIRES = {wire.name: wire for wire in (ChatWire(), ResponsesWire(), AnthropicWire(), GeminiWire(), BedrockWire(), CohereWire(),
                                      OllamaWire())}


def wire_of(request):
    return next((wire for wire in WIRES.values() if wire.paths.search(request.path)), None)


def data_url(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
