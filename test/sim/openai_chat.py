# SPDX-License-Identifier: Apache-2.0
"""OpenAI's Chat Completions, completions and embeddings, as the provider has them (DIALECTS §3–§6, CC)."""

import json
import re

from . import schemas
from .reply import dump, halves, sse, usage_or_style

MEMBERS = set("""model messages audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n
    parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort
    response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user
    verbosity web_search_options function_call functions""".split())
PARTS = {"user": ("text", "image_url", "input_audio", "file"), "assistant": ("text", "refusal"), "system": ("text",),
         "developer": ("text",), "tool": ("text",), "function": ("text",)}
# reasoning_content is DeepSeek's and others'; this provider gives it out and takes it back (DIALECTS §3.13). `parsed` is what OpenAI's own
# SDK adds to the messages that its stream helper gathers, and its users send those back.
MESSAGE_MEMBERS = set("role content name refusal audio tool_calls tool_call_id function_call annotations reasoning_content parsed".split())
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


class OpenAIChat:
    name = "openai-chat"
    headers = [("x-request-id", "req_sim"), ("openai-processing-ms", "12"), ("x-ratelimit-remaining-requests", "99")]
    words = {400: "Invalid value: 'x'.", 401: "Incorrect API key provided: sk-si****. You can find your API key at "
             "https://platform.openai.com/account/api-keys.", 403: "Project does not have access to this model.",
             404: "The model `x` does not exist or you do not have access to it.",
             429: "Rate limit reached for requests", 500: "The server had an error while processing your request. Sorry about that!",
             503: "The engine is currently overloaded, please try again later."}
    kinds = {400: "invalid_request_error", 401: "invalid_request_error", 403: "invalid_request_error", 404: "invalid_request_error",
             429: "requests", 500: "server_error", 503: "server_error"}
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}

    def error(self, status, message, kind=None, code=None):
        return {"error": {"message": message, "type": kind or self.kinds.get(status, "server_error" if status >= 500 else
                                                                               "invalid_request_error"),
                          "param": None, "code": self.codes.get(status) if code is None else code or None}}

    def error_headers(self, status):
        return []

    def refuse(self, message, code=None):
        return 400, "openai-chat", message, "invalid_request_error", code

    def credential_problem(self, sim, request):
        given = request.header("authorization")
        if given is None:
            return (401, "openai-chat", "You didn't provide an API key. You need to provide your API key in an Authorization header "
                    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).", "invalid_request_error", None)
        if given != f"Bearer {sim.key}":
            return (401, "openai-chat", self.words[401], "invalid_request_error", "invalid_api_key")
        return None

    def request_problem(self, sim, request, value):
        if request.path.endswith("/chat/completions"):
            if not isinstance(value.get("messages"), list) or not value["messages"]:
                return self.refuse("Missing required parameter: 'messages'.", "missing_required_parameter")
            for message in value["messages"]:
                if not isinstance(message, dict):
                    return self.refuse("Invalid type for 'messages': expected an object.", "invalid_type")
                if message.get("role") not in PARTS:
                    return self.refuse(f"Invalid value: '{message.get('role')}'.", "invalid_value")
        elif request.path.endswith("/embeddings") and "input" not in value:
            return self.refuse("Missing required parameter: 'input'.", "missing_required_parameter")
        if "stream_options" in value and value.get("stream") is not True:
            return self.refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        problem = self.model_problem(sim, value.get("model"))
        if problem or not sim.strict or not request.path.endswith("/chat/completions"):
            return problem
        return self.member_problem(value) or self.message_problem(value["messages"]) or self.tool_problem(value) or \
            self.format_problem(value)

    def model_problem(self, sim, model):
        if not isinstance(model, str):
            return self.refuse("you must provide a model parameter")
        if sim.models is not None and model not in sim.models:
            return (404, "openai-chat", f"The model `{model}` does not exist or you do not have access to it.",
                    "invalid_request_error", "model_not_found")
        return None

    # ---- strict ----

    def member_problem(self, value):
        for name in value:
            if name not in MEMBERS:
                return self.refuse(f"Unrecognized request argument supplied: {name}")
        if "max_tokens" in value and "max_completion_tokens" in value:
            return self.refuse("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "invalid_value")
        for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("presence_penalty", -2, 2), ("frequency_penalty", -2, 2),
                                ("n", 1, 128), ("top_logprobs", 0, 20)):
            given = value.get(name)
            if given is not None and not low <= given <= high:
                low_side = given < low
                where, sign, bound = ("below minimum", ">=", low) if low_side else ("above maximum", "<=", high)
                return self.refuse(f"Invalid '{name}': decimal {where} value. Expected a value {sign} {bound}, but got {given} instead.",
                                   "decimal_below_min_value" if low_side else "decimal_above_max_value")
        if value.get("top_logprobs") is not None and not value.get("logprobs"):
            return self.refuse("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
        if isinstance(value.get("stop"), list) and len(value["stop"]) > 4:
            return self.refuse("Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length "
                               f"{len(value['stop'])} instead.", "array_above_max_length")
        return None

    def message_problem(self, messages):
        waiting = []
        for number, message in enumerate(messages):
            where, role = f"messages[{number}]", message["role"]
            for name in message:
                if name not in MESSAGE_MEMBERS:
                    return self.refuse(f"Unknown parameter: '{where}.{name}'.", "unknown_parameter")
            if role == "tool":
                if message.get("tool_call_id") not in waiting:
                    return self.refuse("Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                                       "'tool_calls'.")
                waiting.remove(message["tool_call_id"])
            elif waiting:
                break
            problem = self.content_problem(where, message)
            if problem:
                return problem
            for place, call in enumerate(message.get("tool_calls") or []):
                problem = self.call_problem(f"{where}.tool_calls[{place}]", call)
                if problem:
                    return problem
                waiting.append(call["id"])
        if waiting:
            return self.refuse("An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                               f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}")
        return None

    def content_problem(self, where, message):
        content, role = message.get("content"), message["role"]
        if content is None:
            if role == "assistant" and (message.get("tool_calls") or message.get("refusal") or message.get("audio")):
                return None
            return self.refuse("Invalid value for 'content': expected a string, got null.", "invalid_type")
        if isinstance(content, str):
            return None
        if not isinstance(content, list) or not content:
            return self.refuse(f"Invalid '{where}.content': empty array. Expected an array with minimum length 1, but got an empty array "
                               "instead.", "empty_array")
        for place, part in enumerate(content):
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in PARTS[role]:
                return self.refuse(f"Invalid value: '{kind}'. Supported values are: {', '.join(map(repr, PARTS[role]))}.", "invalid_value")
            if not isinstance(part.get(kind), str if kind in ("text", "refusal") else dict):
                return self.refuse(f"Missing required parameter: '{where}.content[{place}].{kind}'.", "missing_required_parameter")
            if kind == "image_url" and not re.match(r"^(https?://|data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+=*$)",
                                                    part["image_url"].get("url", "")):
                return self.refuse("Invalid image URL. Expected a valid URL, but got a value with an invalid format.", "invalid_image_url")
        return None

    def call_problem(self, where, call):
        kind = call.get("type")
        if kind not in ("function", "custom") or not isinstance(call.get(kind), dict):
            return self.refuse(f"Missing required parameter: '{where}.type'.", "missing_required_parameter")
        if not isinstance(call.get("id"), str) or not call["id"]:
            return self.refuse(f"Missing required parameter: '{where}.id'.", "missing_required_parameter")
        if not NAME.match(call[kind].get("name") or ""):
            return self.refuse(f"Invalid '{where}.{kind}.name': string does not match pattern. Expected a string that matches the pattern "
                               "'^[a-zA-Z0-9_-]+$'.", "invalid_value")
        if not isinstance(call[kind].get("arguments" if kind == "function" else "input"), str):
            return self.refuse(f"Invalid type for '{where}.function.arguments': expected a string, but got an object instead.",
                               "invalid_type")
        return None

    def tool_problem(self, value):
        tools = value.get("tools")
        if not tools:
            if tools is not None:
                return self.refuse("Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
                                   "empty_array")
            for name in ("tool_choice", "parallel_tool_calls"):
                if value.get(name) not in (None, "none"):
                    return self.refuse(f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified.")
            return None
        names = []
        for number, tool in enumerate(tools):
            kind = tool.get("type")
            if kind not in ("function", "custom"):
                return self.refuse(f"Invalid value: '{kind}'. Supported values are: 'function' and 'custom'.", "invalid_value")
            function = tool.get(kind) or {}
            if not NAME.match(function.get("name") or ""):
                return self.refuse(f"Invalid 'tools[{number}].{kind}.name': string does not match pattern. Expected a string that matches "
                                   "the pattern '^[a-zA-Z0-9_-]+$'.", "invalid_value")
            names.append(function["name"])
            parameters = function.get("parameters")
            what = f"function '{function['name']}'"
            if parameters is not None and parameters.get("type") != "object" and kind == "function":
                return self.refuse(f"Invalid schema for {what}: schema must be a JSON Schema of 'type: \"object\"', got 'type: "
                                   f"\"{parameters.get('type')}\"'.", "invalid_function_parameters")
            if function.get("strict"):
                words = schemas.openai_problem(parameters or {}, what)
                if words:
                    return self.refuse(words, "invalid_function_parameters")
        choice = value.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") in ("function", "custom") and choice[choice["type"]]["name"] not in names:
            return self.refuse(f"Tool choice '{choice[choice['type']]['name']}' not found in 'tools' parameter.")
        if isinstance(choice, str) and choice not in ("auto", "none", "required"):
            return self.refuse(f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'.", "invalid_value")
        return None

    def format_problem(self, value):
        wanted = value.get("response_format") or {"type": "text"}
        if wanted.get("type") not in ("text", "json_object", "json_schema"):
            return self.refuse(f"Invalid value: '{wanted.get('type')}'. Supported values are: 'json_object', 'json_schema', and 'text'.",
                               "invalid_value")
        if wanted["type"] == "json_object" and "json" not in json.dumps(value["messages"]).lower():
            return self.refuse("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
        if wanted["type"] == "json_schema":
            form = wanted.get("json_schema") or {}
            if not NAME.match(form.get("name") or ""):
                return self.refuse("Missing required parameter: 'response_format.json_schema.name'.", "missing_required_parameter")
            words = schemas.openai_problem(form.get("schema") or {}, f"response_format '{form['name']}'") if form.get("strict") else None
            if words:
                return self.refuse(words)
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def asks_usage(self, request):
        return (request.json().get("stream_options") or {}).get("include_usage") is True

    def stream_type(self, request):
        return "text/event-stream; charset=utf-8"

    def usage(self, reply):
        usage = usage_or_style(reply)
        if usage is None:
            return None
        return {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
                "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0}}

    def finish(self, reply):
        return "tool_calls" if reply.calls else reply.finish

    def calls(self, reply):
        return [{"id": id, "type": "function", "function": {"name": name, "arguments": dump(arguments)}}
                for id, name, arguments in reply.calls or []]

    def annotations(self, reply):
        return [{"type": "url_citation", "url_citation": {"start_index": start, "end_index": end, "title": title, "url": url}}
                for url, title, start, end in reply.citations or []]

    def message(self, reply, number):
        text = reply.whole_text() + (f" ({number})" if number else "")
        hides = bool(reply.refusal) or (not text and bool(reply.calls))
        message = {"role": "assistant", "content": None if hides else text, "refusal": reply.refusal or None}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = self.calls(reply)
        if reply.citations:
            message["annotations"] = self.annotations(reply)
        return message

    def logprobs(self, asked, pieces):
        if not asked.get("logprobs"):
            return None
        top = asked.get("top_logprobs") or 0
        content = []
        for piece in pieces:
            entry = {"token": piece, "logprob": -0.25, "bytes": list(piece.encode())}
            content.append({**entry, "top_logprobs": [dict(entry)][:top]})
        return {"content": content, "refusal": None}

    def whole(self, reply, request):
        asked = request.json()
        model = reply.model or asked["model"]
        usage = self.usage(reply)
        if request.path.endswith("/embeddings"):
            value = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 1e-7]}], "model": model,
                     "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input}}
        elif request.path.endswith("/chat/completions"):
            value = {"id": reply.id, "object": "chat.completion", "created": 1754000000, "model": model,
                     "choices": [{"index": number, "message": self.message(reply, number),
                                  "logprobs": self.logprobs(asked, reply.pieces()), "finish_reason": self.finish(reply)}
                                 for number in range(asked.get("n") or 1)]}
        else:
            value = {"id": reply.id, "object": "text_completion", "created": 1754000000, "model": model,
                     "choices": [{"text": reply.whole_text(), "index": 0, "logprobs": None, "finish_reason": reply.finish}]}
        if usage is not None and "usage" not in value:
            value["usage"] = usage
        return dump(value, reply).encode()

    def deltas(self, reply, number):
        """What a choice says between its role and its end."""
        if reply.refusal:
            return [{"refusal": reply.refusal}]
        deltas = [{"reasoning_content": piece} for piece in re.findall(r"\s*\S+", reply.reasoning)]
        deltas += [{"content": piece} for piece in reply.pieces()]
        if number:
            deltas.append({"content": f" ({number})"})
        if reply.citations:
            deltas.append({"annotations": self.annotations(reply)})
        for index, call in enumerate(self.calls(reply)):
            arguments = call["function"]["arguments"]
            deltas.append({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
            deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in halves(arguments)]
        return deltas

    def events(self, reply, request, asked):
        body = request.json()
        model = reply.model or body["model"]
        is_chat = request.path.endswith("/chat/completions")
        usage = self.usage(reply) if asked else None

        def chunk(kind, delta, finish=None, choices=True, final_usage=None, number=0):
            value = {"id": reply.id, "object": "chat.completion.chunk" if is_chat else "text_completion", "created": 1754000000,
                     "model": model, "choices": []}
            if choices and is_chat:
                logprobs = self.logprobs(body, [delta["content"]]) if delta and delta.get("content") else None
                value["choices"] = [{"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]
            elif choices:
                value["choices"] = [{"text": delta, "index": 0, "logprobs": None, "finish_reason": finish}]
            if asked and reply.usage_style != "absent":
                value["usage"] = final_usage
            return sse(kind, value, reply=reply)

        every = usage if reply.usage_style == "every" else None
        events = []
        if is_chat:
            count = body.get("n") or 1
            for number in range(count):
                events.append(chunk("lifecycle", {"role": "assistant", "content": "", "refusal": None}, final_usage=every, number=number))
            for number in range(count):
                events += [chunk("content", delta, final_usage=every, number=number) for delta in self.deltas(reply, number)]
            for number in range(count):
                events.append(chunk("finish", {}, self.finish(reply), final_usage=every, number=number))
        else:
            events += [chunk("content", piece, final_usage=every) for piece in reply.pieces()]
            events.append(chunk("finish", "", reply.finish, final_usage=every))
        if usage is not None and reply.usage_style != "every":
            events.append(chunk("usage", None, choices=False, final_usage=usage))
        return [*events, sse("terminator", "[DONE]")]
