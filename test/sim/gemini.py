# SPDX-License-Identifier: Apache-2.0
"""Gemini's generateContent and its kin, as the provider has them (DIALECTS §3–§6, GG)."""

import json
import re

from . import schemas
from .reply import Event, dump, sign, sign_call, usage_or_style

MEMBERS = {"contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent", "generationConfig", "labels",
           "serviceTier", "store", "continuationToken", "model"}
CONFIG_MEMBERS = {"temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "responseLogprobs", "logprobs",
                  "presencePenalty", "frequencyPenalty", "seed", "responseMimeType", "responseSchema", "responseJsonSchema",
                  "responseModalities", "mediaResolution", "speechConfig", "thinkingConfig", "imageConfig", "audioTranscriptionConfig",
                  "enableEnhancedCivicAnswers"}
PART_DATA = {"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"}
PART_MEMBERS = PART_DATA | {"thought", "thoughtSignature", "videoMetadata", "mediaResolution"}


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
        return {"error": {"code": status, "message": message,
                          "status": kind or self.kinds.get(status, "UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT")}}

    def error_headers(self, status):
        return []

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
        problem = self.state_problem(value)
        if problem or not sim.strict or request.path.endswith(":countTokens"):
            return problem
        return self.member_problem(value) or self.turn_problem(value["contents"]) or self.tool_problem(value)

    def state_problem(self, value):
        for turn in value.get("contents", []):
            for part in turn.get("parts", []) if isinstance(turn, dict) else []:
                if isinstance(part, dict) and "thoughtSignature" in part and self.decoded(part) != self.signature(part):
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

    def decoded(self, part):
        """Bytes are read in both alphabets of base64: Google's SDK for Python sends back the other than it got."""
        return part["thoughtSignature"].replace("-", "+").replace("_", "/")

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

    # ---- strict ----

    def unknown(self, name, where=""):
        at = f" at '{where}'" if where else ""
        return self.problem(400, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')

    def member_problem(self, value):
        for name in value:
            if name not in MEMBERS:
                return self.unknown(name)
        config = value.get("generationConfig") or {}
        for name in config:
            if name not in CONFIG_MEMBERS:
                return self.unknown(name, "generation_config")
        if not 0 <= config.get("temperature", 0) <= 2:
            return self.problem(400, f"Unable to submit request because it has a temperature value of {config['temperature']} but the "
                                "supported range is from 0 (inclusive) to 2.0001 (exclusive). Update the value and try again.")
        if len(config.get("stopSequences") or []) > 5:
            return self.problem(400, "* GenerateContentRequest.generation_config.stop_sequences: the number of stop sequences must be at "
                                "most 5.")
        if "logprobs" in config and not config.get("responseLogprobs"):
            return self.problem(400, "* GenerateContentRequest.generation_config.response_logprobs: must be true to use logprobs")
        thinking = config.get("thinkingConfig") or {}
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            return self.problem(400, "You can only set only one of thinking budget and thinking level.")
        for name, allowed in (("responseSchema", schemas.GEMINI_SCHEMA), ("responseJsonSchema", schemas.GEMINI_JSON_SCHEMA)):
            if name in config:
                if config.get("responseMimeType") != "application/json":
                    return self.problem(400, "* GenerateContentRequest.generation_config.response_schema: must be used with "
                                        "response_mime_type application/json")
                word = schemas.unknown_word(config[name], allowed)
                if word:
                    return self.unknown(word, "generation_config.response_schema")
        system = value.get("systemInstruction")
        if system is not None and not (isinstance(system, dict) and system.get("parts")):
            return self.problem(400, "* GenerateContentRequest.system_instruction.parts: contents.parts must not be empty.")
        return None

    def turn_problem(self, turns):
        open_calls = 0
        for number, turn in enumerate(turns):
            role, parts = turn.get("role", "user"), turn.get("parts")
            if role not in ("user", "model", "function"):
                return self.problem(400, "Please use a valid role: user, model.")
            if not parts:
                return self.problem(400, f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.")
            for place, part in enumerate(parts):
                problem = self.part_problem(f"contents[{number}].parts[{place}]", part)
                if problem:
                    return problem
            results = sum("functionResponse" in part for part in parts)
            if results != open_calls:
                return self.problem(400, "Please ensure that the number of function response parts is equal to the number of function "
                                    "call parts of the function call turn.")
            open_calls = sum("functionCall" in part for part in parts)
            if open_calls and (role != "model" or number == 0 or turns[number - 1].get("role") == "model"):
                return self.problem(400, "Please ensure that function call turn comes immediately after a user turn or after a function "
                                    "response turn.")
        if open_calls:
            return self.problem(400, "Please ensure that the number of function response parts is equal to the number of function call "
                                "parts of the function call turn.")
        return None

    def part_problem(self, where, part):
        for name in part:
            if name not in PART_MEMBERS:
                return self.unknown(name, where)
        if len(PART_DATA & set(part)) != 1:
            return self.problem(400, f"* GenerateContentRequest.{where}.data: required oneof field 'data' must have one initialized field")
        if "functionResponse" in part and not isinstance(part["functionResponse"].get("response"), dict):
            return self.problem(400, f"Invalid value at '{where}.function_response.response' "
                                "(type.googleapis.com/google.protobuf.Struct)")
        if "functionCall" in part and not isinstance(part["functionCall"].get("args", {}), dict):
            return self.problem(400, f"Invalid value at '{where}.function_call.args' (type.googleapis.com/google.protobuf.Struct)")
        for kind in ("functionCall", "functionResponse"):
            if kind in part and not part[kind].get("name"):
                return self.problem(400, f"* GenerateContentRequest.{where}.{kind}.name: Name cannot be empty.")
        if "inlineData" in part and not re.match(r"^[\w.+-]+/[\w.+-]+$", part["inlineData"].get("mimeType") or ""):
            return self.problem(400, "Unsupported MIME type: ")
        return None

    def tool_problem(self, value):
        names = []
        for tool in value.get("tools") or []:
            for function in tool.get("functionDeclarations") or []:
                if not re.match(r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$", function.get("name") or ""):
                    return self.problem(400, "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. Must "
                                        "start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots "
                                        "(.), colons (:), or dashes (-), with a maximum length of 128.")
                names.append(function["name"])
                if "parameters" in function and "parametersJsonSchema" in function:
                    return self.problem(400, "parameters and parameters_json_schema cannot be set at the same time")
                word = schemas.unknown_word(function.get("parameters"), schemas.GEMINI_SCHEMA)
                if word:
                    return self.unknown(word, "tools[0].function_declarations[0].parameters")
        calling = (value.get("toolConfig") or {}).get("functionCallingConfig") or {}
        if calling.get("mode", "AUTO") not in ("AUTO", "ANY", "NONE", "VALIDATED"):
            return self.problem(400, "Invalid value at 'tool_config.function_calling_config.mode'")
        if calling and not names:
            return self.problem(400, "Function calling config is set without function_declarations.")
        if calling.get("allowedFunctionNames") and calling.get("mode") not in ("ANY", "VALIDATED"):
            return self.problem(400, "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: "
                                "allowed_function_names can only be set when mode is ANY or VALIDATED.")
        if set(calling.get("allowedFunctionNames") or []) - set(names):
            return self.problem(400, "allowed_function_names must be among the declared functions")
        return None

    # ---- answers ----

    def wants_stream(self, request):
        return request.path.endswith(":streamGenerateContent")

    def is_sse(self, request):
        return re.search(r"(^|&)alt=sse(&|$)", request.query) is not None

    def asks_usage(self, request):
        return True

    def stream_type(self, request):
        return "text/event-stream" if self.is_sse(request) else "application/json; charset=UTF-8"

    def usage(self, reply, output):
        usage = usage_or_style(reply)
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

    def grounding(self, reply):
        """Segments count bytes."""
        text = reply.whole_text()
        return {"groundingChunks": [{"web": {"uri": url, "title": title}} for url, title, _, _ in reply.citations],
                "groundingSupports": [{"segment": {"startIndex": len(text[:start].encode()), "endIndex": len(text[:end].encode()),
                                                   "text": text[start:end]}, "groundingChunkIndices": [number]}
                                      for number, (_, _, start, end) in enumerate(reply.citations)], "webSearchQueries": ["sim"]}

    def logprobs(self, reply):
        chosen = [{"token": piece, "tokenId": number, "logProbability": -0.25} for number, piece in enumerate(reply.pieces())]
        return {"chosenCandidates": chosen, "topCandidates": [{"candidates": [entry]} for entry in chosen]}

    def finish(self, reply):
        return {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}[reply.finish]

    def model_of(self, reply, request):
        return reply.model or re.match(r".*/models/(.+):\w+$", request.path).group(1)

    def complete(self, reply, request, value):
        """What stands beside the parts of the last candidate."""
        candidate = value["candidates"][0]
        candidate["content"]["parts"] += self.calls(reply)
        if not reply.whole_text() and len(candidate["content"]["parts"]) > 1:
            candidate["content"]["parts"] = [part for part in candidate["content"]["parts"] if part.get("text") != ""]
        if reply.citations:
            candidate["groundingMetadata"] = self.grounding(reply)
        if request.json().get("generationConfig", {}).get("responseLogprobs"):
            candidate["logprobsResult"] = self.logprobs(reply)
        return value

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
        self.complete(reply, request, value)
        for number in range(1, request.json().get("generationConfig", {}).get("candidateCount") or 1):
            value["candidates"].append({"content": {"parts": [{"text": f"{reply.whole_text()} ({number})"}], "role": "model"},
                                        "finishReason": self.finish(reply), "index": number})
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
        values.append(("finish", self.complete(reply, request, last)))
        if self.is_sse(request):
            return [Event(kind, f"data: {dump(value, reply)}\r\n\r\n".encode()) for kind, value in values]
        events = []
        for number, (kind, value) in enumerate(values):
            text = json.dumps(value, ensure_ascii=False, indent=2)
            events.append(Event(kind, (("[" if number == 0 else ",\r\n") + text).encode()))
        return [*events, Event("terminator", b"]")]
