# SPDX-License-Identifier: Apache-2.0
"""The same cases for every SDK, at a provider of every dialect, whole and streamed. A suite says how its SDK asks; what is answered
follows from the words of the question (world.py)."""

import itertools
import os

URL, KEY = os.environ["WEIR_URL"], os.environ["WEIR_KEY"]
DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "bedrock", "cohere", "ollama")
SPARE = itertools.count()  # models that have failed are left alone for a while
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


class Cases:
    """`ask(key, model, text, stream)` → (text, finished normally, input tokens, output tokens); `call_tool(model, stream)` → (name,
    arguments, the text after the result); `classes`: status → the SDK's exception; `status_of(error)`."""

    def check_text(self, model, stream):
        self.assertEqual(self.ask(KEY, model, "Say hello.", stream), ("Hello, you there.", True, 11, 7))

    def check_tool(self, model, stream):
        self.assertEqual(self.call_tool(model, stream), ("get_weather", {"city": "Oslo"}, "It is cold."))

    def check_reasoning(self, model, stream):
        self.assertEqual(self.think(model, stream), ("Two and two make four.", "It is four."))

    def check_failing(self, model, stream):
        for status, shown in ((400, (400,)), (429, (429,)), (500, (500, 502))):
            with self.assertRaises(self.classes[status]) as caught:
                self.ask(KEY, f"{model}-{next(SPARE)}", f"Fail with {status}", stream)
            self.assertIn(self.status_of(caught.exception), shown)

    def check_strangers(self, model, stream):
        for status, key, name in ((401, "weir-app-key-of-nobody", model), (404, KEY, "no-such-model")):
            with self.assertRaises(self.classes[status]) as caught:
                self.ask(key, name, "Say hello.", stream)
            self.assertEqual(self.status_of(caught.exception), status)


def spread(cls):
    """A test per case, dialect and way."""
    for name in ("text", "tool", "reasoning", "failing", "strangers"):
        if name in cls.without:
            continue
        for dialect in DIALECTS:
            for stream in (False, True):
                def test(self, name=name, dialect=dialect, stream=stream):
                    getattr(self, f"check_{name}")(f"at-{dialect}", stream)
                setattr(cls, f"test_{name}_at_{dialect.replace('-', '_')}_{'streamed' if stream else 'whole'}", test)
    return cls
