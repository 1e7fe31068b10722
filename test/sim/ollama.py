# SPDX-License-Identifier: Apache-2.0
"""Ollama's chat, as the server has it (DIALECTS §3–§6, OL). What it does not know it ignores, as Go's JSON reader does."""

import base64
import binascii
import re

from .reply import Event, dump, usage_or_style


class Ollama:
    name = "ollama"
    headers = []
    words = {400: "invalid request", 401: "unauthorized", 404: "model 'x' not found", 429: "too many concurrent requests",
             500: "an error was encountered while running the model", 503: "server busy, please try again.  maximum pending requests exceeded"}

    def error(self, status, message, kind=None, code=None):
        return {"error": message}

    def error_headers(self, status):
        return []

    def problem(self, status, message):
        return status, "ollama", message, None

    def credential_problem(self, sim, request):
        """A server of one's own asks for none."""
        given = request.header("authorization")
        return None if given in (None, f"Bearer {sim.key}") else self.problem(401, "unauthorized")

    def request_problem(self, sim, request, value):
        if not value.get("model"):
            return self.problem(400, "model is required")
        if sim.models is not None and value["model"] not in sim.models:
            return self.problem(404, f"model '{value['model']}' not found")
        for message in value.get("messages") or []:
            problem = self.message_problem(message)
            if problem:
                return problem
        for tool in value.get("tools") or []:
            parameters = (tool.get("function") or {}).get("parameters")
            if parameters is not None and not isinstance(parameters, dict):
                return self.problem(400, "json: cannot unmarshal into Go struct field ToolFunction.tools.function.parameters")
        form = value.get("format")
        if form is not None and form not in ("", "json") and not isinstance(form, dict):
            return self.problem(400, 'invalid format: expected "json" or a JSON schema')
        think = value.get("think")
        if think is not None and not isinstance(think, bool) and think not in ("low", "medium", "high", "max"):
            return self.problem(400, f'invalid think value: "{think}" (must be "high", "medium", "low", "max", true, or false)')
        return None

    def message_problem(self, message):
        if not isinstance(message.get("content", ""), str):
            return self.problem(400, "json: cannot unmarshal array into Go struct field Message.messages.content of type string")
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            return self.problem(400, f"invalid role: {message.get('role')}")
        for call in message.get("tool_calls") or []:
            if not isinstance(call.get("function", {}).get("arguments", {}), dict):
                return self.problem(400, "json: cannot unmarshal string into Go struct field "
                                    "ToolCallFunction.messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments")
        for image in message.get("images") or []:
            try:
                base64.b64decode(image, validate=True)
            except (binascii.Error, TypeError, ValueError):
                return self.problem(400, "illegal base64 data at input byte 4")
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.json().get("stream", True) is True

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "application/x-ndjson"

    def line(self, reply, request, message, **members):
        return {"model": reply.model or request.json()["model"], "created_at": "2026-11-20T12:00:00.123456789Z",
                "message": {"role": "assistant", "content": "", **message}, "done": False, **members}

    def last(self, reply, request, message):
        usage = usage_or_style(reply)
        counts = {} if usage is None else {"total_duration": 4883583458, "load_duration": 1334875, "prompt_eval_count": usage.input,
                                           "prompt_eval_duration": 342546000, "eval_count": usage.output, "eval_duration": 4535599000}
        reason = "length" if reply.finish == "length" else "stop"
        return self.line(reply, request, message, done=True, done_reason=reason, **counts)

    def calls(self, reply):
        return [{"id": id, "function": {"index": index, "name": name, "arguments": arguments}}
                for index, (id, name, arguments) in enumerate(reply.calls or [])]

    def logprobs(self, request, pieces):
        if not request.json().get("logprobs"):
            return {}
        return {"logprobs": [{"token": piece, "logprob": -0.25, "bytes": list(piece.encode())} for piece in pieces]}

    def whole(self, reply, request):
        message = {"content": reply.whole_text()}
        if reply.reasoning:
            message["thinking"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = self.calls(reply)
        return dump({**self.last(reply, request, message), **self.logprobs(request, reply.pieces())}, reply).encode()

    def events(self, reply, request, asked):
        def event(kind, value):
            return Event(kind, dump(value, reply).encode() + b"\n")

        events = [event("content", self.line(reply, request, {"thinking": piece})) for piece in re.findall(r"\s*\S+", reply.reasoning)]
        events += [event("content", {**self.line(reply, request, {"content": piece}), **self.logprobs(request, [piece])})
                   for piece in reply.pieces()]
        events += [event("content", self.line(reply, request, {"tool_calls": [call]})) for call in self.calls(reply)]
        return [*events, event("terminator", self.last(reply, request, {}))]
