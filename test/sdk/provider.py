# SPDX-License-Identifier: Apache-2.0
"""Simulated providers for the SDK tests, steered by JSON lines: one command on standard input, one answer on standard output.

    {"op": "start", "name": "a", "speaks": ["openai-chat"], "key": "sk-a", "models": ["m"]}    → {"url": "http://127.0.0.1:…"}
    {"op": "next", "name": "a", "scripts": [{"do": "fail", "status": 503}, {"do": "auto", "text": "Hi"}]}   → {} (replaces what waits)
    {"op": "journal", "name": "a"}                                        → {"requests": [{"path", "headers", "body"}, …]}
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from sim import Sim, answers, steps  # noqa: E402
from sim.dialects import Reply, Usage  # noqa: E402

MEMBERS = ("text", "finish", "id", "model", "reasoning", "calls", "refusal", "citations")


def reply_of(script):
    usage = {"usage": Usage(**script["usage"])} if "usage" in script else {}
    return Reply(**{name: script[name] for name in MEMBERS if name in script}, **usage)


def after_content(count, step):
    """The stream's first `count` content events, then that step."""
    def edit(events):
        kept, seen = [], 0
        for event in events:
            if seen == count and event.kind in ("content", "finish", "usage", "terminator"):
                break
            seen += event.kind == "content"
            kept.append(event)
        return [*kept, step]
    return edit


SCRIPTS = {
    "auto": lambda s: answers.auto(reply_of(s)),
    "fail": lambda s: answers.fail(s["status"], s.get("message"), headers=[tuple(h) for h in s.get("headers", [])]),
    "reset": lambda s: answers.reset(),
    "silence": lambda s: answers.silence(),
    "cut": lambda s: answers.stream(reply_of(s), edit=after_content(s.get("after", 0), steps.CLOSE)),
    "body": lambda s: answers.body(s["body"].encode(), s.get("status", 200), s.get("type", "application/json")),
}


def main():
    sims = {}
    for line in sys.stdin:
        command = json.loads(line)
        name, answer = command.get("name"), {}
        if command["op"] == "start":
            sims[name] = Sim(*command["speaks"], key=command.get("key"), name=name, models=command.get("models"),
                             strict=command.get("strict", False))
            answer = {"url": sims[name].url}
        elif command["op"] == "next":
            sims[name].script.clear()  # what an earlier test did not use
            sims[name].next(*[SCRIPTS[script["do"]](script) for script in command["scripts"]])
        elif command["op"] == "journal":
            answer = {"requests": [{"path": r.target, "headers": r.headers, "body": r.body.decode("utf-8", "replace"),
                                    "problem": r.problem} for r in sims[name].journal]}
        print(json.dumps(answer), flush=True)


main()
