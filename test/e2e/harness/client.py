# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client on a bare socket: sends exactly what it is given, and reads answers strictly."""

import json
import socket
import struct
import time

from . import grammar

TIMEOUT = 30


class Response:
    def __init__(self, status, headers, version="HTTP/1.1"):
        self.status, self.headers, self.version = status, headers, version
        self.body = b""
        self.pieces = []           # as they came: chunks, or reads
        self.complete = False      # the framing ended as it should

    def header(self, name):
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The machine-readable code of an error, wherever its dialect keeps it."""
        value = self.json()
        error = value.get("error")
        if not isinstance(error, dict):        # Bedrock, Cohere, Ollama
            return value.get("error_code") or value.get("code")
        if error.get("code") and not isinstance(error["code"], int):
            return error["code"]
        reasons = [detail["reason"] for detail in error.get("details", []) if "reason" in detail]
        return reasons[0] if reasons else None

    @property
    def message(self):
        value = self.json()
        error = value.get("error", value)
        return error if isinstance(error, str) else error["message"]


class Client:
    """One connection. `dialect` of each exchange: its streams are checked against that grammar."""

    def __init__(self, port, host="127.0.0.1", timeout=TIMEOUT, context=None, server_hostname=None):
        self.host, self.port = host, port
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=server_hostname or host)
        self.received = b""
        self.response = None

    # ---- sending ----

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, headers=(), body=None, host=None):
        headers = list(headers.items()) if isinstance(headers, dict) else list(headers)
        names = {name.lower() for name, _ in headers}
        lines = [f"{method} {path} HTTP/1.1"]
        if "host" not in names:
            lines.append(f"Host: {host or f'{self.host}:{self.port}'}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        if body is not None and "content-type" not in names:
            lines.append("Content-Type: application/json")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    # ---- reading ----

    def _more(self):
        data = self.socket.recv(262144)
        self.received += data
        return bool(data)

    def _until(self, end):
        while end not in self.received:
            if not self._more():
                raise EOFError(f"the connection ended; came so far: {self.received[-300:]!r}")
        data, self.received = self.received.split(end, 1)
        return data

    def read_head(self):
        while True:
            lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status, _ = (lines[0] + " ").split(" ", 2)
            headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in lines[1:]]
            if not 100 <= int(status) < 200:
                break
        self.response = Response(int(status), headers, version)
        return self.response

    def read_pieces(self, method="POST"):
        """The body, piece by piece; sets response.complete at its proper end."""
        response = self.response
        length, coding = response.header("content-length"), response.header("transfer-encoding")
        if length and coding:
            raise AssertionError("both content-length and transfer-encoding in an answer")
        if method == "HEAD" or response.status in (204, 304):
            response.complete = True
            return
        if coding == "chunked":
            yield from self._read_chunks()
        elif length is not None:
            yield from self._read_length(int(length))
        else:
            yield from self._read_to_end()

    def _keep(self, piece):
        self.response.pieces.append(piece)
        return piece

    def _read_chunks(self):
        try:
            while True:
                size = int(self._until(b"\r\n"), 16)
                while len(self.received) < size + 2:
                    if not self._more():
                        raise EOFError("cut inside a chunk")
                piece, end, self.received = self.received[:size], self.received[size:size + 2], self.received[size + 2:]
                if end != b"\r\n":
                    raise AssertionError(f"a chunk of {size} bytes ends with {end!r}")
                if size == 0:
                    self.response.complete = True
                    return
                yield self._keep(piece)
        except (EOFError, ConnectionResetError):
            return

    def _read_length(self, left):
        while left:
            try:
                if not self.received and not self._more():
                    return
            except ConnectionResetError:
                return
            piece, self.received = self.received[:left], self.received[left:]
            left -= len(piece)
            yield self._keep(piece)
        self.response.complete = True

    def _read_to_end(self):
        while self.received or self._more():
            piece, self.received = self.received, b""
            yield self._keep(piece)
        self.response.complete = True

    def read_body(self, method="POST"):
        for _ in self.read_pieces(method):
            pass
        self.response.body = b"".join(self.response.pieces)
        return self.response

    def read_response(self, method="POST"):
        self.read_head()
        return self.read_body(method)

    def read_until(self, predicate, what="what was waited for", timeout=TIMEOUT):
        """Reads the body until predicate(all of it so far) holds; returns what came."""
        came, deadline = b"".join(self.response.pieces), time.monotonic() + timeout
        if predicate(came):
            return came
        for piece in self.read_pieces():
            came += piece
            if predicate(came):
                return came
            if time.monotonic() > deadline:
                break
        raise AssertionError(f"{what} never came; this did: {came[-500:]!r}")

    def read_until_text(self, text):
        return self.read_until(lambda came: text in came, repr(text))

    def is_closed_by_peer(self, timeout=TIMEOUT):
        """True when the other side closes within the time and sends nothing before."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    # ---- the end ----

    def close(self):
        """FIN."""
        self.socket.close()

    def reset(self):
        """RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def fetch(port, method, path, headers=(), body=None, dialect=None, timeout=TIMEOUT, host=None):
    """One request on a connection of its own. An event stream is checked against its dialect's grammar, always."""
    with Client(port, timeout=timeout) as client:
        try:
            client.request(method, path, headers, body, host=host)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was all sent: the answer says why
        response = client.read_response(method)
    if dialect and response.status == 200 and is_stream(response):
        response.stream = grammar.judge(dialect, response)
    return response


def is_stream(response):
    return (response.header("content-type") or "").startswith(("text/event-stream", "application/x-ndjson",
                                                               "application/vnd.amazon.eventstream"))
