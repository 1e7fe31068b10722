# SPDX-License-Identifier: Apache-2.0
"""The recorded interactions that are beside the project, where there are any: ../shared/recordings, or the folder that
WEIR_RECORDINGS names. Read, never copied."""

import base64
import csv
import functools
import json
import os
import pathlib
import re
import urllib.parse

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How a recording is labelled → the dialect. All others are no chats, or in a format that is none of the seven.
WIRES = {"openai.chat": "openai-chat", "openai.responses": "openai-responses", "openai.responses.item": "openai-responses",
         "anthropic.messages": "anthropic", "gemini.generate": "gemini", "gemini.stream": "gemini", "bedrock.converse": "bedrock",
         "cohere.chat.v2": "cohere", "ollama.chat": "ollama", "ollama.generate": "ollama"}
# The catalogue's names for who answered.
PROVIDERS = {"gemini": "google", "alibaba": "dashscope"}


def folder():
    named = os.environ.get("WEIR_RECORDINGS")
    path = pathlib.Path(named) if named else ROOT / "../shared/recordings"
    return path if (path / "INDEX.tsv").exists() else None


@functools.cache
def catalogue():
    return yaml.safe_load((ROOT / "catalogue/providers.yaml").read_text())["providers"]


def quirks(provider, dialect):
    for binding in catalogue().get(PROVIDERS.get(provider, provider), {}).get("bindings", []):
        if binding["dialect"] == dialect:
            return binding.get("quirks", [])
    return []


class Recording:
    def __init__(self, row):
        self.row, self.id = row, row["id"]
        self.dialect = WIRES[row["wire"]]
        self.provider = row["provider"]
        self.status = int(row["status"])
        self.framing = row["framing"]

    @functools.cached_property
    def value(self):
        return json.loads((folder() / "open" / f"{self.id}.json").read_text())

    @functools.cached_property
    def body(self):
        return base64.b64decode(self.value["response"]["body_base64"])

    @functools.cached_property
    def request(self):
        """As parsed JSON, None when it was not recorded."""
        body = self.value["request"]["body"]
        if isinstance(body, dict) and set(body) == {"b64"}:        # as req_llm keeps them
            body = json.loads(base64.b64decode(body["b64"]))
        return body if isinstance(body, dict) and "base64" not in body else None

    @property
    def quirks(self):
        return quirks(self.provider, self.dialect)

    @property
    def url(self):
        return self.value["request"].get("url") or ""

    @property
    def path_model(self):
        """Gemini's and Bedrock's models are in the path."""
        found = re.search(r"/models?/([^/?]+?)(?::\w+|/converse.*|/invoke.*)?(?:\?|$)", self.url)
        return urllib.parse.unquote(found.group(1)) if found else "model"

    @property
    def is_stream(self):
        return self.framing in ("sse", "ndjson", "aws-eventstream") or self.row["wire"] == "gemini.stream"


def load():
    with open(folder() / "INDEX.tsv", newline="") as file:
        return [Recording(row) for row in csv.DictReader(file, delimiter="\t") if row["wire"] in WIRES]
