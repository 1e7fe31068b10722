# SPDX-License-Identifier: Apache-2.0
"""F24: upstream connections are reused, replaced when stale and given back after faults; F38: proxies and certificates."""

import socket
import ssl
import threading

from harness import Case, Client, FULL, SLOW, SPEECHES, Weir, seeded
from harness.case import KEYS
from sim import Authority, Proxy, Sim, answers, steps

IDLE_MAX = 64  # http_client_options.idle_max


class Pool(Case):
    dialects = ("openai-chat", "anthropic")
    strict = False
    providers_extra = {"retries": 0, "timeout": {"first_token": "2s"}}

    def connections(self):
        return {id(request.connection) for request in self.one.journal}

    def test_f24_reuse(self):
        for stream in (False, True):
            for _ in range(10):
                self.ask("openai-chat", stream)
        self.assertEqual(len(self.connections()), 1)

    def test_f24_stale_connection_is_replaced_exactly_once(self):
        """The provider closes what it kept open: the next request does not notice, and is sent once more only."""
        for how in ("close", "reset"):
            for dialect in ("openai-chat", "anthropic"):
                with self.subTest(how=how, dialect=dialect):
                    self.ask(dialect)
                    self.one.clear()
                    # The request arrives on the kept connection, which dies before any answer byte.
                    self.one.next(answers.close() if how == "close" else answers.reset())
                    response = self.ask(dialect)
                    self.assertEqual((response.status, len(self.one.journal), len(self.two.journal)), (200, 2, 0))
                    self.assertEqual(response.header("x-weir-attempts"), "1")
                    self.assertEqual(self.one.journal[0].body, self.one.journal[1].body)
                    # A fresh connection that dies so is a fault, not stale.
                    self.one.clear()
                    self.one.next(*[answers.close() if how == "close" else answers.reset()] * 2)
                    response = self.ask(dialect)
                    self.assertEqual((response.status, len(self.one.journal), len(self.two.journal)), (200, 2, 1))
                    self.two.clear()

    def test_f24_idle_connections_closed_by_the_provider(self):
        for _ in range(10):
            self.ask("openai-chat")
            self.one.close_idle()
        self.assertEqual(len(self.one.journal), 10)
        self.assertEqual(len(self.two.journal), 0)

    def test_f24_bytes_nobody_asked_for_poison_the_connection(self):
        """What follows an answer on a kept connection must never be taken for the next answer."""
        body = b'{"choices":[{"message":{"content":"first"},"finish_reason":"stop"}]}'
        evil = b'{"choices":[{"message":{"content":"EVIL"},"finish_reason":"stop"}]}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.one.next(answers.raw(head % len(body) + body + head % len(evil) + evil, steps.SILENCE))
        self.assertIn(b"first", self.ask("openai-chat").body)
        second = self.ask("openai-chat")
        self.assertNotIn(b"EVIL", second.body)

    def test_f24_nothing_leaks_under_faults(self):
        """Thousands of requests, a third of them broken one way or another: sockets return to what may idle."""
        faults = [lambda: answers.fail(429, headers=[("Retry-After", "60")]), lambda: answers.fail(500, "x" * 100000), answers.reset,
                  answers.close, lambda: answers.stream(edit=lambda events: events[:3]),
                  lambda: answers.stream(edit=lambda events: [*events[:4], steps.RESET]),
                  lambda: answers.Play([b"half"], framing="length", length=4000, keep_alive=False)]
        self.one.default = lambda sim, request: (faults[pick.randrange(len(faults))]() if pick.random() < 0.3
                                                 else answers.default(sim, request))
        self.addCleanup(setattr, self.one, "default", answers.default)
        pick = seeded("pool-sim")
        threads, count, problems = 8, 4000 if FULL else 60 if SLOW > 1 else 150, []

        def load(number):
            own = seeded(f"pool-{number}")
            for _ in range(count):
                dialect = own.choice(self.dialects)
                stream = own.random() < 0.5
                client = None
                try:
                    client = self.begin(dialect, stream, model=f"{dialect}-{own.randrange(100, 380)}")
                    if own.random() < 0.1:
                        client.reset()
                        continue
                    client.read_response()
                    if client.response.status not in (200, 429, 502, 503):
                        problems.append(client.response.status)
                except Exception as error:
                    problems.append(error)
                finally:
                    client.socket.close()

        workers = [threading.Thread(target=load, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(problems, [])
        self.wait_until(lambda: all(value == 0 for name, value in self.weir.metrics().items() if value and (
            "weir_requests_in_flight" in name or 'state="active"' in name or 'state="connecting"' in name)), self.weir.metrics)
        self.one.wait_open_connections(2 * IDLE_MAX)  # a pool per (host, credential)
        self.assertLessEqual(self.weir.metrics()['weir_upstream_connections{state="idle"}'], 4 * IDLE_MAX)
        self.assertEqual(self.ask("openai-chat").status, 200)


class Tls(Case):
    """F38: one outbound stack, with authorities and proxies as the operator says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.keep(Authority())
        cls.other = cls.keep(Authority("another authority"))
        cls.tls = cls.keep(Sim(key=KEYS["one"], tls=cls.authority.server_context("localhost", "127.0.0.1", "provider.test")))
        cls.wrong_name = cls.keep(Sim(key=KEYS["one"], tls=cls.authority.server_context("elsewhere.test")))

    def gateway(self, base_url, env=None, dialects=tuple(SPEECHES), **extra):
        providers = {f"box-{dialect}": {"dialect": dialect, "base_url": base_url + SPEECHES[dialect].base, "keys": [KEYS["one"]],
                                        "models": [f"m-{dialect}"], "retries": 0, **extra} for dialect in dialects}
        return self.with_(Weir({"providers": providers}, env=env))

    def ok(self, weir, dialect, stream=False):
        response = self.ask(dialect, stream, model=f"m-{dialect}", weir=weir)
        self.assertEqual(response.status, 200, response.body[:300])
        return response

    def test_f38_custom_authority(self):
        weir = self.gateway(f"https://localhost:{self.tls.port}", tls={"ca": str(self.authority.ca)})
        for dialect in SPEECHES:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.ok(weir, dialect, stream)

    def test_f38_by_address(self):
        self.ok(self.gateway(f"https://127.0.0.1:{self.tls.port}", tls={"ca": str(self.authority.ca)}), "openai-chat")

    def test_f38_authority_by_environment(self):
        weir = self.gateway(f"https://localhost:{self.tls.port}", env={"SSL_CERT_FILE": str(self.authority.ca)})
        self.ok(weir, "openai-chat")

    def refused(self, base_url, **extra):
        weir = self.gateway(base_url, **extra)
        for stream in (False, True):
            response = self.ask("openai-chat", stream, model="m-openai-chat", weir=weir)
            self.assert_error(response, 502, "weir_upstream_tls", "gateway")
        return response

    def test_f38_bad_certificates_are_refused(self):
        self.tls.clear()
        self.refused(f"https://localhost:{self.tls.port}")
        self.refused(f"https://localhost:{self.tls.port}", tls={"ca": str(self.other.ca)})
        self.refused(f"https://localhost:{self.wrong_name.port}", tls={"ca": str(self.authority.ca)})
        self.assertEqual((self.tls.journal, self.wrong_name.journal), ([], []))

    def test_f38_no_tls_there(self):
        plain = self.with_(Sim(key="k"))
        self.refused(f"https://localhost:{plain.port}", tls={"ca": str(self.authority.ca)})

    def test_f38_connect_through_a_proxy(self):
        proxy = self.with_(Proxy("user:pa:ss", resolve={"provider.test": ("127.0.0.1", self.tls.port)}))
        env = {"HTTPS_PROXY": f"http://user:pa%3Ass@127.0.0.1:{proxy.port}"}
        weir = self.gateway("https://provider.test", env, tls={"ca": str(self.authority.ca)})
        for dialect in SPEECHES:
            with self.subTest(dialect=dialect):
                self.ok(weir, dialect, True)
        self.assertTrue(proxy.heads)
        for head in proxy.heads:
            self.assertTrue(head.startswith("CONNECT provider.test:443 HTTP/1.1"), head)
            self.assertNotIn("CANARY", head)
        self.assertTrue(all(request.header("proxy-authorization") is None for request in self.tls.journal))

    def test_f38_plain_http_through_a_proxy(self):
        plain = self.with_(Sim(key=KEYS["one"]))
        proxy = self.with_(Proxy("u:p", resolve={"provider.test": ("127.0.0.1", plain.port)}))
        weir = self.gateway("http://provider.test", {"http_proxy": f"http://u:p@127.0.0.1:{proxy.port}"})
        for dialect in SPEECHES:
            with self.subTest(dialect=dialect):
                self.ok(weir, dialect)
        self.assertTrue(proxy.heads)

    def test_f38_wrong_proxy_password(self):
        proxy = self.with_(Proxy("user:right"))
        weir = self.gateway("https://provider.test", {"HTTPS_PROXY": f"http://user:wrong@127.0.0.1:{proxy.port}"})
        response = self.ask("openai-chat", model="m-openai-chat", weir=weir)
        self.assertEqual(response.status, 502)
        self.assertIn("407", response.message)

    def test_f38_no_proxy(self):
        proxy = self.with_(Proxy())
        plain = self.with_(Sim(key=KEYS["one"]))
        for no_proxy in ("127.0.0.1", "other,127.0.0.0/8", "*"):
            with self.subTest(no_proxy=no_proxy):
                env = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": no_proxy}
                self.ok(self.gateway(f"http://127.0.0.1:{plain.port}", env), "openai-chat")
        self.assertEqual(proxy.heads, [])

    def test_f38_dead_proxy(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            weir = self.gateway("https://provider.test", {"HTTPS_PROXY": f"http://127.0.0.1:{unused.getsockname()[1]}"})
            response = self.ask("openai-chat", model="m-openai-chat", weir=weir)
            self.assert_error(response, 502, "weir_upstream_unreachable")

    def test_f38_client_certificate(self):
        context = self.authority.server_context("localhost")
        context.load_verify_locations(self.authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        sim = self.with_(Sim(key=KEYS["one"], tls=context))
        certificate, key = self.authority.issue("client.test")
        weir = self.gateway(f"https://localhost:{sim.port}",
                            tls={"ca": str(self.authority.ca), "certificate": str(certificate), "key": str(key)})
        self.ok(weir, "openai-chat")
        without = self.gateway(f"https://localhost:{sim.port}", tls={"ca": str(self.authority.ca)})
        self.assertEqual(self.ask("openai-chat", model="m-openai-chat", weir=without).status, 502)


class ServerTls(Case):
    """weir's own listener over TLS."""

    def test_tls_listener(self):
        authority = self.with_(Authority())
        certificate, key = authority.issue("localhost", "127.0.0.1")
        sim = self.with_(Sim("openai-chat", key=KEYS["one"]))
        weir = self.with_(Weir({"tls": {"certificate": str(certificate), "key": str(key)}, "providers": {
            "box": {"dialect": "openai-chat", "base_url": sim.url + "/v1", "keys": [KEYS["one"]], "models": ["m"]}}}))
        context = ssl.create_default_context(cafile=str(authority.ca))
        for stream in (False, True):
            with Client(weir.port, context=context, server_hostname="localhost") as client:
                client.request("POST", "/v1/chat/completions", body=SPEECHES["openai-chat"].body("m", stream))
                response = self.finish(client, "openai-chat")
                self.assertEqual(response.status, 200)
                self.assertIn("Hello", self.text_of("openai-chat", response))


class Ipv6AndNames(Case):
    def test_both_families(self):
        try:
            sim = self.with_(Sim("openai-chat", key="k", host="::1"))
        except OSError:
            self.skipTest("no IPv6 here")
        weir = self.with_(Weir({"providers": {"box": {"dialect": "openai-chat", "base_url": f"http://[::1]:{sim.port}/v1", "keys": ["k"],
                                                      "models": ["m"]}}}))
        self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 200)
        self.assertEqual(sim.journal[0].header("host"), f"[::1]:{sim.port}")

    def test_refused_and_unknown_hosts(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            base = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
            weir = self.with_(Weir({"providers": {
                "refused": {"dialect": "openai-chat", "base_url": base, "keys": ["k"], "models": ["m"]},
                "unknown": {"dialect": "openai-chat", "base_url": "http://no-such-host.invalid/v1", "keys": ["k"], "models": ["n"],
                            "timeout": {"connect": "2s"}, "retries": 0}}}))
            response = self.ask("openai-chat", model="m", weir=weir)
            self.assert_error(response, 502, "weir_upstream_unreachable", "gateway")
            self.assertEqual(response.header("x-weir-attempts"), "2")
            self.assertIn(self.ask("openai-chat", model="n", weir=weir).status, (502, 504))
