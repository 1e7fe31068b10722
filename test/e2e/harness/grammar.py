# SPDX-License-Identifier: Apache-2.0
"""State machines that every stream must pass, whatever happened on the way (pain.md F17): events open and close in order, numbers
are dense, types match, exactly one terminal event, and an error is never followed by what looks like success."""

import json
import re
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
        {"openai-chat": _chat, "openai-responses": _responses, "anthropic": _anthropic}[dialect](stream)
    if stream.error:
        require(not stream.done, "an error event and a terminator in one stream")
    return stream


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
        require(not stream.finish, "content after finishReason")
        for part in candidate.get("content", {}).get("parts", []):
            stream.text += part.get("text", "")
        stream.finish = candidate.get("finishReason")


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
