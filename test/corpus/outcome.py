# SPDX-License-Identifier: Apache-2.0
"""What became of one recording in one direction."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    other: str                     # the dialect on the other side
    word: str                      # same, different, excepted (with a reason), absent (a dialect that is not there)
    reasons: list = field(default_factory=list)
