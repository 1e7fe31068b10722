# SPDX-License-Identifier: Apache-2.0
"""The four dialects: what a valid request is, what whole answers, streams and errors look like. Shapes and words are those of the
providers' API descriptions and of recorded traffic."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field


@dataclass
class Usage:
    input: int = 11            # all of it, cached and written included
    output: int = 7            # all of it, reasoning included
    cached: int = 0
    written: int = 0           # of which written_1h
    written_1h: int = 0
    reasoning: int = 0


@dataclass
class Reply:
    """An answer, in no dialect yet."""
    text: str = "Hello from the simulated provider: one two three."
    id: str = "sim-0001"
    model: str = None          # None: as asked
    tokens: list = None        # pieces of a stream; None: words of the text
    usage: Usage = field(default_factory=Usage)
    usage_style: str = "final" # final, every, zeros, absent
    reasoning: str = ""
    calls: list = None         # of tools, after the text: (id, name, arguments)
    finish: str = "stop"       # stop, length
    spaces: bool = False       # JSON with blanks after ':' and ','

    def pieces(self):
        return self.tokens if self.tokens is not None else re.findall(r"\s*\S+", self.text)

    def whole_text(self):
        return "".join(self.tokens) if self.tokens is not None else self.text


@dataclass
class Event:
    kind: str                  # lifecycle, content, finish, usage, terminator
    raw: bytes


def dump(value, reply=None):
    separators = (", ", ": ") if reply is not None and reply.spaces else (",", ":")
    return json.dumps(value, ensure_ascii=False, separators=separators)


def sse(kind, value, name=None, reply=None):
    data = value if isinstance(value, str) else dump(value, reply)
    head = f"event: {name}\n" if name else ""
    return Event(kind, f"{head}data: {data}\n\n".encode())


def sign(text):
    """What a provider gives out with reasoning and wants back unaltered."""
    return base64.b64encode(hmac.new(b"the provider's own secret", text.encode(), hashlib.sha256).digest()).decode()


def sign_call(name, arguments):
    """The same for a call that has no reasoning text before it (Gemini signs the first call of a turn)."""
    return sign(name + json.dumps(arguments, sort_keys=True))


def _usage_or_style(reply):
    """None when nothing is to be said."""
    if reply.usage_style == "absent":
        return None
    return Usage(0, 0) if reply.usage_style == "zeros" else reply.usage


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
                return 400, "openai-chat", "Missing required parameter: 'messages'.", "invalid_request_error", "missing_required_parameter"
            for message in value["messages"]:
                if not isinstance(message, dict):
                    return 400, "openai-chat", "Invalid type for 'messages': expected an object.", "invalid_request_error", "invalid_type"
                if message.get("role") not in ("system", "developer", "user", "assistant", "tool", "function"):
                    return 400, "openai-chat", f"Invalid value: '{message.get('role')}'.", "invalid_request_error", "invalid_value"
        elif request.path.endswith("/embeddings") and "input" not in value:
            return 400, "openai-chat", "Missing required parameter: 'input'.", "invalid_request_error", "missing_required_parameter"
        if "stream_options" in value and value.get("stream") is not True:
            return (400, "openai-chat", "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                    "invalid_request_error", None)
        return self.model_problem(sim, value.get("model"))

    def model_problem(self, sim, model):
        if not isinstance(model, str):
            return 400, "openai-chat", "you must provide a model parameter", "invalid_request_error", None
        if sim.models is not None and model not in sim.models:
            return (404, "openai-chat", f"The model `{model}` does not exist or you do not have access to it.",
                    "invalid_request_error", "model_not_found")
        return None

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def asks_usage(self, request):
        return (request.json().get("stream_options") or {}).get("include_usage") is True

    def stream_type(self, request):
        return "text/event-stream; charset=utf-8"

    def usage(self, reply):
        usage = _usage_or_style(reply)
        if usage is None:
            return None
        return {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
                "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0}}

    def whole(self, reply, request):
        asked = request.json()
        model = reply.model or asked["model"]
        usage = self.usage(reply)
        if request.path.endswith("/embeddings"):
            value = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 1e-7]}], "model": model,
                     "usage": {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input}}
        elif request.path.endswith("/chat/completions"):
            value = {"id": reply.id, "object": "chat.completion", "created": 1754000000, "model": model,
                     "choices": [{"index": 0, "message": {"role": "assistant", "content": reply.whole_text(), "refusal": None},
                                  "logprobs": None, "finish_reason": reply.finish}]}
        else:
            value = {"id": reply.id, "object": "text_completion", "created": 1754000000, "model": model,
                     "choices": [{"text": reply.whole_text(), "index": 0, "logprobs": None, "finish_reason": reply.finish}]}
        if usage is not None and "usage" not in value:
            value["usage"] = usage
        return dump(value, reply).encode()

    def events(self, reply, request, asked):
        model = reply.model or request.json()["model"]
        is_chat = request.path.endswith("/chat/completions")
        usage = self.usage(reply) if asked else None

        def chunk(kind, delta, finish=None, choices=True, final_usage=None):
            value = {"id": reply.id, "object": "chat.completion.chunk" if is_chat else "text_completion", "created": 1754000000,
                     "model": model, "choices": []}
            if choices and is_chat:
                value["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            elif choices:
                value["choices"] = [{"text": delta, "index": 0, "logprobs": None, "finish_reason": finish}]
            if asked and reply.usage_style != "absent":
                value["usage"] = final_usage
            return sse(kind, value, reply=reply)

        every = usage if reply.usage_style == "every" else None
        events = [chunk("lifecycle", {"role": "assistant", "content": "", "refusal": None}, final_usage=every)] if is_chat else []
        events += [chunk("content", {"content": piece} if is_chat else piece, final_usage=every) for piece in reply.pieces()]
        events.append(chunk("finish", {} if is_chat else "", reply.finish, final_usage=every))
        if usage is not None and reply.usage_style != "every":
            events.append(chunk("usage", None, choices=False, final_usage=usage))
        return [*events, sse("terminator", "[DONE]")]


class OpenAIResponses(OpenAIChat):
    name = "openai-responses"

    def request_problem(self, sim, request, value):
        if "input" not in value and "prompt" not in value and "previous_response_id" not in value:
            return (400, "openai-chat", "Missing required parameter: 'input'.", "invalid_request_error", "missing_required_parameter")
        if "stream_options" in value and "include_usage" in value["stream_options"]:
            return (400, "openai-chat", "Unknown parameter: 'stream_options.include_usage'.", "invalid_request_error",
                    "unknown_parameter")
        return self.model_problem(sim, value.get("model"))

    def asks_usage(self, request):
        return True

    def usage(self, reply):
        usage = _usage_or_style(reply)
        if usage is None:
            return None
        return {"input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached}, "output_tokens": usage.output,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning}, "total_tokens": usage.input + usage.output}

    def response(self, reply, model, status, output, usage=None):
        return {"id": "resp_" + reply.id, "object": "response", "created_at": 1754000000, "status": status, "background": False,
                "error": None, "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
                "instructions": None, "max_output_tokens": None, "model": model, "output": output, "parallel_tool_calls": True,
                "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": True, "temperature": 1.0,
                "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
                "usage": usage, "user": None, "metadata": {}}

    def message(self, reply, status, content):
        return {"id": "msg_" + reply.id, "type": "message", "status": status, "content": content, "role": "assistant"}

    def part(self, text):
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    def last_status(self, reply):
        return "completed" if reply.finish == "stop" else "incomplete"

    def whole(self, reply, request):
        model = reply.model or request.json()["model"]
        if request.path.endswith("/input_tokens"):
            return dump({"object": "response.input_tokens", "input_tokens": reply.usage.input}, reply).encode()
        output = [self.message(reply, "completed", [self.part(reply.whole_text())])]
        return dump(self.response(reply, model, self.last_status(reply), output, self.usage(reply)), reply).encode()

    def events(self, reply, request, asked):
        model = reply.model or request.json()["model"]
        numbers = iter(range(100000000))

        def event(kind, name, **members):
            return sse(kind, {"type": name, "sequence_number": next(numbers), **members}, name, reply)

        def place():
            return {"item_id": "msg_" + reply.id, "output_index": 0, "content_index": 0}

        begun = self.response(reply, model, "in_progress", [])
        item = self.message(reply, "completed", [self.part(reply.whole_text())])
        status = self.last_status(reply)
        events = [event("lifecycle", "response.created", response=begun), event("lifecycle", "response.in_progress", response=begun),
                  event("lifecycle", "response.output_item.added", output_index=0, item=self.message(reply, "in_progress", [])),
                  event("lifecycle", "response.content_part.added", **place(), part=self.part(""))]
        events += [event("content", "response.output_text.delta", **place(), delta=piece, logprobs=[]) for piece in reply.pieces()]
        events += [event("content", "response.output_text.done", **place(), text=reply.whole_text(), logprobs=[]),
                   event("content", "response.content_part.done", **place(), part=self.part(reply.whole_text())),
                   event("content", "response.output_item.done", output_index=0, item=item),
                   event("terminator", "response." + status, response=self.response(reply, model, status, [item], self.usage(reply)))]
        return events


class Anthropic:
    name = "anthropic"
    headers = [("request-id", "req_sim"), ("anthropic-ratelimit-requests-remaining", "99")]
    words = {400: "max_tokens: Field required", 401: "invalid x-api-key", 403: "Your API key does not have permission to use the "
             "specified resource.", 404: "model: claude-x", 413: "Request exceeds the maximum size",
             429: "This request would exceed your organization's rate limit", 500: "Internal server error", 529: "Overloaded"}
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
             413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}

    def error(self, status, message, kind=None, code=None):
        return {"type": "error", "error": {"type": kind or self.kinds.get(status, "api_error" if status >= 500 else "invalid_request_error"), "message": message},
                "request_id": "req_sim"}

    def problem(self, status, message, kind=None):
        return status, "anthropic", message, kind

    def credential_problem(self, sim, request):
        given = request.header("x-api-key")
        if given is None:
            return self.problem(401, "x-api-key header is required")
        return None if given == sim.key else self.problem(401, "invalid x-api-key")

    def request_problem(self, sim, request, value):
        if request.header("anthropic-version") not in ("2023-01-01", "2023-06-01", "2026-10-21"):
            return self.problem(400, "anthropic-version: header is required")
        if not isinstance(value.get("model"), str):
            return self.problem(400, "model: Field required")
        if not request.path.endswith("/count_tokens") and not isinstance(value.get("max_tokens"), int):
            return self.problem(400, "max_tokens: Field required")
        if not isinstance(value.get("messages"), list) or not value["messages"]:
            return self.problem(400, "messages: Field required")
        if sim.models is not None and value["model"] not in sim.models:
            return self.problem(404, f"model: {value['model']}")
        return (self.pairing_problem(value["messages"]) or self.signature_problem(value["messages"]) or
                self.missing_thinking_problem(value))

    def signature_problem(self, messages):
        """Thinking comes back as it was given out, an empty one too."""
        for number, message in enumerate(messages):
            blocks = message.get("content")
            for place, block in enumerate(blocks if isinstance(blocks, list) else []):
                if block.get("type") == "thinking" and block.get("signature") != sign(block.get("thinking", "")):
                    return self.problem(400, f"messages.{number}.content.{place}: Invalid `signature` in `thinking` block")
        return None

    def missing_thinking_problem(self, value):
        """While it thinks by budget, a tool loop's assistant turns begin with their thinking."""
        if value.get("thinking", {}).get("type") != "enabled":
            return None
        for number, message in enumerate(value["messages"]):
            blocks = message.get("content")
            kinds = [block.get("type") for block in blocks] if isinstance(blocks, list) else []
            if message["role"] == "assistant" and "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                return self.problem(400, f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
                                    f"`{kinds[0]}`. When `thinking` is enabled, a final `assistant` message must start with a thinking "
                                    "block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).")
        return None

    def pairing_problem(self, messages):
        """Every tool_use is answered by a tool_result in the next message, and nothing else is."""
        open_calls = set()
        for number, message in enumerate(messages):
            if not isinstance(message, dict):
                return self.problem(400, f"messages.{number}: Input does not match the expected shape.")
            if message.get("role") not in ("user", "assistant"):
                return self.problem(400, f"messages.{number}.role: Input should be 'user' or 'assistant'")
            blocks = message.get("content")
            blocks = blocks if isinstance(blocks, list) else []
            results = {block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"}
            if results - open_calls:
                return self.problem(400, f"messages.{number}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                                    f"{sorted(results - open_calls)[0]}.")
            if open_calls - results:
                return self.problem(400, f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks immediately "
                                    f"after: {sorted(open_calls - results)[0]}.")
            open_calls = {block["id"] for block in blocks if block.get("type") == "tool_use"}
        return None

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "text/event-stream; charset=utf-8"

    def usage(self, reply, output):
        usage = _usage_or_style(reply)
        if usage is None:
            return None
        return {"input_tokens": usage.input - usage.cached - usage.written, "cache_creation_input_tokens": usage.written,
                "cache_read_input_tokens": usage.cached,
                "cache_creation": {"ephemeral_5m_input_tokens": usage.written - usage.written_1h,
                                   "ephemeral_1h_input_tokens": usage.written_1h},
                "output_tokens": min(output, usage.output), "service_tier": "standard"}

    def message(self, reply, model, content, stop, usage):
        value = {"id": "msg_" + reply.id, "type": "message", "role": "assistant", "model": model, "content": content,
                 "stop_reason": stop, "stop_sequence": None}
        if usage is not None:
            value["usage"] = usage
        return value

    def stop(self, reply):
        return "tool_use" if reply.calls else {"stop": "end_turn", "length": "max_tokens"}[reply.finish]

    def whole(self, reply, request):
        model = reply.model or request.json()["model"]
        if request.path.endswith("/count_tokens"):
            return dump({"input_tokens": reply.usage.input}, reply).encode()
        content = [{"type": "thinking", "thinking": reply.reasoning, "signature": sign(reply.reasoning)}] if reply.reasoning else []
        if reply.whole_text():
            content.append({"type": "text", "text": reply.whole_text()})
        content += [{"type": "tool_use", "id": id, "name": name, "input": arguments} for id, name, arguments in reply.calls or []]
        return dump(self.message(reply, model, content, self.stop(reply), self.usage(reply, 1 << 60)), reply).encode()

    def events(self, reply, request, asked):
        model = reply.model or request.json()["model"]

        def event(kind, name, **members):
            return sse(kind, {"type": name, **members}, name, reply)

        delta = {"stop_reason": self.stop(reply), "stop_sequence": None}
        usage = _usage_or_style(reply)
        last = {"delta": delta, "usage": {"output_tokens": usage.output}} if usage else {"delta": delta}
        events = [event("lifecycle", "message_start", message=self.message(reply, model, [], None, self.usage(reply, 1))),
                  event("lifecycle", "ping")]
        index = 0
        if reply.reasoning:
            events += [event("lifecycle", "content_block_start", index=0, content_block={"type": "thinking", "thinking": "",
                                                                                       "signature": ""}),
                       event("content", "content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": reply.reasoning}),
                       event("content", "content_block_delta", index=0, delta={"type": "signature_delta", "signature": sign(reply.reasoning)}),
                       event("content", "content_block_stop", index=0)]
            index = 1
        if reply.pieces():
            events.append(event("lifecycle", "content_block_start", index=index, content_block={"type": "text", "text": ""}))
            events += [event("content", "content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
                       for piece in reply.pieces()]
            events.append(event("content", "content_block_stop", index=index))
            index += 1
        for index, (id, name, arguments) in enumerate(reply.calls or [], index):
            events += [event("content", "content_block_start", index=index, content_block={"type": "tool_use", "id": id, "name": name,
                                                                                         "input": {}}),
                       event("content", "content_block_delta", index=index, delta={"type": "input_json_delta",
                                                                                 "partial_json": dump(arguments)}),
                       event("content", "content_block_stop", index=index)]
        return events + [event("finish", "message_delta", **last), event("terminator", "message_stop")]


class Gemini:
    name = "gemini"
    headers = [("server-timing", "gfet4t7; dur=512")]
    words = {400: "Invalid JSON payload received.", 401: "Request had invalid authentication credentials.",
             403: "The caller does not have permission", 404: "models/x is not found for API version v1beta, or is not supported for "
             "generateContent. Call ListModels to see the list of available models and their supported methods.",
             429: "Resource has been exhausted (e.g. check quota).", 500: "Internal error encountered.",
             503: "The model is overloaded. Please try again later."}
    kinds = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
             500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
    schema_words = {"$schema", "additionalProperties", "propertyNames", "const", "allOf", "oneOf", "not", "$ref", "$defs"}

    def error(self, status, message, kind=None, code=None):
        return {"error": {"code": status, "message": message, "status": kind or self.kinds.get(status, "UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT")}}

    def problem(self, status, message, kind=None):
        return status, "gemini", message, kind

    def credential_problem(self, sim, request):
        if re.search(r"(^|&)key=", request.query):
            return self.problem(400, "the credential is in the URL: it belongs in x-goog-api-key", "INVALID_ARGUMENT")
        given = request.header("x-goog-api-key")
        if given is None:
            return self.problem(403, "Method doesn't allow unregistered callers (callers without established identity). Please use "
                                "API Key or other form of API consumer identity to call this API.")
        return None if given == sim.key else self.problem(400, "API key not valid. Please pass a valid API key.")

    def request_problem(self, sim, request, value):
        model = re.match(r".*/models/(.+):\w+$", request.path).group(1)
        if sim.models is not None and model not in sim.models:
            return self.problem(404, f"models/{model} is not found for API version v1beta, or is not supported for generateContent.")
        if request.path.endswith(":batchEmbedContents"):
            for part in value.get("requests", []):
                if part.get("model") != f"models/{model}":
                    return self.problem(400, "* BatchEmbedContentsRequest.requests[].model: must be the model of the path")
            return None if value.get("requests") else self.problem(400, "* BatchEmbedContentsRequest.requests: not specified")
        if request.path.endswith(":embedContent"):
            return None if "content" in value else self.problem(400, "* EmbedContentRequest.content: contents is not specified")
        if not isinstance(value.get("contents"), list) or not value["contents"]:
            if "generateContentRequest" not in value:
                return self.problem(400, "* GenerateContentRequest.contents: contents is not specified\n")
        for turn in value.get("contents", []):
            for part in turn.get("parts", []) if isinstance(turn, dict) else []:
                if isinstance(part, dict) and "thoughtSignature" in part and part["thoughtSignature"] != self.signature(part):
                    return self.problem(400, "Thought signature is not valid.")
            problem = self.missing_signature_problem(value, turn)
            if problem:
                return problem
        for tool in value.get("tools", []):
            for function in tool.get("functionDeclarations", []):
                word = self.unknown_schema_word(function.get("parameters"))
                if word:
                    return self.problem(400, f'Invalid JSON payload received. Unknown name "{word}" at '
                                        "'tools[0].function_declarations[0].parameters': Cannot find field.")
        return None

    def signature(self, part):
        call = part.get("functionCall")
        return sign_call(call["name"], call.get("args", {})) if call else sign(part.get("text", ""))

    def missing_signature_problem(self, value, turn):
        """While it thinks, the first call of each turn is signed."""
        if "thinkingConfig" not in value.get("generationConfig", {}) or not isinstance(turn, dict):
            return None
        calls = [part for part in turn.get("parts", []) if "functionCall" in part]
        if not calls or "thoughtSignature" in calls[0]:
            return None
        return self.problem(400, "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
                            "correctly, and missing thought_signature may lead to degraded model performance. Additional data, function "
                            f"call `default_api:{calls[0]['functionCall']['name']}` , position 2.")

    def unknown_schema_word(self, schema):
        if isinstance(schema, dict):
            for key, value in schema.items():
                if key in self.schema_words:
                    return key
                found = self.unknown_schema_word(value)
                if found:
                    return found
        return None

    def wants_stream(self, request):
        return request.path.endswith(":streamGenerateContent")

    def is_sse(self, request):
        return re.search(r"(^|&)alt=sse(&|$)", request.query) is not None

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "text/event-stream" if self.is_sse(request) else "application/json; charset=UTF-8"

    def usage(self, reply, output):
        usage = _usage_or_style(reply)
        if usage is None:
            return None
        value = {"promptTokenCount": usage.input}
        if usage.cached:
            value["cachedContentTokenCount"] = usage.cached
        if output:
            value["candidatesTokenCount"] = usage.output - usage.reasoning
            if usage.reasoning:
                value["thoughtsTokenCount"] = usage.reasoning
        value["totalTokenCount"] = usage.input + (usage.output if output else 0)
        return value

    def chunk(self, reply, model, text, finish=None, output=False):
        value = {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}]} if text is not None else {}
        if finish:
            value["candidates"][0]["finishReason"] = finish
        usage = self.usage(reply, output)
        if usage is not None:
            value["usageMetadata"] = usage
        return {**value, "modelVersion": model, "responseId": reply.id}

    def thought(self, reply):
        return {"text": reply.reasoning, "thought": True, "thoughtSignature": sign(reply.reasoning)}

    def calls(self, reply):
        """Without ids, as Gemini has them; the first is signed."""
        parts = [{"functionCall": {"name": name, "args": arguments}} for _, name, arguments in reply.calls or []]
        for part in parts[:1]:
            part["thoughtSignature"] = self.signature(part)
        return parts

    def finish(self, reply):
        return {"stop": "STOP", "length": "MAX_TOKENS"}[reply.finish]

    def model_of(self, reply, request):
        return reply.model or re.match(r".*/models/(.+):\w+$", request.path).group(1)

    def whole(self, reply, request):
        if request.path.endswith(":countTokens"):
            return dump({"totalTokens": reply.usage.input}, reply).encode()
        if request.path.endswith(":embedContent"):
            return dump({"embedding": {"values": [0.5, -0.25, 1e-7]}}, reply).encode()
        if request.path.endswith(":batchEmbedContents"):
            return dump({"embeddings": [{"values": [0.5, -0.25]} for _ in request.json()["requests"]]}, reply).encode()
        value = self.chunk(reply, self.model_of(reply, request), reply.whole_text(), self.finish(reply), True)
        if reply.reasoning:
            value["candidates"][0]["content"]["parts"].insert(0, self.thought(reply))
        value["candidates"][0]["content"]["parts"] += self.calls(reply)
        return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"

    def events(self, reply, request, asked):
        model, pieces = self.model_of(reply, request), reply.pieces()
        every = reply.usage_style == "every"
        values = [("lifecycle", self.chunk(reply, model, None))]
        if reply.reasoning:
            thought = self.chunk(reply, model, "")
            thought["candidates"][0]["content"]["parts"] = [self.thought(reply)]
            values.append(("content", thought))
        values += [("content", self.chunk(reply, model, piece, output=every)) for piece in pieces[:-1]]
        last = self.chunk(reply, model, pieces[-1] if pieces else "", self.finish(reply), True)
        last["candidates"][0]["content"]["parts"] += self.calls(reply)
        values.append(("finish", last))
        if self.is_sse(request):
            return [Event(kind, f"data: {dump(value, reply)}\r\n\r\n".encode()) for kind, value in values]
        events = []
        for number, (kind, value) in enumerate(values):
            text = json.dumps(value, ensure_ascii=False, indent=2)
            events.append(Event(kind, (("[" if number == 0 else ",\r\n") + text).encode()))
        return [*events, Event("terminator", b"]")]


DIALECTS = {d.name: d for d in (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini())}

_PATHS = [
    (re.compile(r"^(/\w+)*/(v1|v1beta/openai)/(chat/completions|completions|embeddings)$"), "openai-chat"),
    (re.compile(r"^(/\w+)*/v1/responses(/input_tokens|/compact)?$"), "openai-responses"),
    (re.compile(r"^(/\w+)*/v1/messages(/count_tokens)?$"), "anthropic"),
    (re.compile(r"^(/\w+)*/v1(beta)?/models/[^/]+:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)$"), "gemini"),
]


def of_path(path):
    for pattern, name in _PATHS:
        if pattern.match(path):
            return DIALECTS[name]
    return None


def validate(sim, request):
    """What a real provider would refuse: (status, dialect, message, type, code), or None."""
    dialect = of_path(request.path)
    if dialect is None or dialect.name not in sim.speaks:
        return 404, sim.speaks[0], f"Invalid URL ({request.method} {request.path})", None, False
    if request.method != "POST":
        return 405, dialect.name, f"Not allowed to {request.method} on {request.path}", None
    if sim.key is not None:
        problem = dialect.credential_problem(sim, request)
        if problem:
            return problem
    if (request.header("content-type") or "").split(";")[0].strip() != "application/json":
        return 415, dialect.name, "Unsupported content type: it should be application/json", None
    if request.header("content-encoding"):
        return 415, dialect.name, "Unsupported content coding", None
    if request.body_length != len(request.body):
        return None  # too long to be kept: not looked into
    try:
        value = request.json()
    except ValueError:
        return 400, dialect.name, "We could not parse the JSON body of your request.", None
    if not isinstance(value, dict):
        return 400, dialect.name, "The body should be a JSON object.", None
    return dialect.request_problem(sim, request, value)
