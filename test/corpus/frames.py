# SPDX-License-Identifier: Apache-2.0
"""Bodies taken apart into JSON values: event streams, lines, arrays, AWS's binary frames (DIALECTS.md §5.1, §5.6)."""

import json
import re
import struct
import zlib


class Broken(ValueError):
    """Bytes that are not what they are called."""


def sse(body):
    """(event name, data) of every event with data; a last event without its blank line counts, as in the SDKs."""
    events, name, data = [], None, []
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    for line in [*re.split(r"\r\n|\n|\r", text), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line == "":
            if data:
                events.append((name, "\n".join(data)))
            name, data = None, []
    return events


def sse_values(body):
    """Up to [DONE], where there is one: what comes after it is somebody else's (recorded: several streams in one file)."""
    found = []
    for _, data in sse(body):
        if data.strip() == "[DONE]":
            break
        if data.strip():
            found.append(json.loads(data))
    return found


def lines(body):
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def header(data, at):
    name_length = data[at]
    name = data[at + 1:at + 1 + name_length].decode()
    at += 1 + name_length
    kind = data[at]
    at += 1
    fixed = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    if kind in fixed:
        return name, data[at:at + fixed[kind]], at + fixed[kind]
    (length,) = struct.unpack_from(">H", data, at)
    return name, data[at + 2:at + 2 + length], at + 2 + length


def aws(body):
    """(headers, payload) of every frame; both checksums must hold."""
    frames, at = [], 0
    while at < len(body):
        if len(body) - at < 16:
            raise Broken("the stream ends inside a frame")
        total, headers_length, checksum = struct.unpack_from(">III", body, at)
        if zlib.crc32(body[at:at + 8]) != checksum or at + total > len(body):
            raise Broken("a frame's prelude does not hold")
        if zlib.crc32(body[at:at + total - 4]) != struct.unpack_from(">I", body, at + total - 4)[0]:
            raise Broken("a frame's checksum does not hold")
        headers, place, end = {}, at + 12, at + 12 + headers_length
        while place < end:
            name, value, place = header(body, place)
            headers[name] = value.decode("utf-8", "replace")
        frames.append((headers, body[end:at + total - 4]))
        at += total
    return frames


def aws_values(body):
    """{event type: payload}, as one would see it in a whole answer."""
    found = []
    for headers, payload in aws(body):
        name = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code")
        found.append({name: json.loads(payload) if payload else {}})
    return found


def values(body, framing):
    """JSON values of a stream."""
    return {"sse": sse_values, "ndjson": lines, "aws-eventstream": aws_values, "json": json.loads}[framing](body)
