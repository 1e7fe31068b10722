# SPDX-License-Identifier: Apache-2.0
"""Google's SDK for Python."""

import unittest

from google import genai
from google.genai import errors, types

from cases import KEY, SCHEMA, URL, Cases, spread


@spread
class GenerateContent(Cases, unittest.TestCase):
    without = ()
    classes = {400: errors.ClientError, 401: errors.ClientError, 404: errors.ClientError, 429: errors.ClientError, 500: errors.ServerError}
    tools = [types.Tool(function_declarations=[types.FunctionDeclaration(name="get_weather", description="The weather in a city.",
                                                                         parameters_json_schema=SCHEMA)])]

    def status_of(self, error):
        return error.code

    def generate(self, key, stream, **body):
        """The parts, the finish reason and the usage of an answer."""
        once = types.HttpRetryOptions(attempts=1)
        client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL, retry_options=once))
        self.addCleanup(client.close)
        chunks = list(client.models.generate_content_stream(**body)) if stream else [client.models.generate_content(**body)]
        candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
        parts = [part for candidate in candidates if candidate.content for part in candidate.content.parts or []]
        return parts, candidates[-1].finish_reason, chunks[-1].usage_metadata

    def text_of(self, parts, thought=False):
        return "".join(part.text for part in parts if part.text and bool(part.thought) == thought)

    def ask(self, key, model, text, stream):
        parts, finish, usage = self.generate(key, stream, model=model, contents=text)
        return self.text_of(parts), finish == types.FinishReason.STOP, usage.prompt_token_count, usage.candidates_token_count

    def call_tool(self, model, stream):
        config = types.GenerateContentConfig(tools=self.tools)
        contents = [types.Content(role="user", parts=[types.Part(text="How is the weather?")])]
        parts, _, _ = self.generate(KEY, stream, model=model, contents=contents, config=config)
        call = next(part.function_call for part in parts if part.function_call)
        result = types.FunctionResponse(id=call.id, name=call.name, response={"output": "3 degrees"})
        contents += [types.Content(role="model", parts=parts), types.Content(role="user", parts=[types.Part(function_response=result)])]
        after, _, _ = self.generate(KEY, stream, model=model, contents=contents, config=config)
        return call.name, call.args, self.text_of(after)

    def think(self, model, stream):
        config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
        parts, _, _ = self.generate(KEY, stream, model=model, contents="Two and two?", config=config)
        return self.text_of(parts, True), self.text_of(parts)


if __name__ == "__main__":
    unittest.main()
