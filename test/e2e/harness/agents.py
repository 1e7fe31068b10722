# SPDX-License-Identifier: Apache-2.0
"""Agents: a client of each dialect that keeps its history as a user of the official SDK does: what was received is echoed, and
results are appended. `plain`: only what the dialect's own standard has is echoed, as programs do that keep messages of their own."""

import base64
import json

from . import grammar, wires

TOOLS = {"look_up": ("Finds things.", {"type": "object", "properties": {"what": {"type": "string"}, "times": {"type": "integer"}},
                                       "required": ["what"]}),
         "take-picture": ("Takes a picture.", {"type": "object", "properties": {"of": {"type": "string"}}}),
         "wait": ("Waits.", {"type": "object", "properties": {}})}
MARK = {"type": "ephemeral"}


def fold(into, delta):
    """Texts of a stream are joined, members set."""
    for name, value in delta.items():
        if isinstance(value, str) and isinstance(into.get(name), str) and name not in ("id", "type", "role", "name"):
            into[name] += value
        elif value is not None:
            into[name] = value


class Agent:
    results_have_images = True
    headers = ()
    has_ids = True

    def __init__(self, model, system, text, plain=False, tools=TOOLS, marks=True, thinks=True):
        self.model, self.system, self.plain, self.tools, self.marks, self.thinks = model, system, plain, tools, marks, thinks
        self.history = []
        self.names = {}
        self.say(text)

    def marked(self, value, mark=True):
        return {**value, "cache_control": MARK} if self.marks and mark else value

    def path(self, stream):
        return self.own_path

    def values(self, response):
        """JSON values of a stream."""
        events, _ = grammar.parse_sse(response.body)
        return [json.loads(event.data) for event in events if event.data not in (None, "[DONE]")]

    def take(self, response, stream):
        """Appends the answer to the history; returns (id, name, arguments) of its calls."""
        calls = self.keep(self.gathered(self.values(response)) if stream else json.loads(response.body))
        self.names.update({id: name for id, name, _ in calls})
        return calls


class ChatAgent(Agent):
    own_path, results_have_images = "/v1/chat/completions", False
    standard = ("role", "content", "tool_calls", "refusal")

    def say(self, text):
        self.history.append({"role": "user", "content": text})

    def request(self, stream):
        tools = [{"type": "function", "function": {"name": name, "description": words, "parameters": schema}}
                 for name, (words, schema) in self.tools.items()]
        system = {"role": "system", "content": [self.marked({"type": "text", "text": self.system})]}
        value = {"model": self.model, "messages": [system, *self.history], "tools": tools, "max_completion_tokens": 20000,
                 **({"reasoning_effort": "high"} if self.thinks else {})}
        return {**value, "stream": True, "stream_options": {"include_usage": True}} if stream else value

    def gathered(self, values):
        message, calls = {"role": "assistant", "content": None}, {}
        for value in values:
            for choice in value["choices"]:
                delta = dict(choice["delta"])
                for call in delta.pop("tool_calls", []):
                    into = calls.setdefault(call["index"], {"function": {"name": "", "arguments": ""}})
                    function = call.pop("function", {})
                    into["function"]["name"] += function.get("name") or ""
                    into["function"]["arguments"] += function.get("arguments") or ""
                    fold(into, {name: member for name, member in call.items() if name != "index"})
                if "reasoning_details" in delta:
                    message.setdefault("reasoning_details", []).extend(delta.pop("reasoning_details"))
                fold(message, delta)
        return {"choices": [{"message": {**message, **({"tool_calls": list(calls.values())} if calls else {})}}]}

    def keep(self, answer):
        message = answer["choices"][0]["message"]
        if self.plain:
            message = {name: message[name] for name in self.standard if message.get(name) is not None}
            message["tool_calls"] = [{name: call[name] for name in ("id", "type", "function")} for call in message.get("tool_calls", [])]
            if not message["tool_calls"]:
                del message["tool_calls"]
        self.history.append(message)
        return [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls") or []]

    def give(self, results):
        for id, text, is_error, _ in results:
            self.history.append({"role": "tool", "tool_call_id": id, "content": text})


class ResponsesAgent(Agent):
    own_path = "/v1/responses"

    def say(self, text):
        self.history.append({"role": "user", "content": text})

    def request(self, stream):
        tools = [{"type": "function", "name": name, "description": words, "parameters": schema, "strict": False}
                 for name, (words, schema) in self.tools.items()]
        return {"model": self.model, "instructions": self.system, "input": self.history, "tools": tools, "max_output_tokens": 20000,
                "store": False, "include": ["reasoning.encrypted_content"],
                **({"reasoning": {"effort": "high", "summary": "auto"}} if self.thinks else {}), **({"stream": True} if stream else {})}

    def gathered(self, values):
        return next(value["response"] for value in values if value["type"] in ("response.completed", "response.incomplete"))

    def keep(self, answer):
        items = answer["output"]
        if self.plain:
            items = [item for item in items if item["type"] != "reasoning"]
        self.history += items
        return [(item["call_id"], item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]

    def give(self, results):
        for id, text, is_error, image in results:
            output = text if image is None else [{"type": "input_text", "text": text},
                                                 {"type": "input_image", "image_url": wires.data_url(image), "detail": "auto"}]
            self.history.append({"type": "function_call_output", "call_id": id, "output": output})


class AnthropicAgent(Agent):
    own_path, headers = "/v1/messages", (("anthropic-version", "2023-06-01"),)

    def say(self, text):
        self.history.append({"role": "user", "content": [self.marked({"type": "text", "text": text}, not self.history)]})

    def request(self, stream):
        tools = [{"name": name, "description": words, "input_schema": schema} for name, (words, schema) in self.tools.items()]
        tools[-1] = self.marked(tools[-1])
        return {"model": self.model, "max_tokens": 20000, "system": [self.marked({"type": "text", "text": self.system})], "tools": tools,
                "messages": self.history, **({"thinking": {"type": "enabled", "budget_tokens": 8000}} if self.thinks else {}),
                **({"stream": True} if stream else {})}

    def gathered(self, values):
        blocks = []
        for value in values:
            if value["type"] == "content_block_start":
                blocks.append({**value["content_block"], "partial": ""})
            elif value["type"] == "content_block_delta":
                delta = dict(value["delta"])
                kind = delta.pop("type")
                if kind == "input_json_delta":
                    blocks[value["index"]]["partial"] += delta["partial_json"]
                elif kind == "signature_delta":
                    blocks[value["index"]]["signature"] = delta["signature"]
                else:
                    fold(blocks[value["index"]], delta)
            elif value["type"] == "content_block_stop":
                partial = blocks[value["index"]].pop("partial")
                if partial:
                    blocks[value["index"]]["input"] = json.loads(partial)
        return {"content": blocks}

    def keep(self, answer):
        blocks = answer["content"]
        if self.plain:
            blocks = [block for block in blocks if "thinking" not in block["type"]]
        self.history.append({"role": "assistant", "content": blocks})
        return [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]

    def give(self, results):
        blocks = []
        for id, text, is_error, image in results:
            content = [{"type": "text", "text": text}]
            if image is not None:
                content.append({"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                                            "data": base64.b64encode(image).decode()}})
            blocks.append({"type": "tool_result", "tool_use_id": id, "content": content, **({"is_error": True} if is_error else {})})
        self.history.append({"role": "user", "content": blocks})


class GeminiAgent(Agent):
    def say(self, text):
        self.history.append({"role": "user", "parts": [{"text": text}]})

    def path(self, stream):
        return f"/v1beta/models/{self.model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    def request(self, stream):
        declarations = [{"name": name, "description": words, "parametersJsonSchema": schema} for name, (words, schema) in self.tools.items()]
        config = {"maxOutputTokens": 20000}
        if self.thinks:
            config["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": 8000}
        return {"systemInstruction": {"parts": [{"text": self.system}]}, "contents": self.history,
                "tools": [{"functionDeclarations": declarations}], "generationConfig": config}

    def gathered(self, values):
        parts = []
        for value in values:
            parts += (value.get("candidates") or [{}])[0].get("content", {}).get("parts", [])
        return {"candidates": [{"content": {"role": "model", "parts": [part for part in parts if part != {"text": ""}]}}]}

    def keep(self, answer):
        content = answer["candidates"][0]["content"]
        if self.plain:
            parts = [{name: member for name, member in part.items() if name != "thoughtSignature"}
                     for part in content["parts"] if not part.get("thought")]
            content = {"role": "model", "parts": [part for part in parts if part not in ({}, {"text": ""})]}
        self.history.append(content)
        return [(part["functionCall"].get("id"), part["functionCall"]["name"], part["functionCall"].get("args") or {})
                for part in content["parts"] if "functionCall" in part]

    def give(self, results):
        parts = []
        for id, text, is_error, image in results:
            answer = {"id": id, "name": self.names[id], "response": {"error" if is_error else "output": text}}
            if image is not None:
                answer["parts"] = [{"inlineData": {"mimeType": "image/png", "data": base64.b64encode(image).decode()}}]
            parts.append({"functionResponse": answer})
        self.history.append({"role": "user", "parts": parts})


class BedrockAgent(Agent):
    def point(self, at_all=True):
        return [{"cachePoint": {"type": "default"}}] if self.marks and at_all else []

    def say(self, text):
        self.history.append({"role": "user", "content": [{"text": text}, *self.point(not self.history)]})

    def path(self, stream):
        return f"/model/{self.model}/converse" + ("-stream" if stream else "")

    def request(self, stream):
        tools = [{"toolSpec": {"name": name, "description": words, "inputSchema": {"json": schema}}}
                 for name, (words, schema) in self.tools.items()]
        more = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 8000}}} if self.thinks else {}
        return {"system": [{"text": self.system}, *self.point()], "messages": self.history, "toolConfig": {"tools": [*tools, *self.point()]},
                "inferenceConfig": {"maxTokens": 20000}, **more}

    def values(self, response):
        return [{headers[":event-type"]: json.loads(payload)} for headers, payload in grammar.parse_aws(response.body)]

    def gathered(self, values):
        blocks = {}
        for value in values:
            (name, inner), = value.items()
            if name == "contentBlockStart":
                blocks[inner["contentBlockIndex"]] = {"toolUse": {**inner["start"]["toolUse"], "input": ""}}
            elif name == "contentBlockDelta":
                (kind, delta), = inner["delta"].items()
                block = blocks.setdefault(inner["contentBlockIndex"], {})
                if kind == "text":
                    block["text"] = block.get("text", "") + delta
                elif kind == "toolUse":
                    block["toolUse"]["input"] += delta["input"]
                elif "redactedContent" in delta:
                    block["reasoningContent"] = delta
                else:
                    fold(block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"], delta)
        for block in blocks.values():
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
        return {"output": {"message": {"role": "assistant", "content": [block for _, block in sorted(blocks.items())]}}}

    def keep(self, answer):
        message = answer["output"]["message"]
        if self.plain:
            message = {"role": "assistant", "content": [block for block in message["content"] if "reasoningContent" not in block]}
        self.history.append(message)
        calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        return [(call["toolUseId"], call["name"], call["input"]) for call in calls]

    def give(self, results):
        blocks = []
        for id, text, is_error, image in results:
            content = [{"text": text}]
            if image is not None:
                content.append({"image": {"format": "png", "source": {"bytes": base64.b64encode(image).decode()}}})
            blocks.append({"toolResult": {"toolUseId": id, "content": content, **({"status": "error"} if is_error else {})}})
        self.history.append({"role": "user", "content": blocks})


class CohereAgent(ChatAgent):
    own_path = "/v2/chat"

    def request(self, stream):
        tools = [{"type": "function", "function": {"name": name, "description": words, "parameters": schema}}
                 for name, (words, schema) in self.tools.items()]
        return {"model": self.model, "messages": [{"role": "system", "content": self.system}, *self.history], "tools": tools,
                "max_tokens": 20000, "stream": stream, **({"thinking": {"type": "enabled", "token_budget": 8000}} if self.thinks else {})}

    def gathered(self, values):
        contents, calls, plan = [], [], ""
        for value in values:
            message = (value.get("delta") or {}).get("message") or {}
            if value["type"] == "content-start":
                contents.append(dict(message["content"]))
            elif value["type"] == "content-delta":
                fold(contents[-1], message["content"])
            elif value["type"] == "tool-plan-delta":
                plan += message["tool_plan"]
            elif value["type"] == "tool-call-start":
                calls.append(message["tool_calls"])
            elif value["type"] == "tool-call-delta":
                calls[-1]["function"]["arguments"] += message["tool_calls"]["function"]["arguments"]
        message = {"role": "assistant"}
        for name, value in (("content", contents), ("tool_calls", calls), ("tool_plan", plan)):
            if value:
                message[name] = value
        return {"message": message}

    def keep(self, answer):
        message = dict(answer["message"])
        if self.plain:
            message["content"] = [part for part in message.get("content") or [] if part["type"] != "thinking"]
            message = {name: value for name, value in message.items() if value}
        self.history.append(message)
        return [(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls") or []]


class OllamaAgent(Agent):
    own_path = "/api/chat"

    def say(self, text):
        self.history.append({"role": "user", "content": text})

    def request(self, stream):
        tools = [{"type": "function", "function": {"name": name, "description": words, "parameters": schema}}
                 for name, (words, schema) in self.tools.items()]
        return {"model": self.model, "messages": [{"role": "system", "content": self.system}, *self.history], "tools": tools,
                "stream": stream, "options": {"num_predict": 20000}, **({"think": "high"} if self.thinks else {})}

    def values(self, response):
        return [json.loads(line) for line in response.body.splitlines()]

    def gathered(self, values):
        message = {"role": "assistant", "content": ""}
        for value in values:
            said = dict(value["message"])
            message.setdefault("tool_calls", []).extend(said.pop("tool_calls", []))
            fold(message, said)
        if not message["tool_calls"]:
            del message["tool_calls"]
        return {"message": message}

    def keep(self, answer):
        message = answer["message"]
        if self.plain:
            message = {name: value for name, value in message.items() if name != "thinking"}
        self.history.append(message)
        return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or []]

    def give(self, results):
        for id, text, is_error, image in results:
            self.history.append({"role": "tool", "tool_name": self.names[id], "tool_call_id": id, "content": text,
                                 **({"images": [base64.b64encode(image).decode()]} if image is not None else {})})


AGENTS = {"openai-chat": ChatAgent, "openai-responses": ResponsesAgent, "anthropic": AnthropicAgent, "gemini": GeminiAgent,
          "bedrock": BedrockAgent, "cohere": CohereAgent, "ollama": OllamaAgent}
