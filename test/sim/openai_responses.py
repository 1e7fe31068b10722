# SPDX-License-Identifier: Apache-2.0
"""OpenAI's Responses, as the provider has them (DIALECTS §3–§6, RS)."""

import re

from . import schemas
from .openai_chat import NAME, OpenAIChat
from .reply import dump, halves, sign, sse, usage_or_style

MEMBERS = set("""access_programs background context_management conversation image include input instructions max_output_tokens max_tool_calls
    metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention
    reasoning safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation
    user""".split())
INPUT_PARTS, OUTPUT_PARTS = ("input_text", "input_image", "input_file"), ("output_text", "refusal")
IDS = {"message": "msg", "function_call": "fc", "reasoning": "rs", "custom_tool_call": "ctc"}


class OpenAIResponses(OpenAIChat):
    name = "openai-responses"

    def request_problem(self, sim, request, value):
        if "input" not in value and "prompt" not in value and "previous_response_id" not in value:
            return self.refuse("Missing required parameter: 'input'.", "missing_required_parameter")
        if "stream_options" in value and "include_usage" in value["stream_options"]:
            return self.refuse("Unknown parameter: 'stream_options.include_usage'.", "unknown_parameter")
        problem = self.model_problem(sim, value.get("model"))
        if problem or not sim.strict or not request.path.endswith("/responses"):
            return problem
        return self.member_problem(value) or self.item_problem(value.get("input")) or self.tool_problem(value) or self.format_problem(value)

    # ---- strict ----

    def member_problem(self, value):
        for name in value:
            if name not in MEMBERS:
                return self.refuse(f"Unknown parameter: '{name}'.", "unknown_parameter")
        limit = value.get("max_output_tokens")
        if limit is not None and limit < 16:
            return self.refuse("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got "
                               f"{limit} instead.", "integer_below_min_value")
        return None

    def item_problem(self, items):
        if not isinstance(items, list):
            return None
        calls, answered = [], []
        for number, item in enumerate(items):
            kind = item.get("type", "message") if isinstance(item, dict) else None
            where = f"input[{number}]"
            if isinstance(item.get("id"), str) and kind in IDS and not item["id"].startswith(IDS[kind]):
                return self.refuse(f"Invalid '{where}.id': '{item['id']}'. Expected an ID that begins with '{IDS[kind]}'.", "invalid_value")
            if kind == "message":
                problem = self.part_problem(where, item)
            elif kind in ("function_call", "custom_tool_call"):
                calls.append(item.get("call_id"))
                problem = self.function_call_problem(where, item, kind)
            elif kind in ("function_call_output", "custom_tool_call_output"):
                answered.append(item.get("call_id"))
                problem = None if item.get("call_id") in calls else self.refuse(
                    f"No tool call found for function call output with call_id {item.get('call_id')}.")
            elif kind == "reasoning":
                problem = self.reasoning_problem(where, item, items[number + 1:])
            else:
                problem = None if kind in ("item_reference", "configuration_update", "compaction", "web_search_call") else self.refuse(
                    f"Invalid value: '{kind}'.", "invalid_value")
            if problem:
                return problem
        unanswered = [id for id in calls if id not in answered]
        return self.refuse(f"No tool output found for function call {unanswered[0]}.") if unanswered else None

    def part_problem(self, where, item):
        if item.get("role") not in ("user", "assistant", "system", "developer"):
            return self.refuse(f"Invalid value: '{item.get('role')}'. Supported values are: 'assistant', 'system', 'developer', and "
                               "'user'.", "invalid_value")
        if isinstance(item.get("content"), str):
            return None
        allowed = OUTPUT_PARTS if item["role"] == "assistant" else INPUT_PARTS
        for place, part in enumerate(item.get("content") or []):
            if part.get("type") not in allowed:
                return self.refuse(f"Invalid value: '{part.get('type')}'. Supported values are: {', '.join(map(repr, allowed))}.",
                                   "invalid_value")
            if part["type"] == "input_image" and not re.match(r"^(https?://|data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+=*$)",
                                                              part.get("image_url") or "https://" * ("file_id" in part)):
                return self.refuse(f"Invalid '{where}.content[{place}].image_url'. Expected a base64-encoded data URL with an image MIME "
                                   "type.", "invalid_value")
        return None

    def function_call_problem(self, where, item, kind):
        if not isinstance(item.get("call_id"), str) or not 0 < len(item["call_id"]) <= 64:
            return self.refuse(f"Invalid '{where}.call_id': string too long. Expected a string with maximum length 64.",
                               "string_above_max_length")
        if not NAME.match(item.get("name") or ""):
            return self.refuse(f"Invalid '{where}.name': string does not match pattern. Expected a string that matches the pattern "
                               "'^[a-zA-Z0-9_-]+$'.", "invalid_value")
        if not isinstance(item.get("arguments" if kind == "function_call" else "input"), str):
            return self.refuse(f"Invalid type for '{where}.arguments': expected a string.", "invalid_type")
        return None

    def reasoning_problem(self, where, item, following):
        text = "".join(part.get("text", "") for part in item.get("summary") or [])
        if item.get("encrypted_content") and item["encrypted_content"] != sign(text):
            return self.refuse("The encrypted content for item " + str(item.get("id")) + " could not be verified.",
                               "invalid_encrypted_content")
        if not following or following[0].get("type", "message") not in ("message", "function_call", "reasoning", "custom_tool_call"):
            return self.refuse(f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item.")
        return None

    def tool_problem(self, value):
        names = []
        for number, tool in enumerate(value.get("tools") or []):
            if tool.get("type") not in ("function", "custom"):
                continue
            if not NAME.match(tool.get("name") or ""):
                return self.refuse(f"Missing required parameter: 'tools[{number}].name'.", "missing_required_parameter")
            names.append(tool["name"])
            # strict is on unless it is said to be off (DIALECTS §3.4: a required, nullable member).
            if tool["type"] == "function" and tool.get("strict"):
                words = schemas.openai_problem(tool.get("parameters") or {}, f"function '{tool['name']}'")
                if words:
                    return self.refuse(words, "invalid_function_parameters")
        choice = value.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "function" and choice.get("name") not in names:
            return self.refuse("Tool choice 'function' not found in 'tools' parameter.")
        if choice == "required" and not names:
            return self.refuse("Tool choice 'required' must be specified with 'tools' parameter.")
        return None

    def format_problem(self, value):
        wanted = (value.get("text") or {}).get("format") or {"type": "text"}
        if wanted.get("type") == "json_schema":
            if not NAME.match(wanted.get("name") or ""):
                return self.refuse("Missing required parameter: 'text.format.name'.", "missing_required_parameter")
            words = schemas.openai_problem(wanted.get("schema") or {}, f"response_format '{wanted['name']}'") if wanted.get("strict") else None
            if words:
                return self.refuse(words)
        return None

    # ---- answers ----

    def asks_usage(self, request):
        return True

    def usage(self, reply):
        usage = usage_or_style(reply)
        if usage is None:
            return None
        return {"input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached}, "output_tokens": usage.output,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning}, "total_tokens": usage.input + usage.output}

    def response(self, reply, model, status, output, usage=None):
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reply.finish)
        return {"id": "resp_" + reply.id, "object": "response", "created_at": 1754000000, "status": status, "background": False,
                "error": None, "incomplete_details": {"reason": reason} if status == "incomplete" else None,
                "instructions": None, "max_output_tokens": None, "model": model, "output": output, "parallel_tool_calls": True,
                "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": True, "temperature": 1.0,
                "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled",
                "usage": usage, "user": None, "metadata": {}}

    def message_item(self, reply, status, content):
        return {"id": "msg_" + reply.id, "type": "message", "status": status, "content": content, "role": "assistant"}

    def part(self, reply, text, whole=False):
        if reply.refusal:
            return {"type": "refusal", "refusal": text}
        annotations = [{"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}
                       for url, title, start, end in reply.citations or []]
        return {"type": "output_text", "annotations": annotations if whole else [], "logprobs": [], "text": text}

    def reasoning_item(self, reply, request, whole):
        item = {"id": "rs_" + reply.id, "type": "reasoning", "summary": [{"type": "summary_text", "text": reply.reasoning}] if whole else []}
        if whole and "reasoning.encrypted_content" in (request.json().get("include") or []):
            item["encrypted_content"] = sign(reply.reasoning)
        return item

    def call_items(self, reply):
        return [{"id": f"fc_{reply.id}_{number}", "type": "function_call", "status": "completed", "arguments": dump(arguments),
                 "call_id": id, "name": name} for number, (id, name, arguments) in enumerate(reply.calls or [])]

    def last_status(self, reply):
        return "completed" if reply.finish == "stop" else "incomplete"

    def said(self, reply):
        return reply.refusal or reply.whole_text()

    def output(self, reply, request):
        items = [self.reasoning_item(reply, request, True)] if reply.reasoning else []
        if self.said(reply):
            items.append(self.message_item(reply, "completed", [self.part(reply, self.said(reply), True)]))
        return items + self.call_items(reply)

    def whole(self, reply, request):
        model = reply.model or request.json()["model"]
        if request.path.endswith("/input_tokens"):
            return dump({"object": "response.input_tokens", "input_tokens": reply.usage.input}, reply).encode()
        return dump(self.response(reply, model, self.last_status(reply), self.output(reply, request), self.usage(reply)), reply).encode()

    def events(self, reply, request, asked):
        model = reply.model or request.json()["model"]
        numbers = iter(range(100000000))

        def event(kind, name, **members):
            return sse(kind, {"type": name, "sequence_number": next(numbers), **members}, name, reply)

        begun = self.response(reply, model, "in_progress", [])
        status, index = self.last_status(reply), 0
        events = [event("lifecycle", "response.created", response=begun), event("lifecycle", "response.in_progress", response=begun)]
        if reply.reasoning:
            events += self.reasoning_events(event, reply, request)
            index = 1
        if self.said(reply):
            events += self.message_events(event, reply, index)
            index += 1
        for number, item in enumerate(self.call_items(reply), index):
            place = {"item_id": item["id"], "output_index": number}
            events.append(event("lifecycle", "response.output_item.added", output_index=number,
                                item={**item, "status": "in_progress", "arguments": ""}))
            events += [event("content", "response.function_call_arguments.delta", **place, delta=piece)
                       for piece in halves(item["arguments"])]
            events += [event("content", "response.function_call_arguments.done", **place, arguments=item["arguments"]),
                       event("content", "response.output_item.done", output_index=number, item=item)]
        return [*events, event("terminator", "response." + status,
                               response=self.response(reply, model, status, self.output(reply, request), self.usage(reply)))]

    def reasoning_events(self, event, reply, request):
        place = {"item_id": "rs_" + reply.id, "output_index": 0, "summary_index": 0}
        events = [event("lifecycle", "response.output_item.added", output_index=0, item=self.reasoning_item(reply, request, False)),
                  event("lifecycle", "response.reasoning_summary_part.added", **place, part={"type": "summary_text", "text": ""})]
        events += [event("content", "response.reasoning_summary_text.delta", **place, delta=piece)
                   for piece in re.findall(r"\s*\S+", reply.reasoning)]
        return events + [event("content", "response.reasoning_summary_text.done", **place, text=reply.reasoning),
                         event("content", "response.reasoning_summary_part.done", **place,
                               part={"type": "summary_text", "text": reply.reasoning}),
                         event("content", "response.output_item.done", output_index=0, item=self.reasoning_item(reply, request, True))]

    def message_events(self, event, reply, index):
        place = {"item_id": "msg_" + reply.id, "output_index": index, "content_index": 0}
        said, whole = self.said(reply), self.part(reply, self.said(reply), True)
        events = [event("lifecycle", "response.output_item.added", output_index=index, item=self.message_item(reply, "in_progress", [])),
                  event("lifecycle", "response.content_part.added", **place, part=self.part(reply, ""))]
        if reply.refusal:
            events += [event("content", "response.refusal.delta", **place, delta=said),
                       event("content", "response.refusal.done", **place, refusal=said)]
        else:
            events += [event("content", "response.output_text.delta", **place, delta=piece, logprobs=[]) for piece in reply.pieces()]
            events += [event("content", "response.output_text.annotation.added", **place, annotation_index=number, annotation=annotation)
                       for number, annotation in enumerate(whole["annotations"])]
            events.append(event("content", "response.output_text.done", **place, text=said, logprobs=[]))
        return events + [event("content", "response.content_part.done", **place, part=whole),
                         event("content", "response.output_item.done", output_index=index,
                               item=self.message_item(reply, "completed", [whole]))]
