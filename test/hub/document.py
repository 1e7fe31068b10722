#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/translation.md from translation.head.md, the program's own tables (the hub's `fields`), and the corpus' exceptions.

usage: document.py [--check] HUB
With --check it writes nothing and fails when the page is not what it would write.
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "translation.md"
EXCEPTIONS = HERE.parent / "corpus" / "exceptions.json"
CLASSES = (
    ("meaning", "Meaning", "What the answer would be wrong without. *refused*: this target is passed over; if no other is left, the answer is 400."),
    ("tuning", "Tuning", "How well or how cheaply it is answered. *dropped*: left out and named, or refused where `unsupported: refuse` says so."),
    ("hint", "Hints", "Of no consequence to the answer. *dropped*: left out and named, never refused."),
)


def fields(hub):
    answer = subprocess.run([hub], input='{"op":"fields"}\n', stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(answer)["fields"]


def write_fields(found):
    dialects = list(found[0]["dialects"])
    lines = []
    for name, title, words in CLASSES:
        lines += [f"### {title}", "", words, "",
                  "| field | said by clients of | " + " | ".join(f"to {dialect}" for dialect in dialects) + " |",
                  "| --- | --- |" + " --- |" * len(dialects)]
        for field in found:
            if field["class"] != name:
                continue
            said = [dialect for dialect in dialects if field["dialects"][dialect]["expressed"]]
            who = "all" if len(said) == len(dialects) else ", ".join(said)
            lines.append(f"| {field['words']} | {who} | " + " | ".join(field["dialects"][dialect]["carriage"] for dialect in dialects) + " |")
        lines.append("")
    return lines


def write_exceptions():
    listed = json.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    lines = ["## Recorded traffic", "",
             f"`./dev corpus` sends {listed['recordings']} recorded interactions through the hub, answers to all seven dialects, whole and",
             "streamed, and requests to all seven. Readers written from the providers' documentation, which share no code with weir, compare",
             "what was said before and after; requests must also pass the target's specification. Recorded is what real programs and providers",
             f"sent, mistakes included. Score: {listed['score']}. Not counted, because there is nothing to translate or the target has no",
             "words for it (each of them is refused by name, as above):", ""]
    for kind, title in (("answers", "answers"), ("requests", "requests")):
        dialects = list(next(iter(listed[kind].values())))
        lines += [f"| {title} | " + " | ".join(f"to {dialect}" for dialect in dialects) + " |", "| --- |" + " ---: |" * len(dialects)]
        lines += [f"| {reason} | " + " | ".join(str(counts[dialect] or "–") for dialect in dialects) + " |"
                  for reason, counts in listed[kind].items()]
        lines.append("")
    return lines


def page(hub):
    head = (HERE / "translation.head.md").read_text(encoding="utf-8")
    return "\n".join([head, *write_fields(fields(hub)), *write_exceptions()]).rstrip("\n") + "\n"


def main():
    arguments = sys.argv[1:]
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        sys.exit(__doc__)
    made = page(arguments[-1])
    if not check:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit("docs/translation.md is not what test/hub/document.py would write: ./dev golden --page")


if __name__ == "__main__":
    main()
