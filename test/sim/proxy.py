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

    def _read_head(self, client, data):
        """(head as text, bytes after it); ("", b"") when the client has left."""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return "", b""
            data += piece
        head, rest = data.split(b"\r\n\r\n", 1)
        self.heads.append(head.decode("latin-1"))
        return self.heads[-1], rest

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head, rest = self._read_head(client, b"")
            if not head:
                return
            if self.credential and f"Basic {self.credential}" not in head:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"sim\"\r\n"
                               b"Content-Length: 0\r\n\r\n")
                return
            target = head.split(" ")[1]
            host, _, port = (target if head.startswith("CONNECT") else target.split("/", 3)[2]).partition(":")
            try:
                upstream = socket.create_connection(self.resolve.get(host, (host, int(port or 80))), timeout=20)
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with upstream:
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                if head.startswith("CONNECT"):
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back.start()
                    pump(client, upstream)
                else:
                    back.start()
                    self._forward(client, upstream, head, rest)
                back.join(20)

    def _forward(self, client, upstream, head, rest):
        """Absolute-form requests, one after another, all to the host of the first."""
        while head:
            method, target, _ = head.split("\r\n")[0].split(" ")
            lines = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
            length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
            while len(rest) < length:
                rest += client.recv(65536)
            upstream.sendall("\r\n".join([f"{method} /{target.split('/', 3)[3]} HTTP/1.1", *lines]).encode("latin-1") +
                             b"\r\n\r\n" + rest[:length])
            head, rest = self._read_head(client, rest[length:])
        upstream.shutdown(socket.SHUT_WR)


def pump(source, sink):
    """Copies until the end, which it passes on."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
