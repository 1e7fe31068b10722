# SPDX-License-Identifier: Apache-2.0
"""How a client speaks each dialect: paths, bodies and where the key goes."""

import json


class Speech:
    def __init__(self, name, path, body, key_header, key_format="{}", headers=(), base="/v1", stream_path=None):
        self.name, self._path, self._body, self.base = name, path, body, base
        self.key_header, self.key_format, self.headers = key_header, key_format, list(headers)
        self.stream_path = stream_path

    def path(self, model, stream=False):
        return ((self.stream_path if stream and self.stream_path else self._path)).format(model=model)

    def value(self, model, stream=False, text="Say hello.", **members):
        return {**self._body(model, stream, text), **members}

    def body(self, model, stream=False, text="Say hello.", **members):
        return json.dumps(self.value(model, stream, text, **members)).encode()

    def auth(self, key):
        return [*self.headers, (self.key_header, self.key_format.format(key))]


def _chat(model, stream, text):
    return {"model": model, "messages": [{"role": "user", "content": text}], **({"stream": True} if stream else {})}


def _responses(model, stream, text):
    # What is stored gets an id of weir's (test_stored_responses.py).
    return {"model": model, "input": text, "store": False, **({"stream": True} if stream else {})}


def _anthropic(model, stream, text):
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **({"stream": True} if stream else {})}


def _gemini(model, stream, text):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


SPEECHES = {speech.name: speech for speech in (
    Speech("openai-chat", "/v1/chat/completions", _chat, "Authorization", "Bearer {}"),
    Speech("openai-responses", "/v1/responses", _responses, "Authorization", "Bearer {}"),
    Speech("anthropic", "/v1/messages", _anthropic, "x-api-key", headers=[("anthropic-version", "2023-06-01")], base=""),
    Speech("gemini", "/v1beta/models/{model}:generateContent", _gemini, "x-goog-api-key", base="/v1beta",
           stream_path="/v1beta/models/{model}:streamGenerateContent?alt=sse"),
)}
