# SPDX-License-Identifier: Apache-2.0
"""Anthropic's SDK for Python."""

import unittest

import anthropic

from cases import KEY, SCHEMA, URL, Cases, spread


@spread
class Messages(Cases, unittest.TestCase):
    without = ()
    classes = {400: anthropic.BadRequestError, 401: anthropic.AuthenticationError, 404: anthropic.NotFoundError,
               429: anthropic.RateLimitError, 500: anthropic.InternalServerError}
    tools = [{"name": "get_weather", "description": "The weather in a city.", "input_schema": SCHEMA}]

    def status_of(self, error):
        return error.status_code

    def create(self, key, stream, **body):
        client = anthropic.Anthropic(api_key=key, base_url=URL, max_retries=0)
        self.addCleanup(client.close)
        if not stream:
            return client.messages.create(max_tokens=4000, **body)
        with client.messages.stream(max_tokens=4000, **body) as events:
            return events.get_final_message()

    def text_of(self, message):
        return "".join(block.text for block in message.content if block.type == "text")

    def ask(self, key, model, text, stream):
        message = self.create(key, stream, model=model, messages=[{"role": "user", "content": text}])
        return self.text_of(message), message.stop_reason == "end_turn", message.usage.input_tokens, message.usage.output_tokens

    def call_tool(self, model, stream):
        messages = [{"role": "user", "content": "How is the weather?"}]
        message = self.create(KEY, stream, model=model, messages=messages, tools=self.tools)
        call = next(block for block in message.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "3 degrees"}
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
        return call.name, call.input, self.text_of(self.create(KEY, stream, model=model, messages=messages, tools=self.tools))

    def think(self, model, stream):
        message = self.create(KEY, stream, model=model, messages=[{"role": "user", "content": "Two and two?"}],
                              thinking={"type": "enabled", "budget_tokens": 2000})
        return "".join(block.thinking for block in message.content if block.type == "thinking"), self.text_of(message)


if __name__ == "__main__":
    unittest.main()
