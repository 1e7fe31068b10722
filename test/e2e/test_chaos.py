# SPDX-License-Identifier: Apache-2.0
"""Chaos: ill-behaved clients against ill-behaved providers, with reloads in between; afterwards nothing may be left
behind. Seeded by WEIR_TEST_SEED; WEIR_TEST_FULL=1 runs it for minutes. No single answer is judged here, other tests do
that: only that the process lives, keeps its books, and gives everything back."""

import asyncio
import collections
import gzip
import json
import logging
import os
import pathlib
import random
import signal
import socket
import ssl
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import FULL, SPEECHES, Case, Weir, http2, seeded
from sim import Authority, Sim, answers, dialects
from sim.answers import Play, auto, fail, raw, stream, whole
from sim.dialects import Reply
from sim.steps import CLOSE, RESET, SILENCE, Pause

CLIENTS = 200 if FULL else 50       # at a time
SECONDS = 20 if FULL else 3       # of each of the two rounds
PATIENCE = 30                      # seconds; nothing that is asked here takes so long
MODELS = 40                        # per dialect and provider: so many that not all of their breakers are open
MEMORY_GROWTH_MAX_KB = 32 << 10    # from one round to the next
KEYS = {"one": "sk-chaos-one", "two": "sk-chaos-two"}
TIMEOUTS = {"connect": "500ms", "first_token": "300ms", "idle": "300ms", "total": "2s"}
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


# ---- providers ----

class Trouble:
    """What a provider does with a request: half of the time its work."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def __call__(self, sim, request):
        return self.random.choice(self.scripts)(self)

    def reply(self):
        words = self.random.choice((1, 5, 5, 40, 3000))
        return Reply(text=" ".join(["word"] * words), reasoning=self.random.choice(("", "", "hm " * 20)),
                     usage_style=self.random.choice(("final", "final", "every", "zeros", "absent")))

    def works(self):
        return auto(self.reply(), coding=self.random.choice((None, None, "gzip")),
                    before=self.random.choice(((), (), (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",))))

    def fails(self):
        status = self.random.choice((400, 401, 402, 403, 404, 408, 413, 422, 429, 429, 500, 502, 503, 529, 599))
        headers = [("Retry-After", self.random.choice(("0", "1", "1", "60")))] if self.random.random() < 0.3 else []
        return fail(status, headers=headers)

    def breaks_stream(self):
        end = self.random.choice((CLOSE, RESET, SILENCE, b"data: {nonsense\n\n", b"\0\xff\n\n", None))

        def edit(events):
            cut = self.random.randrange(len(events) + 1)
            steps = [*events[:cut], *([end] if end else [])]
            if self.random.random() < 0.3 and cut:
                steps[cut - 1] = events[cut - 1].raw[:-3]
            return steps
        return stream(self.reply(), edit=edit, framing=self.random.choice(("chunked", "close")))

    def is_slow(self):
        pause = self.random.choice((0.005, 0.02, 0.25, 0.4))
        return stream(Reply(text="slow and steady wins"),
                      edit=lambda events: [step for event in events for step in (event, Pause(pause))])

    def is_silent(self):
        return self.random.choice((answers.silence(), answers.reset(), answers.close()))

    def is_odd(self):
        return raw(self.random.choice((
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: [DONE]\n\n",
            JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            JSON + b"Content-Length: 18446744073709551000\r\n\r\n" + b" " * 300000,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 2000 + b"\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
            JSON + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            b"\x16\x03\x01\x02\x00 this is not HTTP",
        )), self.random.choice((CLOSE, RESET, SILENCE)))

    def is_large(self):
        """Over limits.hold, or an event near it; whole or cut."""
        pad = "x" * self.random.choice((60000, 150000, 400000))
        body = json.dumps({"object": "chat.completion", "choices": [], "pad": pad}).encode()
        steps = [body[i:i + 30000] for i in range(0, len(body), 30000)]
        if self.random.random() < 0.4:
            steps = [*steps[:2], self.random.choice((CLOSE, RESET, SILENCE))]
        framing = self.random.choice(("chunked", "length", "close"))
        return Play(steps, headers=[("Content-Type", "application/json")], framing=framing, length=len(body))

    scripts = [works] * 14 + [fails] * 3 + [breaks_stream] * 3 + [is_slow] * 2 + [is_silent, is_odd, is_odd, is_large]


# ---- clients ----

class Clients:
    def __init__(self, weir, name, authority=None):
        """With `authority`, over TLS."""
        self.weir, self.random, self.authority = weir, seeded(name), authority
        self.ids = collections.Counter()   # of every answer's head that was seen
        self.did = collections.Counter()
        self.statuses = collections.Counter()

    async def run(self, seconds):
        self.until = time.monotonic() + seconds
        await asyncio.gather(*(self.one_after_another() for _ in range(CLIENTS)))

    async def one_after_another(self):
        while time.monotonic() < self.until:
            behaviour = self.random.choice(self.behaviours)
            self.did[behaviour.__name__] += 1
            sock = socket.socket()
            sock.setblocking(False)
            if behaviour is Clients.reads_slowly:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.weir.port))
            except ConnectionError:
                sock.close()
                await asyncio.sleep(0.01)
                continue
            secure = self.security(behaviour)
            try:
                reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 20, **secure)
            except OSError:
                sock.close()
                continue
            try:
                await asyncio.wait_for(behaviour(self, reader, writer), PATIENCE)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                if self.random.random() < 0.3 and not writer.is_closing():
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if not writer.is_closing(): # Python 3.11 cannot abort what was closed twice
                    writer.close()
                if self.authority:     # asyncio would wait for the other's goodbye
                    await asyncio.sleep(0.01)
                    writer.transport.abort()
                    sock.close()

    def security(self, behaviour):
        if self.authority is None:
            return {}
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.set_alpn_protocols(["h2"] if behaviour is Clients.speaks_http2 else ["http/1.1"])
        return {"ssl": context, "server_hostname": "localhost"}

    def request(self, version="1.1"):
        chance, pick = self.random.random, self.random.choice
        name, speech = pick(list(SPEECHES.items()))
        wants_stream = chance() < 0.6
        model = f"{name}-{self.random.randrange(MODELS + 1)}"
        path = speech.path(model, wants_stream)
        if name == "gemini" and wants_stream and chance() < 0.5:
            path = path.replace("?alt=sse", "")
        body = speech.body(model, wants_stream, "Say hello. " * pick((1, 10, 10, 20000)))
        content_type = pick(("application/json",) * 9 + ("text/plain",))
        headers = [("Host", "localhost"), ("Content-Type", content_type), *speech.headers]
        if chance() < 0.15:
            headers.append(pick((("x-weir-timeout", "50ms"), ("x-weir-timeout", "700ms"), ("x-weir-user", "u" * 300),
                                 ("x-weir-only", "two-" + name), ("x-weir-oops", "1"), ("x-weir-cache", "maybe"),
                                 ("Origin", "http://e"))))
        if chance() < 0.05:
            headers += [(f"x-filler-{n}", "f" * 40) for n in range(pick((90, 300, 1500)))]
        if chance() < 0.05:
            body = pick((b"", b"{", b'{"model":"a","model":"b"}', body[:-1], b"[" * 5000))
        coding = chance()
        if coding < 0.1:
            body, headers = gzip.compress(body), [*headers, ("Content-Encoding", "gzip")]
        if version == "1.1" and coding > 0.85:
            half = len(body) // 2
            pieces = [piece for piece in (body[:half], body[half:]) if piece]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Content-Length", str(len(body))))
        if chance() < 0.05:
            headers.append(("Expect", "100-continue"))
        head = f"POST {path} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
        return head.encode() + body

    async def read_answer(self, reader, slowly_until=0):
        """Status, and whether the connection can carry another."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = int(head.split(" ", 2)[1])
            if status >= 200:
                break
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if "x-weir-request-id" in fields:
            self.ids[fields["x-weir-request-id"]] += 1
        self.statuses[status] += 1
        if fields.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
                if time.monotonic() < slowly_until:
                    await asyncio.sleep(0.002)
            await reader.readline()
        elif "content-length" in fields:
            await reader.readexactly(int(fields["content-length"]))
        else:
            await reader.read()
        return status, fields.get("connection") != "close"

    async def is_patient(self, reader, writer):
        """A few requests on one connection, each read to its end."""
        for _ in range(self.random.randrange(1, 6)):
            writer.write(self.request())
            if not (await self.read_answer(reader))[1]:
                break

    async def leaves(self, reader, writer):
        """Anywhere: within the head, the body, while it waits, while it reads."""
        request = self.request()
        if self.random.random() < 0.4:
            request = request[:self.random.randrange(1, len(request))] # an idle connection may stay so for longer
        writer.write(request)
        if self.random.random() < 0.5:
            await asyncio.sleep(self.random.choice((0, 0.001, 0.01, 0.1, 0.35)))
        else:
            await reader.read(self.random.choice((1, 100, 1000, 10000)))

    async def reads_slowly(self, reader, writer):
        writer.write(self.request())
        await asyncio.sleep(self.random.choice((0.05, 0.5)))
        await self.read_answer(reader, slowly_until=time.monotonic() + 1)

    async def sends_slowly(self, reader, writer):
        request = self.request()
        step = max(1, len(request) // 8)
        for at in range(0, len(request), step):
            writer.write(request[at:at + step])
            await asyncio.sleep(0.01)
        await self.read_answer(reader)

    async def pipelines(self, reader, writer):
        count = self.random.randrange(2, 5)
        writer.write(b"".join(self.request() for _ in range(count)))
        for _ in range(count):
            if not (await self.read_answer(reader))[1]:
                break

    async def is_old(self, reader, writer):
        writer.write(self.request("1.0"))
        await self.read_answer(reader)

    async def talks_nonsense(self, reader, writer):
        writer.write(self.random.choice((
            self.random.randbytes(200), b"\r\n" * 100, b"GET / HTTP/9.9\r\n\r\n",
            http2.PREFACE + self.random.randbytes(90),
            b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /v1/messages HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}",
            b"\x16\x03\x01\x00\x05hello")))
        if self.random.random() < 0.5 and writer.can_write_eof():
            writer.write_eof()
        try:
            await asyncio.wait_for(reader.read(2000), 0.3)
        except TimeoutError:
            pass

    async def looks(self, reader, writer):
        path = self.random.choice(("/v1/models", "/v1beta/models", "/v1/models/anthropic-1", "/healthz", "/nowhere",
                                   "/v1/files"))
        method = self.random.choice(("GET", "GET", "HEAD", "DELETE"))
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        for line in answer.split(b"\r\n"):
            if line.startswith(b"x-weir-request-id: ") and path != "/healthz":
                self.ids[line[19:].decode()] += 1

    async def speaks_http2(self, reader, writer):
        """By prior knowledge; its HPACK is literals only, and what comes back is only counted."""
        writer.write(http2.PREFACE + frame(http2.SETTINGS, 0, 0))
        open_streams = set()
        for number in range(self.random.randrange(1, 8)):
            stream_id = 2 * number + 1
            if self.ask_by_http2(writer, stream_id, number == 0):
                open_streams.add(stream_id)
        for _ in range(self.random.randrange(1, 40)):
            if not open_streams:
                break
            start = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(start[:3], "big"))
            kind, flags, stream_id = start[3], start[4], int.from_bytes(start[5:], "big")
            if kind == http2.SETTINGS and not flags & http2.ACK:
                writer.write(frame(http2.SETTINGS, http2.ACK, 0))
            elif kind == http2.DATA and payload:
                writer.write(window_update(0, len(payload)) + window_update(stream_id, len(payload)))
            if kind == http2.RST_STREAM or (kind in (http2.DATA, http2.HEADERS) and flags & http2.END_STREAM):
                open_streams.discard(stream_id)
            if kind == http2.GOAWAY:
                break

    def ask_by_http2(self, writer, stream_id, may_be_large):
        """True when an answer is to be expected."""
        text, _, body = self.request("1.0").partition(b"\r\n\r\n")
        lines = text.decode().split("\r\n")
        headers = [line.split(": ", 1) for line in lines[1:]
                   if not line.startswith(("Host", "Expect", "x-filler", "Content-Length"))]
        writer.write(frame(http2.HEADERS, http2.END_HEADERS, stream_id, http2_head(lines[0].split(" ")[1], headers)))
        if len(body) > 8000 and not may_be_large:
            return False
        body = body[:60000]    # what the first window takes: it is not watched here
        parts = [body[at:at + 16000] for at in range(0, len(body), 16000)] or [b""]
        for part in parts:
            writer.write(frame(http2.DATA, http2.END_STREAM if part is parts[-1] else 0, stream_id, part))
        if self.random.random() < 0.2:
            writer.write(frame(http2.RST_STREAM, 0, stream_id, struct.pack(">I", 8)))
            return False
        return True

    behaviours = [is_patient] * 6 + [leaves] * 4 + [pipelines, speaks_http2] * 2
    behaviours += [reads_slowly, sends_slowly, is_old, talks_nonsense, looks]


def frame(kind, flags, stream_id, payload=b""):
    """RFC 9113 §4.1"""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + payload


def window_update(stream_id, size):
    return frame(http2.WINDOW_UPDATE, 0, stream_id, struct.pack(">I", size))


def http2_head(path, headers):
    fields = [(":method", "POST"), (":path", path), (":scheme", "http"), (":authority", "localhost"), *headers]
    return b"".join(http2.literal(name.lower(), value) for name, value in fields)


# ---- the test ----

class Chaos(Case):
    secure = False

    def config(self, body_limit):
        providers = {}
        for dialect, speech in SPEECHES.items():
            for priority, (name, sim) in enumerate((("one", self.one), ("two", self.two)), 1):
                providers[f"{name}-{dialect}"] = {
                    "dialect": dialect, "base_url": sim.url + speech.base, "keys": [KEYS[name]], "priority": priority,
                    "models": {f"{dialect}-{n}": f"{name}-{n}" for n in range(MODELS)}, "timeout": TIMEOUTS}
            if self.secure:
                providers[f"two-{dialect}"]["tls"] = {"ca": str(self.authority.ca)}
        providers["nobody"] = {"dialect": "openai-chat", "base_url": "http://127.0.0.1:1/v1", "keys": ["k"],
                               "models": [f"openai-chat-{MODELS}"]}
        return {"providers": providers, **self.tls, "limits": {"hold": "128KB", "event": "256KB", "body": body_limit},
                "defaults": {"heartbeat": {"after": "100ms", "every": "50ms"}, "timeout": {"request": "3s"}}}

    def descriptors(self):
        folder = f"/proc/{self.weir.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            try:
                links.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:  # closed since
                pass
        return links

    def pooled(self):
        """Connections kept for the next request: the simulator does not close those whose script still has something to say."""
        return int(self.weir.metrics()['weir_upstream_connections{state="idle"}'])

    def in_flight(self, metrics):
        return {name: value for name, value in metrics.items()
                if value and (name.startswith("weir_requests_in_flight") or name in (
                    'weir_upstream_connections{state="active"}', 'weir_upstream_connections{state="connecting"}',
                    "weir_client_connections"))}

    def wait_quiet(self):
        """Everything that was under way has ended."""
        until = time.monotonic() + 30
        while (left := self.in_flight(self.weir.metrics())) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(left, {}, "what is still under way when all clients have gone")

    async def reload_now_and_then(self, clients):
        sizes = ("1MB", "100KB", "8MB")
        for count in range(10 ** 6):
            await asyncio.sleep(0.5)
            if time.monotonic() > clients.until - 0.4:
                return
            line = await asyncio.to_thread(self.weir.reload, self.config(sizes[count % 3]))
            self.assertIn("is in force", line)
            await asyncio.to_thread(self.weir.metrics)

    def run_round(self, name):
        clients = Clients(self.weir, name, self.authority)

        async def both():
            clients.until = time.monotonic() + SECONDS
            await asyncio.gather(clients.run(SECONDS), self.reload_now_and_then(clients))
        asyncio.run(both())
        self.assertIsNone(self.weir.process.poll(), "weir died:\n" + "\n".join(self.weir.errors[-60:]))
        self.wait_quiet()
        for sim in (self.one, self.two):
            sim.close_idle()
            sim.clear()
            sim.log.connections.clear()
        return clients

    def check_books(self, rounds):
        """One line per request, and the same sum in the metrics."""
        metrics = self.weir.metrics()
        counted = sum(value for name, value in metrics.items()
                      if name.startswith("weir_requests_total") and "/healthz" not in name)
        counted += metrics.get("weir_unknown_paths_total", 0)
        self.weir.wait_records(int(counted))
        lines = collections.Counter(record["request_id"] for record in self.weir.records)
        self.assertEqual([i for i, count in lines.items() if count != 1], [], "requests with more than one line")
        seen = [i for clients in rounds for i in clients.ids]
        self.assertEqual([i for i in seen if i not in lines], [], "answered requests without a line")
        self.assertEqual(len(lines), counted)
        self.assertEqual(metrics["weir_log_lines_dropped_total"], 0)

    def test_nothing_is_left_behind(self):
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of writing to who has gone
        self.authority, self.tls, context = None, {}, None
        if self.secure:
            self.authority = self.with_(Authority())
            certificate, key = self.authority.issue("localhost", "127.0.0.1")
            self.tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
            context = self.authority.server_context("127.0.0.1")
        self.one = self.with_(Sim(*dialects.DIALECTS, key=KEYS["one"], name="one"))
        self.two = self.with_(Sim(*dialects.DIALECTS, key=KEYS["two"], name="two", tls=context))
        self.one.default, self.two.default = Trouble(seeded("one").random()), Trouble(seeded("two").random())
        self.weir = self.with_(Weir(self.config("8MB"), workers=2))
        self.weir.metrics()
        self.wait_quiet()
        base, rounds, sizes = self.descriptors(), [], []
        for name in ("first", "second"):
            rounds.append(self.run_round(name))
            sizes.append(self.weir.rss_kb())
        until = time.monotonic() + 20
        while len(now := self.descriptors()) > len(base) + self.pooled() and time.monotonic() < until:
            self.one.close_idle()
            self.two.close_idle()
            time.sleep(0.1)
        self.assertLessEqual(len(now), len(base) + self.pooled(),
                             f"descriptors that are still open: before {base}, now {now}")
        self.check_books(rounds)
        if not self.sanitizers():
            self.assertLess(sizes[1] - sizes[0], MEMORY_GROWTH_MAX_KB, f"resident KB after each round: {sizes}")
        self.assertGreater(sum(clients.statuses[200] for clients in rounds), 50, "hardly anything was answered at all")
        if os.environ.get("WEIR_TEST_VERBOSE"):
            print([(c.did, c.statuses) for c in rounds], sizes, len(base), file=sys.stderr)
        self.weir.signal(signal.SIGTERM)
        self.assertEqual(self.weir.wait_end(), 0)

    def sanitizers(self):
        """Those that are in the process."""
        maps = pathlib.Path(f"/proc/{self.weir.process.pid}/maps").read_text()
        return {name for name in ("asan", "tsan") if f"lib{name}" in maps}


class SecureChaos(Chaos):
    """The same over TLS, to the clients and to one of the providers."""
    secure = True


class EndInTheMiddle(Case):
    """Signals while everything is under way."""

    def test_a_second_sigterm_ends_at_once(self):
        for workers in (1, 3):
            one = self.with_(Sim(*dialects.DIALECTS, key=KEYS["one"], name="one"))
            one.default = Trouble(seeded("end").random())
            providers = {
                f"one-{dialect}": {"dialect": dialect, "base_url": one.url + speech.base, "keys": [KEYS["one"]],
                                   "models": {f"{dialect}-{n}": f"one-{n}" for n in range(MODELS)}, "timeout": TIMEOUTS}
                for dialect, speech in SPEECHES.items()}
            weir = self.with_(Weir({"providers": providers}, workers=workers))
            clients = Clients(weir, f"end {workers}")

            async def run():
                async def scrape():
                    while weir.process.poll() is None:
                        try:
                            reader, writer = await asyncio.open_connection("127.0.0.1", weir.admin_port)
                        except OSError:
                            return
                        try:
                            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                            await reader.read()
                        except ConnectionError:
                            pass
                        finally:
                            writer.close()

                async def end():
                    await asyncio.sleep(1.5)
                    weir.signal(signal.SIGTERM)
                    await asyncio.sleep(0.1)
                    weir.signal(signal.SIGTERM)
                await asyncio.gather(clients.run(1.8), *(scrape() for _ in range(8)), end())
            asyncio.run(run())
            self.assertEqual(weir.wait_end(), 0, "\n".join(weir.errors[-60:]))


if __name__ == "__main__":
    unittest.main()
