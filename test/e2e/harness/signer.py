# SPDX-License-Identifier: Apache-2.0
"""A provider that signs its reasoning, each block bound to all that was said before it, and refuses history that was altered or
lost: the conversation that comes must be the one that the test wrote down, entry by entry, and its bytes those of the turn before."""

import base64
import hashlib
import hmac
import json
import re
import sys
import time

from sim import Sim, answers
from sim.connection import PeerGone
from sim.server import Wire

from . import ROOT, wires

sys.path.insert(0, str(ROOT / "test/corpus"))
from asked import fingerprint, squeeze  # noqa: E402
from readers import READERS  # noqa: E402

MARKS = ("cache_control", "cachePoint", "prompt_cache_breakpoint")
SECRET = b"the signer's own"


class WireSim(Sim):
    """Plays whole scripts; `look(request, value)` says what is wrong with a request, or None."""

    def __init__(self, *speaks, look=None, **options):
        super().__init__(*speaks, **options)
        self.look = look

    async def _answer(self, connection, request):
        wire = wires.wire_of(request)
        try:
            try:
                request.problem = self.refusal(request, wire)
            except Exception as error:  # of the shapes that a reader takes for granted
                request.problem = f"cannot be read: {error!r}"
            if request.problem:
                script = answers.body(wire.error(400, request.problem) if wire else b"{}", 400 if wire else 404)
            elif self.script:
                script = self.script.popleft()
            else:
                script = self.default(self, request)
            if callable(getattr(script, "resolve", None)):
                script = script.resolve(self, request)
            return await script.play(Wire(self, connection, request))
        except PeerGone:
            raise
        except Exception as error:
            request.script_error = error
            connection.transport.abort()
            raise
        finally:
            request.answered_at = time.monotonic()
            self.announce()

    def refusal(self, request, wire):
        if wire is None or wire.name not in self.speaks:
            return f"no {request.path} here"
        return self.look(request, request.json()) if self.look else None


def say(said, **options):
    """The answer in the dialect that was asked in, whole or as a stream."""
    def make(sim, request):
        wire = wires.wire_of(request)
        what = said(request) if callable(said) else said
        if not wire.wants_stream(request):
            return answers.body(wire.whole(what, request), **options)
        return answers.Play(wire.stream(what, request), headers=[("Content-Type", wire.stream_type)])
    return answers.Deferred(make, unconditional=True)


# ---- what is signed ----

def unmarked(value):
    if isinstance(value, list):
        return [unmarked(item) for item in value if not (isinstance(item, dict) and "cachePoint" in item)]
    if isinstance(value, dict):
        return {name: unmarked(member) for name, member in value.items() if name not in MARKS}
    return value


def marks(value):
    """How many markers stand in it."""
    if isinstance(value, list):
        return sum(marks(item) for item in value)
    if isinstance(value, dict):
        return sum(name in MARKS for name in value) + sum(marks(member) for member in value.values())
    return 0


TURNS = {"openai-chat": "messages", "openai-responses": "input", "anthropic": "messages", "gemini": "contents", "bedrock": "messages",
         "cohere": "messages", "ollama": "messages"}


def turns(dialect, value):
    return unmarked(value[TURNS[dialect]])


def sign(before, *what):
    text = json.dumps([before, *what], sort_keys=True, ensure_ascii=False)
    return base64.b64encode(hmac.new(SECRET, text.encode(), hashlib.sha256).digest()).decode()


def thoughts(dialect, turn):
    """(what was signed, signature) in a turn as it came back."""
    content = turn.get("content")
    blocks = content if isinstance(content, list) else []
    if dialect == "anthropic":
        return [((b["thinking"],), b["signature"]) for b in blocks if b["type"] == "thinking"]
    if dialect == "bedrock":
        found = [b["reasoningContent"]["reasoningText"] for b in blocks if "reasoningContent" in b]
        return [((b["text"],), b.get("signature")) for b in found]
    if dialect == "openai-responses":
        return [(("".join(part["text"] for part in turn["summary"]),), turn.get("encrypted_content"))] if turn.get("type") == "reasoning" else []
    if dialect == "gemini":
        return [((p["functionCall"]["name"], p["functionCall"].get("args") or {}), p.get("thoughtSignature"))
                for p in turn["parts"] if "functionCall" in p and "thoughtSignature" in p]
    if dialect == "openai-chat" and "reasoning_details" in turn:
        return [(("".join(d.get("text") or "" for d in turn["reasoning_details"]),),
                 next((d["signature"] for d in turn["reasoning_details"] if d.get("signature")), None))]
    return []


# How the dialect's provider signs: what is thought, calls, or nothing.
SIGNS = {"anthropic": "thoughts", "bedrock": "thoughts", "openai-responses": "thoughts", "gemini": "calls", "openrouter": "thoughts"}


class Signer:
    """`expected` is the conversation as the test has it: (kind, …) in order."""

    def __init__(self, dialect, signs, wants_content=False):
        self.dialect, self.signs, self.wants_content = dialect, signs, wants_content
        self.expected = []
        self.last_body = None
        self.signed_turns = 0      # answers whose state must come back
        self.marks_least = 0

    def sign(self, request, said):
        """The answer with its states."""
        before = turns(self.dialect, request.json())
        for part in said.parts:
            if self.signs == "thoughts" and isinstance(part, wires.Thought):
                part.state = sign(before, part.text)
        if self.signs == "calls" and said.calls:
            said.calls[0].state = sign(before, said.calls[0].name, said.calls[0].arguments)
        return said

    def look(self, request, value):
        return self.signature_problem(value) or self.history_problem(value) or self.prefix_problem(request)

    def signature_problem(self, value):
        found = 0
        sequence = turns(self.dialect, value)
        for place, turn in enumerate(sequence):
            for what, signature in thoughts(self.dialect, turn):
                found += 1
                if signature != sign(sequence[:place], *what):
                    return f"turn {place}: the signature of {what} does not hold"
            if self.wants_content and turn.get("tool_calls") and not turn.get("reasoning_content"):
                return f"turn {place}: reasoning_content must be passed back"
        if self.signs and found < self.signed_turns:
            return f"{self.signed_turns - found} of {self.signed_turns} signatures are missing"
        if marks(value) < self.marks_least:
            return f"{marks(value)} cache markers, at least {self.marks_least} were there"
        return None

    def history_problem(self, value):
        came = []
        for entry in self.entries(value):
            if entry[0] in ("user", "assistant") and came and came[-1][0] == entry[0]:
                came[-1] = entry[0], came[-1][1] + entry[1]    # a text in several parts is one text
            else:
                came.append(entry)
        if came == self.expected:
            return None
        place = next((i for i, (a, b) in enumerate(zip(came, self.expected)) if a != b), min(len(came), len(self.expected)))
        return f"entry {place} of {len(came)} is {came[place:place + 2]}, should be {self.expected[place:place + 2]} of {len(self.expected)}"

    def entries(self, value):
        """Texts, calls and results in order; calls are told apart by when they were made, results by the call."""
        calls, open_calls = {}, []
        for entry in READERS[self.dialect].request(value, "m").entries:
            if entry.kind == "call":
                number = len(calls)
                if entry.value.id:
                    assert entry.value.id not in calls, f"call id {entry.value.id} twice"
                calls[entry.value.id or number] = number
                open_calls.append((entry.value.id, entry.value.name, number))
                yield "call", number, entry.value.name, entry.value.arguments
            elif entry.kind == "result":
                result = entry.value
                number = calls[result.id] if result.id else next(n for _, name, n in open_calls if name == result.name)
                open_calls = [call for call in open_calls if call[2] != number]
                text = result.text if isinstance(result.text, str) else "".join(map(str, result.text.values()))
                yield "result", number, squeeze(text.removeprefix("Error: ").replace("[image: in the next user message]", ""))
            elif entry.kind == "media":
                yield "media", entry.value[2]
            elif entry.role != "system":
                yield entry.role, squeeze(entry.value)

    def prefix_problem(self, request):
        """All that was there last time stands there again, byte for byte (F5): up to the last text of the conversation."""
        body, before = re.sub(rb'"stream":(true|false),|,"stream":(true|false)', b"", request.body), self.last_body
        self.last_body = body
        if before is None:
            return None
        common = next((i for i, (a, b) in enumerate(zip(before, body)) if a != b), min(len(before), len(body)))
        end = before.rfind(b"#end")
        return None if common > end else f"the bytes differ at {common} of {end}: {before[common - 60:common + 60]} {body[common - 60:common + 60]}"


def media_of(png):
    return "media", fingerprint(base64.b64encode(png).decode())
