# SPDX-License-Identifier: Apache-2.0
"""The SDKs of other languages, each reported apart: `python: 70 passed`, or why it was skipped. Not part of the other suites, since a
machine may have neither a language's tools nor its registry."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build/sdks-other"
UNREACHED = re.compile(r"resolve|no such host|unknown host|connection refused|timed? ?out|unreachable|Temporary failure|No matching distribution "
                       r"found for \S+ \(from versions: none\)|Could not transfer|dial tcp|CERTIFICATE", re.IGNORECASE)


class Skipped(Exception):
    pass


def need(tool, language):
    if not shutil.which(tool):
        raise Skipped(f"no {language} here")


def prepare(command, folder, registry, **environment):
    """Fetches and builds; a registry that cannot be had is a reason to skip, anything else a failure."""
    result = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, text=True, errors="replace",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode == 0:
        return
    if UNREACHED.search(result.stdout):
        raise Skipped(f"{registry} cannot be reached from here")
    print(result.stdout)
    raise RuntimeError(f"{command[0]} could not prepare the suite")


def run_python():
    need("python3", "Python")
    venv = BUILD / "python"
    if not (venv / "bin/pip").exists():
        prepare(["python3", "-m", "venv", str(venv)], HERE, "venv")
    prepare([str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"], HERE / "python",
            "Python's package registry")
    return [str(venv / "bin/python"), "-m", "unittest", "discover", "--verbose"], HERE / "python", r" \.\.\. ok$", r" \.\.\. (?:FAIL|ERROR)$"


def run_go():
    need("go", "Go toolchain")
    binary = BUILD / "go-suite"
    BUILD.mkdir(parents=True, exist_ok=True)
    prepare(["go", "test", "-c", "-o", str(binary), "."], HERE / "go", "Go's module proxy")
    return [str(binary), "-test.v"], HERE / "go", r"^ +--- PASS", r"^ +--- FAIL"


def run_java():
    need("javac", "Java compiler")
    need("mvn", "Maven")
    target = BUILD / "java"
    prepare(["mvn", "-q", "-B", f"-Dsuite.target={target}", "package"], HERE / "java", "Java's package registry")
    return ["java", "-cp", f"{target}/classes:{target}/libraries/*", "Suite"], HERE / "java", r"^ok ", r"^FAILED "


LANGUAGES = {"python": run_python, "go": run_go, "java": run_java}


def run(language):
    """True: nothing failed."""
    try:
        command, folder, passed, failed = LANGUAGES[language]()
    except Skipped as reason:
        print(f"{language}: skipped: {reason}", flush=True)
        return True
    except RuntimeError as problem:
        print(f"{language}: failed: {problem}", flush=True)
        return False
    result = subprocess.run([sys.executable, str(HERE / "world.py"), str(folder), *command], stdin=subprocess.DEVNULL, text=True,
                            errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    good, bad = (len(re.findall(pattern, result.stdout, re.MULTILINE)) for pattern in (passed, failed))
    if result.returncode != 0 or bad or not good:
        print(result.stdout)
        print(f"{language}: {good} passed, {bad} failed", flush=True)
        return False
    print(f"{language}: {good} passed", flush=True)
    return True


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(LANGUAGES)
    sys.exit(not all([run(language) for language in wanted]))
