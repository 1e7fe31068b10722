# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that shows frames (RFC 9113): it sends exactly what it is told, right or wrong. Header blocks are sent as plain
literals; those that come are read by libnghttp2's inflater, which is here because weir itself needs it."""

import ctypes
import ctypes.util
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SETTING_WINDOW = 4
TIMEOUT = 20


class _Pair(ctypes.Structure):
    _fields_ = [("name", ctypes.POINTER(ctypes.c_ubyte)), ("value", ctypes.POINTER(ctypes.c_ubyte)), ("namelen", ctypes.c_size_t),
                ("valuelen", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


def _library():
    path = ctypes.util.find_library("nghttp2")
    library = ctypes.CDLL(path) if path else None
    if library:
        library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    return library


LIBRARY = _library()


class Inflater:
    def __init__(self):
        self.handle = ctypes.c_void_p()
        LIBRARY.nghttp2_hd_inflate_new(ctypes.byref(self.handle))

    def headers(self, block):
        found, position, pair, flags = [], 0, _Pair(), ctypes.c_int()
        while True:
            flags.value = 0
            used = LIBRARY.nghttp2_hd_inflate_hd2(self.handle, ctypes.byref(pair), ctypes.byref(flags), block[position:],
                                                  ctypes.c_size_t(len(block) - position), 1)
            if used < 0:
                raise AssertionError(f"a header block that cannot be read: {used}")
            position += used
            if flags.value & 2:
                found.append((ctypes.string_at(pair.name, pair.namelen).decode(), ctypes.string_at(pair.value, pair.valuelen).decode("latin-1")))
            if flags.value & 1 or (used == 0 and not flags.value):
                LIBRARY.nghttp2_hd_inflate_end_headers(self.handle)
                return found

    def close(self):
        LIBRARY.nghttp2_hd_inflate_del(self.handle)


def literal(name, value):
    """A header field without indexing and without Huffman (RFC 7541 §6.2.2)."""
    def text(data):
        data = data.encode("latin-1") if isinstance(data, str) else data
        length = len(data)
        if length < 127:
            return bytes([length]) + data
        out, length = bytearray([127]), length - 127
        while length >= 128:
            out.append(length % 128 + 128)
            length //= 128
        return bytes(out) + bytes([length]) + data
    return b"\0" + text(name) + text(value)


class Stream:
    def __init__(self):
        self.headers, self.pieces, self.ended, self.reset = [], [], False, None

    @property
    def body(self):
        return b"".join(self.pieces)

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def status(self):
        return int(self.header(":status") or 0)


class Http2Client:
    """One connection. `window`: how much of each answer it takes before it says more; None = it always gives back."""

    def __init__(self, port, window=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.window = port, window
        self.inflater, self.received, self.streams, self.next_id = Inflater(), b"", {}, 1
        self.goaway, self.closed, self.peer_settings = None, False, {}
        self.send_window = {0: 65535}
        self.block = b""
        settings = struct.pack(">HI", SETTING_WINDOW, window) if window is not None else b""
        self.socket.sendall(PREFACE)
        self.frame(SETTINGS, 0, 0, settings)

    # ---- sending ----

    def frame(self, kind, flags, stream, payload=b""):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def open(self, headers, body=None, end=True):
        """A request; body bytes go as far as the windows let them."""
        number, self.next_id = self.next_id, self.next_id + 2
        self.streams[number] = Stream()
        self.send_window[number] = self.peer_settings.get(SETTING_WINDOW, 65535)
        block = b"".join(literal(name, value) for name, value in headers)
        pieces = [block[i:i + 16000] for i in range(0, len(block), 16000)] or [b""]
        last = len(pieces) - 1
        for place, piece in enumerate(pieces):
            flags = (END_HEADERS if place == last else 0) | (END_STREAM if place == 0 and body is None and end else 0)
            self.frame(HEADERS if place == 0 else CONTINUATION, flags, number, piece)
        if body is not None:
            self.send_body(number, body, end)
        return number

    def send_body(self, number, body, end=True):
        position = 0
        while position < len(body):
            self.wait(lambda: min(self.send_window[0], self.send_window[number]) > 0 or self.streams[number].reset is not None
                      or self.streams[number].ended, "room in the windows")
            if self.streams[number].reset is not None or self.streams[number].ended:
                return
            size = min(16384, len(body) - position, self.send_window[0], self.send_window[number])
            self.send_window[0] -= size
            self.send_window[number] -= size
            is_last = position + size == len(body)
            self.frame(DATA, END_STREAM if end and is_last else 0, number, body[position:position + size])
            position += size

    def post(self, path, headers=(), body=b"{}", authority=None):
        return self.open([(":method", "POST"), (":scheme", "http"), (":authority", authority or f"127.0.0.1:{self.port}"), (":path", path),
                          ("content-type", "application/json"), *headers], body)

    def get(self, path, headers=()):
        return self.open([(":method", "GET"), (":scheme", "http"), (":authority", f"127.0.0.1:{self.port}"), (":path", path), *headers])

    def cancel(self, number):
        self.frame(RST_STREAM, 0, number, struct.pack(">I", 8))

    def allow(self, number, size):
        self.frame(WINDOW_UPDATE, 0, number, struct.pack(">I", size))

    # ---- reading ----

    def read_frame(self):
        """Handles one frame; False at the end of the connection."""
        while len(self.received) < 9 or len(self.received) < 9 + self._length():
            data = self._receive()
            if not data:
                self.closed = True
                return False
            self.received += data
        length = self._length()
        kind, flags = self.received[3], self.received[4]
        stream = struct.unpack(">I", self.received[5:9])[0] & 0x7fffffff
        payload, self.received = self.received[9:9 + length], self.received[9 + length:]
        self._handle(kind, flags, stream, payload)
        return True

    def _receive(self):
        try:
            return self.socket.recv(262144)
        except ConnectionResetError:
            return b""

    def _length(self):
        return int.from_bytes(self.received[:3], "big")

    def _handle(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind == SETTINGS and not flags & ACK:
            self._settings(payload)
        elif kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        elif kind == WINDOW_UPDATE:
            self.send_window[number] = self.send_window.get(number, 0) + struct.unpack(">I", payload)[0]
        elif kind == RST_STREAM and stream:
            stream.reset = struct.unpack(">I", payload)[0]
        elif kind in (HEADERS, CONTINUATION) and stream:
            self.block += payload
            if flags & END_HEADERS:
                stream.headers += self.inflater.headers(self.block)
                self.block = b""
        elif kind == DATA and stream:
            stream.pieces.append(payload)
            if self.window is None and payload:
                self.allow(0, len(payload))
                self.allow(number, len(payload))
        if stream and kind in (DATA, HEADERS) and flags & END_STREAM:
            stream.ended = True

    def _settings(self, payload):
        for at in range(0, len(payload), 6):
            key, value = struct.unpack(">HI", payload[at:at + 6])
            if key == SETTING_WINDOW:
                change = value - self.peer_settings.get(SETTING_WINDOW, 65535)
                for number in self.streams:
                    self.send_window[number] += change
            self.peer_settings[key] = value
        self.frame(SETTINGS, ACK, 0)

    def wait(self, predicate, what="what was waited for"):
        deadline = time.monotonic() + TIMEOUT
        while not predicate():
            if time.monotonic() > deadline or not self.read_frame():
                raise AssertionError(f"{what} never came; goaway {self.goaway}, closed {self.closed}")

    def finish(self, number):
        stream = self.streams[number]
        self.wait(lambda: stream.ended or stream.reset is not None, f"the end of stream {number}")
        return stream

    def wait_refused(self, number):
        """True when the stream or the whole connection was given up by the other side, or answered with an error status."""
        stream = self.streams[number]
        while not (stream.reset is not None or self.goaway or stream.ended):
            if not self.read_frame():
                return True
        return stream.reset is not None or self.goaway is not None or stream.status >= 400

    def close(self):
        self.socket.close()
        if self.inflater:
            self.inflater.close()
            self.inflater = None
