# SPDX-License-Identifier: Apache-2.0
"""Anthropic's Messages (DIALECTS.md §4.1 to §4.4, §5.4)."""

from asked import Request, Result, Tool, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "sse"
FINISH = {"end_turn": "end", "stop_sequence": "sequence", "max_tokens": "length", "tool_use": "calls", "pause_turn": "pause",
          "refusal": "refusal", "model_context_window_exceeded": "context"}


def usage(value):
    value = value or {}
    disjoint = [value.get(name) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")]
    if not isinstance(disjoint[0], int) and not isinstance(value.get("output_tokens"), int):
        return {}
    # What compactions and advisors cost stands in the iterations only (§4.4, "billed").
    rounds = value.get("iterations") or []
    if len(rounds) > 1:
        parts = [usage({**one, "iterations": None}) for one in rounds]
        summed = {name: sum(part.get(name, 0) for part in parts) for name in ("input", "cached", "written", "output")}
        return {**summed, **counts(reasoning=(value.get("output_tokens_details") or {}).get("thinking_tokens"))}
    return counts(input=sum(n or 0 for n in disjoint), cached=disjoint[1], written=disjoint[2], output=value.get("output_tokens"),
                  reasoning=(value.get("output_tokens_details") or {}).get("thinking_tokens"))


def take_block(choice, block):
    kind = block.get("type")
    if kind == "text":
        choice.text += block.get("text") or ""
    elif kind == "thinking":
        choice.reasoning += block.get("thinking") or ""
    elif kind == "tool_use":
        choice.calls.append(Call(block.get("id") or "", block.get("name"), arguments(block.get("input"))))


def finish(choice, word):
    if word:
        choice.word, choice.finish = word, FINISH.get(word, "unknown")


def whole(value):
    answer = Answer(usage=usage(value.get("usage")), failed=value.get("type") == "error")
    choice = answer.choice(0)
    for block in value.get("content") or []:
        take_block(choice, block)
    finish(choice, value.get("stop_reason"))
    return finished(answer)


def stream(values):
    answer, blocks, counted = Answer(), {}, {}
    choice = answer.choice(0)
    for value in values:
        kind = value.get("type")
        if kind == "error":
            answer.failed = True
        elif kind == "message_start":
            counted.update({name: n for name, n in (value["message"].get("usage") or {}).items() if n is not None})
            for index, block in enumerate(value["message"].get("content") or []):
                blocks[index] = dict(block)
        elif kind == "content_block_start":
            block = blocks[value["index"]] = dict(value["content_block"])
            block["partial"] = ""
        elif kind == "content_block_delta":
            delta, block = value["delta"], blocks.setdefault(value["index"], {"type": "text", "partial": ""})
            if delta["type"] == "text_delta":
                block["text"] = (block.get("text") or "") + delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] = (block.get("thinking") or "") + delta["thinking"]
            elif delta["type"] == "input_json_delta":
                block["partial"] += delta["partial_json"]
        elif kind == "message_stop":
            break
        elif kind == "message_delta":
            finish(choice, value["delta"].get("stop_reason"))
            counted.update({name: n for name, n in (value.get("usage") or {}).items() if n is not None})
    for _, block in sorted(blocks.items()):
        if block.get("partial"):
            block["input"] = arguments(block["partial"])
        take_block(choice, block)
    answer.usage = usage(counted)
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def source_of(kind, block):
    source = block.get("source") or {}
    how = source.get("type")
    if how == "content":
        inner = source.get("content")
        return media(kind, text=inner if isinstance(inner, str) else "".join(part.get("text") or "" for part in inner or []))
    return media(kind, source.get("url"), source.get("data") if how == "base64" else None,
                 source.get("data") if how == "text" else None, source.get("file_id"))


def read_block(request, role, block):
    kind = block.get("type")
    if kind == "text":
        request.add(role, "text", block.get("text"))
    elif kind in ("image", "document"):
        request.add(role, "media", source_of(kind, block))
    elif kind == "search_result":
        request.add(role, "media", media("document", text="".join(part.get("text") or "" for part in block.get("content") or [])))
    elif kind == "tool_use":
        request.add("assistant", "call", Call(block["id"], block["name"], arguments(block.get("input"))))
    elif kind == "tool_result":
        content = block.get("content")
        parts = content if isinstance(content, list) else []
        text = content if isinstance(content, str) else "".join(part.get("text") or "" for part in parts if part.get("type") == "text")
        request.add("user", "result", Result(block["tool_use_id"], "", text, bool(block.get("is_error"))))
        for part in parts:
            if part.get("type") != "text":
                read_block(request, "user", part)


def read_content(request, role, content):
    if isinstance(content, str):
        request.add(role, "text", content)
    for block in content if isinstance(content, list) else []:
        read_block(request, role, block)


def read_tools(request, value):
    for tool in value.get("tools") or []:
        if tool.get("type") in (None, "custom") and "input_schema" in tool:
            request.add_tool(Tool(tool["name"], tool.get("description") or "", properties(tool["input_schema"])))
        else:
            request.hosted += 1
    choice = value.get("tool_choice") or {}
    kind = choice.get("type", "auto")
    request.choice = f"name:{choice.get('name')}" if kind == "tool" else {"any": "required"}.get(kind, kind)
    if "disable_parallel_tool_use" in choice:
        request.parallel = not choice["disable_parallel_tool_use"]


def request(value, path_model=None):
    wanted = Request(model=value.get("model"))
    read_content(wanted, "system", value.get("system"))
    for message in value.get("messages") or []:
        read_content(wanted, message["role"], message.get("content"))
    read_tools(wanted, value)
    wanted.max_output = value.get("max_tokens")
    for name in ("temperature", "top_p", "top_k"):
        setattr(wanted, name, value.get(name))
    wanted.stops = value.get("stop_sequences") or []
    form = (value.get("output_config") or {}).get("format") or value.get("output_format")
    wanted.format = properties(form["schema"]) if form else None
    wanted.user = (value.get("metadata") or {}).get("user_id")
    return wanted
