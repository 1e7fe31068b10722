# SPDX-License-Identifier: Apache-2.0
"""Cohere's v2 chat, as the provider has it (DIALECTS §3–§6, CO; its API description)."""

import re

from .reply import dump, halves, sse, usage_or_style

MEMBERS = set("""model messages tools strict_tools tool_choice documents citation_options response_format safety_mode max_tokens stop_sequences
    temperature seed frequency_penalty presence_penalty k p logprobs thinking priority raw_prompting stream""".split())
PARTS = {"user": ("text", "image_url"), "assistant": ("text", "thinking"), "system": ("text",), "tool": ("text", "document")}
RANGES = {"temperature": (0, 1), "p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}


class Cohere:
    name = "cohere"
    headers = [("x-debug-trace-id", "0123456789abcdef"), ("num_tokens", "18")]
    words = {400: "invalid request: x", 401: "invalid api token", 403: "not allowed", 404: "model 'x' not found, make sure the correct model "
             "ID was used and that you have access to the model.", 422: "invalid request", 429: "You are past the per minute request limit, "
             "please wait and try again later.", 500: "internal server error, this has been reported to our developers.",
             503: "service unavailable"}

    def error(self, status, message, kind=None, code=None):
        return {"id": "5d1b9a2e-1b1f-4d57-8d5a-2f3c3d2b8f11", "message": message}

    def error_headers(self, status):
        return []

    def problem(self, status, message):
        return status, "cohere", message, None

    def credential_problem(self, sim, request):
        given = request.header("authorization")
        if given is None:
            return self.problem(401, "no api key supplied")
        return None if given.lower() == f"bearer {sim.key}".lower() else self.problem(401, self.words[401])

    def request_problem(self, sim, request, value):
        if not isinstance(value.get("model"), str):
            return self.problem(400, "invalid request: model is required")
        if sim.models is not None and value["model"] not in sim.models:
            return self.problem(404, f"model '{value['model']}' not found, make sure the correct model ID was used and that you have access to "
                                "the model.")
        if not isinstance(value.get("messages"), list) or not value["messages"]:
            return self.problem(400, "invalid request: message must be at least 1 token long or tool results must be specified.")
        return self.member_problem(value) or self.message_problem(value["messages"]) or self.tool_problem(value)

    def member_problem(self, value):
        for name in value:
            if name not in MEMBERS:
                return self.problem(422, f"unknown field: parameter '{name}' is not a valid field")
        for name, (low, high) in RANGES.items():
            if value.get(name) is not None and not low <= value[name] <= high:
                return self.problem(400, f"invalid request: {name} must be between {low} and {high} inclusive.")
        if len(value.get("stop_sequences") or []) > 5:
            return self.problem(400, "invalid request: stop_sequences must have at most 5 elements.")
        form = value.get("response_format") or {"type": "text"}
        if form.get("type") not in ("text", "json_object"):
            return self.problem(400, f"invalid request: response_format.type '{form.get('type')}' is not valid")
        if form["type"] == "json_object" and (value.get("tools") or value.get("documents")):
            return self.problem(400, "invalid request: response_format is not supported with tools or documents.")
        thinking = value.get("thinking")
        if thinking is not None and thinking.get("type") not in ("enabled", "disabled"):
            return self.problem(400, "invalid request: thinking.type must be 'enabled' or 'disabled'")
        return None

    def message_problem(self, messages):
        waiting = []
        for number, message in enumerate(messages):
            role, content = message.get("role"), message.get("content")
            if role not in PARTS:
                return self.problem(400, f"invalid request: invalid role '{role}' at messages[{number}].")
            if role == "tool":
                if message.get("tool_call_id") not in waiting:
                    return self.problem(400, f"invalid request: cannot find tool call id {message.get('tool_call_id')} in previous tool "
                                        "calls.")
                waiting.remove(message["tool_call_id"])
            elif waiting:
                break
            for part in content if isinstance(content, list) else []:
                if part.get("type") not in PARTS[role]:
                    return self.problem(400, f"invalid request: invalid content type '{part.get('type')}' for role {role}.")
                if part["type"] == "image_url" and not re.match(r"^(https?://|data:image/)", part["image_url"].get("url", "")):
                    return self.problem(400, "invalid request: invalid image URL.")
            if not content and not message.get("tool_calls"):
                return self.problem(400, f"invalid request: messages[{number}] must have content or tool calls.")
            for call in message.get("tool_calls") or []:
                if call.get("type") != "function" or not isinstance(call["function"].get("arguments"), str) or not call.get("id"):
                    return self.problem(400, f"invalid request: invalid tool call at messages[{number}].")
                waiting.append(call["id"])
        if waiting:
            return self.problem(400, f"invalid request: missing tool results for tool call ids {waiting}.")
        return None

    def tool_problem(self, value):
        if value.get("tool_choice") not in (None, "REQUIRED", "NONE"):
            return self.problem(400, f"invalid request: tool_choice '{value['tool_choice']}' is not valid; use REQUIRED or NONE.")
        if value.get("tool_choice") and not value.get("tools"):
            return self.problem(400, "invalid request: tool_choice requires tools.")
        for tool in value.get("tools") or []:
            if tool.get("type") != "function" or not re.match(r"^[A-Za-z_][A-Za-z0-9_]*$|^[A-Za-z0-9_-]+$",
                                                              (tool.get("function") or {}).get("name") or ""):
                return self.problem(400, "invalid request: invalid tool definition.")
            if set(tool["function"]) - {"name", "description", "parameters"}:
                return self.problem(422, f"unknown field: parameter '{sorted(set(tool['function']) - {'name', 'description', 'parameters'})[0]}'"
                                    " is not a valid field")
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "text/event-stream"

    def usage(self, reply):
        usage = usage_or_style(reply)
        if usage is None:
            return None
        value = {"billed_units": {"input_tokens": usage.input, "output_tokens": usage.output},
                 "tokens": {"input_tokens": usage.input, "output_tokens": usage.output}}
        return {**value, "cached_tokens": usage.cached} if usage.cached else value

    def finish(self, reply):
        return "TOOL_CALL" if reply.calls else {"stop": "COMPLETE", "length": "MAX_TOKENS", "content_filter": "ERROR"}[reply.finish]

    def calls(self, reply):
        return [{"id": id, "type": "function", "function": {"name": name, "arguments": dump(arguments)}}
                for id, name, arguments in reply.calls or []]

    def citations(self, reply):
        text = reply.whole_text()
        return [{"start": start, "end": end, "text": text[start:end], "type": "TEXT_CONTENT", "content_index": 0,
                 "sources": [{"type": "document", "id": f"doc:{number}", "document": {"id": f"doc:{number}", "url": url, "title": title}}]}
                for number, (url, title, start, end) in enumerate(reply.citations or [])]

    def whole(self, reply, request):
        content = [{"type": "thinking", "thinking": reply.reasoning}] if reply.reasoning else []
        message = {"role": "assistant"}
        if reply.calls:
            message["tool_calls"] = self.calls(reply)
            if reply.whole_text():
                message["tool_plan"] = reply.whole_text()
        elif reply.whole_text():
            content.append({"type": "text", "text": reply.whole_text()})
        if content:
            message["content"] = content
        if reply.citations:
            message["citations"] = self.citations(reply)
        value = {"id": reply.id, "message": message, "finish_reason": self.finish(reply)}
        usage = self.usage(reply)
        return dump({**value, "usage": usage} if usage is not None else value, reply).encode()

    def events(self, reply, request, asked):
        def event(kind, name, delta=None, **members):
            value = {"type": name, **members}
            return sse(kind, {**value, "delta": delta} if delta is not None else value, name, reply)

        def message(**members):
            return {"message": members}

        events = [event("lifecycle", "message-start", message(role="assistant", content=[], tool_plan="", tool_calls=[], citations=[]),
                        id=reply.id)]
        index = 0
        if reply.reasoning:
            events.append(event("lifecycle", "content-start", message(content={"type": "thinking", "thinking": ""}), index=0))
            events += [event("content", "content-delta", message(content={"thinking": piece}), index=0)
                       for piece in re.findall(r"\s*\S+", reply.reasoning)]
            events.append(event("content", "content-end", index=0))
            index = 1
        if reply.calls:
            events += [event("content", "tool-plan-delta", message(tool_plan=piece)) for piece in reply.pieces()]
        elif reply.pieces():
            events.append(event("lifecycle", "content-start", message(content={"type": "text", "text": ""}), index=index))
            events += [event("content", "content-delta", message(content={"text": piece}), index=index) for piece in reply.pieces()]
            for number, citation in enumerate(self.citations(reply)):
                events += [event("content", "citation-start", message(citations=citation), index=number),
                           event("content", "citation-end", index=number)]
            events.append(event("content", "content-end", index=index))
        for number, call in enumerate(self.calls(reply)):
            begun = {**call, "function": {**call["function"], "arguments": ""}}
            events.append(event("content", "tool-call-start", message(tool_calls=begun), index=number))
            events += [event("content", "tool-call-delta", message(tool_calls={"function": {"arguments": piece}}), index=number)
                       for piece in halves(call["function"]["arguments"])]
            events.append(event("content", "tool-call-end", index=number))
        last = {"finish_reason": self.finish(reply)}
        usage = self.usage(reply)
        return [*events, event("terminator", "message-end", {**last, "usage": usage} if usage is not None else last)]
