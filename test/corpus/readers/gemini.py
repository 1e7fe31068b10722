# SPDX-License-Identifier: Apache-2.0
"""Gemini's generateContent and streamGenerateContent (DIALECTS.md §4.1 to §4.4, §5.5)."""

import re

from asked import Request, Result, Tool, kind_of, media, properties
from said import Answer, Call, counts, finished

FRAMING = "sse"
FILTERED = ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION", "MODEL_ARMOR", "JAILBREAK")
FINISH = {"STOP": "end", "MAX_TOKENS": "length", "CONTINUATION": "pause", "MALFORMED_FUNCTION_CALL": "malformed",
          "MALFORMED_RESPONSE": "malformed", "UNEXPECTED_TOOL_CALL": "malformed", "TOO_MANY_TOOL_CALLS": "malformed",
          **{word: "refusal" for word in FILTERED}}
NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}   # recorded: Firebase says the enum's number


def usage(value):
    value = value or {}
    prompt, tools = value.get("promptTokenCount"), value.get("toolUsePromptTokenCount") or 0
    thoughts, said = value.get("thoughtsTokenCount"), value.get("candidatesTokenCount")
    if not isinstance(prompt, int) and not isinstance(said, int):
        return {}
    return counts(input=(prompt or 0) + tools, cached=value.get("cachedContentTokenCount"), output=(said or 0) + (thoughts or 0),
                  reasoning=thoughts)


def snake(value):
    """Some libraries write the members of parts with underscores, and both are read by Google."""
    return value.get("functionCall", value.get("function_call"))


def put(value, path, member):
    """`member` at a JSONPath of names and indexes; texts are appended."""
    steps = [int(index) if index else name or quoted for name, quoted, index in
             re.findall(r"\.([^.\[]+)|\['([^']*)'\]|\[(\d+)\]", path)]
    for step, following in zip(steps, [*steps[1:], None]):
        if isinstance(value, list):
            value.extend([None] * (step + 1 - len(value)))
        missing = value[step] is None if isinstance(value, list) else step not in value
        if following is None:
            before = "" if missing else value[step]
            value[step] = before + member if isinstance(member, str) else member
        elif missing:
            value[step] = [] if isinstance(following, int) else {}
        value = value[step]


def take_call(choice, call):
    """Whole, or in Vertex's pieces: a call without a name continues the last one (§5.5)."""
    if call.get("name"):
        choice.calls.append(Call(call.get("id") or "", call["name"], call.get("args") or {}))
    for piece in call.get("partialArgs") or []:
        member = next((piece[name] for name in ("stringValue", "numberValue", "boolValue") if name in piece), None)
        put(choice.calls[-1].arguments, piece["jsonPath"], member)


def take(answer, value):
    answer.failed |= "error" in value
    for number, candidate in enumerate(value.get("candidates") or []):
        choice = answer.choice(candidate.get("index", number))
        for part in (candidate.get("content") or {}).get("parts") or []:
            if snake(part) is not None:
                take_call(choice, snake(part))
            elif part.get("thought"):
                choice.reasoning += part.get("text") or ""
            else:
                choice.text += part.get("text") or ""
        word = candidate.get("finishReason")
        word = NUMBERS.get(word, word)
        if word and word != "FINISH_REASON_UNSPECIFIED":
            choice.word, choice.finish = word, FINISH.get(word, "unknown")
    blocked = (value.get("promptFeedback") or {}).get("blockReason")
    if blocked and not value.get("candidates"):
        choice = answer.choice(0)
        choice.word, choice.finish = blocked, "refusal"
    answer.usage.update(usage(value.get("usageMetadata")))


def whole(value):
    return stream(value if isinstance(value, list) else [value])


def stream(values):
    answer = Answer()
    for value in values:
        take(answer, value)
    return finished(answer)


# ---- requests (DIALECTS.md §3); proto3's JSON takes both spellings of every member ----

def camel(value):
    """camelCase keys throughout, but inside of schemas, arguments and results, whose keys are data."""
    data = {"args", "response", "parametersJsonSchema", "responseJsonSchema", "properties", "labels"}
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, member in value.items():
        name = re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)
        result[name] = member if name in data else camel(member)
    return result


def read_part(request, role, part):
    if "functionCall" in part:
        call = part["functionCall"]
        request.add("assistant", "call", Call(call.get("id") or "", call.get("name"), call.get("args") or {}))
    elif "functionResponse" in part:
        answer = part["functionResponse"]
        response = answer.get("response")
        is_error = isinstance(response, dict) and set(response) == {"error"}
        request.add("user", "result", Result(answer.get("id") or "", answer.get("name"), response, is_error))
        for inner in answer.get("parts") or []:
            read_part(request, "user", inner)
    elif "inlineData" in part:
        blob = part["inlineData"]
        request.add(role, "media", media(kind_of(blob.get("mimeType")), data=blob["data"], mime=blob.get("mimeType")))
    elif "fileData" in part:
        file = part["fileData"]
        request.add(role, "media", media(kind_of(file.get("mimeType")), file.get("fileUri")))
    elif "text" in part and not part.get("thought"):
        request.add(role, "text", part["text"])


def read_tools(request, value):
    tools = value.get("tools") or []
    for tool in [tools] if isinstance(tools, dict) else tools:     # recorded: one object, and Google understood it
        for declaration in tool.get("functionDeclarations") or []:
            schema = declaration.get("parametersJsonSchema") or declaration.get("parameters")
            request.add_tool(Tool(declaration["name"], declaration.get("description") or "", properties(schema)))
        request.hosted += len(set(tool) - {"functionDeclarations"})
    config = (value.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode, names = config.get("mode", "AUTO").upper(), config.get("allowedFunctionNames") or []
    request.choice = {"ANY": "required", "NONE": "none"}.get(mode, "auto")
    if mode == "ANY" and len(names) == 1:
        request.choice = f"name:{names[0]}"
    elif names:
        request.allowed = frozenset(names)


def request(value, path_model=None):
    value = camel(value)
    wanted = Request(model=path_model)
    system = value.get("systemInstruction") or {}
    parts = system if isinstance(system, list) else [{"text": system}] if isinstance(system, str) else system.get("parts") or []
    for part in parts if isinstance(parts, list) else [parts]:
        read_part(wanted, "system", part)
    contents = value.get("contents") or []
    for content in contents if isinstance(contents, list) else [contents]:
        role = {"model": "assistant"}.get(content.get("role"), "user")
        for part in content.get("parts") or []:
            read_part(wanted, role, part)
    read_tools(wanted, value)
    config = value.get("generationConfig") or {}
    wanted.max_output, wanted.n = config.get("maxOutputTokens"), config.get("candidateCount") or 1
    wanted.temperature, wanted.top_p, wanted.top_k = config.get("temperature"), config.get("topP"), config.get("topK")
    wanted.seed, wanted.stops = config.get("seed"), config.get("stopSequences") or []
    wanted.frequency_penalty, wanted.presence_penalty = config.get("frequencyPenalty"), config.get("presencePenalty")
    wanted.logprobs = bool(config.get("responseLogprobs"))
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if config.get("responseMimeType") == "application/json":
        wanted.format = properties(schema) if schema else "json"
    return wanted
