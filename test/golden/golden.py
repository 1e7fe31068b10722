#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`./dev golden`: every case of every dialect to every other dialect, byte for byte as it was last agreed on.

A case is a file in requests/ or answers/: what came, and what became of it in each of the other dialects. `--update` writes the
latter anew; the difference is for people to read. Beside the bytes it is checked that streams come out the same however they are
cut, that they follow their grammar, that independent readers find the same meaning before and after, and that a conversation
that has grown by a turn begins with the very bytes it had before (pain.md F5).
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import random
import re
import sys
import traceback

TEST = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TEST / "corpus"), str(TEST), str(TEST / "e2e")]

import files  # noqa: E402
from answers import asked, check_stream  # noqa: E402
from compare import compare  # noqa: E402
from hub import DIALECTS, Hub  # noqa: E402
import providers  # noqa: E402
from readers import READERS  # noqa: E402
from requests import compare_requests  # noqa: E402
import specifications  # noqa: E402

PROCESSES = os.cpu_count() or 1
SEED = os.environ.get("WEIR_TEST_SEED", "1")
FULL = os.environ.get("WEIR_TEST_FULL") == "1"
SPLITS = 6                         # of a stream, besides byte by byte; all of them with --full
CONVERSATION = {"openai-responses": "input", "gemini": "contents"}


def others(case):
    return [dialect for dialect in DIALECTS if dialect != case.dialect]


# ---- requests ----

def ask(hub, case, target, request):
    model = case.value.get("models", {}).get(target, "own-model")
    return hub.request(case.dialect, target, files.compact(request), own=model, path_model="public-model",
                       variant=case.value.get("variant", False))


def agreed(result):
    """What is kept of a translated request."""
    if not result["ok"]:
        kept = {"refused": f"{result['stage']}: {result['error']}"}
        return {**kept, "fields": result["fields"]} if result["fields"] else kept
    kept = {"path": result["path"], "dropped": result["dropped"], "body": files.unpack_whole(result["body"])}
    return kept if kept["dropped"] else {name: kept[name] for name in ("path", "body")}


def judge_request(case, target, result):
    """By readers that know nothing of the program."""
    if not result["ok"]:
        return []
    written = json.loads(result["body"])
    problems = [f"specification: {problem}" for problem in specifications.problems(target, written)]
    there = READERS[case.dialect].request(case.value["request"], "public-model")
    here = READERS[target].request(written, "own-model")
    return problems + compare_requests(there, here, target, set(filter(None, result["dropped"].split(", "))))


def grown(hub, case, target):
    """Every request of a conversation begins with what the one before it had said."""
    member = CONVERSATION.get(case.dialect, "messages")
    bodies = []
    for cut in case.value.get("cuts", ()):
        result = ask(hub, case, target, {**case.value["request"], member: case.value["request"][member][:cut]})
        if not result["ok"]:
            return []
        bodies.append((result["dropped"], result["body"]))
    for (dropped, before), (also_dropped, after) in itertools.pairwise(bodies):
        if dropped != also_dropped:
            # A parameter went with what the new turn brings (thinking beside calls whose thoughts are lost): the rest counts.
            begin = f'"{CONVERSATION.get(target, "messages")}":['
            before, after = before[before.index(begin):], after[after.index(begin):]
        said = [match.end() for match in re.finditer(r"turn (one|two|three)", before)][-1]
        same = len(os.path.commonprefix([before, after]))
        if same < said:
            return [f"grown by a turn, byte {same} of {said} differs: {before[max(same - 60, 0):same + 20]!r}"]
    return []


def run_request(hub, case, target):
    result = ask(hub, case, target, case.value["request"])
    return agreed(result), judge_request(case, target, result) + grown(hub, case, target)


# ---- answers ----

def came(case):
    return files.stream_bytes(case.dialect, case.value["body"]) if case.value["came"] == "stream" else files.compact(
        case.value["body"]).encode()


def translate(hub, case, client, stream, split=0):
    return hub.answer(client, case.dialect, came(case), stream=stream, from_stream=case.value["came"] == "stream",
                      asked=asked(client, stream), query="alt=sse", path_stream=stream, split=split)


def cut_sizes(case):
    """Feeds of that many bytes: the first cut is at every place once."""
    sizes = range(1, len(came(case)))
    return sizes if FULL else [1, *random.Random(f"{SEED}/{case.title}").sample(sizes, min(SPLITS, len(sizes)))]


def judge_answer(case, client, stream, body):
    problems = check_stream(client, body) if stream else []
    reader = READERS[case.dialect]
    given = case.value["body"]
    there = reader.stream([event for event in given if event != "[DONE]"]) if case.value["came"] == "stream" else reader.whole(given)
    framing = READERS[client].FRAMING
    here = READERS[client].stream(files.frames.values(body, framing)) if stream else READERS[client].whole(json.loads(body))
    return problems + compare(there, here, case.dialect, client)


def run_answer(hub, case, client):
    kept, problems = {}, []
    for stream in (True, False):
        result = translate(hub, case, client, stream)
        name = "stream" if stream else "whole"
        if not result["ok"]:
            kept[name] = {"failed": result["error"]}
            continue
        body = result["bytes"]
        kept[name] = files.unpack_stream(client, body) if stream else files.unpack_whole(body.decode())
        problems += [f"{name}: {problem}" for problem in judge_answer(case, client, stream, body)]
        for size in cut_sizes(case) if case.value["came"] == "stream" else ():
            if translate(hub, case, client, stream, size).get("bytes") != body:
                problems.append(f"{name}: fed {size} bytes at a time it comes out otherwise")
                break
    return kept, problems


# ---- all of them ----

RUN = {"requests": run_request, "answers": run_answer}


def run(job):
    global hub
    if "hub" not in globals():
        hub = Hub()
    case, other = job
    try:
        kept, problems = RUN[case.kind](hub, case, other)
    except Exception:              # one case must not take the others with it
        kept, problems = case.value["written"].get(other), ["the test itself broke: " + traceback.format_exc(limit=-3)]
    return case.title, other, kept, problems


def differences(case, other, kept):
    before = case.value["written"].get(other)
    if before is None:
        return ["there is no agreed result: --update"]
    # Dumped, because the order of members counts.
    return [] if json.dumps(before) == json.dumps(kept) else ["is not what was agreed on; --update shows how"]


def settle(case, results, update):
    """Holds one case's results against what is in its file, or puts them there. Returns its problems."""
    problems = []
    for other, kept, found in results:
        problems += [f"{case.title} → {other}: {problem}" for problem in found]
        if not update:
            problems += [f"{case.title} → {other}: {problem}" for problem in differences(case, other, kept)]
    if update:
        case.value["written"] = {other: kept for other, kept, _ in results}
        case.save()
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write what comes out into the files")
    parser.add_argument("--case", default="", help="part of a case's name, such as requests/anthropic/tools")
    options = parser.parse_args()
    cases = [case for case in files.load() if options.case in case.title]
    by_title = {case.title: case for case in cases}
    print(f"seed {SEED}, {len(cases)} cases")
    jobs = [(case, other) for case in cases for other in others(case)]
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        results = list(pool.map(run, jobs, chunksize=8))
    problems = []
    for title, group in itertools.groupby(results, key=lambda result: result[0]):
        problems += settle(by_title[title], [result[1:] for result in group], options.update)
    sent, wrong = providers.run(Hub(), options.update) if options.case in "providers" else (0, [])
    problems += wrong
    print("\n".join(problems))
    failed = len({problem.split(": ")[0] for problem in problems})
    print(f"{len(jobs) + sent - failed} passed, {failed} failed, 0 skipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
