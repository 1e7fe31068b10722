# SPDX-License-Identifier: Apache-2.0
"""The hub on a pipe (hub.c), for the corpus and the golden tests."""

import base64
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIALECTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "bedrock", "cohere", "ollama")


def binary():
    """Beside the weir that is tested."""
    weir = pathlib.Path(os.environ.get("WEIR_BINARY", ROOT / "build/asan/weir"))
    return pathlib.Path(os.environ.get("WEIR_HUB", weir.parent / "test/hub/hub"))


class Died(Exception):
    """The tool ended where it should have answered: a crash, or a sanitizer's report."""


class Hub:
    def __init__(self):
        self.process = None

    def ask(self, **command):
        if not self.process:
            self.process = subprocess.Popen([str(binary())], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # What no UTF-8 can hold travels as an escape.
        line = json.dumps(command, ensure_ascii=True)
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            status = self.process.wait()
            self.process = None
            raise Died(f"the hub ended with status {status}")
        return json.loads(answer)

    def request(self, client, provider, body, **more):
        """`body`: the JSON text as a client would send it."""
        return self.ask(op="request", client=client, provider=provider, body=body, **more)

    def answer(self, client, provider, body, **more):
        """`body`: what the provider sent. The result's "bytes" are what the client gets."""
        result = self.ask(op="answer", client=client, provider=provider, body_base64=base64.b64encode(body).decode(), **more)
        if result["ok"]:
            result["bytes"] = base64.b64decode(result["body_base64"])
        return result

    def fields(self):
        return self.ask(op="fields")["fields"]

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None
