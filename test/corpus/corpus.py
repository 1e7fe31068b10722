#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`./dev corpus`: recorded traffic of real providers through the hub, to every dialect, held against independent readers.

Answers: what a reader of the provider's dialect sees in the recording, a reader of the client's dialect must see in what weir
wrote, whole and streamed. Requests: what weir writes must pass the target's specification and mean the same.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import sys
import traceback

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1]),
                str(pathlib.Path(__file__).resolve().parents[1] / "e2e")]

import answers  # noqa: E402
import recordings  # noqa: E402
from golden.files import pretty  # noqa: E402
import requests  # noqa: E402
import specifications  # noqa: E402
from hub import DIALECTS, Hub  # noqa: E402
from outcome import Outcome  # noqa: E402

EXCEPTIONS = pathlib.Path(__file__).resolve().parent / "exceptions.json"
PROCESSES = os.cpu_count() or 1


def run(job):
    """One recording in every direction; in a process of its own pool, with a hub of its own."""
    global hub
    if "hub" not in globals():
        hub = Hub()
    kind, recording, others = job
    try:
        outcomes = KINDS[kind](hub, recording, others)
    except Exception:              # one recording must not take the others with it
        outcomes = [Outcome(others[0], "different", ["the test itself broke: " + traceback.format_exc(limit=-3)])]
    return kind, recording.id, recording.dialect, outcomes


KINDS = {"answers": answers.check, "requests": requests.check}


def table(results):
    """Per pair: what held, of how many."""
    pairs = collections.defaultdict(lambda: [0, 0])
    for kind, _, dialect, outcomes in results:
        for outcome in outcomes:
            if outcome.word in ("same", "different"):
                pairs[kind, dialect, outcome.other][0] += outcome.word == "same"
                pairs[kind, dialect, outcome.other][1] += 1
    for kind in KINDS:
        print(f"\n{kind:18}" + "".join(f"{name:>18}" for name in DIALECTS))
        for dialect in DIALECTS:
            cells = [pairs.get((kind, dialect, other)) for other in DIALECTS]
            print(f"{dialect:18}" + "".join(f"{f'{cell[0]}/{cell[1]}' if cell else '-':>18}" for cell in cells))


def plainly(reason):
    """Without the names of single tools, files and types: the reason that several have in common."""
    for pattern, words in (
            (r"the tool [\w:]+ is run by another provider.*", "no such tool run by the provider"),
            (r".*schema's root is no object.*", "a schema whose root is no object"),
            (r"th\w+ provider takes no video", "video"),
            (r"the provider does not go on from a last assistant message", "an assistant turn at the end"),
            (r"this provider (fetches from|does not fetch from|takes media as data or from) .*", "an address of this kind"),
            (r"this provider (takes PDF and text as documents|does not take documents of type).*", "a document of this type")):
        reason = re.sub(pattern, words, reason)
    return reason


def exceptions(results):
    """{kind: {reason: {dialect: how often}}}."""
    found = {kind: {} for kind in KINDS}
    for kind, _, _, outcomes in results:
        for outcome in outcomes:
            if outcome.word == "excepted":
                found[kind].setdefault(plainly(outcome.reasons[0]), collections.Counter())[outcome.other] += 1
    return found


def settle_exceptions(results, score, recorded, update):
    """Every reason must be among those that docs/translation.md lists. Returns how many are not."""
    found = exceptions(results)
    if update:
        value = {"recordings": recorded, "score": score, **{
            kind: {reason: {name: found[kind][reason][name] for name in DIALECTS} for reason in sorted(reasons)}
            for kind, reasons in found.items()}}
        EXCEPTIONS.write_text(pretty(value) + "\n")
        return 0
    listed = json.loads(EXCEPTIONS.read_text())
    unlisted = [f"{kind}: {reason}" for kind, reasons in found.items()
                for reason in sorted(set(reasons) - set(listed[kind]))]
    for reason in unlisted:
        print(f"an exception that is not listed (--update lists it): {reason}")
    return len(unlisted)


def report(results, verbose):
    counts = collections.Counter()
    excepted = collections.Counter()
    for kind, name, dialect, outcomes in results:
        for outcome in outcomes:
            counts[outcome.word] += 1
            if outcome.word == "different":
                print(f"{kind} {name} → {outcome.other}: " + "; ".join(outcome.reasons if verbose else outcome.reasons[:2]))
            elif outcome.word in ("excepted", "absent"):
                excepted[kind, outcome.word, plainly(outcome.reasons[0])] += 1
    for (kind, word, reason), number in sorted(excepted.items()):
        print(f"{word}: {kind}: {reason}: {number}")
    table(results)
    held = counts["same"] + counts["different"]
    print(f"\nscore {counts['same']}/{held} = {100 * counts['same'] / held if held else 0:.2f} %, {counts['excepted']} excepted, "
          f"{counts['absent']} without a dialect")
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dialect", choices=DIALECTS, help="recordings of this dialect only")
    parser.add_argument("--client", choices=DIALECTS, help="to this dialect only")
    parser.add_argument("--kind", choices=sorted(KINDS))
    parser.add_argument("--id", help="this recording only (or those whose ids begin so)")
    parser.add_argument("--update", action="store_true", help="list the exceptions anew (all recordings are needed for that)")
    parser.add_argument("--verbose", action="store_true", help="all that is different, not the first two of each")
    options = parser.parse_args()
    if not recordings.folder():
        print("no recordings beside the project: nothing compared\n0 passed, 0 failed, 1 skipped")
        return 0
    found = [r for r in recordings.load() if options.dialect in (None, r.dialect) and r.id.startswith(options.id or "")]
    print(f"{len(found)} recordings")
    if specifications.missing():
        print(f"skipped: requests are not held against specifications: {specifications.missing()}")
    clients = (options.client,) if options.client else DIALECTS
    jobs = [(kind, recording, clients) for kind in KINDS if options.kind in (None, kind) for recording in found]
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        results = list(pool.map(run, jobs, chunksize=4))
    counts = report(results, options.verbose)
    score = f"{counts['same']} of {counts['same'] + counts['different']}"
    unlisted = settle_exceptions(results, score, len(found), options.update)
    print(f"{counts['same']} passed, {counts['different'] + unlisted} failed, {counts['absent']} skipped")
    return 1 if counts["different"] or unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
