# SPDX-License-Identifier: Apache-2.0
"""The client's side of every dialect: a small request with whatever else, and readers of what comes back. The readers are those
of the recorded traffic's comparison: they know nothing of weir."""

import json
import re
import sys

from . import ROOT, agents

sys.path.insert(0, str(ROOT / "test/corpus"))
import frames  # noqa: E402
from compare import compare  # noqa: E402
from readers import READERS  # noqa: E402

HEADERS = {"anthropic": (("anthropic-version", "2023-06-01"),)}
# Gemini shows its thoughts to those who ask for them.
THOUGHTS = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}


def merged(value, more):
    return {**value, **{name: merged(value[name], member) if isinstance(member, dict) and isinstance(value.get(name), dict) else member
                        for name, member in more.items()}}


def request(client, model, stream=False, text="Say hello.", tools=False, **members):
    """(path, headers, body); `members` are set, or merged where both are objects."""
    agent = agents.AGENTS[client](model, "Be brief.", text, tools=agents.TOOLS if tools else {"wait": agents.TOOLS["wait"]}, marks=False,
                                  thinks=False)
    value = agent.request(stream)
    if not tools:
        value = {name: member for name, member in value.items() if name not in ("tools", "toolConfig")}
    if client == "gemini":
        value = merged(value, THOUGHTS)
    return agent.path(stream), HEADERS.get(client, ()), json.dumps(merged(value, members)).encode()


def read(client, body, stream):
    """What it says, by the dialect's own reader."""
    if not stream:
        return READERS[client].whole(json.loads(body))
    return READERS[client].stream(frames.values(body, READERS[client].FRAMING))


def differences(there, here, provider, client):
    return compare(there, here, provider, client)


def is_beat(client, data):
    """How many heartbeats these bytes hold."""
    if client in ("bedrock", "ollama"):
        return 0
    if client == "gemini":
        return len(re.findall(rb"(?<!\r)\n\r?\n", data))
    return data.count(b": ping\n\n")
