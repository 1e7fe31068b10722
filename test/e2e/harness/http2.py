# SPDX-License-Identifier: Apache-2.0
"""As much of HTTP/2 as a test needs that wants to misbehave: frames out and in, heads written as literals and not read at all."""

import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream_id, payload=b""):
    """RFC 9113 §4.1"""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


def window_update(stream_id, size):
    return frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", size))


def literal(name, value):
    """RFC 7541 §6.2.2 and §5.2: not indexed, not Huffman coded."""
    return b"\0" + _text(name.encode()) + _text(value.encode())


def _text(data):
    if len(data) < 127:
        return bytes((len(data),)) + data
    rest, size = len(data) - 127, b"\x7f"
    while rest >= 128:
        size, rest = size + bytes((rest % 128 + 128,)), rest // 128
    return size + bytes((rest,)) + data


def head(path, headers=(), method="POST"):
    fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "localhost")]
    return b"".join(literal(name.lower(), value) for name, value in [*fields, *headers])


class Http2Client:
    """One connection by prior knowledge; windows are returned by the test only."""

    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def request(self, stream_id, path, headers, body):
        self.socket.sendall(frame(HEADERS, END_HEADERS, stream_id, head(path, [*headers, ("content-type", "application/json")])) +
                            frame(DATA, END_STREAM, stream_id, body))

    def send(self, data):
        self.socket.sendall(data)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def read_frame(self):
        """(kind, flags, stream id, payload)"""
        start = self._exactly(9)
        return start[3], start[4], int.from_bytes(start[5:], "big"), self._exactly(int.from_bytes(start[:3], "big"))

    def read_data(self, count):
        """DATA until so many bytes have come, or the stream's end."""
        data = b""
        while len(data) < count:
            kind, flags, _, payload = self.read_frame()
            if kind == DATA:
                data += payload
                if flags & END_STREAM:
                    break
            elif kind in (RST_STREAM, GOAWAY):
                raise EOFError(f"frame {kind}: {payload!r}")
        return data

    def close(self):
        self.socket.close()
