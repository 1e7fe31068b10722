# SPDX-License-Identifier: Apache-2.0
"""Scripts: what the simulated provider does with one request. `whole`, `stream` and `fail` are made from a Reply in the dialect
that the request asks in; `Play` is the general form."""

import http
import json

from . import codings, dialects
from .dialects import Reply
from .steps import CLOSE, RESET, SILENCE, Raw


class Play:
    """A head and then steps, byte for byte. `framing`: "length" (content-length of all bytes), "chunked" (each bytes step is a
    chunk), "close" (until FIN), or "none" (steps are all there is, the head included). `length`: a content-length that is a lie."""

    unconditional = True

    def __init__(self, steps, status=200, headers=(), framing="chunked", length=None, keep_alive=True, before=()):
        self.steps, self.status, self.headers = list(steps), status, list(headers)
        self.framing, self.length, self.keep_alive, self.before = framing, length, keep_alive, list(before)

    def head(self, keep_alive):
        lines = [f"HTTP/1.1 {self.status} {reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.framing == "length":
            length = sum(len(s) for s in self.steps if isinstance(s, (bytes, bytearray))) if self.length is None else self.length
            lines.append(f"Content-Length: {length}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        if self.framing == "close" or not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def play(self, wire):
        for step in self.before:
            await play_step(step, wire)
        if self.framing == "chunked":
            wire.encode = lambda data: b"%x\r\n%s\r\n" % (len(data), data)
        steps = list(self.steps)
        keep_alive = self.keep_alive and wire.sim.keep_alive
        if self.framing != "none":
            if self.framing == "length" and steps and isinstance(steps[0], (bytes, bytearray)):
                await wire.send(self.head(keep_alive) + steps.pop(0))
            else:
                await wire.send(self.head(keep_alive))
        for step in steps:
            await play_step(step, wire)
            if wire.connection.ended_here or wire.connection.is_gone:
                return False
        if self.framing == "chunked":
            await wire.send(b"0\r\n\r\n")
        return self.framing in ("length", "chunked") and keep_alive


async def play_step(step, wire):
    if isinstance(step, (bytes, bytearray)):
        await wire.send_body(bytes(step))
    else:
        await step.play(wire)


class Deferred:
    """A script that is made when its request is known."""

    unconditional = False

    def __init__(self, make, unconditional=False):
        self.make, self.unconditional = make, unconditional

    def resolve(self, sim, request):
        return self.make(sim, request)


def reason(status):
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def plain(status, text):
    body = text.encode()
    return b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        status, reason(status).encode(), len(body), body)


def body(data, status=200, content_type="application/json", headers=(), coding=None, framing="length"):
    """These bytes, whole."""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    headers = [("Content-Type", content_type), *headers] if content_type else list(headers)
    if coding:
        headers.append(("Content-Encoding", coding))
        data = codings.encode(data, coding)
    return Play([data], status, headers, framing)


def error(status, dialect, message, kind=None, code=None, headers=()):
    speech = dialects.DIALECTS[dialect]
    return body(speech.error(status, message, kind, code), status, headers=[*speech.error_headers(status), *headers])


def fail(status, message=None, kind=None, code=None, headers=(), coding=None):
    """An error in the words of the dialect that was asked in."""
    def make(sim, request):
        dialect = dialects.of_path(request.path) or dialects.DIALECTS["openai-chat"]
        words = message or dialect.words.get(status, reason(status))
        return body(dialect.error(status, words, kind, code), status, headers=[*dialect.error_headers(status), *headers], coding=coding)
    return Deferred(make, unconditional=True)


def whole(reply=None, headers=(), coding=None, framing="length", before=()):
    def make(sim, request):
        dialect = dialects.of_path(request.path)
        script = body(dialect.whole(reply or Reply(), request), headers=[*dialect.headers, *headers], coding=coding, framing=framing)
        script.before = list(before)
        return script
    return Deferred(make)


def events_of(sim, request, reply):
    dialect = dialects.of_path(request.path)
    asked = not sim.usage_needs_asking or dialect.asks_usage(request)
    return dialect, dialect.events(reply or Reply(), request, asked)


def stream(reply=None, edit=None, headers=(), coding=None, before=(), framing="chunked", crlf=False):
    """The reply as a stream. `edit(events)` gets the list of Event and returns the steps to play: Events, bytes, or steps."""
    def make(sim, request):
        dialect, events = events_of(sim, request, reply)
        steps = edit(events) if edit else events
        steps = [step.raw if isinstance(step, dialects.Event) else step for step in steps]
        if crlf:
            steps = [step.replace(b"\n", b"\r\n") if isinstance(step, bytes) else step for step in steps]
        extra = list(headers)
        if coding == "gzip":
            extra.append(("Content-Encoding", coding))
            steps = list(codings.gzip_pieces(steps))
        elif coding:
            extra.append(("Content-Encoding", coding))
            steps = [codings.encode(b"".join(steps), coding)]
        return Play(steps, headers=[("Content-Type", dialect.stream_type(request)), *dialect.headers, *extra], framing=framing,
                    before=before)
    return Deferred(make)


def auto(reply=None, **options):
    """A stream to who asked for one, else whole."""
    return Deferred(lambda sim, request: (stream if dialects.of_path(request.path).wants_stream(request) else whole)(
        reply, **options).resolve(sim, request))


def reset():
    """RST before any answer."""
    return Play([RESET], framing="none")


def close():
    """FIN before any answer."""
    return Play([CLOSE], framing="none")


def silence():
    return Play([SILENCE], framing="none")


def raw(*steps):
    """These bytes, no head made for them."""
    return Play([Raw(step) if isinstance(step, bytes) else step for step in steps], framing="none")


def default(sim, request):
    return auto(Reply(text=f"Hello from {sim.name}: one two three four five."))
