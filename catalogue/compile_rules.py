# SPDX-License-Identifier: Apache-2.0
"""Checks rules.yaml and writes it as a C table for src/provider/rules.h.

usage: compile_rules.py rules.yaml providers.yaml rules.gen.c
Anything that is not exactly as documented at the head of rules.yaml is an error that says where.
"""
import re
import sys

from compile import load, number, one_of, only, refuse, strings, text

WORDS = {
    "system_role": {"system": "SYSTEM_AS_SYSTEM", "developer": "SYSTEM_AS_DEVELOPER", "user": "SYSTEM_AS_USER"},
    "sampling": {"accepted": "SAMPLING_ACCEPTED", "without_reasoning": "SAMPLING_WITHOUT_REASONING",
                 "rejected": "SAMPLING_REJECTED"},
    "reasoning": {word: f"REASONING_{word.upper()}" for word in
                  ("absent", "effort", "adaptive", "budget", "level", "toggle", "always")},
    "cache_marks": {word: f"CACHE_MARKS_{word.upper()}" for word in ("none", "control", "breakpoint", "point")},
    "tokens": {word: f"TOKENS_{word.upper()}" for word in (
        "openai", "openai_5", "anthropic", "anthropic_4_5", "anthropic_5", "gemini", "gemini_3", "cohere", "grok",
        "grok_4_3", "deepseek", "mistral", "llama", "qwen", "gpt_oss", "glm", "kimi", "minimax", "nova")},
    "replay": {word: f"REPLAY_{word.upper()}" for word in ("optional", "content", "details", "forbidden")},
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
REJECTS = (
    "stop", "penalties", "logprobs", "logit_bias", "seed", "top_k", "temperature_with_top_p", "forced_tool",
    "forced_tool_with_reasoning", "prefill", "later_system", "tools_on_chat", "tools_on_chat_with_reasoning", "schema",
    "schema_with_tools", "max_tokens_name", "reasoning_off", "reasoning_off_above_high", "parallel_control",
    "user_after_tool", "verbosity",
)
KNOBS = (*WORDS, "efforts", "budget_min", "budget_max", "rejects", "stop_max", "temperature_max")
ALTERNATIVES = re.compile(r"\{([^{}]*)\}")


def expand(glob):
    """a{-,.}b is a-b and a.b."""
    found = ALTERNATIVES.search(glob)
    if not found:
        return [glob]
    return [name for word in found[1].split(",")
            for name in expand(glob[:found.start()] + word + glob[found.end():])]


def write_bits(place, values, known, prefix):
    if not isinstance(values, list):
        refuse(place, "should be a list")
    return " | ".join(prefix + one_of(place, v, {k: k.upper() for k in known}, "word") for v in values) or "0"


def write_knob(place, name, value):
    if name in WORDS:
        return one_of(place, value, WORDS[name], name)
    if name == "efforts":
        return write_bits(place, value, EFFORTS, "EFFORT_")
    if name == "rejects":
        return write_bits(place, value, REJECTS, "REJECTS_")
    if name == "temperature_max":
        return str(number(place, value, 10) / 10)
    return str(number(place, value))


def write_row(index, globs, provider, knobs):
    place = globs[0] if globs else "*"
    fields = ", ".join(f".{name} = {write_knob(place, name, value)}" for name, value in knobs.items())
    return (
        f"\t{{ .index = {index}, .globs = {strings(globs)},\n\t  .provider = {text(provider)},\n"
        f"\t  .rules = {{ {fields} }} }},\n"
    )


def knobs_of(row, names):
    """What the row says, over what the row it is like says."""
    inherited = {}
    if "like" in row:
        inherited = knobs_of(names[one_of("like", row["like"], {n: n for n in names}, "row")], names)
    return inherited | {k: v for k, v in row.items() if k in KNOBS}


def differences_of(row, names, everywhere):
    """Provider → what differs there: of all rows, of the row it is like, its own."""
    found = {name: dict(knobs) for name, knobs in everywhere.items()}
    layers = [differences_of(names[row["like"]], names, {})] if "like" in row else []
    for layer in (*layers, row.get("at", {})):
        for name, knobs in layer.items():
            found.setdefault(name, {}).update(knobs)
    return found


def compile_rules(path, providers_path):
    file, providers = load(path), load(providers_path)["providers"]
    only(path, file, ("rules",), ("everywhere_at",))
    names, written = {}, []
    for index, row in enumerate(file["rules"]):
        place = str(row.get("match", f"row {index + 1}"))
        only(place, row, ("match", "source"), ("name", "like", "at", "only_at", *KNOBS))
        if "name" in row and names.setdefault(row["name"], row) is not row:
            refuse(place, "the name stands twice")
        # "*" alone is no name to look for: what is left when no row fits either id.
        globs = [name for glob in row["match"] if glob != "*" for name in expand(glob)]
        if any(glob != glob.lower() for glob in globs):
            refuse(place, "names are compared in lower case")
        knobs = knobs_of(row, names)
        for provider, other in differences_of(row, names, file.get("everywhere_at", {})).items():
            one_of(place, provider, providers, "provider")
            only(f"{place} at {provider}", other, (), KNOBS)
            if "only_at" not in row or provider in row["only_at"]:
                written.append(write_row(index, globs, provider, knobs | other))
        if "only_at" in row:
            plain = [p for p in row["only_at"] if p not in differences_of(row, names, file.get("everywhere_at", {}))]
            written += [write_row(index, globs, one_of(place, p, {n: n for n in providers}, "provider"), knobs) for p in plain]
        else:
            written.append(write_row(index, globs, None, knobs))
    return "".join([
        "/* SPDX-License-Identifier: Apache-2.0 */\n",
        "/* Made by catalogue/compile_rules.py from catalogue/rules.yaml: edit that. */\n",
        '#include <stddef.h>\n#include "provider/rules.h"\n\n',
        f"const struct rule_row rule_rows[] = {{\n{''.join(written)}}};\n",
        f"const unsigned rule_row_count = {len(written)};\n",
        f"const unsigned rule_index_count = {len(file['rules'])};\n",
    ])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source = compile_rules(sys.argv[1], sys.argv[2])
    with open(sys.argv[3], "w", encoding="utf-8") as out:
        out.write(source)
