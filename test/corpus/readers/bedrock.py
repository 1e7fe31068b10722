# SPDX-License-Identifier: Apache-2.0
"""Bedrock's Converse and ConverseStream (DIALECTS.md §4.1 to §4.4, §5.6)."""

import json

from asked import Request, Result, Tool, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "aws-eventstream"
FINISH = {"end_turn": "end", "stop_sequence": "sequence", "max_tokens": "length", "tool_use": "calls", "content_filtered": "refusal",
          "guardrail_intervened": "refusal", "model_context_window_exceeded": "context", "malformed_model_output": "malformed",
          "malformed_tool_use": "malformed"}


def usage(value):
    value = value or {}
    disjoint = [value.get(name) for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")]
    if not isinstance(disjoint[0], int):
        return {}
    return counts(input=sum(n or 0 for n in disjoint), cached=disjoint[1], written=disjoint[2], output=value.get("outputTokens"))


def take_block(choice, block):
    if "text" in block:
        choice.text += block["text"]
    if "citationsContent" in block:
        choice.text += "".join(piece.get("text") or "" for piece in block["citationsContent"].get("content") or [])
    if "reasoningContent" in block:
        choice.reasoning += (block["reasoningContent"].get("reasoningText") or {}).get("text") or ""
    if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
        call = block["toolUse"]
        choice.calls.append(Call(call.get("toolUseId") or "", call.get("name"), arguments(call.get("input"))))


def finish(choice, word):
    choice.word, choice.finish = word, FINISH.get(word, "unknown")


def whole(value):
    answer = Answer(usage=usage(value.get("usage")), failed="output" not in value)
    choice = answer.choice(0)
    for block in ((value.get("output") or {}).get("message") or {}).get("content") or []:
        take_block(choice, block)
    finish(choice, value.get("stopReason"))
    return finished(answer)


def stream(values):
    answer, blocks = Answer(), {}
    choice = answer.choice(0)
    for value in values:
        (name, payload), = value.items()
        if name == "contentBlockStart":
            start = payload.get("start") or {}
            if "toolUse" in start:
                blocks[payload["contentBlockIndex"]] = {"toolUse": {**start["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            delta, block = payload["delta"], blocks.setdefault(payload["contentBlockIndex"], {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            if "reasoningContent" in delta:
                inner = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
                inner["reasoningText"]["text"] += delta["reasoningContent"].get("text") or ""
            if "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"].get("input") or ""
        elif name == "messageStop":
            finish(choice, payload.get("stopReason"))
        elif name == "metadata":
            answer.usage = usage(payload.get("usage"))
        elif name.endswith("Exception"):
            answer.failed = True
    for _, block in sorted(blocks.items()):
        take_block(choice, block)
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def read_media(kind, value):
    source = value.get("source") or {}
    if "bytes" in source:
        return media(kind, data=source["bytes"], mime="text/plain" if value.get("format") in ("txt", "md", "csv", "html") else "")
    if "content" in source:
        return media(kind, text="".join(part.get("text") or "" for part in source["content"]))
    return media(kind, (source.get("s3Location") or {}).get("uri"), text=source.get("text"))


def read_block(request, role, block):
    if "text" in block:
        request.add(role, "text", block["text"])
    for kind in ("image", "document", "video", "audio"):
        if kind in block:
            request.add(role, "media", read_media(kind, block[kind]))
    if "searchResult" in block:
        request.add(role, "media", media("document", text="".join(p.get("text") or "" for p in block["searchResult"].get("content") or [])))
    if "guardContent" in block and "text" in block["guardContent"]:
        request.add(role, "text", block["guardContent"]["text"]["text"])
    if "citationsContent" in block:
        request.add(role, "text", "".join(piece.get("text") or "" for piece in block["citationsContent"].get("content") or []))
    if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
        call = block["toolUse"]
        request.add("assistant", "call", Call(call["toolUseId"], call["name"], arguments(call.get("input"))))
    if "toolResult" in block:
        result = block["toolResult"]
        parts = result.get("content") or []
        values = [part["json"] if "json" in part else part.get("text") for part in parts if "json" in part or "text" in part]
        text = values[0] if len(values) == 1 else "".join(v if isinstance(v, str) else json.dumps(v) for v in values)
        request.add("user", "result", Result(result["toolUseId"], "", text, result.get("status") == "error"))
        for part in parts:
            if "json" not in part and "text" not in part:
                read_block(request, "user", part)


def read_tools(request, value):
    config = value.get("toolConfig") or {}
    for tool in config.get("tools") or []:
        if "toolSpec" in tool:
            spec = tool["toolSpec"]
            request.add_tool(Tool(spec["name"], spec.get("description") or "", properties((spec.get("inputSchema") or {}).get("json"))))
        request.hosted += "systemTool" in tool
    choice = config.get("toolChoice") or {"auto": {}}
    (kind, inner), = choice.items()
    request.choice = f"name:{inner['name']}" if kind == "tool" else {"any": "required"}.get(kind, kind)


def request(value, path_model=None):
    wanted = Request(model=path_model)
    for block in value.get("system") or []:
        read_block(wanted, "system", block)
    for message in value.get("messages") or []:
        for block in message.get("content") or []:
            read_block(wanted, message["role"], block)
    read_tools(wanted, value)
    config, more = value.get("inferenceConfig") or {}, value.get("additionalModelRequestFields") or {}
    wanted.max_output, wanted.temperature = config.get("maxTokens"), config.get("temperature")
    wanted.top_p, wanted.top_k = config.get("topP"), more.get("top_k")
    wanted.stops = config.get("stopSequences") or []
    form = (value.get("outputConfig") or {}).get("textFormat") or {}
    if form.get("type") == "json_schema":
        wanted.format = properties(json.loads(form["structure"]["jsonSchema"]["schema"]))
    return wanted
