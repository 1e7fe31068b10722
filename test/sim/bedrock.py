# SPDX-License-Identifier: Apache-2.0
"""Bedrock's Converse and ConverseStream, as the provider has them (DIALECTS §3–§6, BC; the service's own model)."""

import json
import re
import struct
import urllib.parse
import zlib

from .reply import Event, dump, halves, sign, usage_or_style

MEMBERS = {"messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig", "additionalModelRequestFields",
           "additionalModelResponseFieldPaths", "promptVariables", "requestMetadata", "performanceConfig", "serviceTier", "outputConfig"}
INFERENCE_MEMBERS = {"maxTokens", "temperature", "topP", "stopSequences"}
BLOCKS = {"text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint", "reasoningContent",
          "citationsContent", "searchResult"}
RESULT_BLOCKS = {"json", "text", "image", "document", "video", "searchResult"}
BASE64 = re.compile(r"^[A-Za-z0-9+/]+=*$")


def frame(kind, value, message_type="event", name_header=":event-type"):
    """One message of the event stream: prelude and all of it have a CRC each."""
    headers = b"".join(bytes([len(name)]) + name.encode() + b"\7" + struct.pack(">H", len(text)) + text.encode()
                       for name, text in ((name_header, kind), (":content-type", "application/json"), (":message-type", message_type)))
    payload = dump(value).encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


class Bedrock:
    name = "bedrock"
    headers = [("x-amzn-requestid", "8d3cd6c2-0f6b-4c1c-9a51-5a6c0a9c7e11")]
    words = {400: "The provided model identifier is invalid.", 403: "The security token included in the request is invalid.",
             404: "Could not resolve the foundation model from the provided model identifier.",
             424: "The model returned the following errors: x", 429: "Too many requests, please wait before trying again.",
             500: "The system encountered an unexpected error during processing. Try your request again.",
             503: "Bedrock is unable to process your request."}
    kinds = {400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException",
             404: "ResourceNotFoundException", 408: "ModelTimeoutException", 424: "ModelErrorException", 429: "ThrottlingException",
             500: "InternalServerException", 503: "ServiceUnavailableException"}

    def error(self, status, message, kind=None, code=None):
        return {"message": message}

    def error_headers(self, status):
        kind = self.kinds.get(status, "InternalServerException" if status >= 500 else "ValidationException")
        return [("x-amzn-requestid", self.headers[0][1]), ("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")]

    def problem(self, status, message):
        return status, "bedrock", message, None

    def credential_problem(self, sim, request):
        given = request.header("authorization")
        if given is None:
            return self.problem(403, "Missing Authentication Token")
        if given.startswith("AWS4-HMAC-SHA256 "):
            return None
        return None if given == f"Bearer {sim.key}" else self.problem(403, self.words[403])

    def model_of(self, request):
        return urllib.parse.unquote(re.match(r".*/model/([^/]+)/converse", request.path).group(1))

    def request_problem(self, sim, request, value):
        if sim.models is not None and self.model_of(request) not in sim.models:
            return self.problem(400, self.words[400])
        if not isinstance(value.get("messages"), list) or not value["messages"]:
            return self.problem(400, "A conversation must start with a user message. Try again with a conversation that starts with a user "
                                "message.")
        return self.member_problem(value) or self.turn_problem(value) or self.tool_problem(value.get("toolConfig"))

    def invalid(self, where, value, pattern):
        return self.problem(400, f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: Member must "
                            f"satisfy regular expression pattern: {pattern}")

    def extraneous(self, name):
        return self.problem(400, f"Malformed input request: extraneous key [{name}] is not permitted, please reformat your input and try "
                            "again.")

    def member_problem(self, value):
        for name in value:
            if name not in MEMBERS:
                return self.extraneous(name)
        config = value.get("inferenceConfig") or {}
        for name in config:
            if name not in INFERENCE_MEMBERS:
                return self.extraneous(name)
        for name in ("temperature", "topP"):
            if not 0 <= config.get(name, 0) <= 1:
                return self.problem(400, f"1 validation error detected: Value '{config[name]}' at 'inferenceConfig.{name}' failed to satisfy "
                                    "constraint: Member must have value less than or equal to 1")
        if config.get("maxTokens", 1) < 1:
            return self.problem(400, "1 validation error detected: Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: "
                                "Member must have value greater than or equal to 1")
        for number, block in enumerate(value.get("system") or []):
            if not {"text", "cachePoint", "guardContent"} & set(block):
                return self.problem(400, f"The system field at system.{number} is invalid.")
            if block.get("text") == "":
                return self.problem(400, f"The text field in the SystemContentBlock object at system.{number} is blank. Add text to the text "
                                    "field, and try again.")
        form = ((value.get("outputConfig") or {}).get("textFormat") or {}).get("structure")
        if form:
            try:
                json.loads(form["jsonSchema"]["schema"])
            except (KeyError, TypeError, ValueError):
                return self.problem(400, "outputConfig.textFormat.structure.jsonSchema.schema: must be a JSON string")
        return None

    def turn_problem(self, value):
        open_calls, before = [], "assistant"
        for number, message in enumerate(value["messages"]):
            where, role, content = f"messages.{number}", message.get("role"), message.get("content")
            if role not in ("user", "assistant"):
                return self.problem(400, f"1 validation error detected: Value '{role}' at '{where}.role' failed to satisfy constraint: "
                                    "Member must satisfy enum value set: [user, assistant]")
            if number == 0 and role != "user":
                return self.problem(400, "A conversation must start with a user message. Try again with a conversation that starts with a "
                                    "user message.")
            if role == before:
                return self.problem(400, "A conversation must alternate between user and assistant roles. Make sure the conversation "
                                    "alternates between user and assistant roles and try again.")
            before = role
            if not content:
                return self.problem(400, f"The content field in the Message object at {where} is empty. Add a ContentBlock object to the "
                                    "content field and try again.")
            for place, block in enumerate(content):
                problem = self.block_problem(f"{where}.content.{place}", role, block)
                if problem:
                    return problem
            problem = self.pairing_problem(where, content, open_calls)
            if problem:
                return problem
            open_calls = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
            if "toolConfig" not in value and any("toolUse" in block or "toolResult" in block for block in content):
                return self.problem(400, "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        return self.problem(400, f"Expected toolResult blocks for the following Ids: {', '.join(open_calls)}") if open_calls else None

    def pairing_problem(self, where, content, open_calls):
        results = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        missing = [id for id in open_calls if id not in results]
        if missing:
            return self.problem(400, f"Expected toolResult blocks at {where}.content for the following Ids: {', '.join(missing)}")
        if len(results) > len(open_calls) or set(results) - set(open_calls):
            return self.problem(400, f"The number of toolResult blocks at {where}.content exceeds the number of toolUse blocks of previous "
                                "turn.")
        kinds = ["toolResult" in block for block in content if "cachePoint" not in block]
        if open_calls and kinds != sorted(kinds, reverse=True):
            return self.problem(400, f"Expected toolResult blocks at {where}.content before any other block")
        return None

    def block_problem(self, where, role, block):
        kinds = [name for name in block if name in BLOCKS]
        if len(kinds) != 1 or set(block) - BLOCKS:
            return self.problem(400, f"The ContentBlock object at {where} must set exactly one field.")
        if "text" in block and not block["text"].strip():
            return self.problem(400, f"The text field in the ContentBlock object at {where} is blank. Add text to the text field, and try "
                                "again.")
        if "toolUse" in block:
            use = block["toolUse"]
            if not re.match(r"^[a-zA-Z0-9_.:-]{1,64}$", use.get("toolUseId") or ""):
                return self.invalid(f"{where}.toolUse.toolUseId", use.get("toolUseId"), "[a-zA-Z0-9_.:-]+")
            if not re.match(r"^[a-zA-Z0-9_-]{1,64}$", use.get("name") or ""):
                return self.invalid(f"{where}.toolUse.name", use.get("name"), "[a-zA-Z0-9_-]+")
            if not isinstance(use.get("input"), dict) or role != "assistant":
                return self.problem(400, f"The format of the value at {where}.toolUse.input is invalid. Provide a json object for the field "
                                    "and try again.")
        if "toolResult" in block:
            parts = block["toolResult"].get("content")
            if not isinstance(parts, list) or any(set(part) - RESULT_BLOCKS or len(part) != 1 for part in parts):
                return self.problem(400, f"The content field at {where}.toolResult is invalid.")
            if any("json" in part and not isinstance(part["json"], dict) for part in parts):
                return self.problem(400, f"The format of the value at {where}.toolResult.content.0.json is invalid. Provide a json object "
                                    "for the field and try again.")
        if "image" in block:
            image = block["image"]
            if image.get("format") not in ("png", "jpeg", "gif", "webp"):
                return self.problem(400, f"1 validation error detected: Value '{image.get('format')}' at '{where}.image.format' failed to "
                                    "satisfy constraint: Member must satisfy enum value set: [jpeg, png, gif, webp]")
            source = image.get("source") or {}
            if not ("s3Location" in source or BASE64.match(source.get("bytes") or "")):
                return self.problem(400, f"The image source at {where} is invalid.")
        if "document" in block and not re.match(r"^(?!.*\s\s)[A-Za-z0-9\s()\[\]-]{1,200}$", block["document"].get("name") or ""):
            return self.problem(400, "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, "
                                "parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.")
        if "reasoningContent" in block:
            text = block["reasoningContent"].get("reasoningText")
            if text is not None and text.get("signature") is not None and text["signature"] != sign(text.get("text", "")):
                return self.problem(400, f"The model returned the following errors: {where}: Invalid `signature` in `thinking` block")
        return None

    def tool_problem(self, config):
        if config is None:
            return None
        if not config.get("tools"):
            return self.problem(400, "1 validation error detected: Value '[]' at 'toolConfig.tools' failed to satisfy constraint: Member "
                                "must have length greater than or equal to 1")
        names = []
        for number, tool in enumerate(config["tools"]):
            spec = tool.get("toolSpec")
            if spec is None:
                continue
            if not re.match(r"^[a-zA-Z0-9_-]{1,64}$", spec.get("name") or ""):
                return self.invalid(f"toolConfig.tools.{number}.member.toolSpec.name", spec.get("name"), "[a-zA-Z0-9_-]+")
            if spec.get("description") == "":
                return self.problem(400, f"1 validation error detected: Value '' at 'toolConfig.tools.{number}.member.toolSpec.description' "
                                    "failed to satisfy constraint: Member must have length greater than or equal to 1")
            schema = (spec.get("inputSchema") or {}).get("json")
            if not isinstance(schema, dict) or schema.get("type") != "object":
                return self.problem(400, f"The value at toolConfig.tools.{number}.toolSpec.inputSchema.json.type must be one of the "
                                    "following: object.")
            names.append(spec["name"])
        choice = config.get("toolChoice")
        if choice is not None and (len(choice) != 1 or set(choice) - {"auto", "any", "tool"}):
            return self.problem(400, "The toolChoice field must set exactly one of auto, any, tool.")
        if choice and "tool" in choice and choice["tool"].get("name") not in names:
            return self.problem(400, f"The tool {choice['tool'].get('name')} is not in toolConfig.tools")
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.path.endswith("/converse-stream")

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "application/vnd.amazon.eventstream"

    def usage(self, reply):
        usage = usage_or_style(reply)
        if usage is None:
            return None
        fresh = usage.input - usage.cached - usage.written
        return {"inputTokens": fresh, "outputTokens": usage.output, "totalTokens": usage.input + usage.output,
                "cacheReadInputTokens": usage.cached, "cacheWriteInputTokens": usage.written,
                "cacheDetails": [{"ttl": "5m", "inputTokens": usage.written - usage.written_1h}, {"ttl": "1h", "inputTokens": usage.written_1h}]}

    def stop(self, reply):
        return "tool_use" if reply.calls else {"stop": "end_turn", "length": "max_tokens", "content_filter": "content_filtered"}[reply.finish]

    def whole(self, reply, request):
        content = []
        if reply.reasoning:
            content.append({"reasoningContent": {"reasoningText": {"text": reply.reasoning, "signature": sign(reply.reasoning)}}})
        if reply.whole_text():
            content.append({"text": reply.whole_text()})
        content += [{"toolUse": {"toolUseId": id, "name": name, "input": arguments}} for id, name, arguments in reply.calls or []]
        value = {"metrics": {"latencyMs": 512}, "output": {"message": {"content": content, "role": "assistant"}},
                 "stopReason": self.stop(reply)}
        usage = self.usage(reply)
        return dump({**value, "usage": usage} if usage is not None else value, reply).encode()

    def events(self, reply, request, asked):
        def event(kind, name, **members):
            return Event(kind, frame(name, {**members, "p": "abcdefgh"}))

        def delta(index, value):
            return event("content", "contentBlockDelta", contentBlockIndex=index, delta=value)

        events, index = [event("lifecycle", "messageStart", role="assistant")], 0
        if reply.reasoning:
            events += [delta(0, {"reasoningContent": {"text": piece}}) for piece in re.findall(r"\s*\S+", reply.reasoning)]
            events += [delta(0, {"reasoningContent": {"signature": sign(reply.reasoning)}}),
                       event("content", "contentBlockStop", contentBlockIndex=0)]
            index = 1
        if reply.pieces():
            events += [delta(index, {"text": piece}) for piece in reply.pieces()]
            events.append(event("content", "contentBlockStop", contentBlockIndex=index))
            index += 1
        for index, (id, name, arguments) in enumerate(reply.calls or [], index):
            events.append(event("content", "contentBlockStart", contentBlockIndex=index, start={"toolUse": {"toolUseId": id, "name": name}}))
            events += [delta(index, {"toolUse": {"input": piece}}) for piece in halves(dump(arguments))]
            events.append(event("content", "contentBlockStop", contentBlockIndex=index))
        events.append(event("finish", "messageStop", stopReason=self.stop(reply)))
        usage = self.usage(reply)
        return [*events, event("terminator", "metadata", metrics={"latencyMs": 512}, **({"usage": usage} if usage is not None else {}))]
