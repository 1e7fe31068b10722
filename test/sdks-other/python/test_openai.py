# SPDX-License-Identifier: Apache-2.0
"""OpenAI's SDK for Python: chat completions and responses."""

import json
import unittest

import openai

from cases import KEY, SCHEMA, URL, Cases, spread


class OpenAI(Cases):
    classes = {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError, 429: openai.RateLimitError,
               500: openai.InternalServerError}

    def open(self, key=KEY):
        client = openai.OpenAI(api_key=key, base_url=f"{URL}/v1", max_retries=0)
        self.addCleanup(client.close)
        return client

    def status_of(self, error):
        return error.status_code


@spread
class Chat(OpenAI, unittest.TestCase):
    without = ("reasoning",)  # chat completions have no member for it in this SDK
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": SCHEMA}}]

    def complete(self, key, stream, **body):
        chat = self.open(key).chat.completions
        if not stream:
            return chat.create(**body)
        with chat.stream(**body, stream_options={"include_usage": True}) as events:
            for _ in events:
                pass
            return events.get_final_completion()

    def ask(self, key, model, text, stream):
        answer = self.complete(key, stream, model=model, messages=[{"role": "user", "content": text}])
        choice = answer.choices[0]
        return choice.message.content, choice.finish_reason == "stop", answer.usage.prompt_tokens, answer.usage.completion_tokens

    def call_tool(self, model, stream):
        messages = [{"role": "user", "content": "How is the weather?"}]
        message = self.complete(KEY, stream, model=model, messages=messages, tools=self.tools).choices[0].message
        call = message.tool_calls[0]
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "3 degrees"}]
        after = self.complete(KEY, stream, model=model, messages=messages, tools=self.tools).choices[0].message.content
        return call.function.name, json.loads(call.function.arguments), after


@spread
class Responses(OpenAI, unittest.TestCase):
    without = ()
    tools = [{"type": "function", "name": "get_weather", "description": "The weather in a city.", "parameters": SCHEMA, "strict": True}]

    def create(self, key, stream, **body):
        responses = self.open(key).responses
        if not stream:
            return responses.create(store=False, **body)
        with responses.stream(store=False, **body) as events:
            for _ in events:
                pass
            return events.get_final_response()

    def ask(self, key, model, text, stream):
        answer = self.create(key, stream, model=model, input=text)
        return answer.output_text, answer.status == "completed", answer.usage.input_tokens, answer.usage.output_tokens

    def call_tool(self, model, stream):
        items = [{"role": "user", "content": "How is the weather?"}]
        answer = self.create(KEY, stream, model=model, input=items, tools=self.tools)
        call = next(item for item in answer.output if item.type == "function_call")
        items += [{"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
                  {"type": "function_call_output", "call_id": call.call_id, "output": "3 degrees"}]
        after = self.create(KEY, stream, model=model, input=items, tools=self.tools).output_text
        return call.name, json.loads(call.arguments), after

    def think(self, model, stream):
        answer = self.create(KEY, stream, model=model, input="Two and two?", reasoning={"effort": "medium", "summary": "auto"})
        thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary]
        return "".join(thoughts), answer.output_text


if __name__ == "__main__":
    unittest.main()
