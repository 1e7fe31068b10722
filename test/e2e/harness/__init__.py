# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test stands on: a running weir, a client that shows bytes, and judges of streams."""

import os
import pathlib
import random
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "test"))

SEED = int(os.environ.get("WEIR_TEST_SEED", "1"))
FULL = os.environ.get("WEIR_TEST_FULL") == "1"
# A sanitizer makes the program and thereby the limits of what is measured several times slower.
SLOW = 4 if re.search(r"asan|tsan|sanit", os.environ.get("WEIR_BINARY", "")) else 1


def seeded(name):
    """Random numbers that a run with the same WEIR_TEST_SEED repeats, whichever tests ran before."""
    return random.Random(f"{SEED}/{name}")


from .case import Case  # noqa: E402
from . import grammar  # noqa: E402
from .client import Client, Response, fetch  # noqa: E402
from .gateway import Weir, run_weir  # noqa: E402
from .speech import SPEECHES, Speech  # noqa: E402

__all__ = ["Case", "Client", "FULL", "ROOT", "Response", "SEED", "SLOW", "SPEECHES", "Speech", "Weir", "fetch", "grammar", "run_weir", "seeded"]
