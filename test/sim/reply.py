# SPDX-License-Identifier: Apache-2.0
"""An answer in no dialect yet, and what the dialects' writers share."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field


@dataclass
class Usage:
    input: int = 11            # all of it, cached and written included
    output: int = 7            # all of it, reasoning included
    cached: int = 0
    written: int = 0           # of which written_1h
    written_1h: int = 0
    reasoning: int = 0


@dataclass
class Reply:
    """An answer, in no dialect yet."""
    text: str = "Hello from the simulated provider: one two three."
    id: str = "sim-0001"
    model: str = None          # None: as asked
    tokens: list = None        # pieces of a stream; None: words of the text
    usage: Usage = field(default_factory=Usage)
    usage_style: str = "final" # final, every, zeros, absent
    reasoning: str = ""
    calls: list = None         # of tools, after the text: (id, name, arguments)
    finish: str = "stop"       # stop, length, content_filter
    refusal: str = ""          # instead of the text, where a dialect has a place for its words
    citations: list = None     # of the text: (url, title, start, end), in characters
    spaces: bool = False       # JSON with blanks after ':' and ','

    def pieces(self):
        return self.tokens if self.tokens is not None else re.findall(r"\s*\S+", self.text)

    def whole_text(self):
        return "".join(self.tokens) if self.tokens is not None else self.text


@dataclass
class Event:
    kind: str                  # lifecycle, content, finish, usage, terminator
    raw: bytes


def dump(value, reply=None):
    separators = (", ", ": ") if reply is not None and reply.spaces else (",", ":")
    return json.dumps(value, ensure_ascii=False, separators=separators)


def sse(kind, value, name=None, reply=None):
    data = value if isinstance(value, str) else dump(value, reply)
    head = f"event: {name}\n" if name else ""
    return Event(kind, f"{head}data: {data}\n\n".encode())


def sign(text):
    """What a provider gives out with reasoning and wants back unaltered."""
    return base64.b64encode(hmac.new(b"the provider's own secret", text.encode(), hashlib.sha256).digest()).decode()


def sign_call(name, arguments):
    """The same for a call that has no reasoning text before it (Gemini signs the first call of a turn)."""
    return sign(name + json.dumps(arguments, sort_keys=True))


def usage_or_style(reply):
    """None when nothing is to be said."""
    if reply.usage_style == "absent":
        return None
    return Usage(0, 0) if reply.usage_style == "zeros" else reply.usage


def halves(text):
    """Arguments of a call arrive in pieces."""
    return [text[:len(text) // 2], text[len(text) // 2:]] if len(text) > 1 else [text]
