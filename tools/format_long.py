#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has clang-format break the lines that are too long, and only those: tables and hand-aligned comments stay as they are."""

import subprocess
import sys

import lint

# Comments are broken again only here, where they are too long anyway.
STYLE = "{BasedOnStyle: InheritParentConfig, ReflowComments: true}"


def main():
    for path in filter(lint.is_code, lint.tracked_files()):
        lines = (lint.ROOT / path).read_text().split("\n")
        ranges = [f"--lines={number}:{number}" for number, line in enumerate(lines, 1) if lint.width(line) > lint.columns_allowed(path, line)]
        if ranges:
            subprocess.run(["clang-format", "-i", f"--style={STYLE}", *ranges, path], cwd=lint.ROOT, check=True)
            print(f"{path}: {len(ranges)} lines")


if __name__ == "__main__":
    sys.exit(main())
