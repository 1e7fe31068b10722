# SPDX-License-Identifier: Apache-2.0
"""Recorded requests to every target's dialect: what is written must pass the target's specification and mean the same."""

import json
import re

import specifications
from asked import squeeze
from compare import differ, same_arguments
from outcome import Outcome
from readers import READERS

# What a target takes, where it is not everything (DIALECTS.md §3.9): what is beyond is clamped, never rescaled.
ANY = (float("-inf"), float("inf"))
USUAL = {"temperature": (0, 2), "top_p": (0, 1)}
COOL = {**USUAL, "temperature": (0, 1)}
LIMITS = {"anthropic": COOL, "bedrock": COOL, "ollama": {"temperature": (0, ANY[1]), "top_p": (0, 1)}, "cohere": {
    **COOL, "top_p": (0.01, 0.99), "frequency_penalty": (0, 1), "presence_penalty": (0, 1), "top_k": (0, 500)}}
# Requests that their own provider could not have understood, by what is in them.
NOT_REQUESTS = {}
# Said where a target wants a user's turn, or words beside a document, and there are none.
FILLERS = ("Begin.", "(Seethedocument.)")
WORDS_OF = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "seed": "seed",
            "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty"}


class Conversation:
    """A request's entries sorted: the leading system text, whose turn it is, what everyone says."""

    def __init__(self, request):
        self.system, self.turns, self.texts = "", [], {"user": "", "assistant": ""}
        self.later = []            # system text within the conversation: some move it behind the user's turn
        self.media, self.calls, self.results = [], [], []
        leading = True
        for entry in request.entries:
            if entry.role == "system" and leading:
                self.system += squeeze(entry.value) if entry.kind == "text" else ""
                if entry.kind == "media":
                    self.media.append(entry.value)
                continue
            leading = False
            role = "user" if entry.role == "system" else entry.role
            if entry.role == "system" and entry.kind == "text":
                self.later.append(squeeze(entry.value))
            if not self.turns or self.turns[-1] != role:
                self.turns.append(role)
            self.take(role, entry)

    def take(self, role, entry):
        if entry.kind in ("text", "refusal"):
            text = squeeze(entry.value)
            for tag in ("<system-reminder>", "</system-reminder>"):
                text = text.replace(tag, "")
            self.texts[role] += text
        elif entry.kind == "media":
            self.media.append(entry.value)
        elif entry.kind == "call":
            self.calls.append(entry.value)
        else:
            self.results.append((self.answered(entry.value), entry.value))

    def answered(self, result):
        """Which call it belongs to: by id, else the first one of that name, or the first one at all, that has no result yet."""
        done = {place for place, _ in self.results}
        open_calls = [place for place in range(len(self.calls)) if place not in done]
        by_id = [place for place in open_calls if result.id and self.calls[place].id == result.id]
        by_name = [place for place in open_calls if result.name and self.calls[place].name == result.name]
        return next(iter(by_id or by_name or open_calls), None)


def plain(value):
    """A result without the object that some dialects must put around it."""
    if isinstance(value, str):
        value = re.sub(r"\s*\[\w+: in the next user message\]", "", value)     # where results hold text only
        try:
            parsed = json.loads(value)
        except ValueError:
            return squeeze(value)
        return plain(parsed) if isinstance(parsed, (dict, list)) else squeeze(value)
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("output", "result", "error", "content", "return_value"):
        return plain(next(iter(value.values())))
    return "" if value in (None, {}, []) else squeeze(json.dumps(value, sort_keys=True))


def compare_results(there, here):
    problems = differ("number of results", len(there.results), len(here.results))
    def by_call(result):
        return result[0] if result[0] is not None else len(there.calls)
    for (place, one), (other_place, other) in zip(sorted(there.results, key=by_call), sorted(here.results, key=by_call)):
        problems += differ("the call of a result", place, other_place)
        if plain(one.text) != plain(other.text) and plain(one.text) not in plain(other.text):
            problems += differ("a result", plain(one.text), plain(other.text))
    return problems


def same_kind(media):
    """What stands at an address is guessed from its ending where nobody says it."""
    return media if media[1] == "data" or media[1] == "text" else media[1:]


def take_rewritten_documents(there, here):
    """A document that is text may become words of its turn, in a frame; then only what was said beside it must remain."""
    for document in [one for one in there.media if one[:2] == ("document", "text") and one not in here.media]:
        for role, text in here.texts.items():
            if document[2] in text:
                there.media.remove(document)
                before, _, after = text.partition(document[2])
                before, after = re.sub(r"<document[^<>]*>$", "", before), re.sub(r"^</document>", "", after)
                here.texts[role] = before + after
                if not there.texts[role].startswith(before):
                    # Its title stands before it.
                    kept = next((n for n in range(len(before), -1, -1) if there.texts[role].startswith(before[:n])
                                 and there.texts[role][n:].startswith(after)), 0)
                    here.texts[role] = before[:kept] + after
                break


def take_moved_system(there, here):
    """System text within the conversation, as often as it was said, wherever the target wants it in its turn."""
    for text in there.later:
        if text in here.texts["user"]:
            for said in (there, here):
                said.texts["user"] = said.texts["user"].replace(text, "", 1)


def compare_said(there, here, names, target):
    problems = differ("system text", there.system, here.system)
    for filler in FILLERS:
        if filler in here.texts["user"] and filler not in there.texts["user"]:
            here.texts["user"] = here.texts["user"].replace(filler, "")
            if filler == "Begin." and (not there.turns or there.turns[0] == "assistant"):
                here.turns = here.turns[1:]
    # What is said about a file that has no member for it.
    here.texts["user"] = re.sub(r"<document[^<>]*/>", "", here.texts["user"])
    take_rewritten_documents(there, here)
    take_moved_system(there, here)
    problems += differ("turns", "".join(role[0] for role in there.turns), "".join(role[0] for role in here.turns))
    for role in ("user", "assistant"):
        problems += differ(f"text of the {role}", there.texts[role], here.texts[role])
    problems += differ("media", [same_kind(one) for one in there.media], [same_kind(one) for one in here.media])
    problems += differ("number of calls", len(there.calls), len(here.calls))
    for one, other in zip(there.calls, here.calls):
        problems += differ("name of a call", names.get(one.name, one.name), other.name)
        if not same_arguments(one.arguments, other.arguments, target):
            problems += differ("arguments", one.arguments, other.arguments)
    return problems + compare_results(there, here)


def compare_tools(there, here, names, target, dropped, called):
    wanted = dict(there.tools)
    choice, chosen = there.choice, here.choice
    problems = []
    if there.allowed is not None and here.allowed is None and len(here.tools) < len(there.tools):
        wanted = {name: tool for name, tool in wanted.items() if name in there.allowed}
    named = choice.removeprefix("name:") if choice.startswith("name:") else None
    if named and len(here.tools) == 1 and chosen in ("required", "auto") and target in ("cohere", "ollama"):
        wanted, chosen = {named: there.tools[named]}, "name:" + names.get(named, named)
    if choice == "none" and not here.tools and target in ("bedrock", "ollama"):
        return []
    if not wanted and target == "bedrock" and set(here.tools) <= called:
        return []                  # Bedrock wants every tool described that was called before
    if choice == "required" and there.allowed is not None and len(there.allowed) == 1 and chosen.startswith("name:"):
        named = next(iter(there.allowed))  # the same, said otherwise
    if named:
        choice = "name:" + names.get(named, named)
    problems += differ("tools", [names.get(name, name) for name in wanted], list(here.tools))
    for one, other in zip(wanted.values(), here.tools.values()):
        if one.custom and not other.custom:
            continue
        problems += differ(f"arguments of {one.name}", sorted(one.properties), sorted(other.properties))
        if one.description not in other.description:
            problems += differ(f"description of {one.name}", one.description, other.description)
    if wanted and not (choice.startswith("hosted:") or choice == "validated"):
        problems += differ("tool choice", choice, chosen)
    if wanted and there.parallel is False and here.parallel is not False and "parallel tool calls" not in dropped:
        problems.append("parallel tool calls are no longer refused")
    return problems


def compare_numbers(there, here, target, dropped):
    problems = []
    for name, words in WORDS_OF.items():
        one, other = getattr(there, name), getattr(here, name)
        if one is None or other is None and words in dropped:
            continue
        low, high = LIMITS.get(target, USUAL).get(name, ANY)
        if one == other:
            continue               # in its own dialect, whatever it is
        problems += differ(name, min(max(one, low), high), other)
    if there.max_output and "maximum output" not in dropped:
        problems += differ("maximum output", there.max_output, here.max_output)
    if "stop" not in dropped:
        problems += differ("stop", there.stops, here.stops)
    if "n" not in dropped:
        problems += differ("n", there.n, here.n)
    if there.logprobs and "logprobs" not in dropped:
        problems += differ("logprobs", True, here.logprobs)
    return problems


def compare_format(there, here, dropped):
    if there.format == here.format:
        return []
    if "JSON output" in dropped or "JSON schema output" in dropped:
        return []
    if isinstance(there.format, frozenset) and any(there.format == tool.properties for tool in here.tools.values()):
        return []
    return differ("output format", there.format, here.format)


def compare_requests(there, here, target, dropped):
    names = dict(zip(there.tools, here.tools)) if len(there.tools) == len(here.tools) else {}
    one, other = Conversation(there), Conversation(here)
    if ({"JSON output", "JSON schema output"} & dropped or there.format == "json") and other.system.startswith(one.system):
        other.system = one.system              # said in words, and named
    return (compare_said(one, other, names, target) + compare_tools(there, here, names, target, dropped, {call.name for call in other.calls})
            + compare_numbers(there, here, target, dropped) + compare_format(there, here, dropped))


def check_one(hub, recording, there, target):
    body = dict(recording.request)
    if recording.dialect not in ("gemini", "bedrock"):
        body.setdefault("model", recording.path_model)     # Azure's classic paths name it
    result = hub.request(recording.dialect, target, json.dumps(body), path_model=recording.path_model, path_stream=recording.is_stream,
                         own="own-model", max_output=0, variant=recording.row["wire"] == "ollama.generate")
    if not result["ok"]:
        if result["stage"] == "read" and "no such dialect" in result["error"]:
            return Outcome(target, "absent", [f"{recording.dialect} to {target} is not there yet"])
        if result["stage"] == "judge":
            # The first of several will do: one is enough to be passed over.
            return Outcome(target, "excepted", [re.split(r", (?!with a meaning)", result["fields"])[0]])
        if result["stage"] == "write":
            return Outcome(target, "excepted", [result["error"]])
        if "prompt" in body or recording.url.endswith("/compact"):
            return Outcome(target, "excepted", ["no conversation: a stored prompt, or a compaction"])
        if recording.status >= 400:
            return Outcome(target, "excepted", ["refused, as its own provider did"])
        return Outcome(target, "different", [f"refused: {result['stage']}: {result['error']}"])
    written = json.loads(result["body"])
    # What a client says in its own dialect is carried as it is, also what the specification does not know.
    known = specifications.problems(target, body) if target == recording.dialect else []
    problems = [f"specification: {problem}" for problem in specifications.problems(target, written) if problem not in known]
    if recording.status >= 400:
        problems = []              # refused by its own provider: it need not become better
    dropped = set(filter(None, result["dropped"].split(", ")))
    here = READERS[target].request(written, "own-model")
    problems += compare_requests(there, here, target, dropped)
    return Outcome(target, "different" if problems else "same", problems)


def check(hub, recording, targets):
    if recording.request is None or recording.row["wire"] in ("openai.responses.item",):
        return []
    if recording.id in NOT_REQUESTS:
        return [Outcome(target, "excepted", [NOT_REQUESTS[recording.id]]) for target in targets]
    try:
        there = READERS[recording.dialect].request(recording.request, recording.path_model)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if recording.status >= 400:
            return [Outcome(target, "excepted", ["unreadable, and refused by its own provider"]) for target in targets]
        raise ValueError(f"{recording.id}: {error!r}") from error
    if any(entry.kind == "media" and entry.value[0] == "unknown" for entry in there.entries):
        return [Outcome(target, "excepted", ["a part that only its own dialect knows: dropped and named"]) for target in targets]
    return [check_one(hub, recording, there, target) for target in targets]
