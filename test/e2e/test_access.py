# SPDX-License-Identifier: Apache-2.0
"""P2, P3, P6, P8 and F32 in breadth: every endpoint, every target, every way to name a destination, every place that could leak."""

import hashlib
import re
import unittest

from harness import Case, Client, ROOT, SPEECHES, Weir, fetch, run_weir
from harness.case import KEYS
from sim import Sim, answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CLIENT_KEY = "ck-CANARY-client-key-7"
ADMIN_TOKEN = "at-CANARY-admin-token-7"
BEARER = ("Authorization", f"Bearer {CLIENT_KEY}")
WITH_KEYS = {"keys": [{"name": "app", "key": CLIENT_KEY}], "admin": {"listen": "127.0.0.1:0", "token": ADMIN_TOKEN}}
CHAT = "/v1/chat/completions"


def endpoint_table():
    """(plane, methods, concrete path, dialect, kind) of every row of the table in the sources."""
    text = (ROOT / "src/exchange/endpoint.c").read_text()
    text = text[text.index("endpoints[] = {"):text.index("endpoint_count")]
    rows = []
    for kind, arguments in re.findall(r"^\t([A-Z]+)\((.*)\),$", text, re.M):
        words = [word.strip() for word in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', arguments)]
        pattern = next(word.strip('"') for word in words if word.startswith('"/'))
        path = pattern.replace("{id}", "some-model").replace("*", "anything/below")
        dialect = next((word.removeprefix("DIALECT_") for word in words if word.startswith("DIALECT_")),
                       {"BATCH": "GEMINI", "STORED": "OPENAI_RESPONSES"}.get(kind))
        named = "GET,HEAD,POST,PUT,DELETE,PATCH" if words[0] == "ANY" else words[0].strip('"')
        methods = {"LOCAL": "GET,HEAD", "STREAM": "POST", "ASKED": "POST", "VARIANT": "POST", "BATCH": "POST"}.get(kind, named)
        rows.append(("PLANE_ADMIN" if "PLANE_ADMIN" in arguments else "PLANE_DATA", methods.split(","), path, dialect, kind))
    return rows


class Secured(Case):
    dialects = DIALECTS
    config_extra = WITH_KEYS

    def authorized(self, dialect, key=CLIENT_KEY):
        return [(SPEECHES[dialect].key_header, SPEECHES[dialect].key_format.format(key))]

    def assert_shape(self, response, dialect, status):
        """An error of that dialect, in JSON."""
        self.assertEqual(response.header("content-type"), "application/json")
        value = response.json()
        if dialect == "ANTHROPIC":
            self.assertEqual(value["type"], "error")
            self.assertLessEqual({"type", "message"}, set(value["error"]))
        elif dialect == "GEMINI":
            self.assertEqual(value["error"]["code"], status)
            self.assertLessEqual({"message", "status"}, set(value["error"]))
        elif dialect == "OLLAMA":
            self.assertIsInstance(value["error"], str)
        elif dialect in ("BEDROCK", "COHERE"):
            self.assertTrue(value["message"])
        else:
            self.assertLessEqual({"message", "type", "param", "code"}, set(value["error"]))


class EndpointTable(Secured):
    """P2: closed by default, row by row."""

    def setUp(self):
        super().setUp()
        self.rows = endpoint_table()
        self.assertGreater(len(self.rows), 50)

    def request(self, method, path, headers=(), admin=False):
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        return fetch(self.weir.admin_port if admin else self.weir.port, method, path, headers, body)

    def test_p2_without_a_key(self):
        for plane, methods, path, dialect, _ in self.rows:
            for method in methods:
                with self.subTest(plane=plane, method=method, path=path):
                    response = self.request(method, path, admin=plane == "PLANE_ADMIN")
                    if path in ("/healthz", "/"):
                        self.assertEqual(response.status, 200)
                        continue
                    self.assertEqual(response.status, 401)
                    if plane == "PLANE_DATA" and method != "HEAD":
                        self.assert_shape(response, dialect, 401)
                        self.assertEqual(response.header("x-weir-error-origin"), "gateway")
                        self.assertEqual(response.header("www-authenticate"), "Bearer")
        self.assertEqual(self.one.journal + self.two.journal, [])

    def test_p2_a_wrong_key_is_no_key(self):
        for wrong in ("x", CLIENT_KEY + "x", CLIENT_KEY[:-1], CLIENT_KEY.upper(), ADMIN_TOKEN, KEYS["one"], "", " ", "x" * 5000):
            for dialect in DIALECTS:
                with self.subTest(wrong=wrong[:40], dialect=dialect):
                    self.assertEqual(self.ask(dialect, headers=self.authorized(dialect, wrong)).status, 401)
        self.assertEqual(self.one.journal + self.two.journal, [])

    def test_p2_the_hash_of_a_key_is_no_key(self):
        digest = hashlib.sha256(CLIENT_KEY.encode())
        for form in (digest.hexdigest(), "sha256:" + digest.hexdigest()):
            self.assertEqual(self.ask("openai-chat", headers=self.authorized("openai-chat", form)).status, 401)

    def test_p2_with_a_key(self):
        for plane, methods, path, dialect, kind in self.rows:
            if plane == "PLANE_ADMIN":
                continue
            for method in methods:
                with self.subTest(method=method, path=path):
                    response = self.request(method, path, [BEARER])
                    self.assertNotIn(response.status, (401, 403, 405))
                    if kind == "LATER" and method != "HEAD":
                        self.assertEqual(response.status, 501)
                        self.assertEqual(response.code, "weir_not_implemented")
                        self.assert_shape(response, dialect, 501)

    def test_p2_wrong_methods(self):
        for plane, methods, path, dialect, _ in self.rows:
            others = {method for row_plane, row_methods, row_path, _, _ in self.rows if (row_plane, row_path) == (plane, path)
                      for method in row_methods}
            for method in {"GET", "POST", "DELETE", "OPTIONS", "PATCH", "PROPFIND"} - others - set(methods):
                with self.subTest(plane=plane, method=method, path=path):
                    if self.has_another_row(path, method):
                        continue
                    response = self.request(method, path, [BEARER], admin=plane == "PLANE_ADMIN")
                    self.assertEqual(response.status, 405, response.body)
                    if plane == "PLANE_DATA":
                        self.assert_shape(response, dialect, 405)
                        self.assertLessEqual(set(methods), set(response.header("allow").split(",")))

    def has_another_row(self, path, method):
        """What has a verb is also an id of the listing, and a word below /v1/responses/ also a stored one."""
        return (":" in path and method == "GET") or path.startswith(("/v1/responses/", "/v1/conversations/"))

    def test_p2_unknown_paths(self):
        for path in ("/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/v1/chat/completions/x", "/V1/chat/completions",
                     "/v1/models/", "/v1/models/a/b/../c", "/v1/unknown", "/admin", "/metrics",
                     "/readyz", "/api/x", "/chat/completions", "/v1/v1/chat/completions", "/v3/chat", "/.env", "/healthz/", "/healthz/x"):
            for headers in ((), [BEARER]):
                with self.subTest(path=path, headers=headers):
                    response = self.request("POST", path, headers)
                    self.assertIn(response.status, (400, 404) if ".." in path else (404,), response.body)
                    self.assert_shape(response, "OPENAI_CHAT", response.status)


BODY = b'{"model":"MODEL","messages":[{"role":"user","content":"x"}]}'


class Canonical(Secured):
    """P3: one reading of a request, or none. Everything here is sent as bytes."""

    def exchange(self, data):
        """Sends, reads one answer, and gives the connection's other side a chance to show a second one."""
        with Client(self.weir.port) as client:
            client.send(data)
            response = client.read_response()
            response.closed = client.is_closed_by_peer(0.5) if response.header("connection") == "close" else None
        return response

    def request(self, target=CHAT, line=None, host="Host: weir.example\r\n", extra="", body=None, length=True, key=True):
        body = BODY.replace(b"MODEL", self.model("openai-chat").encode()) if body is None else body
        head = line or f"POST {target} HTTP/1.1"
        head += f"\r\n{host}Content-Type: application/json\r\n{f'Authorization: Bearer {CLIENT_KEY}' + chr(13) + chr(10) if key else ''}"
        head += extra + (f"Content-Length: {len(body)}\r\n" if length else "") + "\r\n"
        return head.encode("latin-1") + body

    def test_a_plain_one_is_answered(self):
        self.assertEqual(self.exchange(self.request()).status, 200)

    def test_the_root_needs_no_key(self):
        """Ollama's command line sends none with HEAD /."""
        for line in ("HEAD / HTTP/1.1", "GET / HTTP/1.1"):
            data = self.request(line=line, key=False, length=False, body=b"")
            with self.subTest(line=line), Client(self.weir.port) as client:
                client.send(data)
                self.assertEqual(client.read_response(line.split()[0]).status, 200)
        self.assertEqual(self.exchange(self.request("/", key=False)).status, 405)

    def test_p3_targets(self):
        refused = ["//v1/chat/completions", "/v1//chat/completions", "/./v1/chat/completions", "/x/../v1/chat/completions",
                   "/healthz/../v1/chat/completions", "/v1/chat/..;/chat/completions", "/v1/%2e%2e/v1/chat/completions",
                   "/v1/%63hat/completions", "/v1/chat/completions%00", "/v1/chat/completions%0a", "/v1/chat/completions#@evil.example",
                   "/v1/chat/completions#", "/v1/chat\\completions", "/v1/chat%5ccompletions", "/v1/chat%252fcompletions", "/v1/%zz",
                   "/v1/chat/completions%", "*", "v1/chat/completions", "evil.example:80", "ftp://x/v1/chat/completions",
                   "http://user@weir.example/v1/chat/completions", "http:///v1/chat/completions",
                   "http://weir.example:x/v1/chat/completions",
                   "/v1/chat/completions?a=%00", "/v1/chat/completions?a=\x7f", "/v1/chat/compl\xe9tions"]
        unknown = ["/v1%2fchat/completions", "/v1/chat%2fcompletions", "/v1/chat/completions;x", "/healthz;/v1/chat/completions",
                   "/healthz%2f..%2fv1/chat/completions", "/V1/CHAT/COMPLETIONS", "/v1/chat/completions/"]
        for targets, status in ((refused, 400), (unknown, 404)):
            for target in targets:
                for key in (True, False):
                    with self.subTest(target=target, key=key):
                        self.assertEqual(self.exchange(self.request(target, key=key)).status, status)
        self.assertEqual(self.one.journal, [])

    def test_p3_body_framing(self):
        """What two parties could read differently is refused, and nothing that follows on that connection is run."""
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
        hidden = self.request()
        cases = {
            "length and chunked": (self.request(extra="Transfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"), 400),
            "chunked and length": (self.request(extra="Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", body=chunked,
                                                 length=False), 400),
            "two lengths": (self.request(extra="Content-Length: 3\r\n"), 400),
            "two equal lengths": (self.request(extra=f"Content-Length: {len(BODY)}\r\n", body=BODY), 400),
            "list of lengths": (self.request(extra="Content-Length: 5, 5\r\n", length=False, body=b""), 400),
            "plus": (self.request(extra="Content-Length: +5\r\n", length=False, body=b""), 400),
            "minus": (self.request(extra="Content-Length: -5\r\n", length=False, body=b""), 400),
            "hexadecimal": (self.request(extra="Content-Length: 0x5\r\n", length=False, body=b""), 400),
            "empty length": (self.request(extra="Content-Length: \r\n", length=False, body=b""), 400),
            "huge length": (self.request(extra="Content-Length: 99999999999999999999999\r\n", length=False, body=b""), 400),
            "chunked twice": (self.request(extra="Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", length=False,
                                           body=chunked), 501),
            "gzip, chunked": (self.request(extra="Transfer-Encoding: gzip, chunked\r\n", length=False, body=chunked), 501),
            "xchunked": (self.request(extra="Transfer-Encoding: xchunked\r\n", length=False, body=chunked), 501),
            "chunked, identity": (self.request(extra="Transfer-Encoding: chunked, identity\r\n", length=False, body=chunked), 501),
            "quoted": (self.request(extra="Transfer-Encoding: \"chunked\"\r\n", length=False, body=chunked), 501),
            "space before colon": (self.request(extra="Transfer-Encoding : chunked\r\n", length=False, body=chunked), 400),
            "vertical tab": (self.request(extra="Transfer-Encoding: \x0bchunked\r\n", length=False, body=chunked), 400),
            "HTTP/1.0 chunked": (self.request(line=f"POST {CHAT} HTTP/1.0", extra="Transfer-Encoding: chunked\r\n", length=False,
                                              body=chunked), 400),
            "chunk size of letters": (self.request(extra="Transfer-Encoding: chunked\r\n", length=False, body=b"g\r\n"), 400),
            "chunk size 0x": (self.request(extra="Transfer-Encoding: chunked\r\n", length=False, body=b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
            "chunk size too long": (self.request(extra="Transfer-Encoding: chunked\r\n", length=False, body=b"f" * 17 + b"\r\n"), 400),
            "chunk without CRLF": (self.request(extra="Transfer-Encoding: chunked\r\n", length=False, body=b"3\r\nabcX0\r\n\r\n"), 400),
            "bare LF in chunks": (self.request(extra="Transfer-Encoding: chunked\r\n", length=False, body=b"3\nabc\n0\n\n"), 400),
        }
        for name, (data, status) in cases.items():
            with self.subTest(name):
                self.one.clear()
                response = self.exchange(data + hidden)
                self.assertIn(response.status, {status, 400, 501}, response.body)
                self.assertEqual(response.header("connection"), "close")
                self.assertTrue(response.closed, "something followed the refusal")
                self.assertEqual(self.one.journal, [])

    def test_p3_forwarding_headers_mean_nothing(self):
        for name, value in (("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", "localhost"), ("X-Original-URL", "/healthz"),
                            ("X-Rewrite-URL", "/healthz"), ("X-HTTP-Method-Override", "GET"), ("Forwarded", "for=127.0.0.1"),
                            ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-Prefix", "/healthz"), ("X-User", "app"),
                            ("Proxy-Authorization", f"Bearer {CLIENT_KEY}"), ("Cookie", f"key={CLIENT_KEY}")):
            with self.subTest(name):
                self.assertEqual(self.exchange(self.request(key=False, extra=f"{name}: {value}\r\n")).status, 401)
                self.assertEqual(self.exchange(self.request(extra=f"{name}: {value}\r\n")).status, 200)


class Destinations(Secured):
    """P6 and P7: clients choose no destination, and each credential goes to its own host only."""

    def setUp(self):
        super().setUp()
        self.evil = self.with_(Sim(name="evil"))

    def assert_own_credentials_only(self):
        for sim, mine, other in ((self.one, KEYS["one"], KEYS["two"]), (self.two, KEYS["two"], KEYS["one"])):
            for request in sim.journal:
                data = request.raw_head + request.body
                self.assertEqual(request.raw_head.count(mine.encode()), 1)
                for secret in (other, CLIENT_KEY, ADMIN_TOKEN):
                    self.assertNotIn(secret.encode(), data)
        self.assertEqual(self.evil.log.connections, [])

    def test_p6_nothing_in_a_request_names_its_destination(self):
        headers = [(name, self.evil.url) for name in (
            "x-portkey-custom-host", "x-api-base", "api-base", "api_base", "base-url", "x-base-url", "helicone-target-url",
            "x-upstream", "x-target-url", "x-host", "x-forwarded-host", "forwarded", "x-original-host", "x-provider-url", "x-custom-host")]
        members = {name: self.evil.url for name in ("api_base", "base_url", "api_url", "endpoint", "proxy", "host", "url", "azure_endpoint",
                                                    "aws_bedrock_runtime_endpoint", "vertex_location", "custom_llm_provider")}
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                response = self.ask(dialect, headers=[*self.authorized(dialect), *headers], **members)
                self.assertEqual(response.status, 200, response.body)
                self.assertEqual(len(self.one.journal), 1)
                self.assertNotIn(self.evil.url.encode(), self.one.journal[0].raw_head)
                self.assertEqual(self.one.journal[0].header("host"), f"127.0.0.1:{self.one.port}")
        with self.subTest("Host"):
            response = self.ask("openai-chat", headers=[BEARER, ("Host", f"127.0.0.1:{self.evil.port}")])
            self.assertEqual(response.status, 200)
        self.assert_own_credentials_only()

    def test_p6_model_names_are_no_paths(self):
        open_sim = self.with_(Sim("gemini", key="sk-open"))
        weir = self.with_(Weir({**WITH_KEYS, "providers": {"open": {
            "dialect": "gemini", "base_url": open_sim.url + "/v1beta", "keys": ["sk-open"]}}}))
        for name in ("..%2F..%2Fadmin", "x%2F..%2Fy", "a%2Fb", "a%3Ab", "x%3Fkey=1", "x%23y", "x%25", "%2F%2Fevil.example", "x%5Cy",
                     "@evil",
                     "x;y", "http:%2F%2Fevil.example%2F"):
            with self.subTest(name=name):
                open_sim.clear()
                response = self.ask("gemini", weir=weir, path=f"/v1beta/models/{name}:generateContent", headers=self.authorized("gemini"))
                for request in open_sim.journal:
                    self.assertRegex(request.target, r"^/v1beta/[^?#]+:generateContent$")
                    self.assertFalse({"", ".", ".."} & set(request.path.split("/")[1:]), request.path)
                    self.assertEqual(request.header("host"), f"127.0.0.1:{open_sim.port}")
                self.assertLess(response.status, 600)
        self.assertEqual(self.evil.log.connections, [])


class Canaries(Secured):
    """P8, F32: what must not be in logs, metrics, errors and headers, whatever happens."""

    providers_extra = {"timeout": {"first_token": "150ms", "idle": "150ms", "total": "150ms"}, "retries": 0}
    SECRETS = {"a provider's key": KEYS["one"], "another's": KEYS["two"], "the client's key": CLIENT_KEY, "the admin token": ADMIN_TOKEN,
               "a key in the query": "qk-CANARY-query", "a cookie": "cookie-CANARY"}
    CONTENT = {"the prompt": "prompt-CANARY-words", "the answer": "answer-CANARY-words"}

    def faults(self):
        """Every kind of trouble, with all secrets that a provider knows in its words."""
        leak = f"bad key {KEYS['one']} or {KEYS['two']}"
        echo = {"error": {"message": leak, "type": "x", "param": KEYS["one"], "code": KEYS["one"], "status": leak}}
        return [
            *[answers.fail(status, "prompt-CANARY-words is no value", "invalid_request_error") for status in (400, 413, 422)],
            *[answers.body(echo, status) for status in (400, 401, 403, 404, 413, 422, 429, 500, 503, 529)],
            answers.body(echo),
            answers.body(leak.encode(), 500, "text/html"),
            answers.body(leak.encode()),
            answers.body(b'{"answer-CANARY-words": '),
            answers.Play([b'{"x": "answer-CANARY-words"'], framing="length", length=900, keep_alive=False),
            answers.fail(500, headers=[("x-request-id", KEYS["one"]), ("x-leak", leak)]),
            answers.raw(leak.encode() + b"\r\n\r\n", steps.CLOSE),
            answers.body(b"", 302, None, headers=[("Location", f"http://x/{KEYS['one']}")]),
            answers.reset(), answers.close(), answers.silence(),
        ]

    def sweep(self, dialect, stream, path=None):
        return self.ask(dialect, stream, path=path, headers=[*self.authorized(dialect), ("Cookie", "s=cookie-CANARY")],
                        **({} if dialect == "gemini" else {"x_user": "prompt-CANARY-words"}))

    def test_p8_sweep(self):
        seen = []
        self.strict = False
        for dialect in DIALECTS:
            for stream in (False, True):
                for sim in (self.one, self.two):
                    sim.default = lambda sim, request: answers.auto(Reply(text=" ".join(["answer-CANARY-words"] * 5)))
                self.assertEqual(self.sweep(dialect, stream).status, 200)
                for fault in self.faults():
                    self.one.next(fault)
                    self.two.next(fault)
                    seen.append(self.sweep(dialect, stream))
                    self.one.script.clear()
                    self.two.script.clear()
        path = SPEECHES["gemini"].path(self.model("gemini"))
        seen.append(fetch(self.weir.port, "POST", f"{path}?key=qk-CANARY-query", (), b"{}"))
        seen.append(fetch(self.weir.port, "POST", "/nowhere?key=qk-CANARY-query", (), b"{}"))
        seen.append(fetch(self.weir.port, "POST", f"{CHAT}?key={CLIENT_KEY}", (), b'{"model": "prompt-CANARY-words'))
        for response in seen:
            # Headers a provider may set are its own words for the client, but never our keys.
            told = "\n".join(f"{name}: {value}" for name, value in response.headers) + response.body.decode("utf-8", "replace")
            if response.status >= 400:
                self.assert_none_of(self.SECRETS, told, "an answer")
        self.weir.wait_records(len(seen))
        metrics = fetch(self.weir.admin_port, "GET", "/metrics", [("Authorization", f"Bearer {ADMIN_TOKEN}")]).body.decode()
        self.assertIn("weir_", metrics)
        log = "\n".join([*self.weir.lines, *self.weir.errors])
        for place, text in (("the log", log), ("the metrics", metrics)):
            self.assert_none_of(self.SECRETS, text, place)
            self.assert_none_of(self.CONTENT, text, place)

    def assert_none_of(self, canaries, text, place):
        for name, canary in canaries.items():
            at = text.find(canary)
            self.assertEqual(at, -1, f"{name} is in {place}: …{text[max(0, at - 300):at + 100]}…")

    def test_p8_keys_of_the_configuration_are_in_no_message(self):
        """A key where something else belongs is not quoted back."""
        for text in ("providers: { x: { dialect: openai-chat, base_url: 'http://a', timeout: { idle: '${K}' } } }",
                     "keys: '${K}'", "workers: '${K}'", "listen: '${K}'", "providers: { x: { dialect: '${K}' } }",
                     "providers: { x: { dialect: openai-chat, base_url: '${K}' } }", "admin: { token: ['${K}'] }"):
            with self.subTest(text=text):
                file = self.weir.folder / "wrong.yaml"
                file.write_text(text)
                result = run_weir("check", "-c", file, env={"K": KEYS["two"]})
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                self.assert_none_of(self.SECRETS, result.stdout + result.stderr, "the report")


if __name__ == "__main__":
    unittest.main()
