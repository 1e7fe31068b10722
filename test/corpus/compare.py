# SPDX-License-Identifier: Apache-2.0
"""Two readings of one answer held side by side: what the provider's dialect said, and what the client's dialect says of it."""

from said import COUNTERS

# What a client's dialect calls an end (DIALECTS.md §4.3, and its reverse).
ENDS = {
    "openai-chat": {"end": "stop", "sequence": "stop", "length": "length", "context": "length", "calls": "tool_calls",
                    "refusal": "content_filter", "declined": "stop", "pause": "length", "malformed": "stop", "unknown": "stop"},
    "openai-responses": {"end": "completed", "sequence": "completed", "length": "incomplete/max_output_tokens",
                         "context": "incomplete/max_output_tokens", "calls": "completed", "refusal": "incomplete/content_filter",
                         "declined": "completed", "pause": "incomplete/max_output_tokens", "malformed": "failed", "unknown": "completed"},
    "anthropic": {"end": "end_turn", "sequence": "stop_sequence", "length": "max_tokens", "context": "model_context_window_exceeded",
                  "calls": "tool_use", "refusal": "refusal", "declined": "refusal", "pause": "pause_turn", "malformed": "end_turn",
                  "unknown": "end_turn"},
    "gemini": {"end": "STOP", "sequence": "STOP", "length": "MAX_TOKENS", "context": "MAX_TOKENS", "calls": "STOP",
               "refusal": "SAFETY", "declined": "STOP", "pause": "CONTINUATION", "malformed": "MALFORMED_FUNCTION_CALL", "unknown": "STOP"},
    "bedrock": {"end": "end_turn", "sequence": "stop_sequence", "length": "max_tokens", "context": "model_context_window_exceeded",
                "calls": "tool_use", "refusal": "content_filtered", "declined": "content_filtered", "pause": "end_turn",
                "malformed": "malformed_tool_use", "unknown": "end_turn"},
    "cohere": {"end": "COMPLETE", "sequence": "STOP_SEQUENCE", "length": "MAX_TOKENS", "context": "MAX_TOKENS", "calls": "TOOL_CALL",
               "refusal": "ERROR", "declined": "COMPLETE", "pause": "COMPLETE", "malformed": "ERROR", "unknown": "COMPLETE"},
    "ollama": {"end": "stop", "sequence": "stop", "length": "length", "context": "length", "calls": "stop", "refusal": "stop",
               "declined": "stop", "pause": "stop", "malformed": "stop", "unknown": "stop"},
}
# Counters that a client's dialect has a place for (§4.4).
COUNTED = {"openai-chat": COUNTERS, "openai-responses": COUNTERS, "anthropic": COUNTERS,
           "gemini": ("input", "cached", "output", "reasoning"), "bedrock": ("input", "cached", "written", "output"),
           "cohere": ("input", "cached", "output"), "ollama": ("input", "output")}
SEVERAL = ("openai-chat", "gemini")         # dialects with more than one choice
REFUSES = ("openai-chat", "openai-responses")   # with a place for refusals; elsewhere they are text
OBJECTS = ("anthropic", "gemini", "bedrock", "ollama")  # arguments are an object there (§3.6)


def shorten(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:140]} … {text[-140:]} ({len(text)})"


def differ(what, there, here):
    return [] if there == here else [f"{what}: {shorten(there)} became {shorten(here)}"]


def same_arguments(there, here, client):
    if there == here:
        return True
    if isinstance(here, dict) and len(here) == 1 and client in OBJECTS and not isinstance(there, dict):
        return here in ({"_raw": there}, {"input": there})
    return isinstance(there, str) and here == {"input": there}     # a custom tool's text where there are functions only


def compare_calls(there, here, client):
    problems = differ("number of calls", len(there), len(here))
    for one, other in zip(there, here):
        problems += differ("name of a call", one.name, other.name)
        if one.id:
            problems += differ("id of a call", one.id, other.id)
        if not same_arguments(one.arguments, other.arguments, client):
            problems += differ("arguments", one.arguments, other.arguments)
    return problems


def compare_end(there, here, provider, client):
    """In the provider's own dialect its own word will do as well."""
    if not there.finish or provider == client and there.word == here.word:
        return []
    return differ(f"finish ({there.finish}, {there.word})", ENDS[client][there.finish], here.word)


def compare_choice(there, here, provider, client):
    text, refusal = (there.text, there.refusal) if client in REFUSES else (there.text + there.refusal, "")
    problems = differ("text", text, here.text) + differ("refusal", refusal, here.refusal)
    problems += differ("reasoning", there.reasoning, here.reasoning)
    problems += compare_calls(there.calls, here.calls, client)
    return problems + compare_end(there, here, provider, client)


def compare_usage(there, here, client):
    """Nothing counted there: then nothing may be claimed here."""
    problems = []
    for name in COUNTED[client]:
        problems += differ(f"usage.{name}", there.get(name, 0), here.get(name, 0))
    return problems


def compare(there, here, provider, client):
    """Lists what the two readings disagree in."""
    choices = sorted(there.choices) if client in SEVERAL else [0]
    problems = []
    for number in choices:
        if number in there.choices or number in here.choices:
            problems += compare_choice(there.choice(number), here.choice(number), provider, client)
    return problems + compare_usage(there.usage, here.usage, client)
