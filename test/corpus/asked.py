# SPDX-License-Identifier: Apache-2.0
"""What a request asks for, in words that no dialect owns: filled in by the readers, held side by side by requests.py. Written from
DIALECTS.md §3 alone, as said.py is."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field


@dataclass
class Tool:
    name: str
    description: str = ""
    properties: frozenset = frozenset()     # names of the arguments
    custom: bool = False


@dataclass
class Result:
    id: str
    name: str
    text: str
    is_error: bool = False


@dataclass
class Entry:
    """One thing that was said: text, media, a call, a result."""
    role: str                      # system, user, assistant
    kind: str                      # text, refusal, media, call, result
    value: object


@dataclass
class Request:
    model: str = None
    entries: list = field(default_factory=list)
    tools: dict = field(default_factory=dict)
    hosted: int = 0                # tools that the provider runs
    choice: str = "auto"           # auto, none, required, or "name:" and one
    allowed: frozenset = None      # only these
    parallel: bool = None
    max_output: int = None
    temperature: float = None
    top_p: float = None
    top_k: int = None
    seed: int = None
    frequency_penalty: float = None
    presence_penalty: float = None
    stops: list = field(default_factory=list)
    n: int = 1
    logprobs: bool = False
    format: object = None          # None, "json", or the names of a schema's properties
    user: str = None
    tier: str = None

    def add(self, role, kind, value):
        if kind not in ("text", "refusal") or value:
            self.entries.append(Entry(role, kind, value))

    def add_tool(self, tool):
        self.tools[tool.name] = tool


def unpack(data):
    """What is in base64 text, in either alphabet; what is none is taken as it is."""
    try:
        return base64.b64decode(re.sub(r"\s", "", data).translate(str.maketrans("-_", "+/")) + "==")
    except (binascii.Error, ValueError):
        return data.encode()


def fingerprint(data):
    return hashlib.sha1(unpack(data)).hexdigest()[:12]


def media(kind, address=None, data=None, text=None, file=None, mime=""):
    """(kind, how it is given, what it is). Text is text, however it is packed."""
    if address and address.startswith("data:"):
        head, _, rest = address.partition(",")
        if ";base64" in head:
            address, data, mime = None, rest, head[5:].split(";")[0]
    if data is not None and kind == "document" and mime and mime.startswith("text/"):
        data, text = None, unpack(data).decode("utf-8", "replace")
    if data is not None:
        return kind, "data", fingerprint(data)
    if text is not None:
        return kind, "text", squeeze(text)
    return (kind, "file", file) if file else (kind, "url", address)


def kind_of(mime):
    """image/png → image; all but images, audio and video are documents."""
    kind = (mime or "").split("/")[0]
    return kind if kind in ("image", "audio", "video") else "document"


def squeeze(text):
    """Text without its white space: dialects join parts with different glue."""
    return re.sub(r"\s+", "", text or "")


def properties(schema):
    """The names that a schema gives its members, also behind references and unions."""
    found, waiting, seen = set(), [schema], 0
    definitions = {}
    while waiting and seen < 5000:
        seen += 1
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                found |= set(node["properties"])
                waiting += node["properties"].values()
            for name in ("items", "prefixItems", "anyOf", "oneOf", "allOf"):
                if name in node:
                    waiting.append(node[name])
            for name in ("$defs", "definitions"):
                if isinstance(node.get(name), dict):
                    definitions.update(node[name])
                    waiting += node[name].values()
    return frozenset(found)
