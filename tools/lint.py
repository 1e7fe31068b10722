#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the structure of the source tree: who includes whom, licence lines, form, functions nobody may call.

Each check is counted as one test. Needs nothing but Python: it runs with every `./dev test`. The order of the layers is
read from meson.build, so that it is written down once.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = 120
COLUMNS_OF_TABLES = 160 # tests are tables, and a long text is not torn apart for its length
TAB = 8

# Why each is forbidden, shown with the finding.
FORBIDDEN_EVERYWHERE = {
    "unbounded copy": "strcpy strcat stpcpy sprintf vsprintf gets scanf fscanf",
    "strncpy may leave no terminator": "strncpy strncat",
    "hidden state or not safe in threads": "strtok localtime gmtime ctime asctime getpwnam",
    "accepts anything": "atoi atol atoll atof",
    "stack of unknown size": "alloca strdupa strndupa",
    "race": "tmpnam tempnam mktemp",
}
# The tests may; the program never starts another one (SECURITY.md).
FORBIDDEN_IN_THE_PROGRAM = {
    "starts a program": "system popen execl execlp execle execv execvp execvpe execve fexecve posix_spawn posix_spawnp vfork",
    "use check() from base/cleanup.h: it stays on in release builds": "assert",
    "guessable": "rand srand random srandom drand48",
    "blocks its worker": "getaddrinfo gethostbyname sleep usleep",
}
TEXT_SUFFIXES = {".c", ".h", ".py", ".mjs", ".js", ".sh", ".yaml", ".yml", ".service", ".socket", ".build"}
TEXT_NAMES = {"dev", "run", "Dockerfile", "meson.build", "meson_options.txt", ".clang-format", ".clang-tidy"}
NOT_SOURCES = {".git", "build", "node_modules", "__pycache__"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked_files():
    names = None
    if shutil.which("git"):
        names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if names and names.returncode == 0:
        found = [pathlib.Path(name) for name in names.stdout.decode().split("\0") if name]
    else: # an unpacked archive, or a machine without git
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        found = [path for path in found if not NOT_SOURCES.intersection(path.parts)]
    return sorted(path for path in found if (ROOT / path).is_file())


def is_ours(path):
    return (path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES) and path.name != "package-lock.json"


def width(line):
    return len(line.expandtabs(TAB))


def columns_allowed(path, line):
    is_test = re.search(r"_(test|fuzz|cases|property|support|oracle)\w*\.[ch]$", path.name)
    return COLUMNS_OF_TABLES if is_test or re.search(r'"(\\.|[^"\\]){25,}', line) else COLUMNS


def is_code(path):
    return path.suffix in (".c", ".h")


def without_comments_and_strings(text):
    """The code alone, on the same lines."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda match: '""' + "\n" * match.group().count("\n"), text)


def layers():
    line = re.search(r"^layers = \[(.*?)\]", (ROOT / "meson.build").read_text(), re.M | re.S)
    return re.findall(r"'(\w+)'", line.group(1))


def check_layers(files):
    order = layers()
    for path in files:
        if not is_code(path) or path.parts[0] != "src":
            continue
        own = path.parts[1]
        if own not in order:
            yield f"{path}: folder '{own}' is not among the layers of meson.build"
            continue
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not include:
                continue
            layer = include.group(1).split("/")[0]
            if "/" not in include.group(1):
                yield f"{path}:{number}: write the layer, too: \"{own}/{include.group(1)}\""
            elif layer not in order:
                yield f"{path}:{number}: '{layer}' is no layer"
            elif order.index(layer) > order.index(own):
                yield f"{path}:{number}: {own} may not use {layer}, which comes after it"


def check_first_lines(files):
    for path in files:
        if not is_ours(path):
            continue
        lines = (ROOT / path).read_text().splitlines()
        if lines and lines[0].startswith("#!"):
            lines = lines[1:]
        expected = "SPDX-License-Identifier: Apache-2.0"
        if not lines or expected not in lines[0]:
            yield f"{path}:1: the first line should be the licence: {expected}"
        elif is_code(path) and (len(lines) < 2 or not lines[1].startswith("/*")):
            yield f"{path}:2: the second line should say what the file is for"


def check_form(files):
    for path in files:
        if not is_ours(path):
            continue
        text = (ROOT / path).read_text()
        if text and not text.endswith("\n"):
            yield f"{path}: no newline at its end"
        for number, line in enumerate(text.split("\n"), 1):
            if line.rstrip() != line:
                yield f"{path}:{number}: blanks at the end"
            if is_code(path) and width(line) > columns_allowed(path, line):
                yield f"{path}:{number}: {width(line)} columns, {columns_allowed(path, line)} are the limit"
            if is_code(path) and re.match(r" +(?! ?\*)", line) and not line.startswith(" *"):
                yield f"{path}:{number}: indented with blanks instead of tabs"


def check_headers(files):
    for path in files:
        # An X-macro table is there to be included several times.
        is_table = path.name.endswith("_table.h")
        if path.suffix == ".h" and not is_table and "#pragma once" not in (ROOT / path).read_text():
            yield f"{path}: no #pragma once"


def check_forbidden(files):
    for path in files:
        if not is_code(path):
            continue
        groups = dict(FORBIDDEN_EVERYWHERE)
        if path.parts[0] == "src" and not re.search(r"_(test|fuzz)\.c$", path.name):
            groups.update(FORBIDDEN_IN_THE_PROGRAM)
        why = {name: reason for reason, names in groups.items() for name in names.split()}
        called = re.compile(r"(?<![\w.>])(" + "|".join(why) + r")\s*\(")
        for number, line in enumerate(without_comments_and_strings((ROOT / path).read_text()).split("\n"), 1):
            for name in called.findall(line):
                yield f"{path}:{number}: {name}(): {why[name]}"


def check_unfinished(files):
    for path in files:
        if not is_ours(path) or path.name == "lint.py":
            continue
        for number, line in enumerate((ROOT / path).read_text().split("\n"), 1):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: unfinished: {line.strip()}"


CHECKS = {
    "layers include only those before them": check_layers,
    "licence and purpose come first": check_first_lines,
    "tabs, columns, blanks": check_form,
    "headers are included once": check_headers,
    "no forbidden functions": check_forbidden,
    "nothing unfinished": check_unfinished,
}


def main():
    files = tracked_files()
    failed = 0
    for name, check in CHECKS.items():
        findings = list(check(files))
        failed += bool(findings)
        print(f"{'FAIL' if findings else 'ok':>6}  {name}")
        for finding in findings:
            print(f"        {finding}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
