# SPDX-License-Identifier: Apache-2.0
"""OpenAI's Responses (DIALECTS.md §4.1 to §4.4, §5.3)."""

from asked import Request, Result, Tool, kind_of, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "sse"


def usage(value):
    value = value or {}
    inside, outside = value.get("input_tokens_details") or {}, value.get("output_tokens_details") or {}
    if not any(isinstance(value.get(name), int) and value[name] > 0 for name in ("input_tokens", "output_tokens")):
        return {}
    return counts(input=value.get("input_tokens"), cached=inside.get("cached_tokens"), written=inside.get("cache_write_tokens"),
                  output=value.get("output_tokens"), reasoning=outside.get("reasoning_tokens"))


def take_item(choice, item):
    kind = item.get("type")
    if kind == "message":
        for part in item.get("content") or []:
            if part.get("type") == "output_text":
                choice.text += part.get("text") or ""
            elif part.get("type") == "refusal":
                choice.refusal += part.get("refusal") or ""
    elif kind == "reasoning":
        # Both at once is the same thought twice: the summary is what is meant to be shown.
        summary = "\n\n".join(part.get("text") or "" for part in item.get("summary") or [])
        content = "".join(part.get("text") or "" for part in item.get("content") or [])
        choice.reasoning += summary or content
    elif kind == "function_call":
        choice.calls.append(Call(item.get("call_id") or "", item.get("name"), arguments(item.get("arguments"))))
    elif kind == "custom_tool_call":
        choice.calls.append(Call(item.get("call_id") or "", item.get("name"), item.get("input") or ""))


def finish(choice, value):
    status, why = value.get("status"), (value.get("incomplete_details") or {}).get("reason")
    choice.word = f"{status}/{why}" if why else status
    if status == "completed":
        choice.finish = "end"
    elif status == "incomplete":
        choice.finish = {"max_output_tokens": "length", "max_messages": "length", "content_filter": "refusal"}.get(why, "unknown")


def whole(value):
    answer = Answer(usage=usage(value.get("usage")), failed=bool(value.get("error")) or value.get("status") in ("failed", "cancelled"))
    choice = answer.choice(0)
    for item in value.get("output") or []:
        take_item(choice, item)
    finish(choice, value)
    return finished(answer)


def stream(values):
    """The items as they were done; their deltas must have said the same (grammar.py checks it of what weir writes)."""
    answer, items = Answer(), {}
    choice = answer.choice(0)
    texts, last = {}, None
    for value in values:
        kind = value.get("type") or ""
        if kind == "error" or kind == "response.failed":
            answer.failed, choice.word = True, "failed"
        if kind == "response.failed":
            answer.usage = usage(value["response"].get("usage"))
        elif kind == "response.output_item.done":
            items[value.get("output_index")] = value["item"]
        elif kind.endswith(("output_text.delta", "reasoning_summary_text.delta", "reasoning_text.delta")):
            place = value.get("output_index"), kind, value.get("content_index", value.get("summary_index"))
            texts[place] = texts.get(place, "") + (value.get("delta") or "")
        elif kind in ("response.completed", "response.incomplete"):
            last = value["response"]
            break
    for index, item in sorted(items.items()):
        if item.get("type") == "reasoning" and not item.get("summary") and not item.get("content"):
            # xAI and others say their thoughts in deltas only.
            said = "".join(text for (place, _, _), text in texts.items() if place == index)
            item = {**item, "content": [{"text": said}]}
        take_item(choice, item)
    if last:
        finish(choice, last)
        answer.usage = usage(last.get("usage"))
        answer.failed |= bool(last.get("error"))
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def read_part(request, role, part):
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        request.add(role, "text", part.get("text"))
    elif kind == "refusal":
        request.add(role, "refusal", part.get("refusal"))
    elif kind == "input_image":
        where = part.get("image_url")
        request.add(role, "media", media("image", where if isinstance(where, str) else (where or {}).get("url"), file=part.get("file_id")))
    elif kind == "input_file":
        data = part.get("file_data")
        head = (data or "").partition(",")[0]
        known = kind_of(head[5:].split(";")[0]) if data and head.startswith("data:") else "document"
        is_address = bool(data) and data.startswith("data:")
        request.add(role, "media", media(known, data if is_address else part.get("file_url"), data if data and not is_address else None,
                                         file=part.get("file_id")))
    elif kind == "input_audio":
        request.add(role, "media", media("audio", data=part["input_audio"]["data"]))
    else:
        request.add(role, "media", ("unknown", kind, None))


def read_content(request, role, content):
    if isinstance(content, str):
        request.add(role, "text", content)
    for part in content if isinstance(content, list) else []:
        read_part(request, role, part)


def read_item(request, item):
    kind = item.get("type") or "message"
    if kind == "message":
        role = {"developer": "system"}.get(item.get("role"), item.get("role"))
        read_content(request, role, item.get("content"))
    elif kind == "function_call":
        request.add("assistant", "call", Call(item.get("call_id") or "", item["name"], arguments(item.get("arguments"))))
    elif kind == "custom_tool_call":
        request.add("assistant", "call", Call(item.get("call_id") or "", item["name"], item.get("input") or ""))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        output = item.get("output")
        parts = output if isinstance(output, list) else []
        text = output if isinstance(output, str) else "".join(part.get("text") or "" for part in parts)
        request.add("user", "result", Result(item.get("call_id") or "", "", text))
        for part in parts:
            if part.get("type") not in ("input_text", "output_text", "text"):
                read_part(request, "user", part)


def read_tools(request, value):
    for tool in value.get("tools") or []:
        if tool.get("type") == "function":
            function = tool.get("function") or tool
            request.add_tool(Tool(function["name"], function.get("description") or "", properties(function.get("parameters"))))
        elif tool.get("type") == "custom":
            request.add_tool(Tool(tool["name"], tool.get("description") or "", custom=True))
        else:
            request.hosted += 1
    choice = value.get("tool_choice")
    if isinstance(choice, str):
        request.choice = choice
    elif isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        request.choice, request.allowed = choice.get("mode", "auto"), frozenset(tool.get("name") for tool in choice["tools"])
    elif isinstance(choice, dict):
        name = (choice.get("function") or choice).get("name")
        request.choice = f"name:{name}" if name else f"hosted:{choice.get('type')}"


def request(value, path_model=None):
    wanted = Request(model=value.get("model"))
    wanted.add("system", "text", value.get("instructions"))
    given = value.get("input")
    if isinstance(given, str):
        wanted.add("user", "text", given)
    for item in given if isinstance(given, list) else []:
        read_item(wanted, item)
    read_tools(wanted, value)
    wanted.parallel, wanted.max_output = value.get("parallel_tool_calls"), value.get("max_output_tokens")
    wanted.temperature, wanted.top_p = value.get("temperature"), value.get("top_p")
    wanted.logprobs = "message.output_text.logprobs" in (value.get("include") or [])
    form = (value.get("text") or {}).get("format") or {}
    wanted.format = properties(form.get("schema") or {}) if form.get("type") == "json_schema" else (
        "json" if form.get("type") == "json_object" else None)
    wanted.user = value.get("safety_identifier") or value.get("user")
    return wanted
