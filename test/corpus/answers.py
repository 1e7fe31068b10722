# SPDX-License-Identifier: Apache-2.0
"""Recorded answers to every client's dialect, whole and streamed."""

import json

import frames
from compare import compare
from harness import grammar
from outcome import Outcome
from readers import READERS

# Recordings that hold no answer of their endpoint, by what is in them.
NOT_ANSWERS = {
    "anthropic.messages__anthropic__71905a1fe0": "a list of models",
    "openai.chat__openai__8d1224aa61": "a model's description",
    "ollama.chat__ollama__31b6e92515": "OpenAI's format",
    "other__cerebras__87f5fcc370": "two streams with one [DONE]",
    "openai.responses__openai__43de3a9c57": "a compaction",
    "openai.responses__openai__4ab3a0d115": "written by hand: its deltas and its ends differ",
}


def read(dialect, body, framing, provider=None):
    more = {"excludes_reasoning": True} if dialect == "openai-chat" and provider in ("xai", "perplexity") else {}
    values = frames.values(body, framing)
    if framing != "json" or isinstance(values, list):
        return READERS[dialect].stream(values, **more)
    return READERS[dialect].whole(values, **more)


ASKED = {
    "openai-chat": {"model": "public-model", "messages": [{"role": "user", "content": "Hi"}]},
    "openai-responses": {"model": "public-model", "input": "Hi"},
    "anthropic": {"model": "public-model", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]},
    # Gemini shows its thoughts to those who ask for them.
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
               "generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    "bedrock": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
    "cohere": {"model": "public-model", "messages": [{"role": "user", "content": "Hi"}]},
    "ollama": {"model": "public-model", "messages": [{"role": "user", "content": "Hi"}]},
}


def asked(client, stream):
    """A small request of that client's."""
    value = dict(ASKED[client])
    if client not in ("gemini", "bedrock"):
        value["stream"] = stream
    if client == "openai-chat" and stream:
        value["stream_options"] = {"include_usage": True}
    return json.dumps(value)


def written_framing(client, stream):
    return READERS[client].FRAMING if stream else "json"


def check_stream(client, body):
    """The grammar, from the first byte to the terminator."""
    try:
        stream = grammar.judge_bytes(client, body)
        grammar.require(stream.done or stream.finish or stream.error, "no end")
        return []
    except grammar.Violation as violation:
        return [f"grammar: {violation}"]


def check_one(hub, recording, there, client, stream):
    result = hub.answer(client, recording.dialect, recording.body, stream=stream, from_stream=recording.is_stream,
                        asked=asked(client, stream), query="alt=sse", quirks=recording.quirks, path_stream=stream,
                        provider_query="" if recording.is_stream and recording.framing == "json" else "alt=sse")
    if not result["ok"]:
        if result["stage"] == "read" and "dialect" in result["error"]:
            return None
        return [] if there.failed else [f"refused: {result['error']}"]
    if there.failed:
        return ["a failure became an answer"]
    problems = check_stream(client, result["bytes"]) if stream else []
    try:
        here = read(client, result["bytes"], written_framing(client, stream))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [*problems, f"unreadable: {error!r}"]
    return [f"{'stream' if stream else 'whole'}: {problem}" for problem in problems + compare(there, here, recording.dialect, client)]


def why_not(recording):
    """Why a recording holds no answer of its endpoint; None if it does."""
    if recording.id not in NOT_ANSWERS and recording.row["wire"] == "openai.responses.item" and recording.framing == "json":
        kind = json.loads(recording.body).get("object")
        return None if kind == "response" else f"{kind}: no answer"
    return NOT_ANSWERS.get(recording.id)


def check(hub, recording, clients):
    if recording.status >= 400 or not recording.body:
        return []
    if why_not(recording):
        return [Outcome(client, "excepted", [why_not(recording)]) for client in clients]
    there = read(recording.dialect, recording.body, recording.framing, recording.provider)
    outcomes = []
    for client in clients:
        problems = []
        for stream in (True, False):
            found = check_one(hub, recording, there, client, stream)
            if found is None:
                outcomes.append(Outcome(client, "absent", [f"{recording.dialect} to {client} is not there yet"]))
                break
            problems += found
        else:
            outcomes.append(Outcome(client, "different" if problems else "same", problems))
    return outcomes
