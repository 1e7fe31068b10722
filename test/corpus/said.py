# SPDX-License-Identifier: Apache-2.0
"""What an answer says, in words that no dialect owns: the readers fill it in, compare.py holds two of them side by side.

Nothing here is shared with the program: the readers and these tables were written from the providers' documentation alone
(DIALECTS.md §4 and §5), so that a mistake in the program is not made here, too."""

import json
from dataclasses import dataclass, field


@dataclass
class Call:
    id: str
    name: str
    arguments: object              # a JSON value; of custom tools, and of what is no JSON, the text


@dataclass
class Choice:
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list = field(default_factory=list)
    finish: str = None             # one of WORDS
    word: str = None               # as it stood there


@dataclass
class Answer:
    choices: dict = field(default_factory=dict)
    usage: dict = field(default_factory=dict)      # of COUNTERS, those that were said
    failed: bool = False                           # an error came in the place of an answer, or after a part of it

    def choice(self, number):
        return self.choices.setdefault(number, Choice())


WORDS = ("end", "sequence", "length", "context", "calls", "refusal", "declined", "pause", "malformed", "unknown")
# Input is all that was read, cached and written parts included; output is all that was written, reasoning included (§4.4).
COUNTERS = ("input", "cached", "written", "output", "reasoning")


def decide(word, calls, refusal):
    """What happened counts, not the word alone: an answer with calls ends in calls, whatever it is called (§4.3: Gemini's STOP,
    Ollama's stop), and one without them does not."""
    if word in ("end", "calls", "unknown", None) and calls:
        return "calls"
    if word == "calls":
        word = "end"
    if word == "end" and refusal:
        return "declined"
    return word


def finished(answer):
    whole = {"cached": "input", "written": "input", "reasoning": "output"}
    for name, of in whole.items():             # a part is never more than its whole (recorded: Azure, MiniMax)
        if name in answer.usage:
            answer.usage[name] = min(answer.usage[name], answer.usage.get(of, 0))
    for choice in answer.choices.values():
        choice.finish = decide(choice.finish, bool(choice.calls), bool(choice.refusal))
    return answer


def arguments(value):
    """A JSON value out of what a call came with: text that is JSON, an object, nothing at all (§5.4: "" is {}; so is null)."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError:
            return value
    return {} if value is None else value


def counts(**numbers):
    """Only what was said; negative numbers never are."""
    return {name: number for name, number in numbers.items() if isinstance(number, int) and number >= 0}
