# SPDX-License-Identifier: Apache-2.0
"""P2, P3, P6, P7, P8, P10, F32, F39: nobody gets in, nothing leaks."""

import json
import pathlib
import re

from harness import Case, Client, ROOT, SPEECHES, Weir, fetch
from harness.case import KEYS
from sim import Sim, answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CLIENT_KEY = "sk-client-CANARY-key"
ADMIN_TOKEN = "CANARY-admin-token-0123456789"


def endpoints():
    """(methods, pattern, plane, auth) of every row of the table in the program: a new row is tested by being there."""
    text = (ROOT / "src/exchange/endpoint.c").read_text()
    rows = []
    for line in re.findall(r"^\t([A-Z]+\(.*?\)),$", text, re.M):
        kind, arguments = line.split("(", 1)
        pattern = re.search(r'"(/[^"]*)"', arguments).group(1)
        methods = re.match(r'"([A-Z,]+)"', arguments)
        plane = "admin" if "PLANE_ADMIN" in line else "data"
        auth = "open" if "AUTH_OPEN" in line or "AUTH_ANYONE" in line else "admin" if "AUTH_ADMIN" in line else "key"
        rows.append((methods.group(1).split(",")[0] if methods else "GET" if kind == "LOCAL" else "POST", pattern, plane, auth))
    return rows


def path_of(pattern):
    return pattern.replace("{id}", "some-model").replace("*", "x")


class WithKeys(Case):
    """Keys and an admin token are configured."""

    dialects = DIALECTS
    config_extra = {"keys": [{"name": "app", "key": CLIENT_KEY}, {"name": "other", "key": "sk-other"}],
                    "admin": {"listen": "127.0.0.1:0", "token": ADMIN_TOKEN}}

    def test_p2_every_endpoint_of_the_table(self):
        rows = endpoints()
        self.assertGreater(len(rows), 50)
        for method, pattern, plane, auth in rows:
            port = self.weir.port if plane == "data" else self.weir.admin_port
            for key in (None, "sk-wrong", ADMIN_TOKEN if plane == "data" else CLIENT_KEY):
                with self.subTest(pattern=pattern, plane=plane, key=key):
                    headers = [("Authorization", f"Bearer {key}")] if key else []
                    response = fetch(port, method, path_of(pattern), headers, b"{}" if method == "POST" else None)
                    self.assertEqual(response.status, 200 if auth == "open" else 401, pattern)
                    if plane == "data" and auth == "key":
                        self.assertEqual(response.code, "weir_invalid_api_key")
        self.assertEqual((self.one.journal, self.two.journal), ([], []))

    def test_p2_planes_are_apart(self):
        token = [("Authorization", f"Bearer {ADMIN_TOKEN}")]
        key = [("Authorization", f"Bearer {CLIENT_KEY}")]
        for path in ("/metrics", "/readyz"):
            self.assertEqual(fetch(self.weir.admin_port, "GET", path, token).status, 200)
            self.assertEqual(fetch(self.weir.admin_port, "GET", path, key).status, 401)
            self.assertEqual(fetch(self.weir.port, "GET", path, token).status, 404)
        for path in ("/v1/models", "/v1/chat/completions"):
            self.assertIn(fetch(self.weir.admin_port, "GET", path, token).status, (401, 404))
        self.assertEqual(fetch(self.weir.admin_port, "GET", "/healthz").status, 200)
        self.assertEqual(fetch(self.weir.port, "GET", "/healthz").status, 200)

    def test_keys_where_each_sdk_puts_them(self):
        places = {"bearer": [("Authorization", f"Bearer {CLIENT_KEY}")], "lower": [("authorization", f"bearer {CLIENT_KEY}")],
                  "anthropic": [("x-api-key", CLIENT_KEY)], "google": [("x-goog-api-key", CLIENT_KEY)]}
        for dialect in DIALECTS:
            for name, headers in places.items():
                with self.subTest(dialect=dialect, place=name):
                    response = self.ask(dialect, headers=headers)
                    self.assertEqual(response.status, 200)
                    self.assertEqual(self.weir.record_of(response)["key"], "app")
        model = self.model("gemini")
        response = self.ask("gemini", model=model, path=SPEECHES["gemini"].path(model) + f"?key={CLIENT_KEY}")
        self.assertEqual(response.status, 200)

    def test_the_dialects_own_place_decides(self):
        wrong, right = ("Authorization", "Bearer sk-wrong"), ("x-api-key", CLIENT_KEY)
        self.assertEqual(self.ask("anthropic", headers=[wrong, right]).status, 200)
        self.assertEqual(self.ask("openai-chat", headers=[wrong, right]).status, 401)
        self.assertEqual(self.ask("gemini", headers=[("x-goog-api-key", "sk-wrong"), ("Authorization", f"Bearer {CLIENT_KEY}")]).status, 401)

    def test_p3_credentials_twice_are_ambiguous(self):
        twice = [("Authorization", "Bearer sk-wrong"), ("Authorization", f"Bearer {CLIENT_KEY}")]
        self.assertEqual(self.ask("openai-chat", headers=twice).status, 400)
        self.assertEqual(self.one.journal, [])

    def test_wrong_keys(self):
        for key in ("", "sk-client-CANARY-ke", CLIENT_KEY + "x", CLIENT_KEY.upper(), "Bearer", "\x80\xff"):
            with self.subTest(key=key):
                response = self.ask("openai-chat", headers=[("Authorization", f"Bearer {key}")])
                self.assert_error(response, 401, "weir_invalid_api_key", "gateway")
                self.assertTrue(response.header("www-authenticate"))

    def test_f39_and_p7_headers_by_allow_list(self):
        """The client's credentials, cookies and inventions stay here; so do the provider's."""
        dirty = [("Cookie", "session=CANARY-cookie"), ("Proxy-Authorization", "Basic CANARY"), ("X-Forwarded-For", "10.1.2.3"),
                 ("Forwarded", "for=10.1.2.3"), ("X-Forwarded-Host", "CANARY.example"), ("X-Real-IP", "10.1.2.3"),
                 ("OpenAI-Organization", "org-CANARY"), ("OpenAI-Project", "proj-CANARY"), ("x-goog-user-project", "CANARY"),
                 ("anthropic-organization-id", "CANARY"), ("x-stainless-os", "CANARY-os"), ("X-Custom", "CANARY-custom"),
                 ("Origin", "https://CANARY.example"), ("Referer", "https://CANARY.example"), ("x-weir-tags", "CANARY-tag"),
                 ("x-weir-user", "CANARY-user"), ("TE", "trailers"), ("traceparent", "00-CANARY"), ("api-key", "CANARY-azure"),
                 ("x-amz-security-token", "CANARY"), ("Accept-Language", "CANARY"), ("User-Agent", "sdk/1.0")]
        back = [("Set-Cookie", "a=CANARY-cookie"), ("Server", "CANARY-server"), ("Via", "CANARY"), ("X-Powered-By", "CANARY"),
                ("openai-organization", "org-CANARY"), ("anthropic-organization-id", "CANARY"), ("cf-ray", "CANARY"),
                ("Strict-Transport-Security", "max-age=CANARY"), ("Access-Control-Allow-Origin", "*"), ("x-internal", "CANARY"),
                ("x-weir-provider", "CANARY-spoof"), ("x-weir-cost-usd", "0"), ("Trailer", "CANARY"), ("Alt-Svc", "h3=CANARY")]
        kept = {"openai-chat": "x-request-id", "openai-responses": "x-ratelimit-remaining-requests", "anthropic": "request-id",
                "gemini": None}
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.clear()
                    self.one.next(answers.auto(headers=back))
                    speech = SPEECHES[dialect]
                    response = self.ask(dialect, stream, headers=[(speech.key_header, speech.key_format.format(CLIENT_KEY)), *dirty])
                    self.assertEqual(response.status, 200, response.body[:300])
                    request = self.one.journal[0]
                    sent = request.raw_head.decode("latin-1").replace(KEYS["one"], "OURS")
                    self.assertNotIn("CANARY", sent)
                    self.assertNotIn("10.1.2.3", sent)
                    self.assertNotIn("x-weir", sent.lower())
                    self.assertEqual(sent.count("OURS"), 1)
                    names = [name.lower() for name, _ in request.headers]
                    self.assertEqual(len(names), len(set(names)))
                    self.assertEqual(request.header("user-agent"), "sdk/1.0")
                    got = "\r\n".join(f"{name}: {value}" for name, value in response.headers)
                    self.assertNotIn("CANARY", got)
                    self.assertNotIn("access-control", got.lower())
                    if kept[dialect]:
                        self.assertIsNotNone(response.header(kept[dialect]))
                    lower = [name.lower() for name, _ in response.headers]
                    self.assertEqual(len(lower), len(set(lower)))

    def test_p7_each_provider_gets_its_own_credential_on_failover(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.clear()
                    self.two.clear()
                    self.one.next(answers.fail(429, headers=[("Retry-After", "60")]))
                    self.assertEqual(self.ask(dialect, stream, headers=[("Authorization", f"Bearer {CLIENT_KEY}")]).status, 200)
                    for sim, own, foreign in ((self.one, "one", "two"), (self.two, "two", "one")):
                        head = sim.journal[0].raw_head.decode("latin-1")
                        self.assertEqual(head.count(KEYS[own]), 1)
                        self.assertNotIn(KEYS[foreign], head)
                        self.assertNotIn(CLIENT_KEY, head)

    def test_p7_redirects_are_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status):
                self.one.clear()
                self.two.clear()
                redirect = answers.body(b"", status, None, headers=[("Location", self.two.url + "/v1/chat/completions")])
                self.one.next(redirect, redirect)
                self.two.next(answers.fail(500), answers.fail(500))
                response = self.ask("openai-chat", headers=[("Authorization", f"Bearer {CLIENT_KEY}")])
                self.assertEqual(response.status, 502)
                self.assertTrue(all(KEYS["one"] not in request.raw_head.decode("latin-1") for request in self.two.journal))

    def test_p6_clients_cannot_choose_destinations(self):
        self.ask("openai-chat", headers=[("Authorization", f"Bearer {CLIENT_KEY}")])
        members = {"api_base": self.two.url, "base_url": self.two.url, "api_key": "x", "custom_llm_provider": "x", "host": "evil",
                   "model_list": [], "fallbacks": ["two"]}
        for dialect in DIALECTS:
            self.two.clear()
            response = self.ask(dialect, headers=[("Authorization", f"Bearer {CLIENT_KEY}"), ("x-base-url", self.two.url),
                                                  ("X-Forwarded-Host", "127.0.0.1:1"), ("x-portkey-custom-host", self.two.url)], **members)
            self.assertEqual(response.status, 200)
            self.assertEqual(self.two.journal, [])
        with Client(self.weir.port) as client:  # an absolute target is a target, not a destination
            body = SPEECHES["openai-chat"].body(self.model("openai-chat"))
            client.request("POST", f"http://127.0.0.1:{self.two.port}/v1/chat/completions",
                           [("Authorization", f"Bearer {CLIENT_KEY}"), ("Host", f"127.0.0.1:{self.two.port}")], body)
            client.read_response()
        self.assertEqual(self.two.journal, [])

    def test_p8_f32_canaries(self):
        """Secrets and prompts through every kind of fault: neither log, metrics nor errors ever have them."""
        words, prompt = "CANARY-echoed-words", "CANARY-prompt-words"
        auth = [("Authorization", f"Bearer {CLIENT_KEY}")]
        leak = f"echo: {KEYS['one']} and {KEYS['two']} and {words}"
        scripts = [answers.fail(500, leak), answers.fail(400, leak), answers.fail(401, leak), answers.fail(429, leak),
                   answers.body({"error": {"message": leak}}), answers.stream(edit=lambda events: [
                       *events[:4], b'data: {"error":{"message":"%s","type":"server_error"}}\n\n' % leak.encode()]),
                   answers.body(leak.encode(), 502, "text/plain"), answers.reset(), answers.stream(edit=lambda events: events[:2])]
        seen = []
        for dialect in DIALECTS:
            for script in scripts:
                for stream in (False, True):
                    self.one.clear()
                    self.two.clear()
                    for sim in (self.one, self.one, self.two, self.two):
                        sim.next(script)
                    client = self.begin(dialect, stream, headers=auth, text=prompt)
                    seen.append(client.read_response().body)
                    self.one.script.clear()
                    self.two.script.clear()
        for path in ("/v1/models?key=" + CLIENT_KEY, "/v1/nothing?key=" + CLIENT_KEY, "/v1/chat/completions?api_key=" + CLIENT_KEY):
            seen.append(fetch(self.weir.port, "GET", path, auth).body)
        metrics = fetch(self.weir.admin_port, "GET", "/metrics", [("Authorization", f"Bearer {ADMIN_TOKEN}")])
        self.assertEqual(metrics.status, 200)
        self.weir.wait_records(1)
        everything = {"answers": b"\n".join(seen).decode("utf-8", "replace"), "metrics": metrics.body.decode(),
                      "log": "\n".join(self.weir.lines), "errors": "\n".join(self.weir.errors)}
        for name, text in everything.items():
            for secret in (KEYS["one"], KEYS["two"], CLIENT_KEY, ADMIN_TOKEN):
                self.assertNotIn(secret, text, name)
            self.assertNotIn(prompt, text, name)
        self.assertNotIn(words, everything["metrics"])

    def test_p8_no_core_and_no_ptrace(self):
        status = (pathlib.Path(f"/proc/{self.weir.process.pid}/limits")).read_text()
        self.assertRegex(status, r"Max core file size\s+0\s+0")

    def test_p9_credentials_do_not_come_by_url_upstream(self):
        model = self.model("gemini")
        self.ask("gemini", model=model, path=SPEECHES["gemini"].path(model) + f"?key={CLIENT_KEY}&alt=json")
        self.assertNotIn("CANARY", self.one.journal[-1].target)


class Loopback(Case):
    """P10: no keys, so only this machine's own programs may come, and no web page."""

    dialects = ("openai-chat",)

    def test_p10_origin_and_host(self):
        cases = [([("Origin", "https://evil.example")], None, 403), ([("Origin", "null")], None, 403),
                 ([("Origin", "http://localhost:3000")], None, 403), ([], "evil.example", 403), ([], "evil.example:8484", 403),
                 ([], "127.0.0.1.evil.example", 403), ([], "localhost.evil.example", 403), ([], "[::1]", 200), ([], "LOCALHOST", 200),
                 ([], "127.0.0.1:1", 200), ([], "127.1.2.3", 200), ([], "0.0.0.0", 403), ([], "[::ffff:127.0.0.1]", 403)]
        for headers, host, status in cases:
            with self.subTest(headers=headers, host=host):
                self.one.clear()
                response = fetch(self.weir.port, "POST", "/v1/chat/completions", headers,
                                 SPEECHES["openai-chat"].body(self.model("openai-chat")), host=host)
                self.assertEqual(response.status, status, response.body[:300])
                self.assertEqual(len(self.one.journal), 1 if status == 200 else 0)
                listing = fetch(self.weir.port, "GET", "/v1/models", headers, host=host)
                self.assertEqual(listing.status, status)

    def test_p10_what_ollamas_command_line_asks_first(self):
        for headers, host, status in (([], None, 200), ([("Origin", "https://evil.example")], None, 403), ([], "evil.example", 403)):
            for method in ("GET", "HEAD"):
                with self.subTest(headers=headers, host=host, method=method):
                    self.assertEqual(fetch(self.weir.port, method, "/", headers, host=host).status, status)
        answer = fetch(self.weir.port, "GET", "/")
        self.assertEqual((answer.body, answer.header("content-type")), (b"weir is running\n", "text/plain; charset=utf-8"))

    def test_p10_admin_too(self):
        for path in ("/metrics", "/readyz"):
            self.assertIn(fetch(self.weir.admin_port, "GET", path, [("Origin", "https://evil.example")]).status, (401, 403))
            self.assertIn(fetch(self.weir.admin_port, "GET", path, host="evil.example").status, (401, 403))

    def test_p10_what_a_page_can_send_without_asking_is_refused(self):
        body = SPEECHES["openai-chat"].body(self.model("openai-chat"))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; application/json"):
            with self.subTest(kind=kind):
                response = fetch(self.weir.port, "POST", "/v1/chat/completions", [("Content-Type", kind)], body)
                self.assert_error(response, 415, "weir_unsupported_media_type")
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            self.assertEqual(fetch(self.weir.port, "POST", "/v1/chat/completions", [("Content-Type", kind)], body).status, 200)
        response = fetch(self.weir.port, "OPTIONS", "/v1/chat/completions", [("Origin", "https://evil.example"),
                                                                            ("Access-Control-Request-Method", "POST")])
        self.assertNotEqual(response.status // 100, 2)
        self.assertFalse([name for name, _ in response.headers if name.lower().startswith("access-control")])
        self.assertEqual(len(self.one.journal), 3)

    def test_any_key_is_ignored_and_never_forwarded(self):
        for headers in ([("Authorization", "Bearer CANARY-mine")], [("x-api-key", "CANARY-mine")], []):
            self.one.clear()
            self.assertEqual(self.ask("openai-chat", headers=headers).status, 200)
            self.assertNotIn("CANARY-mine", self.one.journal[0].raw_head.decode())

    def test_open_listeners_without_keys_are_a_configuration_error(self):
        from harness import run_weir
        import tempfile
        for config in ({"listen": "0.0.0.0:0"}, {"listen": "[::]:0"}, {"admin": {"listen": "0.0.0.0:0"}}):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                json.dump({"providers": {"openai": {"keys": ["k"]}}, **config}, file)
                file.flush()
                ended = run_weir("serve", "-c", file.name)
                self.assertEqual(ended.returncode, 1)
                self.assertRegex(ended.stderr, r"keys|token")


class Ambiguous(Case):
    """P3: what two parties could read differently is refused, and nothing of it reaches a provider."""

    dialects = ("openai-chat",)

    def exchange(self, data):
        with Client(self.weir.port) as client:
            client.send(data)
            head = client.read_head()
            client.read_body()
            return head

    PATHS = ["//v1/chat/completions", "/v1//chat/completions", "/v1/../v1/chat/completions", "/v1/./chat/completions",
             "/v1/%2e%2e/admin", "/v1/%2E/chat/completions", "/v1/chat%2fcompletions", "/v1\\chat\\completions", "/v1/chat/completions%00",
             "/v1/chat/completions#x", "/v1/chat/completions/", "/V1/chat/completions", "/v1/chat/%63ompletions", "/v1/chat/completions%",
             "/v1/chat/completions%zz", "/v1/chat/completions;x=1", "/v1/chat/completions/..", "v1/chat/completions", "*",
             "http://127.0.0.1@evil/v1/chat/completions", "/v1/chat/completions%0d%0aX: y"]

    def test_p3_paths(self):
        body = SPEECHES["openai-chat"].body(self.model("openai-chat"))
        for path in self.PATHS:
            with self.subTest(path=path):
                response = self.exchange(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                self.assertIn(response.status, (400, 404))
        self.assertEqual(self.one.journal, [])

    def test_p3_smuggling(self):
        body = SPEECHES["openai-chat"].body(self.model("openai-chat"))
        post = b"POST /v1/chat/completions HTTP/1.1\r\n"
        kind = b"Content-Type: application/json\r\n"
        length = b"Content-Length: %d\r\n" % len(body)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        cases = {
            "length and chunked": post + b"Host: 127.0.0.1\r\n" + kind + length + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
            "chunked and length": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: chunked\r\n" + length + b"\r\n" + chunked,
            "two lengths": post + b"Host: 127.0.0.1\r\n" + kind + length + b"Content-Length: 1\r\n\r\n" + body,
            "list of lengths": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length: 5, 5\r\n\r\n" + body,
            "negative length": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length: -1\r\n\r\n" + body,
            "hex length": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length: 0x10\r\n\r\n" + body,
            "plus length": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length: +10\r\n\r\n" + body,
            "huge length": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length: 99999999999999999999999\r\n\r\n" + body,
            "chunked twice": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked,
            "identity then chunked": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunked,
            "x chunked": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked,
            "space before colon": post + b"Host: 127.0.0.1\r\n" + kind + b"Content-Length : %d\r\n\r\n" % len(body) + body,
            "folded header": post + b"Host: 127.0.0.1\r\n" + kind + b"X-A: 1\r\n b\r\n" + length + b"\r\n" + body,
            "bare LF": post.replace(b"\r\n", b"\n") + b"Host: 127.0.0.1\n" + kind + length + b"\r\n" + body,
            "CR in a value": post + b"Host: 127.0.0.1\r\nX-A: 1\rX-B: 2\r\n" + kind + length + b"\r\n" + body,
            "NUL in a value": post + b"Host: 127.0.0.1\r\nX-A: 1\x002\r\n" + kind + length + b"\r\n" + body,
            "no host": post + kind + length + b"\r\n" + body,
            "two hosts": post + b"Host: 127.0.0.1\r\nHost: evil\r\n" + kind + length + b"\r\n" + body,
            "host with a path": post + b"Host: 127.0.0.1/evil\r\n" + kind + length + b"\r\n" + body,
            "host with a user": post + b"Host: a@127.0.0.1\r\n" + kind + length + b"\r\n" + body,
            "target and host differ": b"POST http://localhost/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n" + kind + length +
                                      b"\r\n" + body,
            "bad chunk size": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
            "overflowing chunk": post + b"Host: 127.0.0.1\r\n" + kind + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body,
            "version": b"POST /v1/chat/completions HTTP/1.9\r\nHost: 127.0.0.1\r\n" + kind + length + b"\r\n" + body,
            "method": b"POST\x00 /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n" + kind + length + b"\r\n" + body,
            "two spaces": b"POST  /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n" + kind + length + b"\r\n" + body,
        }
        for name, data in cases.items():
            with self.subTest(case=name):
                self.one.clear()
                response = self.exchange(data)
                self.assertIn(response.status, (400, 413, 501, 505), response.pieces)
                self.assertIn(response.header("connection"), ("close", None))
                self.assertEqual(self.one.journal, [])

    def test_p3_what_follows_a_refused_request_is_never_answered(self):
        inner = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for bad in (b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"GET /a/../b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n"):
            with Client(self.weir.port) as client:
                client.send(bad + inner)
                self.assertEqual(client.read_response().status, 400)
                self.assertTrue(client.is_closed_by_peer())

    def test_pipelined_requests_are_answered_in_order(self):
        models = [self.model("openai-chat") for _ in range(4)]
        self.one.next(*[answers.whole(Reply(text=f"answer {n}"), before=[steps.Pause(0.02 * (4 - n))]) for n in range(4)])
        with Client(self.weir.port) as client:
            data = b""
            for model in models:
                body = SPEECHES["openai-chat"].body(model)
                data += b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" \
                        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            client.send(data)
            texts = [self.text_of("openai-chat", client.read_response()) for _ in models]
        self.assertEqual(texts, [f"answer {n}" for n in range(4)])

    def test_crlf_from_a_provider_never_splits_our_head(self):
        self.one.next(answers.whole(headers=[("x-request-id", "a\x01b"), ("openai-version", "ok")]))
        response = self.ask("openai-chat")
        self.assertIn(response.status, (200, 502))
        self.assertNotIn("\x01", str(response.headers))


class Foreign(Case):
    """A path id is decoded once, and only there."""

    def test_encoded_ids(self):
        sim = self.with_(Sim("gemini", key="k"))
        weir = self.with_(Weir({"providers": {"box": {"dialect": "gemini", "base_url": sim.url, "keys": ["k"],
                                                      "models": {"org/m:free": "m-1"}}}}))
        body = SPEECHES["gemini"].body("x")
        self.assertEqual(fetch(weir.port, "POST", "/v1beta/models/org%2Fm%3Afree:generateContent", body=body).status, 200)
        self.assertEqual(fetch(weir.port, "POST", "/v1beta/models/org/m:free:generateContent", body=body).status, 200)
        self.assertEqual(sim.journal[0].target, "/v1beta/models/m-1:generateContent")
        self.assertEqual(fetch(weir.port, "GET", "/v1/models/org%2Fm%3Afree").json()["id"], "org/m:free")
        self.assertIn(fetch(weir.port, "POST", "/v1beta/models/org%252Fm:generateContent", body=body).status, (400, 404))
