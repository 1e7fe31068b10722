# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 face for a simulated provider: frames towards weir, HTTP/1.1 towards the sim, stream by stream. A stream that is
reset closes the sim's connection, and the other way round, so that every script of the sim can be played over HTTP/2."""

import contextlib
import http.client
import socket
import struct
import threading

from .http2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTING_WINDOW, SETTINGS,
                    TIMEOUT, WINDOW_UPDATE, Inflater, literal)

INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 2, 7, 8
SETTING_STREAMS = 3
PER_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"}
PIECE = 16384


class Http2Face:
    """Listens in front of `sim`. `tls`: a server's ssl context that selects "h2"; `streams`: how many it allows at once."""

    def __init__(self, sim, tls=None, streams=None):
        self.sim, self.tls, self.streams = sim, tls, streams
        self.connections = []
        self.refuse_next = 0           # so many streams are refused unseen
        self.changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self):
        return [connection for connection in self.connections if not connection.closed]

    def wait(self, predicate, what):
        with self.changed:
            if not self.changed.wait_for(predicate, TIMEOUT):
                raise AssertionError(f"{what} never came")

    def announce(self):
        with self.changed:
            self.changed.notify_all()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError):
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            connection = _Connection(self, client)
            self.connections.append(connection)
            connection.run()
        with contextlib.suppress(OSError):
            client.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.end()


class _Connection:
    def __init__(self, face, client):
        self.face, self.socket = face, client
        self.numbers = []              # of all its streams
        self.resets = {}               # stream: error code, as weir sent them
        self.open = {}                 # stream: what is known of the request, then the sim's connection
        self.most_open = 0
        self.window, self.initial_window = {0: 65535}, 65535
        self.closed = self.going = False
        self.lock = threading.Lock()
        self.inflater = Inflater()

    # ---- frames ----

    def frame(self, kind, flags, stream, payload=b""):
        with self.lock:
            self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError
            data += piece
        return data

    def run(self):
        try:
            if self._exactly(len(PREFACE)) != PREFACE:
                return
            self.frame(SETTINGS, 0, 0, struct.pack(">HI", SETTING_STREAMS, self.face.streams) if self.face.streams else b"")
            while True:
                head = self._exactly(9)
                payload = self._exactly(int.from_bytes(head[:3], "big"))
                self._handle(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        finally:
            self.closed = True
            for upstream in list(self.open.values()):
                self._drop(upstream)
            self.face.announce()

    def _handle(self, kind, flags, number, payload):
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                if key == SETTING_WINDOW:
                    self.initial_window = value
            self.frame(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            with self.face.changed:
                self.window[number] = self.window.get(number, self.initial_window) + struct.unpack(">I", payload)[0]
                self.face.changed.notify_all()
        elif kind == RST_STREAM:
            self.resets[number] = struct.unpack(">I", payload)[0]
            self._drop(self.open.pop(number, None))
            self.face.announce()
        elif kind in (HEADERS, CONTINUATION):
            self._head(kind, flags, number, payload)
        elif kind == DATA and number in self.open:
            self.open[number]["body"] += payload
            if payload:
                self.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload)))
                self.frame(WINDOW_UPDATE, 0, number, struct.pack(">I", len(payload)))
        if kind in (HEADERS, DATA) and flags & END_STREAM and number in self.open:
            threading.Thread(target=self._answer, args=(number, self.open[number]), daemon=True).start()

    def _head(self, kind, flags, number, payload):
        request = self.open.setdefault(number, {"block": b"", "body": b"", "headers": [], "upstream": None})
        if kind == HEADERS:
            self.numbers.append(number)
            self.most_open = max(self.most_open, len(self.open))
            self.window.setdefault(number, self.initial_window)
        request["block"] += payload
        if flags & END_HEADERS:
            request["headers"] = self.inflater.headers(request["block"])
            if self.face.refuse_next or self.going:
                self.face.refuse_next -= not self.going
                self.open.pop(number)
                if not self.going:
                    self.frame(RST_STREAM, 0, number, struct.pack(">I", REFUSED_STREAM))
        self.face.announce()

    def goaway(self, last=None):
        """Says goodbye: what is above `last` (all that is open is not) was not looked at."""
        self.going = True
        self.frame(GOAWAY, 0, 0, struct.pack(">II", max(self.numbers, default=0) if last is None else last, 0))

    def end(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    # ---- the sim's side ----

    @staticmethod
    def _drop(request):
        upstream = request and request["upstream"]
        if upstream and upstream.sock:
            with contextlib.suppress(OSError):
                upstream.sock.shutdown(socket.SHUT_RDWR)

    def _answer(self, number, request):
        fields = dict(request["headers"])
        upstream = request["upstream"] = http.client.HTTPConnection("127.0.0.1", self.face.sim.port, timeout=TIMEOUT)
        try:
            upstream.putrequest(fields[":method"], fields[":path"], skip_host=True, skip_accept_encoding=True)
            upstream.putheader("host", fields[":authority"])
            for name, value in request["headers"]:
                if not name.startswith(":"):
                    upstream.putheader(name, value)
            upstream.endheaders(request["body"] or None)
            response = upstream.getresponse()
            block = literal(":status", str(response.status)) + b"".join(
                literal(name.lower(), value) for name, value in response.getheaders() if name.lower() not in PER_HOP)
            self.frame(HEADERS, END_HEADERS, number, block)
            while piece := response.read1(PIECE):
                self._send(number, piece)
            if response.length:
                raise ConnectionResetError
            if self.open.pop(number, None):
                self.frame(DATA, END_STREAM, number)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            # AttributeError: http.client, when its socket goes away between two lines.
            if self.open.pop(number, None):
                with contextlib.suppress(OSError):
                    self.frame(RST_STREAM, 0, number, struct.pack(">I", INTERNAL_ERROR))
        finally:
            upstream.close()

    def _send(self, number, data):
        while data:
            with self.face.changed:
                self.face.changed.wait_for(lambda: min(self.window[0], self.window[number]) > 0 or number not in self.open, TIMEOUT)
                if number not in self.open:
                    raise ConnectionResetError
                size = min(len(data), self.window[0], self.window[number])
                self.window[0] -= size
                self.window[number] -= size
            self.frame(DATA, 0, number, data[:size])
            data = data[size:]
