# SPDX-License-Identifier: Apache-2.0
"""Checks rules.yaml and writes it as a C table for src/provider/rules.h.

usage: compile_rules.py rules.yaml providers.yaml rules.gen.c
Anything that is not exactly as documented at the head of rules.yaml is an error that says where.
"""
import re
import sys

from compile import load, number, one_of, only, refuse, text

WORDS = {
    "system_role": {"system": "SYSTEM_AS_SYSTEM", "developer": "SYSTEM_AS_DEVELOPER", "user": "SYSTEM_AS_USER"},
    "sampling": {"accepted": "SAMPLING_ACCEPTED", "without_reasoning": "SAMPLING_WITHOUT_REASONING",
                 "rejected": "SAMPLING_REJECTED"},
    "reasoning": {word: f"REASONING_{word.upper()}" for word in
                  ("absent", "effort", "adaptive", "budget", "level", "toggle", "always")},
    "cache_marks": {word: f"CACHE_MARKS_{word.upper()}" for word in ("none", "control", "breakpoint", "point")},
    "tokens": {word: f"TOKENS_{word.upper()}" for word in (
        "openai", "openai_5", "anthropic_3", "anthropic", "anthropic_4_5", "anthropic_5", "gemini", "gemini_3",
        "cohere_r", "cohere", "cohere_plus", "cohere_reasoning", "grok", "grok_4_3", "deepseek", "mistral", "llama",
        "qwen", "gpt_oss", "glm", "kimi", "minimax", "nova")},
    "single_call": {"unsaid": "SINGLE_CALL_UNSAID", "tool_choice": "SINGLE_CALL_TOOL_CHOICE"},
    "web_search": {"options": "SEARCH_WORDS_OPTIONS"},
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
LETTERS, PROVIDER_MAX, GLOB_MAX = 128, 22, 30  # as src/provider/rules.h has them, with the NUL at the end
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


def short_text(value, size):
    if len(value) >= size:
        refuse(value, f"is longer than {size - 1} characters: src/provider/rules.h has no more room")
    return text(value)


def write_row(place, index, provider, knobs):
    fields = ", ".join(f".{name} = {write_knob(place, name, value)}" for name, value in knobs.items())
    return f"\t{{ .index = {index}, .provider = {short_text(provider or '', PROVIDER_MAX)},\n\t  .rules = {{ {fields} }} }},\n"


class Rows:
    """The C text of all rows, the globs that lead to them, and the rows that have none."""

    def __init__(self):
        self.written, self.globs, self.others = [], [], []

    def add(self, index, globs, provider, knobs):
        number_here = len(self.written)
        self.written.append(write_row(globs[0] if globs else "*", index, provider, knobs))
        self.globs += [(ord(glob[0]), number_here, position, glob) for position, glob in enumerate(globs)]
        if not globs:
            self.others.append(number_here)

    def glob_text(self):
        """By first letter, then by row; rule_glob_begins[letter] is where a letter's globs begin."""
        self.globs.sort()
        begins = [sum(1 for glob in self.globs if glob[0] < letter) for letter in range(LETTERS + 1)]
        rows = "".join(f"\t{{ {row}, {short_text(glob, GLOB_MAX)} }},\n" for _, row, _, glob in self.globs)
        return (
            f"const struct rule_glob rule_globs[] = {{\n{rows}}};\n"
            f"const uint16_t rule_glob_begins[RULE_LETTERS + 1] = {{ {', '.join(map(str, begins))} }};\n"
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
    names, rows = {}, Rows()
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
                rows.add(index, globs, provider, knobs | other)
        if "only_at" in row:
            plain = [p for p in row["only_at"] if p not in differences_of(row, names, file.get("everywhere_at", {}))]
            for provider in plain:
                rows.add(index, globs, one_of(place, provider, {n: n for n in providers}, "provider"), knobs)
        else:
            rows.add(index, globs, None, knobs)
    return "".join([
        "/* SPDX-License-Identifier: Apache-2.0 */\n",
        "/* Made by catalogue/compile_rules.py from catalogue/rules.yaml: edit that. */\n",
        '#include "provider/rules.h"\n\n',
        f"const struct rule_row rule_rows[] = {{\n{''.join(rows.written)}}};\n",
        rows.glob_text(),
        f"const uint16_t rule_rows_of_others[] = {{ {', '.join(map(str, rows.others))} }};\n",
        f"const unsigned rule_rows_of_others_count = {len(rows.others)};\n",
        f"const unsigned rule_index_count = {len(file['rules'])};\n",
    ])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source = compile_rules(sys.argv[1], sys.argv[2])
    with open(sys.argv[3], "w", encoding="utf-8") as out:
        out.write(source)
