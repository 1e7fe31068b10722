#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs test suites one after another and counts their tests. `./dev test`, `sanitize`, `fuzz` and `lint` call it.

A suite is named KIND or KIND:BUILD, where BUILD is a folder below build/ that `./dev variant BUILD` makes. What a suite's
own tool prints is passed through and read for its counts; a suite that ran nothing has failed. The last line printed is
"N passed, N failed, N skipped", and the exit status is 1 when anything failed.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
QUICK_SECONDS = 420      # a suite that hangs must not take the whole run with it
FULL_SECONDS = 3 * 3600
PROCESSES = os.cpu_count() or 1


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    seconds: float = 0.0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


class Runner:
    """What all suites need: the environment, the time limit, and builds made once."""

    def __init__(self, options):
        self.options = options
        self.limit = FULL_SECONDS if options.full else QUICK_SECONDS
        self.built = {}
        self.environment = dict(
            os.environ,
            ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1",
            UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
            # OpenSSL is not instrumented: what it synchronises by its own atomics would look like races.
            TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1",
        )
        if options.full:
            self.environment["WEIR_TEST_FULL"] = "1"

    def build(self, variant):
        if variant not in self.built:
            self.built[variant] = subprocess.run(["./dev", "variant", variant], cwd=ROOT).returncode == 0
        return self.built[variant]

    def run(self, command, variant=None, cwd=ROOT, show=True):
        """Passes the output through as it comes, or all at the end. Returns (status, text); status None = the time was up."""
        environment = dict(self.environment)
        if variant:
            environment["WEIR_BINARY"] = str(BUILD / variant / "weir")
        if variant == "tsan" and subprocess.run(["setarch", "-R", "true"], stderr=subprocess.DEVNULL).returncode == 0:
            command = ["setarch", "-R", *command]  # its shadow memory has no room for much randomness of addresses
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, text=True, errors="replace",
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        late = threading.Event()

        def give_up():
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(self.limit, give_up)
        timer.start()
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                if show:
                    print(line, end="", flush=True)
            status = process.wait()
        finally:
            timer.cancel()
        if not show:
            print("".join(lines), end="", flush=True)
        return (None if late.is_set() else status), "".join(lines)

    def judge(self, counts, status):
        """A tool's exit status overrules counts that look good."""
        if status is None:
            counts.failed += 1
            counts.note = f"stopped after {self.limit} s"
        elif status != 0 and counts.failed == 0:
            counts.failed += 1
            counts.note = f"ended with status {status}"
        elif counts.passed + counts.failed + counts.skipped == 0:
            counts.failed = 1
            counts.note = "found no tests"
        return counts


def total_of(pattern, text):
    return sum(int(number) for number in re.findall(pattern, text, re.M))


def run_structure(runner, _variant):
    status, text = runner.run([sys.executable, "tools/lint.py"])
    counts = Counts(total_of(r"^(\d+) passed,", text), total_of(r" (\d+) failed,", text))
    return runner.judge(counts, status)


def run_lint(runner, _variant):
    status, _ = runner.run(["./dev", "analyse"])
    return runner.judge(Counts(passed=1 if status == 0 else 0), status)


def run_unit(runner, variant):
    """Meson runs the test programs; cmocka says in each how many tests it has."""
    status, _ = runner.run(["meson", "test", "-C", f"build/{variant}", "--no-rebuild", "--print-errorlogs",
                            "--num-processes", str(PROCESSES)], variant)
    counts = Counts()
    log = BUILD / variant / "meson-logs" / "testlog.json"
    for line in log.read_text().splitlines() if log.exists() else []:
        program = json.loads(line)
        text = (program.get("stdout") or "") + (program.get("stderr") or "")
        failed = total_of(r"^\[  FAILED  \] (\d+) test", text)
        counts.passed += total_of(r"^\[  PASSED  \] (\d+) test", text)
        counts.skipped += total_of(r"^\[  SKIPPED \] (\d+) test", text)
        # A crash, a sanitizer's report or the time limit ends a program without cmocka's own count.
        counts.failed += failed if failed or program["result"] in ("OK", "SKIP") else 1
    return runner.judge(counts, status)


def run_e2e_file(runner, variant, name):
    command = [sys.executable, "-m", "unittest", "discover", "--start-directory", "test/e2e", "--top-level-directory",
               "test/e2e", "--pattern", name, "--verbose", "--buffer"]
    status, text = runner.run(command, variant, show=False)
    bad = total_of(r"^FAILED \(.*?failures=(\d+)", text) + total_of(r"^FAILED \(.*?errors=(\d+)", text)
    skipped = total_of(r"^(?:OK|FAILED) \(.*?skipped=(\d+)", text)
    ran = total_of(r"^Ran (\d+) tests? in", text)
    return runner.judge(Counts(max(ran - bad - skipped, 0), bad, skipped), status)


def run_e2e(runner, variant):
    """Every file is a process with gateways and providers of its own, so as many run at once as there are cores."""
    names = sorted(path.name for path in (ROOT / "test/e2e").glob("test_*.py"))
    counts = Counts()
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        for name, part in zip(names, pool.map(lambda name: run_e2e_file(runner, variant, name), names)):
            counts.add(part)
            counts.note += f"{name}: {part.note} " if part.note else ""
    return runner.judge(counts, 0)


def run_golden(runner, variant):
    """Agreed translations; a full run cuts every stream at every place."""
    return run_counted(runner, variant, "test/golden/golden.py")


def run_corpus(runner, variant):
    """Recorded traffic through the hub, where there is any: all of it, in seconds."""
    return run_counted(runner, variant, "test/corpus/corpus.py")


def run_counted(runner, variant, *command):
    """Programs of our own, whose last line has the counts."""
    status, text = runner.run([sys.executable, *command], variant)
    counts = Counts(total_of(r"^(\d+) passed,", text), total_of(r"^\d+ passed, (\d+) failed,", text), total_of(r"(\d+) skipped$", text))
    return runner.judge(counts, status)


def run_sdk(runner, variant):
    prepared = subprocess.run(["./dev", "sdk-deps"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    if prepared.returncode == 2:
        return Counts(skipped=1, note=prepared.stderr.strip().splitlines()[-1] + ": the official SDKs were not run")
    print(prepared.stderr, end="")
    if prepared.returncode != 0:
        return Counts(failed=1, note="npm could not install the SDKs")
    files = sorted(str(path.relative_to(ROOT / "test/sdk")) for path in (ROOT / "test/sdk").glob("*.test.mjs"))
    command = ["node", "--test", f"--test-concurrency={PROCESSES}", "--test-reporter=spec", *files]
    status, text = runner.run(command, variant, ROOT / "test/sdk")
    counts = Counts(total_of(r"^\S pass (\d+)", text), total_of(r"^\S fail (\d+)", text) + total_of(r"^\S cancelled (\d+)", text),
                    total_of(r"^\S skipped (\d+)", text) + total_of(r"^\S todo (\d+)", text))
    return runner.judge(counts, status)


def run_fuzz(runner, variant):
    """Every target for some seconds, from the seeds in fuzz/<name>/; what it learns stays in build/corpus/."""
    wanted = runner.options.fuzz_target
    targets = [path for path in sorted((BUILD / variant).glob("fuzz-*")) if path.is_file() and os.access(path, os.X_OK)]
    targets = [path for path in targets if wanted in ("all", path.name.removeprefix("fuzz-"))]

    def fuzz(target):
        name = target.name.removeprefix("fuzz-")
        corpus, found = BUILD / "corpus" / name, BUILD / "crashes" / name
        corpus.mkdir(parents=True, exist_ok=True)
        found.mkdir(parents=True, exist_ok=True)
        seeds = [str(ROOT / "fuzz" / name)] if (ROOT / "fuzz" / name).is_dir() else []
        dictionary = ROOT / "fuzz" / f"{name}.dict"
        command = [str(target), f"-max_total_time={runner.options.fuzz_seconds}", "-rss_limit_mb=1024", "-timeout=10",
                   "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={found}/",
                   f"-seed={int(runner.environment['WEIR_TEST_SEED']) % 2**31}"]
        command += [f"-dict={dictionary}"] if dictionary.exists() else []
        status, _ = runner.run([*command, str(corpus), *seeds], show=len(targets) == 1)
        print(f"-- {name}: {'nothing found' if status == 0 else 'FOUND SOMETHING'}", flush=True)
        return status == 0, "" if status == 0 else f"{name}: input in {found.relative_to(ROOT)} "

    counts = Counts()
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        for passed, note in pool.map(fuzz, targets):
            counts.passed += passed
            counts.failed += not passed
            counts.note += note
    return runner.judge(counts, 0)


SUITES = {
    "structure": run_structure,
    "lint": run_lint,
    "unit": run_unit,
    "golden": run_golden,
    "corpus": run_corpus,
    "e2e": run_e2e,
    "sdk": run_sdk,
    "fuzz": run_fuzz,
}


def run_suite(runner, name):
    kind, _, variant = name.partition(":")
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    if variant and not runner.build(variant):
        counts = Counts(failed=1, note=f"build/{variant} does not build")
    else:
        counts = SUITES[kind](runner, variant)
    counts.seconds = time.monotonic() - started
    return counts


def git(*arguments, **environment):
    result = subprocess.run(["git", *arguments], cwd=ROOT, env=dict(os.environ, **environment), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return result.stdout.strip() if result.returncode == 0 else ""


def tree_id():
    """Names the sources as they are now, committed or not, without the documents that a run itself writes."""
    index = BUILD / "tree-index"
    index.unlink(missing_ok=True)
    private = {"GIT_INDEX_FILE": str(index)}
    git("read-tree", "HEAD", **private)
    git("add", "--all", "--", ".", ":!docs", **private)
    return git("write-tree", **private)


class Progress:
    """Remembers finished suites of one state of the sources, so that a long run that was stopped can go on."""

    def __init__(self, enabled):
        tree = tree_id() if enabled else ""
        self.path = BUILD / "full" / f"{tree}.json" if tree else None
        self.done = json.loads(self.path.read_text()) if self.path and self.path.exists() else {}

    def get(self, suite):
        return Counts(**self.done[suite]) if suite in self.done else None

    def put(self, suite, counts):
        if self.path and counts.failed == 0:
            self.done[suite] = asdict(counts)
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(json.dumps(self.done))


def first_line(*command):
    if not shutil.which(command[0]):
        return f"{command[0]}: not there"
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.splitlines()[0]


def table(results):
    width = max(len(name) for name in results)
    for name, counts in results.items():
        yield (f"{name:{width}}  {counts.passed:5} passed  {counts.failed:3} failed  {counts.skipped:3} skipped  "
               f"{counts.seconds:6.1f} s  {counts.note}").rstrip()


def write_report(path, results, total):
    dirty = " with uncommitted changes" if git("status", "--porcelain", "--", ".", ":!docs") else ""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    lines = [
        "# Test report", "",
        "Written by `./dev test --full`: every suite, all split points, both compilers, both sanitizers.", "",
        f"- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"- Commit: {git('rev-parse', 'HEAD')}{dirty}",
        f"- Machine: {system}, Linux {platform.release()}, {platform.machine()}, {PROCESSES} cores",
        f"- Tools: {first_line('gcc', '--version')}; {first_line('clang', '--version')}; "
        f"Python {platform.python_version()}; Node {first_line('node', '--version')}",
        f"- Seed: {os.environ['WEIR_TEST_SEED']}", "",
        "| suite | passed | failed | skipped | seconds | note |", "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [f"| {name} | {c.passed} | {c.failed} | {c.skipped} | {c.seconds:.0f} | {c.note} |" for name, c in results.items()]
    lines += [f"| **all** | **{total.passed}** | **{total.failed}** | **{total.skipped}** | "
              f"{sum(c.seconds for c in results.values()):.0f} | |", "",
              "A suite's name is what it runs and the build it runs on: gcc release, clang, gcc with ASan and UBSan, gcc with "
              "TSan, clang with libFuzzer."]
    (ROOT / path).parent.mkdir(exist_ok=True)
    (ROOT / path).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all split points; hours instead of minutes for a suite")
    parser.add_argument("--resume", action="store_true", help="take over suites that passed on these very sources")
    parser.add_argument("--report", help="write a report there")
    parser.add_argument("--fuzz-target", default="all")
    parser.add_argument("--fuzz-seconds", type=int, default=60)
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()

    BUILD.mkdir(exist_ok=True)
    print(f"seed {os.environ['WEIR_TEST_SEED']} (WEIR_TEST_SEED repeats this run)")
    runner, progress, results = Runner(options), Progress(options.resume), {}
    for name in options.suites:
        results[name] = progress.get(name)
        if results[name]:
            print(f"\n== {name}: passed before on these sources")
        else:
            results[name] = run_suite(runner, name)
            progress.put(name, results[name])

    total = Counts()
    for counts in results.values():
        total.add(counts)
    if options.report:
        write_report(options.report, results, total)
    print("\n== result", *table(results), sep="\n")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
