# SPDX-License-Identifier: Apache-2.0
"""Chat Completions, as OpenAI and all who are compatible with it answer (DIALECTS.md §4.1 to §4.4, §5.2, §5.9, §5.11, §7)."""

from asked import Request, Result, Tool, kind_of, media, properties
from said import Answer, Call, arguments, counts, finished

FRAMING = "sse"
FINISH = {"stop": "end", "eos": "end", "length": "length", "model_length": "length", "max_tokens": "length", "tool_calls": "calls",
          "function_call": "calls", "content_filter": "refusal", "sensitive": "refusal", "end_turn": "end", "STOP": "end",
          "MAX_TOKENS": "length", "tool_use": "calls", "stop_sequence": "sequence", "COMPLETE": "end"}


def usage(value, excludes_reasoning=False):
    value = value if isinstance(value, dict) else {}
    inside, outside = value.get("prompt_tokens_details") or {}, value.get("completion_tokens_details") or {}
    cached = next((n for n in (inside.get("cached_tokens"), value.get("prompt_cache_hit_tokens"), value.get("cached_tokens"),
                               value.get("num_cached_tokens"), value.get("cache_read_input_tokens")) if isinstance(n, int)), None)
    written = next((n for n in (inside.get("cache_write_tokens"), inside.get("cache_creation_input_tokens"),
                                inside.get("cache_creation_tokens")) if isinstance(n, int)), None)
    reasoning = next((n for n in (outside.get("reasoning_tokens"), value.get("reasoning_tokens")) if isinstance(n, int)), None)
    prompt, output = value.get("prompt_tokens"), value.get("completion_tokens")
    total = value.get("total_tokens")
    if not any(isinstance(n, int) and n > 0 for n in (prompt, output, total)):
        return {}                  # all zeros: nothing was counted
    rest = total - prompt - output if all(isinstance(n, int) for n in (total, prompt, output)) else 0
    if excludes_reasoning and reasoning and isinstance(output, int):
        output += reasoning        # xAI, Perplexity (§4.4)
    elif rest > 0 and rest == inside.get("audio_tokens"):
        prompt += rest             # recorded: Mistral's audio stands in the total only
    elif rest > 0 and reasoning in (None, 0, rest):
        output, reasoning = output + rest, rest    # recorded: Gemini's compatible endpoint
    return counts(input=prompt, cached=cached, written=written, output=output, reasoning=reasoning)


def text_of(content):
    """Text and thinking of a content that is a string or a list of chunks (Mistral)."""
    if isinstance(content, str):
        return content, ""
    text = thinking = ""
    for chunk in content if isinstance(content, list) else []:
        if chunk.get("type") == "text":
            text += chunk.get("text") or ""
        elif chunk.get("type") == "thinking":
            inner = chunk.get("thinking")
            thinking += inner if isinstance(inner, str) else "".join(piece.get("text") or "" for piece in inner or [])
    return text, thinking


def reasoning_of(message):
    """One of the many spellings, and what the details say."""
    plain = next((message[name] for name in ("reasoning_content", "reasoning", "reasoning_text")
                  if isinstance(message.get(name), str) and message[name]), "")
    return plain, "".join(detail.get("text") or detail.get("summary") or "" for detail in message.get("reasoning_details") or []
                          if isinstance(detail, dict))


class Thoughts:
    """The details count only where nowhere in the answer plain text stands beside them: they repeat it."""

    def __init__(self):
        self.plain, self.details = {}, {}

    def take(self, number, thinking, message):
        plain, details = reasoning_of(message)
        self.plain[number] = self.plain.get(number, "") + thinking + plain
        self.details[number] = self.details.get(number, "") + details

    def put(self, answer):
        for number, plain in self.plain.items():
            answer.choice(number).reasoning = plain or self.details[number]


def take_message(choice, message, number, thoughts):
    text, thinking = text_of(message.get("content"))
    choice.text += text
    choice.refusal += message.get("refusal") or ""
    thoughts.take(number, thinking, message)


def call_of(call):
    custom = call.get("custom")
    function = call.get("function") or {}
    return (custom or function).get("name") or "", custom.get("input", "") if custom else function.get("arguments")


def finish(choice, word):
    if word:
        choice.word, choice.finish = word, FINISH.get(word, "unknown")


def is_failure(value):
    return bool(value.get("error")) or value.get("object") == "error" or "detail" in value and "choices" not in value


def whole(value, excludes_reasoning=False):
    answer, thoughts = Answer(usage=usage(value.get("usage"), excludes_reasoning), failed=is_failure(value)), Thoughts()
    for number, choice_value in enumerate(value.get("choices") or []):
        number = choice_value.get("index", number)
        choice, message = answer.choice(number), choice_value.get("message") or {}
        take_message(choice, message, number, thoughts)
        for call in message.get("tool_calls") or []:
            name, text = call_of(call)
            choice.calls.append(Call(call.get("id") or "", name, arguments(text)))
        if (message.get("function_call") or {}).get("name"):
            choice.calls.append(Call("", message["function_call"]["name"], arguments(message["function_call"].get("arguments"))))
        finish(choice, choice_value.get("finish_reason"))
    thoughts.put(answer)
    return finished(answer)


class Calls:
    """Calls of one choice of a stream: by index where there is one, else by id, else the last one."""

    def __init__(self):
        self.by_place = {}

    def take(self, call):
        name, text = call_of(call)
        place = call.get("index")
        if place is None:
            place = call.get("id") or (next(reversed(self.by_place)) if self.by_place else 0)
        entry = self.by_place.get(place)
        if entry and call.get("id") and entry["id"] and call["id"] != entry["id"] and name:
            place = (place, call["id"])        # the same index for another call (recorded: Gemini's compatible endpoint)
            entry = self.by_place.get(place)
        if not entry:
            entry = self.by_place[place] = {"id": "", "name": "", "text": None}
        entry["id"] = entry["id"] or call.get("id") or ""
        entry["name"] = entry["name"] or name
        if isinstance(text, str):
            entry["text"] = (entry["text"] or "") + text
        elif text is not None:
            entry["text"] = text

    def calls(self):
        return [Call(entry["id"], entry["name"], arguments(entry["text"])) for entry in self.by_place.values()]


def stream(values, excludes_reasoning=False):
    answer, thoughts, calls, last = Answer(), Thoughts(), {}, {}
    for value in values:
        answer.failed |= is_failure(value)
        last = usage(value.get("usage") or (value.get("x_groq") or {}).get("usage"), excludes_reasoning) or last
        for choice_value in value.get("choices") or []:
            number = choice_value.get("index", 0)
            choice = answer.choice(number)
            delta = choice_value.get("delta") or choice_value.get("message") or {}
            last = usage(choice_value.get("usage"), excludes_reasoning) or last
            take_message(choice, delta, number, thoughts)
            for call in delta.get("tool_calls") or []:
                calls.setdefault(number, Calls()).take(call)
            if delta.get("function_call"):
                calls.setdefault(number, Calls()).take({"index": 0, "function": delta["function_call"]})
            finish(choice, choice_value.get("finish_reason"))
    for number, gathered in calls.items():
        answer.choice(number).calls = gathered.calls()
    thoughts.put(answer)
    answer.usage = last
    return finished(answer)


# ---- requests (DIALECTS.md §3) ----

def read_part(request, role, part):
    kind = part.get("type")
    if isinstance(part, str):
        request.add(role, "text", part)
    elif kind == "text":
        request.add(role, "text", part.get("text"))
    elif kind == "refusal":
        request.add(role, "refusal", part.get("refusal"))
    elif kind == "thinking":
        pass
    elif kind in ("image_url", "video_url"):
        where = part[kind]
        request.add(role, "media", media(kind[:5], where if isinstance(where, str) else where["url"]))
    elif kind == "input_audio":
        audio = part["input_audio"]
        request.add(role, "media", media("audio", data=audio if isinstance(audio, str) else audio["data"]))
    elif kind == "file":
        file = part.get("file") or part
        data = file.get("file_data")
        head = (data or "").partition(",")[0]
        known = kind_of(head[5:].split(";")[0]) if data and head.startswith("data:") else "document"
        request.add(role, "media", media(known, data if data and data.startswith(("data:", "http")) else None,
                                         None if not data or data.startswith(("data:", "http")) else data, file=file.get("file_id")))
    elif kind == "document_url":
        where = part["document_url"]
        request.add(role, "media", media("document", where if isinstance(where, str) else where["url"]))
    else:
        request.add(role, "media", ("unknown", kind, None))


def read_content(request, role, content):
    if isinstance(content, str):
        request.add(role, "text", content)
    for part in content if isinstance(content, list) else []:
        read_part(request, role, part)


def result_text(content):
    return content if isinstance(content, str) else "".join(
        part if isinstance(part, str) else part.get("text") or "" for part in content or [])


def read_message(request, message):
    role = message.get("role")
    if role in ("system", "developer"):
        read_content(request, "system", message.get("content"))
    elif role == "user":
        read_content(request, "user", message.get("content"))
    elif role == "assistant":
        read_content(request, "assistant", message.get("content"))
        request.add("assistant", "refusal", message.get("refusal"))
        for call in message.get("tool_calls") or []:
            name, text = call_of(call)
            request.add("assistant", "call", Call(call.get("id") or "", name, arguments(text)))
        if message.get("function_call"):
            request.add("assistant", "call", Call("", message["function_call"]["name"], arguments(message["function_call"]["arguments"])))
    elif role in ("tool", "function"):
        request.add("user", "result", Result(message.get("tool_call_id") or "", message.get("name") or "",
                                             result_text(message.get("content"))))
        for part in message.get("content") if isinstance(message.get("content"), list) else []:
            if isinstance(part, dict) and part.get("type") != "text":
                read_part(request, "user", part)


def read_tools(request, value):
    for tool in value.get("tools") or []:
        if tool.get("type") in ("function", None) and "function" in tool:
            function = tool["function"]
            request.add_tool(Tool(function["name"], function.get("description") or "", properties(function.get("parameters"))))
        elif tool.get("type") == "custom":
            request.add_tool(Tool(tool["custom"]["name"], tool["custom"].get("description") or "", custom=True))
        else:
            request.hosted += 1
    for function in value.get("functions") or []:
        request.add_tool(Tool(function["name"], function.get("description") or "", properties(function.get("parameters"))))
    request.hosted += bool(value.get("web_search_options") is not None)
    read_choice(request, value.get("tool_choice") or value.get("function_call"))


def read_choice(request, choice):
    if isinstance(choice, str):
        request.choice = {"any": "required"}.get(choice, choice)
    elif isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "allowed_tools":
            inner = choice.get("allowed_tools") or choice
            request.choice = inner.get("mode", "auto")
            request.allowed = frozenset((tool.get("function") or tool).get("name") for tool in inner["tools"])
        else:
            request.choice = "name:" + (choice.get("function") or choice.get("custom") or choice).get("name", "")


def read_format(value):
    kind = (value or {}).get("type")
    if kind == "json_schema":
        return properties((value.get("json_schema") or value).get("schema") or {})
    return "json" if kind == "json_object" else None


def request(value, path_model=None):
    wanted = Request(model=value.get("model"))
    for message in value.get("messages") or []:
        read_message(wanted, message)
    read_tools(wanted, value)
    wanted.parallel = value.get("parallel_tool_calls")
    wanted.max_output = value.get("max_completion_tokens") or value.get("max_tokens")
    for name in ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty"):
        setattr(wanted, name, value.get(name))
    wanted.seed = value.get("seed", value.get("random_seed"))
    stop = value.get("stop") or []
    wanted.stops = [stop] if isinstance(stop, str) else stop
    wanted.n, wanted.logprobs = value.get("n") or 1, bool(value.get("logprobs"))
    wanted.format = read_format(value.get("response_format"))
    wanted.user = value.get("safety_identifier") or value.get("user")
    return wanted
