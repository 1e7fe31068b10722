# SPDX-License-Identifier: Apache-2.0
"""The simulated provider itself: reads requests strictly, keeps the journal, and plays the scripts that the test has queued."""

import asyncio
import collections
import time

from . import answers, dialects
from .connection import Connection, LoopThread, PeerGone
from .journal import Journal, Request


class BadRequest(Exception):
    pass


class Wire:
    """What a script has to work with."""

    def __init__(self, sim, connection, request):
        self.sim, self.connection, self.request = sim, connection, request
        self.encode = lambda data: data  # the body's framing, set by the head

    async def send(self, data):
        await self.connection.send(data)

    async def send_body(self, data):
        if data:
            await self.connection.send(self.encode(data))


class Sim:
    """A provider of one or more dialects on a port of its own."""

    def __init__(self, *speaks, key=None, name="sim", models=None, tls=None, host="127.0.0.1", port=0, usage_needs_asking=True,
                 keep_alive=True, strict=False):
        self.speaks = speaks or tuple(dialects.DIALECTS)
        self.key, self.name, self.models = key, name, models
        self.usage_needs_asking = usage_needs_asking
        self.keep_alive = keep_alive
        self.strict = strict  # requests are looked into member by member, also where a relayed request may hold anything
        self.log = Journal()
        self.script = collections.deque()
        self.default = answers.default
        self.open_connections = set()
        self.tls = tls
        self._loop = LoopThread.shared()
        self._server = self._loop.call(self._listen(host, port, tls))
        self.host = host
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self, host, port, tls):
        return await asyncio.get_running_loop().create_server(lambda: Connection(self), host, port, ssl=tls, backlog=1024)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def journal(self):
        return self.log.requests

    # ---- for the test ----

    def next(self, *scripts):
        """Queues answers for the next requests."""
        self.script.extend(scripts)
        return self

    def wait_requests(self, count, timeout=20):
        """Waits until so many complete requests have come; returns the last of them."""
        self.log.wait(lambda: sum(r.complete_at is not None for r in self.journal) >= count, f"{count} requests", timeout)
        return self.journal[count - 1]

    def wait_closed(self, request, timeout=20):
        """Waits for the gateway to close that request's connection; returns when it was."""
        return self.log.wait(lambda: request.closed_at, "the connection to be closed", timeout)

    def wait_open_connections(self, at_most, timeout=20):
        self.log.wait(lambda: len(self.open_connections) <= at_most, f"at most {at_most} open connections", timeout)

    def clear(self):
        """Forgets the journal and the queue; connections stay."""
        self.script.clear()
        with self.log.condition:
            self.log.requests.clear()

    def close_idle(self):
        """Closes kept-alive connections that wait for a request, as a provider does after some seconds."""
        async def close():
            for connection in list(self.open_connections):
                if connection.is_idle:
                    connection.transport.close()
        self._loop.call(close())

    def stop_listening(self):
        """From now on connections are refused."""
        async def stop():
            self._server.close()
        self._loop.call(stop())

    def close(self):
        async def stop():
            self._server.close()
            tasks = [connection.task for connection in self.open_connections]
            for connection in list(self.open_connections):
                connection.transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._loop.call(stop())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- for connections ----

    def connection_opened(self, connection):
        connection.is_idle = True
        self.open_connections.add(connection)
        self.log.connections.append(connection)
        self.announce()

    def connection_closed(self, connection):
        self.open_connections.discard(connection)
        self.announce()

    def announce(self):
        self.log.announce()

    async def converse(self, connection):
        try:
            while True:
                connection.is_idle = True
                if not connection.received:
                    await connection.more()
                connection.is_idle = False
                if not connection.received[:1].isalpha():
                    raise BadRequest("this is not HTTP")
                request = await self._read(connection)
                if not await self._answer(connection, request):
                    await connection.close()
                    return
        except PeerGone:
            connection.transport.close()
        except BadRequest as problem:
            await connection.send(answers.plain(400, str(problem)))
            await connection.close()

    async def _read(self, connection):
        request = Request(len(self.journal), connection)
        connection.requests += 1
        with self.log.condition:
            self.journal.append(request)
        request.raw_head = await connection.take_until(b"\r\n\r\n")
        lines = request.raw_head[:-4].decode("latin-1").split("\r\n")
        request.method, request.target, request.version = lines[0].split(" ")
        request.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        if request.version != "HTTP/1.1" or len(request.headers_named("host")) != 1:
            raise BadRequest("not HTTP/1.1 with one Host")
        request.take_body(await self._read_body(connection, request))
        self.announce()
        return request

    async def _read_body(self, connection, request):
        lengths, codings = request.headers_named("content-length"), request.headers_named("transfer-encoding")
        if (lengths and codings) or len(lengths) > 1:
            raise BadRequest("ambiguous body length")
        if request.headers_named("expect"):
            await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if codings:
            body = bytearray()
            while True:
                size = int((await connection.take_until(b"\r\n"))[:-2], 16)
                body += await connection.take_exactly(size)
                if await connection.take_exactly(2) != b"\r\n":
                    raise BadRequest("bad chunk")
                if size == 0:
                    return bytes(body)
        return await connection.take_exactly(int(lengths[0])) if lengths else b""

    async def _answer(self, connection, request):
        """Plays the next script. True: the connection may be used again."""
        wire = Wire(self, connection, request)
        problem = dialects.validate(self, request)
        request.problem = problem
        if problem and not (self.script and getattr(self.script[0], "unconditional", False)):
            script = answers.error(*problem)
        elif self.script:
            script = self.script.popleft()
        else:
            script = self.default(self, request)
        try:
            if callable(getattr(script, "resolve", None)):
                script = script.resolve(self, request)
            return await script.play(wire)
        except PeerGone:
            raise
        except Exception as error:  # the test has to see it
            request.script_error = error
            raise
        finally:
            request.answered_at = time.monotonic()
            self.announce()

