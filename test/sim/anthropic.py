# SPDX-License-Identifier: Apache-2.0
"""Anthropic's Messages, as the provider has them (DIALECTS §3–§6, AM)."""

import re

from . import schemas
from .reply import dump, sign, sse, usage_or_style

MEMBERS = set("""model max_tokens messages cache_control container context_management diagnostics inference_geo mcp_servers metadata
    output_config service_tier speed stop_sequences stream system temperature thinking tool_choice tools top_k top_p""".split())
BLOCKS = {"user": {"text", "image", "document", "search_result", "tool_result", "container_upload"},
          "assistant": {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"}}


class Anthropic:
    name = "anthropic"
    headers = [("request-id", "req_sim"), ("anthropic-ratelimit-requests-remaining", "99")]
    words = {400: "max_tokens: Field required", 401: "invalid x-api-key", 403: "Your API key does not have permission to use the "
             "specified resource.", 404: "model: claude-x", 413: "Request exceeds the maximum size",
             429: "This request would exceed your organization's rate limit", 500: "Internal server error", 529: "Overloaded"}
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
             413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}

    def error(self, status, message, kind=None, code=None):
        return {"type": "error", "error": {"type": kind or self.kinds.get(status, "api_error" if status >= 500 else
                                                                            "invalid_request_error"), "message": message},
                "request_id": "req_sim"}

    def error_headers(self, status):
        return []

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
        problem = (self.pairing_problem(value["messages"]) or self.signature_problem(value["messages"]) or
                   self.missing_thinking_problem(value))
        if problem or not sim.strict:
            return problem
        return (self.member_problem(request, value) or self.thinking_problem(value) or self.message_problem(value["messages"]) or
                self.tool_problem(value))

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

    # ---- strict ----

    def member_problem(self, request, value):
        for name in value:
            if name not in MEMBERS:
                return self.problem(400, f"{name}: Extra inputs are not permitted")
        if value.get("max_tokens", 1) < 1:
            return self.problem(400, "max_tokens: Input should be greater than or equal to 1")
        for name in ("temperature", "top_p"):
            if name in value and not 0 <= value[name] <= 1:
                return self.problem(400, f"{name}: range: 0..1")
            if name in value and request.header("anthropic-version") == "2026-10-21":
                return self.problem(400, f"{name}: Extra inputs are not permitted")
        if "temperature" in value and "top_p" in value:
            return self.problem(400, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
        for place, word in enumerate(value.get("stop_sequences") or []):
            if not word.strip():
                return self.problem(400, "stop_sequences: each stop sequence must contain non-whitespace")
        form = (value.get("output_config") or {}).get("format")
        if form:
            if form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
                return self.problem(400, "output_config.format.type: Input should be 'json_schema'")
            words = schemas.anthropic_problem(form["schema"], "output_config.format.schema")
            if words or set(form) - {"type", "schema"}:
                return self.problem(400, words or "output_config.format: Extra inputs are not permitted")
        marks = str(value).count("'cache_control': {")
        return self.problem(400, f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.") if marks > 4 else None

    def thinking_problem(self, value):
        thinking = value.get("thinking") or {"type": "disabled"}
        if thinking.get("type") not in ("enabled", "disabled", "adaptive"):
            return self.problem(400, f"thinking: Input tag '{thinking.get('type')}' found using 'type' does not match any of the expected "
                                "tags: 'adaptive', 'disabled', 'enabled'")
        if thinking["type"] == "enabled":
            if thinking.get("budget_tokens", 0) < 1024:
                return self.problem(400, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
            if thinking["budget_tokens"] >= value["max_tokens"]:
                return self.problem(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
        if thinking["type"] != "disabled":
            if value.get("temperature", 1) != 1:
                return self.problem(400, "`temperature` may only be set to 1 when thinking is enabled.")
            if (value.get("tool_choice") or {}).get("type") in ("any", "tool"):
                return self.problem(400, "Thinking may not be enabled when tool_choice forces tool use.")
        return None

    def message_problem(self, messages):
        if messages[0]["role"] != "user":
            return self.problem(400, 'messages: first message must use the "user" role')
        for number, message in enumerate(messages):
            where, blocks = f"messages.{number}", message.get("content")
            if set(message) - {"role", "content"}:
                return self.problem(400, f"{where}.{sorted(set(message) - {'role', 'content'})[0]}: Extra inputs are not permitted")
            if blocks == "" or (blocks == [] and number + 1 < len(messages)):
                return self.problem(400, f"{where}: all messages must have non-empty content except for the optional final assistant "
                                    "message")
            blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
            seen_other = False
            for place, block in enumerate(blocks):
                if block.get("type") not in BLOCKS[message["role"]]:
                    return self.problem(400, f"{where}.content.{place}: Input tag '{block.get('type')}' found using 'type' does not match "
                                        "any of the expected tags")
                if block["type"] == "tool_result" and seen_other:
                    return self.problem(400, f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks immediately "
                                        f"after: {block['tool_use_id']}.")
                seen_other = seen_other or block["type"] != "tool_result"
                problem = self.block_problem(f"{where}.content.{place}", block)
                if problem:
                    return problem
        return None

    def block_problem(self, where, block):
        kind = block["type"]
        if kind == "text" and not block.get("text"):
            return self.problem(400, "messages: text content blocks must be non-empty")
        if kind == "tool_use":
            if not re.match(r"^[a-zA-Z0-9_-]+$", block.get("id") or ""):
                return self.problem(400, f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
            if not isinstance(block.get("input"), dict):
                return self.problem(400, f"{where}.tool_use.input: Input should be a valid dictionary")
        if kind == "image":
            source = block.get("source") or {}
            if source.get("type") == "base64" and source.get("media_type") not in ("image/jpeg", "image/png", "image/gif", "image/webp"):
                return self.problem(400, f"{where}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' "
                                    "or 'image/webp'")
            if source.get("type") not in ("base64", "url", "file"):
                return self.problem(400, f"{where}.image.source: Field required")
        if kind == "tool_result" and isinstance(block.get("content"), list):
            for part in block["content"]:
                if part.get("type") not in ("text", "image", "search_result", "document", "tool_reference"):
                    return self.problem(400, f"{where}.tool_result.content: Input tag '{part.get('type')}' does not match")
        return None

    def tool_problem(self, value):
        names = []
        for number, tool in enumerate(value.get("tools") or []):
            if tool.get("type", "custom") != "custom":
                continue
            if not re.match(r"^[a-zA-Z0-9_-]{1,128}$", tool.get("name") or ""):
                return self.problem(400, f"tools.{number}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
            if not isinstance(tool.get("input_schema"), dict):
                return self.problem(400, f"tools.{number}.custom.input_schema: Field required")
            if tool["input_schema"].get("type") != "object":
                return self.problem(400, f"tools.{number}.custom.input_schema.type: Input should be 'object'")
            if tool.get("strict"):
                words = schemas.anthropic_problem(tool["input_schema"], f"tools.{number}.custom")
                if words:
                    return self.problem(400, words)
            names.append(tool["name"])
        if len(names) != len(set(names)):
            return self.problem(400, "tools: Tool names must be unique.")
        choice = value.get("tool_choice")
        if choice is not None and not names:
            return self.problem(400, "tool_choice: may only be specified while providing tools.")
        if choice is not None and choice.get("type") == "tool" and choice.get("name") not in names:
            return self.problem(400, f"Tool '{choice.get('name')}' not found in provided tools")
        if choice is not None and choice.get("type") not in ("auto", "any", "tool", "none"):
            return self.problem(400, f"tool_choice: Input tag '{choice.get('type')}' found using 'type' does not match any of the expected "
                                "tags: 'auto', 'any', 'tool', 'none'")
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.json().get("stream") is True

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "text/event-stream; charset=utf-8"

    def usage(self, reply, output):
        usage = usage_or_style(reply)
        if usage is None:
            return None
        value = {"input_tokens": usage.input - usage.cached - usage.written, "cache_creation_input_tokens": usage.written,
                 "cache_read_input_tokens": usage.cached,
                 "cache_creation": {"ephemeral_5m_input_tokens": usage.written - usage.written_1h,
                                    "ephemeral_1h_input_tokens": usage.written_1h},
                 "output_tokens": min(output, usage.output), "service_tier": "standard"}
        if usage.reasoning and output > 1:
            value["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
        return value

    def message(self, reply, model, content, stop, usage):
        value = {"id": "msg_" + reply.id, "type": "message", "role": "assistant", "model": model, "content": content,
                 "stop_reason": stop, "stop_sequence": None}
        if stop == "refusal":
            value["stop_details"] = self.stop_details(reply)
        if usage is not None:
            value["usage"] = usage
        return value

    def stop_details(self, reply):
        return {"type": "refusal", "category": "cyber", "explanation": reply.refusal or "It may do harm."}

    def stop(self, reply):
        return "tool_use" if reply.calls else {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}[reply.finish]

    def citations(self, reply):
        text = reply.whole_text()
        return [{"type": "web_search_result_location", "url": url, "title": title, "encrypted_index": "RXhhbXBsZQ==",
                 "cited_text": text[start:end]} for url, title, start, end in reply.citations or []]

    def whole(self, reply, request):
        model = reply.model or request.json()["model"]
        if request.path.endswith("/count_tokens"):
            return dump({"input_tokens": reply.usage.input}, reply).encode()
        content = [{"type": "thinking", "thinking": reply.reasoning, "signature": sign(reply.reasoning)}] if reply.reasoning else []
        if reply.whole_text():
            text = {"type": "text", "text": reply.whole_text()}
            content.append({**text, "citations": self.citations(reply)} if reply.citations else text)
        content += [{"type": "tool_use", "id": id, "name": name, "input": arguments} for id, name, arguments in reply.calls or []]
        return dump(self.message(reply, model, content, self.stop(reply), self.usage(reply, 1 << 60)), reply).encode()

    def events(self, reply, request, asked):
        model = reply.model or request.json()["model"]

        def event(kind, name, **members):
            return sse(kind, {"type": name, **members}, name, reply)

        delta = {"stop_reason": self.stop(reply), "stop_sequence": None}
        if delta["stop_reason"] == "refusal":
            delta["stop_details"] = self.stop_details(reply)
        usage = usage_or_style(reply)
        last = {"delta": delta}
        if usage:
            last["usage"] = {"output_tokens": usage.output}
            if usage.reasoning:
                last["usage"]["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
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
            block = {"type": "text", "text": "", "citations": []} if reply.citations else {"type": "text", "text": ""}
            events.append(event("lifecycle", "content_block_start", index=index, content_block=block))
            events += [event("content", "content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
                       for piece in reply.pieces()]
            events += [event("content", "content_block_delta", index=index, delta={"type": "citations_delta", "citation": citation})
                       for citation in self.citations(reply)]
            events.append(event("content", "content_block_stop", index=index))
            index += 1
        for index, (id, name, arguments) in enumerate(reply.calls or [], index):
            events += [event("content", "content_block_start", index=index, content_block={"type": "tool_use", "id": id, "name": name,
                                                                                         "input": {}}),
                       event("content", "content_block_delta", index=index, delta={"type": "input_json_delta",
                                                                                 "partial_json": dump(arguments)}),
                       event("content", "content_block_stop", index=index)]
        return events + [event("finish", "message_delta", **last), event("terminator", "message_stop")]
