# SPDX-License-Identifier: Apache-2.0
"""Fits the weights of src/llm/estimate.c to recorded usage (test_estimates.py says where recordings are), and says how they
do on prompts they were not fitted to: each half of the recordings, by a hash of their names, is fitted alone and held
against the other. `--weights` prints the table for estimate.c, fitted to all. A ridge towards START, and errors that count
by their size, not its square: a few prompts that cannot be explained do not bend the rest."""

import collections
import hashlib
import json
import sys
import urllib.parse

import test_estimates
from hub import Hub

PARTS = (
    "PROMPT TEXT MESSAGES SYSTEM CALLS CALL_TEXT RESULTS TOOL_USE TOOL_CHOICE TOOLS TOOL_TEXT SCHEMA_PROPERTIES SCHEMA_TEXT "
    "SCHEMA_NAMES SCHEMA_JSON FORMAT FORMAT_JSON REASONING THOUGHTS OLD_THOUGHTS STATE OLD_STATE PAGES MEDIA SCHEMA_GIVEN "
    "DIGITS").split()
AT = {name: i for i, name in enumerate(PARTS)}
PICTURES = ("TILES_512", "PATCHES", "AREA", "TILES_768", "FIXED", "TILES_448", "AREA_NOVA")
PICTURE_OF = {
    "grok": "TILES_448", "grok_4_3": "TILES_448", "nova": "AREA_NOVA", "gemini": "TILES_768", "gemini_3": "FIXED",
    **dict.fromkeys(("anthropic_3", "anthropic", "anthropic_4_5", "anthropic_5"), "AREA"),
    **dict.fromkeys(("mistral", "qwen", "gpt_oss", "glm", "kimi", "minimax"), "PATCHES")}
# What is expected before there are recordings: documented, or as for relatives. Tokens per unit.
COMMON = dict(PROMPT=5, TEXT=1, MESSAGES=4, CALLS=10, CALL_TEXT=1, RESULTS=6, TOOL_USE=60, TOOLS=8, TOOL_TEXT=1,
              SCHEMA_PROPERTIES=1, SCHEMA_TEXT=.3, SCHEMA_NAMES=.3, SCHEMA_JSON=.8, FORMAT=10, FORMAT_JSON=.7, THOUGHTS=.5,
              STATE=.02, PAGES=1000, MEDIA=1)
OPENAI = dict(PROMPT=3, TOOL_USE=15, SCHEMA_PROPERTIES=4, SCHEMA_TEXT=1, SCHEMA_NAMES=1, SCHEMA_JSON=0, FORMAT=8)
ANTHROPIC = dict(TEXT=1.05, TOOL_USE=330, SCHEMA_JSON=1, SCHEMA_TEXT=0, SCHEMA_NAMES=0, SCHEMA_PROPERTIES=3, CALLS=30,
                 RESULTS=25, FORMAT=50, FORMAT_JSON=1, REASONING=28, TOOLS=25, THOUGHTS=1, PAGES=1600)
COHERE = dict(PROMPT=494, TOOL_USE=920)
DEEPSEEK = dict(TOOL_USE=210, SCHEMA_JSON=1, SCHEMA_TEXT=0, SCHEMA_NAMES=0, SCHEMA_PROPERTIES=2, CALLS=20, RESULTS=20)
GEMINI = dict(STATE=.06, SCHEMA_GIVEN=.6, PROMPT=0, MESSAGES=1, TOOL_USE=0, SCHEMA_JSON=0, SCHEMA_PROPERTIES=10, FORMAT=0,
              FORMAT_JSON=0, DIGITS=1, TOOLS=12, PAGES=258)
START = {
    "openai": OPENAI, "openai_5": {**OPENAI, "TOOL_USE": 90}, "anthropic_3": {**ANTHROPIC, "TOOL_USE": 264},
    "anthropic": ANTHROPIC, "anthropic_4_5": {**ANTHROPIC, "TOOL_USE": 480, "TOOL_CHOICE": 60},
    "anthropic_5": {**ANTHROPIC, "TEXT": 1.4, "TOOL_USE": 410, "SCHEMA_JSON": 1.4, "TOOL_CHOICE": 30}, "gemini": GEMINI,
    "gemini_3": {**GEMINI, "SCHEMA_PROPERTIES": 20, "STATE": .15, "SCHEMA_GIVEN": .2, "OLD_THOUGHTS": 1, "PAGES": 530},
    "cohere_r": {"PROMPT": 198, "TOOL_USE": 620}, "cohere": COHERE, "cohere_plus": {**COHERE, "PROMPT": 440},
    "cohere_reasoning": {"PROMPT": 1385, "TOOL_USE": 0}, "grok": {"PROMPT": 123, "THOUGHTS": 0},
    "grok_4_3": {"PROMPT": 190, "OLD_STATE": .1, "STATE": .1}, "deepseek": DEEPSEEK,
    "deepseek_responses": {**DEEPSEEK, "PROMPT": 78, "MESSAGES": 0, "THOUGHTS": .3},
    "mistral": {"OLD_THOUGHTS": 1, "PROMPT": 0, "TOOL_USE": 15, "SCHEMA_JSON": 1, "DIGITS": 1, "SCHEMA_TEXT": 0},
    "llama": {"PROMPT": 30, "TOOL_USE": 150}, "qwen": {"PROMPT": 10, "TOOL_USE": 200, "DIGITS": 1},
    "gpt_oss": {"PROMPT": 66, "TOOL_USE": 0}, "glm": {"TOOL_USE": 110}, "kimi": {}, "minimax": {},
    "nova": {"TOOL_USE": 300, "DIGITS": 1}}
# How far a weight may well be from there.
FAR = dict(PROMPT=3.6, TEXT=.05, MESSAGES=2, SYSTEM=3, CALLS=10, CALL_TEXT=.3, RESULTS=10, TOOL_USE=100, TOOL_CHOICE=25,
           TOOLS=10, TOOL_TEXT=.3, SCHEMA_PROPERTIES=4, SCHEMA_TEXT=.4, SCHEMA_NAMES=.5, SCHEMA_JSON=.3, FORMAT=20,
           FORMAT_JSON=.3, REASONING=15, THOUGHTS=.6, OLD_THOUGHTS=.5, STATE=.05, OLD_STATE=.01, PAGES=150, MEDIA=.01,
           SCHEMA_GIVEN=.3, DIGITS=.4)
OWN_PROMPT = {"cohere_r", "cohere", "cohere_plus", "cohere_reasoning", "grok", "grok_4_3", "llama", "deepseek_responses"}
RIDGE, NEAR, WILD = .03, .03, .5


def load():
    hub, families = Hub(), collections.defaultdict(list)
    for recording in test_estimates.load():
        tokens = test_estimates.reported(recording)
        model = recording.row["model"] or recording.request.get("model") or urllib.parse.unquote(recording.path_model)
        answer = hub.ask(op="estimate", client=recording.dialect, provider=recording.dialect, name=recording.provider, own=model,
                         path_model=model, body=json.dumps(recording.request))
        if answer["ok"] and tokens:
            family = answer["family"]
            picture = answer["pictures"][PICTURES.index(PICTURE_OF.get(family, "TILES_512"))]
            half = hashlib.sha1(recording.id.encode()).digest()[0] & 1
            families[family].append((answer["parts"], picture, tokens, half))
    hub.close()
    return families


def descend(matrix, right, weights):
    for _ in range(25):
        for i, row in enumerate(matrix):
            value = weights[i] + (right[i] - sum(a * w for a, w in zip(row, weights))) / row[i]
            weights[i] = value if PARTS[i] == "TOOL_CHOICE" else max(value, 0)


def fit(rows, family):
    start = [{**COMMON, **START[family]}.get(name, 0) for name in PARTS]
    far = dict(FAR, **({"PROMPT": 96} if family in OWN_PROMPT else {}), **({"TEXT": .02} if len(rows) < 25 else {}))
    hold = [RIDGE / far[name] ** 2 for name in PARTS]
    weights = list(start)
    for _ in range(15 if rows else 0):
        matrix = [[hold[i] if i == j else 0 for j in range(len(PARTS))] for i in range(len(PARTS))]
        right = [h * s for h, s in zip(hold, start)]
        for parts, picture, tokens, _half in rows:
            size = tokens + 15
            error = abs(sum(p * w for p, w in zip(parts, weights)) + picture - tokens) / size
            counts = 1 / max(error, NEAR) * ((WILD / error) ** 2 if error > WILD else 1) / size ** 2
            met = [(i, part) for i, part in enumerate(parts) if part]
            for i, part in met:
                right[i] += counts * part * (tokens - picture)
                for j, other in met:
                    matrix[i][j] += counts * part * other
        descend(matrix, right, weights)
    return weights


def is_near(weights, row):
    parts, picture, tokens, _half = row
    return abs((sum(p * w for p, w in zip(parts, weights)) + picture) / tokens - 1) <= .1


def held_out(families):
    found = collections.defaultdict(list)
    for family, rows in sorted(families.items()):
        for half in (0, 1):
            weights = fit([row for row in rows if row[3] == half], family)
            for row in rows:
                if row[2] >= test_estimates.SMALLEST:
                    kind = "fitted" if row[3] == half else "held out"
                    for group in (family, "everything", *(["over 200"] if row[2] > 200 else [])):
                        found[group, kind].append(is_near(weights, row))
    for group in dict.fromkeys(group for group, _ in found):
        shares = (f"{100 * sum(found[group, kind]) // len(found[group, kind]):3} % of those {kind}"
                  for kind in ("fitted", "held out"))
        print(f"{group:18} {len(found[group, 'held out']):4} prompts, within 10 %: {', '.join(shares)}")


def table(families):
    for family in START:
        weights = (round(100 * w) for w in fit(families[family], family))
        cells = [f"[FOUND_{name}] = {round(w, -1) if abs(w) >= 1000 else w}" for name, w in zip(PARTS, weights) if w]
        picture = PICTURE_OF.get(family, "TILES_512")
        print(f"[TOKENS_{family.upper()}] = {{ .picture = PICTURE_{picture}, .part = {{ {', '.join(cells)} }} }},")


if __name__ == "__main__":
    (table if sys.argv[1:] == ["--weights"] else held_out)(load())
