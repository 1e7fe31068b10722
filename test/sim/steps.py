# SPDX-License-Identifier: Apache-2.0
"""The words of a script. A script is a list of steps: bytes are sent in one write, the others are below."""

import asyncio
import threading


class Gate:
    """The script stops here until the test opens it; the test can wait until the script has arrived."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()

    def open(self):
        self.opened.set()

    def wait_reached(self, timeout=20):
        if not self.reached.wait(timeout):
            raise AssertionError("the simulated provider's script never came to its gate")

    async def play(self, wire):
        self.reached.set()
        while not self.opened.is_set() and not wire.connection.is_gone:
            await asyncio.sleep(0.002)


class Pause:
    """Time that passes between two writes. For pacing only; what a test asserts must not depend on it."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def play(self, wire):
        await asyncio.sleep(self.seconds)


class Silence:
    """Nothing more until the peer gives up."""

    async def play(self, wire):
        await wire.connection.gone()


class Reset:
    """RST: what is on its way may be lost, as it is in life. After what was sent has been read by the peer's kernel."""

    async def play(self, wire):
        wire.connection.reset()


class Close:
    """FIN without an end of the framing."""

    async def play(self, wire):
        await wire.connection.close()


class Raw:
    """Bytes past the body's framing."""

    def __init__(self, data):
        self.data = data

    async def play(self, wire):
        await wire.connection.send(self.data)


SILENCE, RESET, CLOSE = Silence(), Reset(), Close()


def split(data, *offsets):
    """The bytes cut at these offsets."""
    edges = [0, *sorted({o for o in offsets if 0 < o < len(data)}), len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:])]


def one_by_one(data):
    return [data[i:i + 1] for i in range(len(data))]


def paced(pieces, seconds=0.0005):
    """A breath after each piece, so that the reader gets (nearly) each of them by itself."""
    return [step for piece in pieces for step in (piece, Pause(seconds))]
