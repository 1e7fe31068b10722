# SPDX-License-Identifier: Apache-2.0
"""Ollama's /api/chat and /api/generate (DIALECTS.md §4.1 to §4.4, §5.8)."""

from asked import Request, Result, Tool, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "ndjson"
FINISH = {"stop": "end", "length": "length"}


def take(answer, value):
    choice, message = answer.choice(0), value.get("message") or {}
    answer.failed |= "error" in value
    choice.text += (message.get("content") or "") + (value.get("response") or "")
    choice.reasoning += (message.get("thinking") or "") + (value.get("thinking") or "")
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        choice.calls.append(Call(call.get("id") or "", function.get("name"), arguments(function.get("arguments"))))
    if value.get("done"):
        choice.word = value.get("done_reason")
        choice.finish = FINISH.get(choice.word or "stop", "unknown")
    answer.usage.update(counts(input=value.get("prompt_eval_count"), output=value.get("eval_count")))


def whole(value):
    return stream([value])


def stream(values):
    answer = Answer()
    for value in values:
        take(answer, value)
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def read_message(request, message):
    role = {"developer": "system"}.get(message["role"], message["role"])
    if role == "tool":
        request.add("user", "result", Result(message.get("tool_call_id") or "", message.get("tool_name") or message.get("name") or "",
                                             message.get("content") or ""))
        role = "user"
    else:
        request.add(role, "text", message.get("content"))
    for image in message.get("images") or []:
        request.add(role, "media", media("image", data=image))
    for call in message.get("tool_calls") or []:
        request.add("assistant", "call", Call(call.get("id") or "", call["function"]["name"], arguments(call["function"].get("arguments"))))


def request(value, path_model=None):
    wanted = Request(model=value.get("model"))
    wanted.add("system", "text", value.get("system"))
    for message in value.get("messages") or []:
        read_message(wanted, message)
    if "prompt" in value:
        read_message(wanted, {"role": "user", "content": value["prompt"], "images": value.get("images")})
    for tool in value.get("tools") or []:
        function = tool["function"]
        wanted.add_tool(Tool(function["name"], function.get("description") or "", properties(function.get("parameters"))))
    options = value.get("options") or {}
    wanted.max_output = options.get("num_predict") if (options.get("num_predict") or 0) > 0 else None
    for name in ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"):
        setattr(wanted, name, options.get(name))
    stop = options.get("stop") or []
    wanted.stops = [stop] if isinstance(stop, str) else stop
    form = value.get("format")
    wanted.format = properties(form) if isinstance(form, dict) else ("json" if form == "json" else None)
    wanted.logprobs = bool(value.get("logprobs"))
    return wanted
