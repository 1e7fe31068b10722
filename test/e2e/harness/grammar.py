# SPDX-License-Identifier: Apache-2.0
"""State machines that every stream must pass, whatever happened on the way (pain.md F17): events open and close in order, numbers
are dense, types match, exactly one terminal event, and an error is never followed by what looks like success."""

import json
import re
import struct
import zlib
from dataclasses import dataclass, field


@dataclass
class SSEEvent:
    name: str
    data: str                  # None: a comment or an empty event
    raw: bytes


@dataclass
class Stream:
    dialect: str
    events: list = field(default_factory=list)
    text: str = ""
    ids: set = field(default_factory=set)
    usage: dict = None
    usage_events: int = 0
    finish: str = None
    done: bool = False         # the dialect's terminator came
    error: dict = None
    comments: int = 0
    finished: set = field(default_factory=set)   # choices


class Violation(AssertionError):
    pass


def require(condition, message):
    if not condition:
        raise Violation(message)


def parse_sse(body):
    """Events and the rest after the last one. UTF-8 must hold, and no replacement character may have come in."""
    text = body.decode("utf-8")
    require("\ufffd" not in text, "U+FFFD in a stream")
    events, name, data, raw = [], None, [], ""
    for line in re.findall(r"[^\r\n]*(?:\r\n|\n|\r)", text):
        raw += line
        content = line.rstrip("\r\n").removeprefix("\ufeff")
        if content.startswith("data:"):
            data.append(content[5:].removeprefix(" "))
        elif content.startswith("event:"):
            name = content[6:].strip()
        elif content == "":
            events.append(SSEEvent(name, "\n".join(data) if data else None, raw.encode()))
            name, data, raw = None, [], ""
    consumed = sum(len(event.raw) for event in events)
    return events, body[consumed:].decode()


def judge(dialect, response):
    """Checks a complete answer. A cut connection is only legal when nothing claims that the answer is complete."""
    body = b"".join(response.pieces)
    stream = judge_bytes(dialect, body)
    require(response.complete, "the HTTP framing of a stream was cut")
    require(stream.done or stream.error or stream.finish, "a stream ended with neither an end nor an error")
    return stream


def judge_bytes(dialect, body):
    stream = Stream(dialect)
    if dialect == "bedrock":
        _bedrock(stream, parse_aws(body))
        return stream
    if dialect == "ollama":
        _ollama(stream, body)
        return stream
    events, rest = parse_sse(body)
    stream.comments = sum(1 for event in events if event.data is None and event.raw.startswith(b":"))
    if re.match(r"(event|data|id|retry):", rest):
        # Without its blank line: SDKs take the last event nevertheless (openai-node and anthropic-sdk, LineDecoder.flush).
        last, rest = parse_sse(rest.encode() + b"\n\n")
        events += last
    stream.events = [event for event in events if event.data is not None]
    if dialect == "gemini":
        _gemini(stream, rest)
    else:
        require(rest.strip() == "", f"the stream ends inside an event: {rest[-200:]!r}")
        {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _anthropic, "cohere": _cohere}[dialect](stream)
    if stream.error:
        require(not stream.done, "an error event and a terminator in one stream")
    return stream


def parse_aws(body):
    """(headers, payload) of AWS's binary frames (DIALECTS.md §5.6): lengths add up and both checksums hold."""
    frames, at = [], 0
    while at < len(body):
        require(len(body) - at >= 16, "the stream ends inside a frame's prelude")
        total, headers_length, checksum = struct.unpack_from(">III", body, at)
        require(zlib.crc32(body[at:at + 8]) == checksum, "the checksum of a frame's prelude does not hold")
        require(16 + headers_length <= total <= len(body) - at, "a frame is longer than the stream")
        require(zlib.crc32(body[at:at + total - 4]) == struct.unpack_from(">I", body, at + total - 4)[0],
                "a frame's checksum does not hold")
        headers, place, end = {}, at + 12, at + 12 + headers_length
        while place < end:
            name = body[place + 1:place + 1 + body[place]].decode()
            place += 1 + body[place]
            require(body[place] == 7, f"header {name} is no string")
            length, = struct.unpack_from(">H", body, place + 1)
            headers[name], place = body[place + 3:place + 3 + length].decode(), place + 3 + length
        require(place == end, "a frame's headers do not fill their place")
        frames.append((headers, body[end:at + total - 4]))
        at += total
    return frames


def _load(event):
    try:
        return json.loads(event.data)
    except ValueError as error:
        raise Violation(f"an event is not JSON: {event.data[:200]!r}") from error


def _chat(stream):
    open_choices, finished = {}, set()
    for event in stream.events:
        require(not stream.done, "an event after [DONE]")
        require(not stream.error, "an event after an error")
        if event.data == "[DONE]":
            # gpt-audio and Snowflake never give a finish_reason (recorded); but some choices with and some without are a cut.
            require(open_choices, "[DONE] before anything was said")
            require(not finished or finished == set(open_choices), "[DONE] with a choice that has no finish_reason")
            stream.done = True
            continue
        value = _load(event)
        if "error" in value:
            require({"message", "type", "param", "code"} <= set(value["error"]), "an error without its four members")
            stream.error = value["error"]
            continue
        require(isinstance(value.get("choices"), list), "a chunk without choices")
        if "id" in value:
            stream.ids.add(value["id"])
        if value.get("usage"):
            stream.usage, stream.usage_events = value["usage"], stream.usage_events + 1
        for choice in value["choices"]:
            index = choice.get("index", 0)
            require(index not in finished or not (choice.get("delta") or {}).get("content"), "content after finish_reason")
            open_choices.setdefault(index, "")
            piece = (choice.get("delta") or {}).get("content") or choice.get("text") or ""
            stream.text += piece
            if choice.get("finish_reason"):
                finished.add(index)
                stream.finish = choice["finish_reason"]


def _responses(stream):
    last, started, items, parts, terminal = -1, False, {}, {}, None
    for event in stream.events:
        require(terminal is None, f"an event after {terminal}")
        value = _load(event)
        name = value.get("type")
        require(name, "an event without a type")
        require(event.name in (None, name), f"event: {event.name} with type {name}")
        require(value.get("sequence_number", last + 1) > last, f"sequence_number {value.get('sequence_number')} after {last}")
        last = value.get("sequence_number", last + 1)
        if name == "error":
            stream.error = value
            continue
        require(not stream.error or name == "response.failed", f"{name} after an error event")
        if "response" in value and value["response"].get("id"):
            stream.ids.add(value["response"]["id"])
        if name in ("response.completed", "response.incomplete", "response.failed"):
            terminal = name
            stream.usage = value["response"].get("usage")
            stream.usage_events += stream.usage is not None
            if name == "response.failed":
                stream.error = value["response"]["error"]
            else:
                stream.done, stream.finish = True, name
                require(not items or all(state == "done" for state in items.values()), "the response completed with open items")
        elif name == "response.created":
            require(not started, "response.created twice")
            started = True
        elif name == "response.output_item.added":
            require(value["output_index"] == len(items), "output_index is not dense")
            items[value["output_index"]] = "open"
        elif name == "response.output_item.done":
            require(items.get(value["output_index"]) == "open", "an item is done that was not added")
            items[value["output_index"]] = "done"
        elif name == "response.content_part.added":
            parts[value["output_index"], value["content_index"]] = ""
        elif name == "response.output_text.delta":
            place = value["output_index"], value["content_index"]
            require(place in parts, "a delta for a part that was not added")
            parts[place] += value["delta"]
            stream.text += value["delta"]
        elif name == "response.output_text.done":
            require(parts.get((value["output_index"], value["content_index"])) == value["text"], "done does not repeat the deltas")
    require(not stream.error or terminal == "response.failed", "an error without response.failed")


def _anthropic(stream):
    kinds = {"text": {"text_delta", "citations_delta"}, "thinking": {"thinking_delta", "signature_delta"},
             "tool_use": {"input_json_delta"}, "server_tool_use": {"input_json_delta"}}
    started = ended = False
    open_block = None
    blocks = 0
    for event in stream.events:
        require(not ended and not stream.error, f"{event.name} after the end")
        value = _load(event)
        name = value.get("type")
        require(event.name == name, f"event: {event.name} with type {name}")
        if name == "error":
            require("type" in value["error"] and "message" in value["error"], "an error without type and message")
            stream.error = value["error"]
            continue
        if name == "ping":
            continue
        require(started or name == "message_start", f"{name} before message_start")
        if name == "message_start":
            require(not started, "message_start twice")
            require("stop_sequence" in value["message"] and value["message"]["stop_reason"] is None, "stop members are missing")
            started = True
            stream.ids.add(value["message"]["id"])
            stream.usage = value["message"].get("usage")
        elif name == "content_block_start":
            require(open_block is None, "a block opens inside another")
            require(value["index"] == blocks, "block indexes are not dense")
            open_block, blocks = value["content_block"]["type"], blocks + 1
        elif name == "content_block_delta":
            require(value["index"] == blocks - 1 and open_block, "a delta outside of its block")
            require(value["delta"]["type"] in kinds.get(open_block, {value["delta"]["type"]}),
                    f"{value['delta']['type']} in a {open_block} block")
            stream.text += value["delta"].get("text", "")
        elif name == "content_block_stop":
            require(open_block and value["index"] == blocks - 1, "a block closes that is not open")
            open_block = None
        elif name == "message_delta":
            require(open_block is None, "message_delta inside a block")
            stream.finish = value["delta"].get("stop_reason") or stream.finish
            if "usage" in value:
                stream.usage, stream.usage_events = {**(stream.usage or {}), **value["usage"]}, stream.usage_events + 1
        elif name == "message_stop":
            require(stream.finish, "message_stop without a stop_reason")
            ended = stream.done = True


def _gemini_value(stream, value):
    require(not stream.error, "a chunk after an error")
    if "error" in value:
        require({"code", "message", "status"} <= set(value["error"]), "an error without its three members")
        stream.error = value["error"]
        return
    if "responseId" in value:
        stream.ids.add(value["responseId"])
    if "usageMetadata" in value:
        stream.usage, stream.usage_events = value["usageMetadata"], stream.usage_events + 1
    for candidate in value.get("candidates", []):
        index = candidate.get("index", 0)
        require(index not in stream.finished, "content after finishReason")
        for part in candidate.get("content", {}).get("parts", []):
            stream.text += part.get("text", "")
        if candidate.get("finishReason"):
            stream.finish = candidate["finishReason"]
            stream.finished.add(index)


def _gemini(stream, rest):
    for event in stream.events:
        _gemini_value(stream, _load(event))
    if rest.strip():
        # Google's servers end a broken stream with the error as bare JSON, outside of any event.
        require(stream.error and json.loads(rest)["error"] == stream.error, f"the stream ends with {rest[-200:]!r}")
    require(not (stream.error and stream.finish), "an error after finishReason")


def judge_array(body):
    """A Gemini stream as a JSON array: JSON to the last byte."""
    stream = Stream("gemini")
    for value in json.loads(body):
        _gemini_value(stream, value)
    require(stream.error or stream.finish, "an array with neither an end nor an error")
    return stream


def _bedrock(stream, frames):
    """messageStart, blocks one after the other, messageStop, metadata; exceptions are the last frame."""
    order, open_block, blocks, place = ("messageStart", "messageStop", "metadata"), None, 0, 0
    for headers, payload in frames:
        require(not stream.error, "a frame after an exception")
        value = json.loads(payload)
        if headers[":message-type"] == "exception":
            require(headers.get(":exception-type"), "an exception without its type")
            stream.error = {"type": headers[":exception-type"], **value}
            continue
        require(headers[":message-type"] == "event" and headers.get(":content-type") == "application/json", f"headers {headers}")
        name = headers[":event-type"]
        stream.events.append(SSEEvent(name, payload.decode(), payload))
        if name in order:
            require(place < 3 and name == order[place], f"{name} out of order")
            place += 1
            require(open_block is None, f"{name} inside a block")
        else:
            require(place == 1, f"{name} outside of the message")
        if name == "messageStart":
            require(value["role"] == "assistant", "messageStart of somebody else")
        elif name == "contentBlockStart":
            require(open_block is None and value["contentBlockIndex"] == blocks, "a block opens inside another, or not the next")
            require(set(value["start"]) <= {"toolUse", "toolResult", "image"}, "only tools and images have a start")
            open_block, blocks = "started", blocks + 1
        elif name == "contentBlockDelta":
            if open_block is None:
                require(value["contentBlockIndex"] == blocks and "toolUse" not in value["delta"], "a delta outside of its block")
                open_block, blocks = "text", blocks + 1
            require(value["contentBlockIndex"] == blocks - 1, "a delta of another block")
            require(len(value["delta"]) == 1, "a delta is a union")
            stream.text += value["delta"].get("text", "")
        elif name == "contentBlockStop":
            require(open_block and value["contentBlockIndex"] == blocks - 1, "a block closes that is not open")
            open_block = None
        elif name == "messageStop":
            stream.finish = value["stopReason"]
        elif name == "metadata":
            stream.usage, stream.usage_events, stream.done = value.get("usage"), 1, True
            require("metrics" in value, "metadata without metrics")
        else:
            require(False, f"an unknown event {name}")


def _cohere(stream):
    """Events of DIALECTS.md §5.7: content blocks and calls one after the other, densely numbered; [DONE] as every recording has it."""
    started, open_kind, index, calls, over = False, None, 0, 0, False
    for event in stream.events:
        require(not over, f"{event.name} after [DONE]")
        if event.data == "[DONE]":
            require(stream.finish, "[DONE] before message-end")
            over, stream.done = True, not stream.error
            continue
        require(not stream.finish, f"{event.name} after message-end")
        value = _load(event)
        name = value.get("type")
        require(event.name in (None, name), f"event: {event.name} with type {name}")
        require(started or name == "message-start", f"{name} before message-start")
        message = (value.get("delta") or {}).get("message") or {}
        if name == "message-start":
            require(not started and message["role"] == "assistant", "message-start twice, or of somebody else")
            started = True
            stream.ids.add(value["id"])
        elif name == "content-start":
            require(open_kind is None and value["index"] == index, "content opens inside another, or not the next")
            open_kind, index = message["content"]["type"], index + 1
        elif name == "content-delta":
            require(open_kind in ("text", "thinking") and value["index"] == index - 1, "a content-delta outside of its block")
            require(open_kind in message["content"], f"a {open_kind} block's delta says something else")
            stream.text += message["content"].get("text", "")
        elif name == "content-end":
            require(open_kind in ("text", "thinking") and value["index"] == index - 1, "content ends that is not open")
            open_kind = None
        elif name == "tool-call-start":
            require(open_kind is None and value["index"] == calls, "a call opens inside another, or not the next")
            require(message["tool_calls"]["id"] and message["tool_calls"]["function"]["name"], "a call without id or name")
            open_kind, calls = "call", calls + 1
        elif name in ("tool-call-delta", "tool-call-end"):
            require(open_kind == "call" and value["index"] == calls - 1, f"{name} outside of its call")
            open_kind = "call" if name == "tool-call-delta" else None
        elif name == "message-end":
            failed = value["delta"]["finish_reason"] in ("ERROR", "TIMEOUT")
            require(open_kind is None or failed, "the message ends inside a block")
            stream.finish, stream.usage = value["delta"]["finish_reason"], value["delta"].get("usage")
            stream.usage_events += stream.usage is not None
            if failed:
                stream.error = value["delta"]
        else:
            require(name in ("tool-plan-delta", "citation-start", "citation-end", "debug"), f"an unknown event {name}")
    require(over or not stream.finish or stream.error, "no [DONE]")


def _ollama(stream, body):
    """A JSON object per line, exactly one of them the last: done, or an error."""
    text = body.decode("utf-8")
    require("\ufffd" not in text, "U+FFFD in a stream")
    require(text.endswith("\n") or not text, f"the stream ends inside a line: {text[-200:]!r}")
    for line in text.split("\n")[:-1]:
        require(not stream.done and not stream.error, "a line after the end")
        value = _load(SSEEvent(None, line, line.encode()))
        stream.events.append(SSEEvent(None, line, line.encode()))
        if "error" in value:
            require(isinstance(value["error"], str), "an error that is no text")
            stream.error = value
            continue
        require("model" in value and "created_at" in value and isinstance(value.get("done"), bool), "a line without model or done")
        message = value.get("message") or {}
        require(message.get("role", "assistant") == "assistant", "a line of somebody else")
        stream.text += message.get("content", "") + value.get("response", "")
        for call in message.get("tool_calls") or []:
            require(call["function"]["name"] and isinstance(call["function"]["arguments"], dict), "a call that is not whole")
        if value["done"]:
            stream.done, stream.finish = True, value.get("done_reason", "stop")
            stream.usage, stream.usage_events = {name: value[name] for name in ("prompt_eval_count", "eval_count") if name in value}, 1
