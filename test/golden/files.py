# SPDX-License-Identifier: Apache-2.0
"""Golden cases as files: JSON for people, and streams as lists of what is in their events. What cannot be put together again to the
same bytes is kept as it is."""

import json
import struct
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "corpus"))

import frames  # noqa: E402

HERE = Path(__file__).resolve().parent
WIDTH = 118


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(value, indent=0, room=WIDTH):
    """One line where it fits, else one member a line."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= room or not isinstance(value, (dict, list)) or not value:
        return line
    pad = "\n" + " " * (indent + 1)
    if isinstance(value, dict):
        inner = [f"{json.dumps(name)}: " + pretty(member, indent + 1, room - len(name) - 5) for name, member in value.items()]
        return "{" + pad + ("," + pad).join(inner) + "\n" + " " * indent + "}"
    return "[" + pad + ("," + pad).join(pretty(member, indent + 1, room - 1) for member in value) + "\n" + " " * indent + "]"


class Case:
    def __init__(self, path):
        self.path, self.kind, self.dialect, self.name = path, path.parts[-3], path.parts[-2], path.stem
        self.value = json.loads(path.read_text(encoding="utf-8"))
        self.title = f"{self.kind}/{self.dialect}/{self.name}"

    def save(self):
        self.path.write_text(pretty(self.value) + "\n", encoding="utf-8")


def load():
    return [Case(path) for path in sorted(HERE.glob("*/*/*.json"))]


# ---- bodies ----

def aws_frame(name, payload):
    headers = b"".join(struct.pack(">B", len(key)) + key + b"\x07" + struct.pack(">H", len(text)) + text for key, text in (
        (b":event-type", name.encode()), (b":content-type", b"application/json"), (b":message-type", b"event")))
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", zlib.crc32(frame))


def stream_bytes(dialect, events):
    """What a provider of that dialect would send."""
    if dialect == "bedrock":
        return b"".join(aws_frame(name, compact(payload).encode()) for event in events for name, payload in event.items())
    if dialect == "ollama":
        return "".join(compact(event) + "\n" for event in events).encode()
    text, named = "", dialect in ("anthropic", "openai-responses", "cohere")
    for event in events:
        data = event if isinstance(event, str) else compact(event)
        text += f"event: {event['type']}\n" if named and not isinstance(event, str) else ""
        text += f"data: {data}" + ("\r\n\r\n" if dialect == "gemini" else "\n\n")
    return text.encode()


def unpack_stream(dialect, body):
    """The events of a written stream, as they are kept."""
    if dialect == "bedrock":
        return [{headers.get(":event-type") or headers.get(":exception-type"): json.loads(payload)} for headers, payload in frames.aws(body)]
    if dialect == "ollama":
        events = frames.lines(body)
    else:
        events = [json.loads(data) if data != "[DONE]" else data for _, data in frames.sse(body)]
    return events if stream_bytes(dialect, events) == body else body.decode()


def unpack_whole(text):
    value = json.loads(text)
    return value if compact(value) == text else text
