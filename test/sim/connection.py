# SPDX-License-Identifier: Apache-2.0
"""One connection to the simulated provider: bytes in with the moment of the peer's close, bytes out exactly as scripted."""

import asyncio
import socket
import struct
import threading
import time

HEAD_MAX = 256 << 10


class PeerGone(Exception):
    """The peer closed; there is nobody to talk to."""


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server = server
        self.transport = None
        self.opened_at = None
        self.closed_at = None      # when the peer's FIN or RST came
        self.ended_here = False    # the script closed first
        self.received = bytearray()
        self.requests = 0
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    # ---- asyncio.Protocol ----

    def connection_made(self, transport):
        self.transport = transport
        self.opened_at = time.monotonic()
        transport.set_write_buffer_limits(high=256 << 10)
        self.task = asyncio.get_running_loop().create_task(self.server.converse(self))
        self.server.connection_opened(self)

    def data_received(self, data):
        self.received += data
        self._changed.set()
        if len(self.received) > (8 << 20):
            self.transport.pause_reading()

    def eof_received(self):
        self._note_gone()
        return False

    def connection_lost(self, error):
        self._note_gone()
        self.server.connection_closed(self)

    def pause_writing(self):
        self._writable.clear()
        self.server.announce()

    def resume_writing(self):
        self._writable.set()

    def _note_gone(self):
        if self.closed_at is None:
            self.closed_at = time.monotonic()
        self._gone.set()
        self._changed.set()
        self._writable.set()
        self.server.announce()

    # ---- for scripts ----

    @property
    def is_gone(self):
        return self._gone.is_set()

    @property
    def is_held_back(self):
        """More is written than the peer takes."""
        return not self._writable.is_set()

    async def gone(self):
        await self._gone.wait()

    async def send(self, data):
        if self.is_gone or self.transport.is_closing():
            raise PeerGone
        self.transport.write(data)
        await self._writable.wait()

    async def close(self):
        self.ended_here = True
        self.transport.close()
        await self.gone()

    def reset(self):
        """RST now. What was written is with the kernel already: writes are immediate and small where this is used."""
        self.ended_here = True
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def more(self):
        """Waits for more bytes."""
        self._changed.clear()
        if len(self.received) < (4 << 20) and not self.transport.is_closing():
            self.transport.resume_reading()
        if not self.is_gone:
            await self._changed.wait()
        if self.is_gone:
            raise PeerGone

    async def take_until(self, end):
        searched = 0
        while True:
            at = self.received.find(end, searched)
            if at >= 0:
                return self.take(at + len(end))
            searched = max(0, len(self.received) - len(end))
            if len(self.received) > HEAD_MAX:
                raise ValueError("head too long")
            await self.more()

    def take(self, count):
        data = bytes(self.received[:count])
        del self.received[:count]
        return data

    async def take_exactly(self, count):
        pieces, missing = [], count
        while missing:
            if not self.received:
                await self.more()
            piece = self.take(min(missing, len(self.received)))
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)


class LoopThread:
    """One event loop for all simulated providers of the process."""

    _shared = None
    _lock = threading.Lock()

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="sim", daemon=True).start()

    @classmethod
    def shared(cls):
        with cls._lock:
            if cls._shared is None:
                cls._shared = cls()
            return cls._shared

    def call(self, coroutine, timeout=20):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)
