# SPDX-License-Identifier: Apache-2.0
"""weir before one strict simulated provider per dialect, for SDKs of languages that do not steer it: what is answered is told by the
question itself. A command is run with WEIR_URL and WEIR_KEY; models are called `at-<the provider's dialect>`."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "test"), str(ROOT / "test/e2e")]

from harness import Weir  # noqa: E402
from sim import Sim, answers  # noqa: E402
from sim.dialects import Reply  # noqa: E402

KEY = "weir-app-key-0123456789"
SPARE = 200
# `own` is an id whose rules let it think.
PROVIDERS = {
    "openai-chat": ("/v1", "gpt-5.4"), "openai-responses": ("/v1", "gpt-5.4"), "anthropic": ("", "claude-sonnet-4-6"),
    "gemini": ("/v1beta", "gemini-3-flash-preview"), "bedrock": ("", "anthropic.claude-sonnet-4-6"),
    "cohere": ("", "command-a-reasoning-08-2025"), "ollama": ("", "qwen3:8b"),
}


def answer(sim, request):
    """By the last word that the question says: see the tests."""
    said = request.body.decode("utf-8", "replace")
    failing = re.findall(r"Fail with (\d+)", said)
    if failing:
        return answers.fail(int(failing[-1]), "As you wish.", headers=[("retry-after", "60")] if failing[-1] == "429" else [])
    if "3 degrees" in said:
        return answers.auto(Reply(text="It is cold."))
    if "get_weather" in said:
        return answers.auto(Reply(text="", calls=[("call_oslo", "get_weather", {"city": "Oslo"})]))
    if "Two and two?" in said:
        return answers.auto(Reply(text="It is four.", reasoning="Two and two make four."))
    return answers.auto(Reply(text="Hello, you there."))


def main(command, folder):
    sims, providers = [], {}
    for dialect, (base, own) in PROVIDERS.items():
        sim = Sim(dialect, key=f"sk-{dialect}", name=dialect, strict=True)
        sim.default = answer
        sims.append(sim)
        # A breaker is kept per model: what fails has one of its own.
        models = {f"at-{dialect}": own, **{f"at-{dialect}-{n}": f"{own}-{n}" for n in range(SPARE)}}
        providers[dialect] = {"dialect": dialect, "base_url": sim.url + base, "keys": [sim.key], "retries": 0, "models": models}
    weir = Weir({"store": "memory", "keys": [{"name": "app", "key": KEY}], "providers": providers})
    environment = {**os.environ, "WEIR_URL": f"http://127.0.0.1:{weir.port}", "WEIR_KEY": KEY}
    status = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode
    weir.stop()
    problems = [(sim.name, request.problem) for sim in sims for request in sim.journal if request.problem]
    for problem in problems:
        print("a provider refused:", *problem)
    return status or bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], sys.argv[1]))
