# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 with providers: few connections for many requests, streams that end alone, and goodbyes that nobody notices."""

import json
import unittest

from harness import Case, SPEECHES, Weir, http2
from harness.case import KEYS
from harness.http2_face import CANCEL, Http2Face
from sim import Authority, Proxy, Sim, answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
STREAMS_MAX = 32  # of one connection


@unittest.skipUnless(http2.LIBRARY, "no libnghttp2 to read header blocks with")
class Http2Upstream(Case):
    """Provider one speaks HTTP/2 on a plain connection, two HTTP/1.1."""

    dialects = DIALECTS
    providers_extra = {"retries": 0, "timeout": {"first_token": "60s"}}

    @classmethod
    def start(cls):
        cls.one = cls.keep(Sim(*cls.dialects, key=KEYS["one"], name="one"))
        cls.two = cls.keep(Sim(*cls.dialects, key=KEYS["two"], name="two"))
        cls.face = cls.keep(Http2Face(cls.one))
        cls.weir = cls.keep(Weir(cls.config()))

    @classmethod
    def config(cls):
        providers = cls.two_providers(cls.face, cls.two)
        for name, provider in providers.items():
            if name.startswith("one-"):
                provider["http"] = 2
        return {"providers": providers, "defaults": {"heartbeat": {"after": "10s", "every": "10s"}}}

    def setUp(self):
        super().setUp()
        for connection in self.face.open_connections:
            connection.end()
        self.face.wait(lambda: not self.face.open_connections, "the end of all connections")
        self.face.connections.clear()

    def check_by_one(self, response):
        self.assertEqual((response.status, response.header("x-weir-attempts"), len(self.two.journal)), (200, "1", 0))

    def test_every_dialect_on_one_connection(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    response = self.ask(dialect, stream)
                    self.check_by_one(response)
                    self.assertIn("Hello from one", self.text_of(dialect, response))
        self.assertEqual(len(self.face.connections), 1)
        self.assertEqual(self.face.connections[0].resets, {})

    def test_what_is_sent_is_proper(self):
        """RFC 9113 §8.2: names in lower case and nothing about the connection."""
        self.ask("openai-chat")
        request = self.one.journal[0]
        names = [name.lower() for name, _ in request.headers]
        for forbidden in ("connection", "te", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"):
            self.assertNotIn(forbidden, names)
        self.assertEqual(names.count("host"), 1)
        self.assertEqual(names.count("content-length"), 1)

    def test_many_requests_share_few_connections(self):
        count = 3 * STREAMS_MAX
        gate = steps.Gate()
        self.one.next(*[answers.stream(Reply(text="for all"), edit=lambda events: [*events[:3], gate, *events[3:]])] * count)
        clients = [self.begin("openai-chat") for _ in range(count)]
        self.one.wait_requests(count)
        gate.open()
        for client in clients:
            self.check_by_one(self.finish(client, "openai-chat"))
        self.assertEqual(len(self.face.connections), 3)
        self.assertEqual([connection.most_open for connection in self.face.connections], [STREAMS_MAX] * 3)

    def test_a_provider_may_allow_fewer(self):
        face = self.with_(Http2Face(self.one, streams=4))
        config = {"providers": {"few": {"dialect": "openai-chat", "base_url": face.url + SPEECHES["openai-chat"].base, "http": 2,
                                        "keys": [KEYS["one"]], "models": {"few": "one-0"}}}}
        weir = self.with_(Weir(config))
        self.assertEqual(self.ask("openai-chat", model="few", weir=weir).status, 200)
        gate = steps.Gate()
        self.one.next(*[answers.whole(before=[gate])] * 10)
        clients = [self.begin("openai-chat", False, model="few", weir=weir) for _ in range(10)]
        self.one.wait_requests(11)
        gate.open()
        for client in clients:
            response = self.finish(client, "openai-chat")
            self.assertEqual((response.status, response.header("x-weir-attempts")), (200, "1"))
        self.assertTrue(all(connection.most_open <= 4 or connection.resets for connection in face.connections[:1]))

    def test_a_client_that_goes_away_resets_its_stream_only(self):
        gate = steps.Gate()
        self.one.next(*[answers.stream(Reply(text="one of two"), edit=lambda events: [*events[:4], gate, *events[4:]])] * 2)
        leaves, stays = self.begin("openai-chat"), self.begin("openai-chat")
        self.one.wait_requests(2)
        leaves.read_head()
        stays.read_head()
        leaves.close()
        connection = self.face.connections[0]
        self.face.wait(lambda: connection.resets, "a reset")
        self.assertEqual(list(connection.resets.values()), [CANCEL])
        gate.open()
        self.assertIn("one of two", self.text_of("openai-chat", self.finish(stays, "openai-chat")))
        self.check_by_one(self.ask("openai-chat"))
        self.assertEqual(len(self.face.connections), 1)

    def test_a_goodbye_is_not_noticed(self):
        gate = steps.Gate()
        self.one.next(answers.stream(Reply(text="before it left"), edit=lambda events: [*events[:4], gate, *events[4:]]))
        before = self.begin("openai-chat")
        gate.wait_reached()
        self.face.connections[0].goaway()
        self.check_by_one(self.ask("openai-chat"))
        gate.open()
        response = self.finish(before, "openai-chat")
        self.check_by_one(response)
        self.assertIn("before it left", self.text_of("openai-chat", response))
        self.face.wait(lambda: self.face.connections[0].closed, "the end of the connection")
        self.assertEqual(len(self.face.connections), 2)

    def test_requests_above_the_last_one_are_sent_elsewhere(self):
        self.ask("openai-chat")
        first = self.face.connections[0]
        first.going = True             # from now on it looks at nothing
        client = self.begin("openai-chat", False)
        self.face.wait(lambda: len(first.numbers) == 2, "the request")
        first.goaway(last=1)
        self.check_by_one(self.finish(client, "openai-chat"))
        self.assertEqual(len(self.face.connections), 2)

    def test_a_refused_stream_is_sent_again(self):
        self.face.refuse_next = 1
        self.check_by_one(self.ask("openai-chat"))
        self.face.refuse_next = 2
        self.check_by_one(self.ask("openai-chat", True))

    def test_a_provider_that_refuses_everything_is_passed_over(self):
        self.face.refuse_next = 1000
        try:
            response = self.ask("openai-chat")
        finally:
            self.face.refuse_next = 0
        self.assertEqual((response.status, response.header("x-weir-attempts"), response.header("x-weir-provider")),
                         (200, "2", "two-openai-chat"))

    def test_a_reset_stream_is_a_fault(self):
        self.ask("openai-chat")
        self.one.next(answers.reset())
        response = self.ask("openai-chat")
        self.assertEqual((response.status, response.header("x-weir-provider")), (200, "two-openai-chat"))
        self.assertEqual(len(self.face.connections), 1)

    def test_a_stream_cut_after_content_ends_with_an_error(self):
        self.one.next(answers.stream(Reply(tokens=["some ", "thing "]), edit=lambda events: [*events[:3], steps.RESET]))
        client = self.begin("openai-chat")
        response = client.read_response()
        self.assertEqual(response.status, 200)
        self.assertIn(b'"error"', response.body)
        self.assertEqual(len(self.two.journal), 0)

    def test_large_requests_wait_for_windows(self):
        text = "x" * 1_000_000
        response = self.ask("openai-chat", messages=[{"role": "user", "content": text}])
        self.check_by_one(response)
        self.assertEqual(json.loads(self.one.journal[0].body)["messages"][0]["content"], text)

    def test_a_slow_client_holds_the_provider_back(self):
        """What weir keeps of one stream is bounded by its window; others go on."""
        reply = Reply(tokens=["y" * 4000 + " "] * 2000)
        self.one.next(answers.stream(reply))
        slow = self.begin("openai-chat")
        slow.read_head()
        self.one.wait_requests(1)
        for _ in range(5):
            self.check_by_one(self.ask("openai-chat"))
        response = self.finish(slow, "openai-chat")
        self.assertEqual(self.text_of("openai-chat", response).count("y"), 4000 * 2000)
        self.assertEqual(len(self.face.connections), 1)


@unittest.skipUnless(http2.LIBRARY, "no libnghttp2 to read header blocks with")
class Alpn(Case):
    """What `http` means on TLS."""

    def start_weir(self, tls_context, **provider):
        authority = self.with_(Authority())
        context = authority.server_context("127.0.0.1")
        tls_context(context)
        sim = self.with_(Sim("openai-chat", key=KEYS["one"], name="one"))
        face = self.with_(Http2Face(sim, tls=context))
        weir = self.with_(Weir({"providers": {"box": {
            "dialect": "openai-chat", "base_url": face.url + SPEECHES["openai-chat"].base, "keys": [KEYS["one"]], "models": {"m": "one-0"},
            "retries": 0, "tls": {"ca": str(authority.ca)}, **provider}}}))
        return face, weir

    def test_auto_finds_http2(self):
        face, weir = self.start_weir(lambda context: context.set_alpn_protocols(["h2", "http/1.1"]))
        for stream in (False, True, True):
            self.assertEqual(self.ask("openai-chat", stream, model="m", weir=weir).status, 200)
        self.assertEqual([connection.numbers for connection in face.connections], [[1, 3, 5]])

    def test_through_a_proxy(self):
        for scheme in ("https", "http"):
            with self.subTest(scheme=scheme):
                authority = self.with_(Authority())
                context = authority.server_context("provider.test")
                context.set_alpn_protocols(["h2"])
                face = self.with_(Http2Face(self.with_(Sim("openai-chat", key=KEYS["one"], name="one")), tls=context if scheme == "https" else None))
                proxy = self.with_(Proxy("u:p", resolve={"provider.test": ("127.0.0.1", face.port)}))
                provider = {"dialect": "openai-chat", "base_url": f"{scheme}://provider.test:{face.port}" + SPEECHES["openai-chat"].base,
                            "keys": [KEYS["one"]], "models": {"m": "one-0"}, "http": 2}
                if scheme == "https":
                    provider["tls"] = {"ca": str(authority.ca)}
                weir = self.with_(Weir({"providers": {"box": provider}}, env={f"{scheme}_proxy": f"http://u:p@127.0.0.1:{proxy.port}"}))
                for stream in (False, True):
                    self.assertEqual(self.ask("openai-chat", stream, model="m", weir=weir).status, 200)
                self.assertEqual([head.split(" ")[0] for head in proxy.heads], ["CONNECT"])
                self.assertEqual([connection.numbers for connection in face.connections], [[1, 3]])

    def test_two_demands_it(self):
        face, weir = self.start_weir(lambda context: context.set_alpn_protocols(["http/1.1"]), http=2)
        response = self.ask("openai-chat", model="m", weir=weir)
        self.assertEqual(response.status, 502)
        self.assertEqual(weir.record_of(response)["attempts"][0]["outcome"], "tls")
        self.assertEqual([connection.numbers for connection in face.connections], [[]])

    def test_one_does_not_offer_it(self):
        authority = self.with_(Authority())
        context = authority.server_context("127.0.0.1")
        context.set_alpn_protocols(["h2", "http/1.1"])
        sim = self.with_(Sim("openai-chat", key=KEYS["one"], name="one", tls=context))
        weir = self.with_(Weir({"providers": {"box": {
            "dialect": "openai-chat", "base_url": sim.url + SPEECHES["openai-chat"].base, "keys": [KEYS["one"]], "models": {"m": "one-0"},
            "http": 1, "tls": {"ca": str(authority.ca)}}}}))
        self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 200)


if __name__ == "__main__":
    unittest.main()
