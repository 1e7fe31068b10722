# SPDX-License-Identifier: Apache-2.0
"""Starting, reloading (F35), draining (F33) and ending; the kinds of listeners."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from harness import Case, Client, SPEECHES, Weir, fetch, run_weir
from harness.case import KEYS
from harness.gateway import clean_environment
from sim import Authority, Sim, answers, steps

CURL = shutil.which("curl")
CURL_HAS_HTTP2 = bool(CURL) and "HTTP2" in subprocess.run([CURL, "--version"], capture_output=True, text=True).stdout


class Life(Case):
    """Each test has a weir of its own on the class's two simulated providers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one = cls.keep(Sim("openai-chat", "anthropic", key=KEYS["one"], name="one"))
        cls.two = cls.keep(Sim("openai-chat", "anthropic", key=KEYS["two"], name="two"))

    def provider(self, name, models=("m",), **extra):
        sim = getattr(self, name)
        return {"dialect": "openai-chat", "base_url": sim.url + "/v1", "keys": [KEYS[name]], "models": list(models), **extra}

    def start(self, config=None, **options):
        return self.with_(Weir(config or {"providers": {"one": self.provider("one")}}, **options))

    def chat(self, weir, **options):
        return self.ask("openai-chat", options.pop("stream", False), model=options.pop("model", "m"), weir=weir, **options)

    def open_stream(self, weir, gate, tail=2):
        """A stream whose last events wait for the gate; its first content has come."""
        self.one.next(answers.stream(edit=lambda events: [*events[:-tail], gate, *events[-tail:]]))
        client = self.begin("openai-chat", model="m", weir=weir)
        client.read_head()
        client.read_until_text(b"one")
        return client


class Reload(Life):
    def test_f35_a_valid_file_is_in_force_at_once(self):
        weir = self.start()
        first = self.chat(weir)
        line = weir.reload({"providers": {"two": self.provider("two", ["m", "n"])}})
        self.assertIn("is in force", line)
        second = self.chat(weir)
        self.assertEqual([r.header("x-weir-provider") for r in (first, second)], ["one", "two"])
        self.assertEqual(self.chat(weir, model="n").status, 200)
        versions = [weir.record_of(r)["config_version"] for r in (first, second)]
        self.assertEqual(versions[1], versions[0] + 1)

    def test_f35_keys_come_and_go(self):
        weir = self.start({"providers": {"one": self.provider("one")}, "keys": [{"name": "a", "key": "key-aaaa"}]})
        self.assertEqual(self.chat(weir, headers=[("Authorization", "Bearer key-bbbb")]).status, 401)
        weir.reload({"providers": {"one": self.provider("one")}, "keys": [{"name": "b", "key": "key-bbbb"}]})
        response = self.chat(weir, headers=[("Authorization", "Bearer key-bbbb")])
        self.assertEqual((response.status, weir.record_of(response)["key"]), (200, "b"))
        self.assertEqual(self.chat(weir, headers=[("Authorization", "Bearer key-aaaa")]).status, 401)

    def test_f35_on_a_kept_connection_too(self):
        weir = self.start()
        with Client(weir.port) as client:
            for provider in ("one", "two"):
                client.request("POST", "/v1/chat/completions", [], SPEECHES["openai-chat"].body("m"))
                self.assertEqual(client.read_response().header("x-weir-provider"), provider)
                weir.reload({"providers": {"two": self.provider("two")}})

    def test_f35_in_flight_finishes_on_the_old_one(self):
        weir, gate = self.start(), steps.Gate()
        client = self.open_stream(weir, gate)
        weir.reload({"providers": {"two": self.provider("two")}})
        self.assertEqual(self.chat(weir).header("x-weir-provider"), "two")
        gate.open()
        response = self.finish(client, "openai-chat")
        self.assertTrue(response.stream.done)
        self.assertEqual(weir.record_of(response)["provider_chosen"], "one")

    def test_f35_in_flight_fails_over_on_the_old_one(self):
        weir = self.start({"providers": {"one": self.provider("one", retries=0), "two": self.provider("two")}})
        gate = steps.Gate()
        self.one.next(answers.Play([gate, steps.RESET], framing="none"))
        client = self.begin("openai-chat", False, model="m", weir=weir)
        gate.wait_reached()
        weir.reload({"providers": {"other": self.provider("one", ["x"])}})
        gate.open()
        self.assertEqual(client.read_response().header("x-weir-provider"), "two")
        self.assertEqual(self.chat(weir).status, 404)

    def test_f35_an_invalid_file_changes_nothing(self):
        weir = self.start()
        for text, said in (("providers:\n  one:\n    dialekt: openai-chat\n", r"weir\.yaml:3:5: .*dialekt.*dialect"),
                           ("providers: [", r"weir\.yaml:2:1: .*YAML"),
                           ("providers: { x: { dialect: openai-chat } }", "base_url"), ("shared: x", "later"),
                           ("listen: ${NOT_THERE}", "NOT_THERE")):
            with self.subTest(text=text):
                before = len(weir.lines)
                self.assertIn("the running one stays", weir.reload(text))
                self.assertNotIn("yaml:0:0", "\n".join(weir.lines[before:]))
                self.assertRegex("\n".join(weir.lines[before:]), said)
                response = self.chat(weir)
                self.assertEqual((response.status, weir.record_of(response)["config_version"]), (200, 1))
        weir.file.unlink()
        self.assertIn("the running one stays", weir.reload())
        self.assertEqual(self.chat(weir).status, 200)
        self.assertIn("is in force", weir.reload({"providers": {"two": self.provider("two")}}))

    def test_what_needs_a_restart_is_named(self):
        weir = self.start()
        two = {"providers": {"two": self.provider("two")}}
        for change, key in (({"listen": "127.0.0.1:1"}, "listen"), ({"listen": ["127.0.0.1:0", "[::1]:0"]}, "listen"),
                            ({"workers": 2}, "workers"), ({"store": "sqlite:/x"}, "store"), ({"admin": {"listen": "127.0.0.1:2"}}, "admin.listen")):
            with self.subTest(change=change):
                self.assertRegex(weir.reload({**two, **change}), f"'{key}' cannot change without a restart")
                self.assertEqual(self.chat(weir).header("x-weir-provider"), "one")

    def test_limits_and_timeouts_change(self):
        weir = self.start()
        body = SPEECHES["openai-chat"].body("m", text="x" * 5000)
        self.assertEqual(self.chat(weir, body=body).status, 200)
        changed = {"providers": {"one": self.provider("one")}, "limits": {"body": "4KB"}, "defaults": {"timeout": {"request": "60ms"}}}
        self.assertIn("is in force", weir.reload(changed))
        self.one.next(answers.silence())
        self.assertEqual(self.chat(weir).status, 504)
        self.assertEqual(self.chat(weir, body=body).status, 413)

    def test_f35_reloads_under_load_lose_nothing(self):
        weir = self.start(workers=2)
        statuses, ends = [], threading.Event()

        def run():
            while not ends.is_set():
                statuses.append(self.chat(weir).status)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(10):
            weir.reload({"providers": {"one" if number % 2 else "two": self.provider("one" if number % 2 else "two")}})
        ends.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(statuses), {200})
        weir.wait_records(len(statuses))


class Store(Life):
    """Where the store's file is, and that trouble with it is never trouble for a request."""

    def serves(self, weir, on_disk):
        self.assertEqual(self.chat(weir).status, 200)
        self.assertEqual(weir.metrics()["weir_store_survives_restart"], on_disk)
        self.assertEqual(len([line for line in weir.lines if '"warn"' in line]), 0 if on_disk else 1)

    def test_the_file_is_its_owners_only(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, place in (("STATE_DIRECTORY", "weir.db"), ("XDG_STATE_HOME", "weir/weir.db"), ("HOME", ".local/state/weir/weir.db")):
                with self.subTest(name=name):
                    base = pathlib.Path(folder, name)
                    base.mkdir()
                    weir = self.start(env={name: str(base)})
                    self.serves(weir, on_disk=1)
                    file = base / place
                    self.assertEqual((file.stat().st_mode & 0o777, {p.stat().st_mode & 0o777 for p in file.parents if base in p.parents}),
                                     (0o600, {0o700} if file.parent != base else set()))
                    weir.stop()
                    self.assertEqual([p.name for p in file.parent.iterdir()], ["weir.db"])

    def test_without_a_usable_place_it_serves_from_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            damaged = pathlib.Path(folder, "weir.db")
            damaged.write_bytes(b"no database\n" * 1000)
            for env, said in (({}, "no folder for the store"), ({"STATE_DIRECTORY": folder}, "not a database"),
                              ({"STATE_DIRECTORY": "/proc/nowhere"}, "cannot be made")):
                with self.subTest(env=env):
                    weir = self.start(env=env)
                    weir.wait_line(said)
                    self.serves(weir, on_disk=0)
            self.assertEqual(damaged.read_bytes(), b"no database\n" * 1000)


class Drain(Life):
    def refused(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    def test_f33_open_streams_finish(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                weir, gate = self.start(), steps.Gate()
                client = self.open_stream(weir, gate)
                idle = self.with_(Client(weir.port))
                idle.request("GET", "/healthz")
                idle.read_response("GET")
                weir.signal(number)
                weir.wait_line("drains")
                self.assertTrue(idle.is_closed_by_peer())
                self.assertTrue(self.refused(weir.port))
                self.assertEqual(fetch(weir.admin_port, "GET", "/readyz").status, 503)
                self.assertEqual(fetch(weir.admin_port, "GET", "/healthz").status, 200)
                self.assertIsNone(weir.process.poll())
                gate.open()
                response = self.finish(client, "openai-chat")
                self.assertTrue(response.stream.done)
                self.assertEqual(weir.wait_end(), 0)
                self.assertEqual(weir.records[-1]["outcome"], "ok")
                self.assertIn("ended", weir.lines[-1])

    def test_f33_an_upload_that_has_begun_is_answered(self):
        weir = self.start()
        body = SPEECHES["openai-chat"].body("m")
        client = self.with_(Client(weir.port))
        client.request("POST", "/v1/chat/completions", [("Expect", "100-continue"), ("Content-Length", str(len(body))),
                                                        ("Content-Type", "application/json")])
        client._until(b"\r\n\r\n")
        weir.signal(signal.SIGTERM)
        weir.wait_line("drains")
        client.send(body)
        response = client.read_response()
        self.assertEqual((response.status, response.header("connection")), (200, "close"))
        self.assertEqual(weir.wait_end(), 0)

    def test_f33_a_second_signal_ends_at_once(self):
        weir, gate = self.start(), steps.Gate()
        client = self.open_stream(weir, gate)
        weir.signal(signal.SIGTERM)
        weir.wait_line("drains")
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_end(10), 0)
        gate.open()
        client.read_body()
        self.assertNotIn(b"[DONE]", client.response.body)
        self.assertEqual(len(weir.records), 1, "the request that was cut has no record")
        self.assertNotEqual(weir.records[0]["outcome"], "ok")

    def test_f33_nothing_open_ends_now(self):
        weir = self.start(workers=3)
        self.chat(weir)
        weir.signal(signal.SIGTERM)
        self.assertEqual(weir.wait_end(10), 0)
        self.assertEqual(len(weir.records), 1)

    def test_f33_every_request_has_its_record(self):
        weir, gate = self.start(workers=2), steps.Gate()
        clients = [self.open_stream(weir, gate) for _ in range(20)]
        weir.signal(signal.SIGTERM)
        weir.wait_line("drains")
        gate.open()
        for client in clients:
            self.assertTrue(self.finish(client, "openai-chat").stream.done)
        self.assertEqual(weir.wait_end(), 0)
        self.assertEqual(len(weir.records), 20)

    def test_reload_is_over_when_it_drains(self):
        weir, gate = self.start(), steps.Gate()
        client = self.open_stream(weir, gate)
        weir.signal(signal.SIGTERM)
        weir.wait_line("drains")
        weir.signal(signal.SIGHUP)
        gate.open()
        self.assertTrue(self.finish(client, "openai-chat").stream.done)
        self.assertEqual(weir.wait_end(), 0)


# Does what systemd does for a unit with sockets (sd_listen_fds(3)).
ACTIVATE = """
import fcntl, os, sys
numbers, names, command = [int(n) for n in sys.argv[1].split(",")], sys.argv[2], sys.argv[3:]
saved = [fcntl.fcntl(n, fcntl.F_DUPFD, 50) for n in numbers]
for place, number in enumerate(saved, 3):
    os.dup2(number, place, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(saved)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


class Listeners(Life):
    def test_address_in_use(self):
        weir = self.start()
        file = weir.folder / "second.yaml"
        for config, word in (({"listen": f"127.0.0.1:{weir.port}", "admin": {"listen": "127.0.0.1:0"}}, str(weir.port)),
                             ({"listen": "127.0.0.1:0", "admin": {"listen": f"127.0.0.1:{weir.admin_port}"}}, str(weir.admin_port))):
            with self.subTest(config=config):
                file.write_text(json.dumps({**config, "providers": {"one": self.provider("one")}}))
                result = run_weir("serve", "-c", file)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, f"(?i){word}.*in use")
        self.assertEqual(self.chat(weir).status, 200)

    def test_several_addresses(self):
        weir = self.start({"listen": ["127.0.0.1:0", "[::1]:0"], "providers": {"one": self.provider("one")}}, workers=2)
        self.assertEqual(self.chat(weir).status, 200)

    def test_unix_socket(self):
        config = {"providers": {"one": self.provider("one")}}
        place = self.with_temporary() / "weir.sock"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(place))
        stale.close()  # a file that nobody listens on any more
        weir = self.start({**config, "listen": ["127.0.0.1:0", f"unix:{place}"]}, workers=2)
        for _ in range(4):
            self.assertIn(b"HTTP/1.1 200 OK", self.over_unix(place))
        file = weir.folder / "second.yaml"
        file.write_text(json.dumps({**config, "listen": f"unix:{place}", "admin": {"listen": "127.0.0.1:0"}}))
        result = run_weir("serve", "-c", file)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "in use")
        self.assertIn(b"HTTP/1.1 200 OK", self.over_unix(place), "the second one took the first one's socket away")

    def with_temporary(self):
        import tempfile
        folder = tempfile.TemporaryDirectory(prefix="weir-e2e-")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def over_unix(self, place):
        body = SPEECHES["openai-chat"].body("m")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(place))
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            data = b""
            while piece := client.recv(65536):
                data += piece
        return data

    def test_socket_activation(self):
        for workers in (1, 3):
            with self.subTest(workers=workers):
                data, admin = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
                with data, admin:
                    fds = (data.fileno(), admin.fileno())
                    early = Client(data.getsockname()[1])  # waits in the queue that systemd holds
                    weir = self.start(workers=workers, pass_fds=fds,
                                      launcher=[sys.executable, "-c", ACTIVATE, ",".join(map(str, fds)), "weir.socket:admin"])
                    self.assertEqual((weir.port, weir.admin_port), (data.getsockname()[1], admin.getsockname()[1]))
                    with early:
                        early.request("GET", "/healthz")
                        self.assertEqual(early.read_response("GET").status, 200)
                    for _ in range(8):
                        self.assertEqual(self.chat(weir).status, 200)
                    self.assertEqual(fetch(weir.admin_port, "GET", "/readyz").status, 200)
                    weir.stop()

    def test_sockets_for_another_process_are_not_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            weir = self.start(env={"LISTEN_PID": "1", "LISTEN_FDS": "1"}, pass_fds=(other.fileno(),))
            self.assertNotEqual(weir.port, other.getsockname()[1])

    def test_several_workers_share_the_load(self):
        weir, gate = self.start(workers=3), steps.Gate()
        clients = [self.open_stream(weir, gate) for _ in range(30)]
        gate.open()
        for client in clients:
            self.assertTrue(self.finish(client, "openai-chat").stream.done)
        names = [pathlib.Path(f"/proc/{weir.process.pid}/task/{task}/comm").read_text().strip()
                 for task in os.listdir(f"/proc/{weir.process.pid}/task")]
        self.assertEqual(names.count("worker"), 3)

    def test_no_file_is_written(self):
        """A read-only file system is enough: nothing that is open for writing is a file."""
        weir = self.start()
        self.chat(weir)
        self.chat(weir, stream=True)
        folder = f"/proc/{weir.process.pid}/fd"
        kinds = []
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                kinds.append(os.readlink(f"{folder}/{fd}"))
        self.assertEqual([kind for kind in kinds if kind.startswith("/") and not kind.startswith("/dev/")], [])
        self.assertEqual(sorted(os.listdir(weir.folder)), ["weir.yaml"])


class Exits(Life):
    def test_exit_codes(self):
        for arguments, status, said in ((("serve", "-c", "/nowhere/weir.yaml"), 1, "/nowhere/weir.yaml"),
                                        (("serve", "--nope"), 2, "--nope"), (("serve", "extra"), 2, "extra"), (("serve",), 1, "weir demo")):
            with self.subTest(arguments=arguments):
                result = run_weir(*arguments, cwd="/")
                self.assertEqual(result.returncode, status, result.stderr)
                self.assertIn(said, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_an_invalid_file_starts_nothing(self):
        weir = self.start()
        file = weir.folder / "wrong.yaml"
        file.write_text("providers:\n  one:\n    dialect: openai-chatt\n")
        result = run_weir("serve", "-c", file)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"wrong\.yaml:3:14: .*openai-chat")

    def test_without_a_usable_provider_it_starts(self):
        weir = self.start({"providers": {"openai": {}, "anthropic": {}}})
        self.assertEqual(fetch(weir.admin_port, "GET", "/readyz").status, 503)
        response = self.chat(weir, model="gpt-5.5")
        self.assert_error(response, 503, "weir_no_credentials", "gateway")
        self.assertIn("OPENAI_API_KEY", response.message)
        self.assertIn("OPENAI_API_KEY", "\n".join(weir.errors + weir.lines))


class TlsAndHttp2(Life):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority())
        cls.certificate, cls.key = cls.authority.issue("localhost", "127.0.0.1")

    def config(self, **tls):
        return {"providers": {"one": self.provider("one")}, "tls": {"certificate": str(self.certificate), "key": str(self.key), **tls}}

    def context(self, *protocols):
        context = ssl.create_default_context(cafile=self.authority.ca)
        context.set_alpn_protocols(list(protocols))
        return context

    def test_tls_with_http1(self):
        weir = self.start(self.config())
        for protocols in (("http/1.1",), ()):
            with self.subTest(protocols=protocols):
                context = self.context(*protocols) if protocols else ssl.create_default_context(cafile=self.authority.ca)
                with Client(weir.port, context=context, server_hostname="localhost") as client:
                    self.assertEqual(client.socket.selected_alpn_protocol(), protocols[0] if protocols else None)
                    for stream in (False, True):
                        client.request("POST", "/v1/chat/completions", [], SPEECHES["openai-chat"].body("m", stream))
                        response = client.read_response()
                        self.assertEqual((response.status, response.complete), (200, True))

    def test_tls_negotiates_http2(self):
        weir = self.start(self.config())
        with Client(weir.port, context=self.context("h2", "http/1.1"), server_hostname="localhost") as client:
            self.assertEqual(client.socket.selected_alpn_protocol(), "h2")
            self.assertIn(client.socket.version(), ("TLSv1.2", "TLSv1.3"))

    def test_tls_refuses_what_is_too_old(self):
        weir = self.start(self.config())
        context = self.context("http/1.1")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            Client(weir.port, context=context, server_hostname="localhost")

    def test_plain_bytes_on_a_tls_port(self):
        weir = self.start(self.config())
        with Client(weir.port) as client:
            client.request("GET", "/healthz")
            try:
                data = client.socket.recv(100)
            except ConnectionError:
                data = b""
            self.assertFalse(data.startswith(b"HTTP/1.1 200"))

    def test_tls_certificate_changes_by_reload(self):
        weir = self.start(self.config())
        certificate, key = self.authority.issue("other.example", "127.0.0.1")
        context = self.context("http/1.1")
        for name, reload in (("localhost", False), ("other.example", True)):
            if reload:
                self.assertIn("is in force", weir.reload(self.config(certificate=str(certificate), key=str(key))))
            with Client(weir.port, context=context, server_hostname=name) as client:
                client.request("GET", "/healthz")
                self.assertEqual(client.read_response("GET").status, 200)

    def curl(self, weir, *arguments, scheme="http", bodies=({"model": "m"},)):
        command = [CURL, "-sS", "--max-time", "30", "-w", "\n%{http_version} %{http_code}\n", *arguments]
        for body in bodies:
            command += ["-H", "content-type: application/json", "-d", json.dumps({"messages": [{"role": "user", "content": "x"}], **body}),
                        f"{scheme}://127.0.0.1:{weir.port}/v1/chat/completions"]
        return subprocess.run(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @unittest.skipUnless(CURL_HAS_HTTP2, "curl without HTTP/2")
    def test_http2(self):
        plain, secure = self.start(), self.start(self.config())
        for weir, arguments, scheme in ((plain, ["--http2-prior-knowledge"], "http"),
                                        (secure, ["--http2", "--cacert", self.authority.ca], "https")):
            for stream in (False, True):
                with self.subTest(scheme=scheme, stream=stream):
                    result = self.curl(weir, *arguments, scheme=scheme, bodies=[{"model": "m", "stream": stream}])
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertTrue(result.stdout.endswith("\n2 200\n"), result.stdout[-200:])
                    self.assertIn("data: [DONE]" if stream else "Hello from one", result.stdout)
            with self.subTest(scheme=scheme, what="error"):
                self.assertIn("2 404", self.curl(weir, *arguments, scheme=scheme, bodies=[{"model": "nope"}]).stdout)

    @unittest.skipUnless(CURL_HAS_HTTP2, "curl without HTTP/2")
    def test_http2_large_bodies(self):
        weir = self.start()
        file = weir.folder / "body.json"
        file.write_bytes(SPEECHES["openai-chat"].body("m", text="x" * (3 << 20)))
        self.one.next(answers.whole(answers.Reply(text="y" * (3 << 20))))
        result = subprocess.run([CURL, "-sS", "--max-time", "30", "--http2-prior-knowledge", "-H",
                                 "content-type: application/json", "-d", f"@{file}",
                                 f"http://127.0.0.1:{weir.port}/v1/chat/completions"], env=clean_environment(), capture_output=True)
        self.assertEqual(json.loads(result.stdout)["choices"][0]["message"]["content"], "y" * (3 << 20))
        self.assertEqual(self.one.journal[0].body_length, file.stat().st_size)

    @unittest.skipUnless(CURL_HAS_HTTP2, "curl without HTTP/2")
    def test_http2_drains(self):
        weir, gate = self.start(), steps.Gate()
        self.one.next(answers.stream(edit=lambda events: [*events[:-2], gate, *events[-2:]]))
        results = []
        body = {"model": "m", "stream": True}
        thread = threading.Thread(target=lambda: results.append(self.curl(weir, "--http2-prior-knowledge", bodies=[body])))
        thread.start()
        gate.wait_reached()
        weir.signal(signal.SIGTERM)
        weir.wait_line("drains")
        gate.open()
        thread.join()
        self.assertIn("data: [DONE]", results[0].stdout)
        self.assertEqual(weir.wait_end(), 0)


if __name__ == "__main__":
    unittest.main()
