# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy: CONNECT for TLS, absolute-form requests for plain HTTP, with a journal and, if wanted, a password."""

import base64
import contextlib
import socket
import threading


class Proxy:
    """Blocking sockets and threads: a proxy in a test carries a handful of connections."""

    def __init__(self, credential=None, resolve=None):
        self.credential = base64.b64encode(credential.encode()).decode() if credential else None
        self.resolve = resolve or {}   # host name → (address, port) it really is
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        data = b""
        with client:
            while b"\r\n\r\n" not in data:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece
            head, rest = data.split(b"\r\n\r\n", 1)
            text = head.decode("latin-1")
            self.heads.append(text)
            method, target, _ = text.split("\r\n")[0].split(" ")
            if self.credential and f"Basic {self.credential}" not in text:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"sim\"\r\n"
                               b"Content-Length: 0\r\n\r\n")
                return
            if method == "CONNECT":
                host, port = target.rsplit(":", 1)
                first = b""
            else:
                place = target.split("/", 3)
                host, _, port = place[2].partition(":")
                lines = [line for line in text.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
                first = "\r\n".join([f"{method} /{place[3]} HTTP/1.1", *lines]).encode("latin-1") + b"\r\n\r\n" + rest
            address = self.resolve.get(host, (host, int(port or 80)))
            try:
                upstream = socket.create_connection(address, timeout=20)
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with upstream:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                upstream.sendall(first)
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                back.start()
                pump(client, upstream)
                back.join(20)


def pump(source, sink):
    """Copies until the end, which it passes on."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
