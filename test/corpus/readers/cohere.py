# SPDX-License-Identifier: Apache-2.0
"""Cohere's v2 chat (DIALECTS.md §4.1 to §4.4, §5.7)."""

import json

from asked import Request, Result, Tool, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "sse"
FINISH = {"COMPLETE": "end", "STOP_SEQUENCE": "sequence", "MAX_TOKENS": "length", "TOOL_CALL": "calls", "ERROR_TOXIC": "refusal"}
FAILED = ("ERROR", "TIMEOUT", "ERROR_LIMIT")


def usage(value):
    tokens = (value or {}).get("tokens") or {}
    return counts(input=tokens.get("input_tokens"), cached=(value or {}).get("cached_tokens"), output=tokens.get("output_tokens"),
                  reasoning=tokens.get("reasoning_tokens"))


def finish(answer, choice, word):
    choice.word, choice.finish = word, FINISH.get(word, "unknown")
    answer.failed |= word in FAILED


def take_content(choice, block):
    choice.text += block.get("text") or ""
    choice.reasoning += block.get("thinking") or ""


def whole(value):
    answer = Answer(usage=usage(value.get("usage")))
    choice, message = answer.choice(0), value.get("message")
    if not isinstance(message, dict):
        answer.failed = True
        return answer
    choice.text += message.get("tool_plan") or ""     # what the model says beside its calls
    content = message.get("content") or []
    for block in [{"text": content}] if isinstance(content, str) else content:
        take_content(choice, block)
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        choice.calls.append(Call(call.get("id") or "", function.get("name"), arguments(function.get("arguments"))))
    finish(answer, choice, value.get("finish_reason"))
    return finished(answer)


def stream(values):
    answer, calls = Answer(), {}
    choice = answer.choice(0)
    for value in values:
        kind, delta = value.get("type"), value.get("delta") or {}
        message = delta.get("message") or {}
        if kind in ("content-start", "content-delta"):
            take_content(choice, message.get("content") or {})
        elif kind == "tool-plan-delta":
            choice.text += message.get("tool_plan") or ""
        elif kind == "tool-call-start":
            call = message["tool_calls"]
            calls[value.get("index", len(calls))] = [call.get("id") or "", call["function"]["name"], call["function"].get("arguments") or ""]
        elif kind == "tool-call-delta":
            calls[value.get("index", len(calls) - 1)][2] += message["tool_calls"]["function"].get("arguments") or ""
        elif kind == "message-end":
            finish(answer, choice, delta.get("finish_reason"))
            answer.usage = usage(delta.get("usage"))
    choice.calls = [Call(id_, name, arguments(text)) for id_, name, text in calls.values()]
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def read_part(request, role, part):
    kind = part.get("type")
    if kind == "text":
        request.add(role, "text", part.get("text"))
    elif kind == "image_url":
        where = part["image_url"]
        request.add(role, "media", media("image", where if isinstance(where, str) else where["url"]))
    elif kind == "document":
        request.add(role, "media", read_document(part["document"]))


def read_document(document):
    data = document if isinstance(document, str) else document.get("data", document)
    if isinstance(data, str):
        return media("document", text=data)
    # One that has nothing but a text and a title is the text.
    text = next((data[name] for name in ("text", "snippet", "content") if isinstance(data.get(name), str)), json.dumps(data))
    return media("document", text=text)


def read_message(request, message):
    role, content = message["role"], message.get("content")
    role = {"developer": "system"}.get(role, role)
    if role == "tool":
        parts = content if isinstance(content, list) else []
        text = content if isinstance(content, str) else "".join(
            part.get("text") or json.dumps(part["document"].get("data")) if part.get("type") == "document" else part.get("text") or ""
            for part in parts)
        request.add("user", "result", Result(message.get("tool_call_id") or "", "", text))
        return
    request.add(role, "text", message.get("tool_plan"))
    if isinstance(content, str):
        request.add(role, "text", content)
    for part in content if isinstance(content, list) else []:
        read_part(request, role, part)
    for call in message.get("tool_calls") or []:
        request.add("assistant", "call", Call(call.get("id") or "", call["function"]["name"], arguments(call["function"].get("arguments"))))


def request(value, path_model=None):
    wanted = Request(model=value.get("model"))
    for message in value.get("messages") or []:
        read_message(wanted, message)
    for document in value.get("documents") or []:
        wanted.add("user", "media", read_document(document))
    for tool in value.get("tools") or []:
        function = tool["function"]
        wanted.add_tool(Tool(function["name"], function.get("description") or "", properties(function.get("parameters"))))
    wanted.choice = {"REQUIRED": "required", "NONE": "none"}.get(value.get("tool_choice"), "auto")
    wanted.max_output, wanted.stops = value.get("max_tokens"), value.get("stop_sequences") or []
    for name in ("temperature", "seed", "frequency_penalty", "presence_penalty"):
        setattr(wanted, name, value.get(name))
    wanted.top_p, wanted.top_k, wanted.logprobs = value.get("p"), value.get("k"), bool(value.get("logprobs"))
    form = value.get("response_format") or {}
    if form.get("type") == "json_object":
        schema = form.get("json_schema") or form.get("schema")
        wanted.format = properties(schema) if schema else "json"
    return wanted
