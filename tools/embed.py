#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles a JSON file into the program: embed.py FILE NAME OUTPUT makes NAME_text and NAME_length of it, without its white space."""

import json
import pathlib
import sys

WIDTH = 100


def main(file, name, output):
    text = json.dumps(json.loads(pathlib.Path(file).read_text(encoding="utf-8")), separators=(",", ":"))
    quoted = [json.dumps(text[at:at + WIDTH]).replace("?", "\\?") for at in range(0, len(text), WIDTH)]
    pathlib.Path(output).write_text("\n".join([
        "/* SPDX-License-Identifier: Apache-2.0 */", f"/* Made of {pathlib.Path(file).name} by tools/embed.py. */", "#include <stddef.h>", "",
        f"extern const char {name}_text[];", f"extern const size_t {name}_length;", "",
        f"const char {name}_text[] =", "\n".join(f"\t{line}" for line in quoted) + ";",
        f"const size_t {name}_length = sizeof({name}_text) - 1;", ""]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
