# SPDX-License-Identifier: Apache-2.0
"""F22: which status, type, code and headers a client gets for whatever went wrong, in its own dialect."""

import json

from harness import Case, SPEECHES, Weir, fetch
from harness.case import KEYS
from sim import answers

DIALECTS = tuple(SPEECHES)
MESSAGE_MAX = 1024
LONG = "x" * (1 << 20)
CONTEXT = {"openai-chat": ("This model's maximum context length is 8192 tokens.", None, "context_length_exceeded"),
           "openai-responses": ("Your input exceeds the context window of this model.", None, "context_length_exceeded"),
           "anthropic": ("prompt is too long: 210000 tokens > 200000 maximum", None, None),
           "gemini": ("The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).", None, None)}
FILTER = {"openai-chat": ("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", None,
                          "content_filter"),
          "openai-responses": ("Your request was rejected as a result of our safety system.", None, "content_policy_violation"),
          "anthropic": ("Output blocked by content filtering policy", None, None),
          "gemini": ("The response was blocked.", None, None)}

# What the provider does → what the client gets: (name, script, status, code, message, headers). A code of None is the provider's.
# {d} stands for the dialect's own words; status 529 is for Anthropic's clients.
ROWS = [
    ("400", lambda d: answers.fail(400, "bad parameter foo"), 400, None, "bad parameter foo", {}),
    ("401", lambda d: answers.fail(401), 502, "weir_upstream_credentials", "refused weir's own credential", {}),
    ("402", lambda d: answers.fail(402, "pay first"), 502, "weir_upstream_credentials", "pay first", {}),
    ("403", lambda d: answers.fail(403, "not for you"), 502, "weir_upstream_credentials", "not for you", {}),
    ("404 model", lambda d: answers.fail(404, "The model `x` does not exist"), 404, "model_not_found", "does not exist",
     {"x-should-retry": "false"}),
    ("404 endpoint", lambda d: answers.body(b"404 page not found", 404, "text/plain"), 502, "weir_upstream_malformed", None, {}),
    ("413", lambda d: answers.body({"error": {"message": "too big for me"}}, 413), 413, None, "too big for me", {}),
    ("422", lambda d: answers.fail(422, "unprocessable thing"), 422, None, "unprocessable thing", {}),
    ("429", lambda d: answers.fail(429, "slow down please", headers=[("Retry-After", "60")]), 429, "weir_upstream_rate_limited",
     "slow down please", {"retry-after": "60", "x-should-retry": "false"}),
    ("429 date", lambda d: answers.fail(429, "later", headers=[("Retry-After", "Fri, 31 Dec 2100 23:59:59 GMT")]), 429,
     "weir_upstream_rate_limited", "later", {"x-should-retry": "false"}),
    ("429 without a time", lambda d: answers.fail(429, "later"), 429, "weir_upstream_rate_limited", "later", {"retry-after": None}),
    ("quota", lambda d: answers.body({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, 429), 429,
     "weir_upstream_quota", "current quota", {}),
    ("499", lambda d: answers.fail(499, "client closed"), 502, "weir_upstream_error", None, {}),
    ("500", lambda d: answers.fail(500, "we failed"), 502, "weir_upstream_error", "we failed", {"x-should-retry": "false"}),
    ("502 html", lambda d: answers.body(b"<html><body><h1>502 Bad Gateway</h1></body></html>", 502, "text/html"), 502,
     "weir_upstream_error", None, {}),
    ("503 empty", lambda d: answers.body(b"", 503, None), 502, "weir_upstream_error", None, {}),
    ("504", lambda d: answers.fail(504, "we were too slow"), 502, "weir_upstream_error", "we were too slow", {}),
    ("529", lambda d: answers.fail(529, "Overloaded", "overloaded_error"), 529, "weir_upstream_overloaded", "Overloaded", {}),
    ("gzip 400", lambda d: answers.fail(400, "packed words", coding="gzip"), 400, None, "packed words", {}),
    ("1 MB 400", lambda d: answers.fail(400, "long: " + LONG), 400, None, None, {}),
    ("1 MB 500 html", lambda d: answers.body(b"<html>" + LONG.encode(), 500, "text/html"), 502, None, None, {}),
    ("200 with an error", lambda d: answers.body({"error": {"message": "hidden trouble", "type": "server_error", "code": "x"}}), 502,
     "weir_upstream_error", "hidden trouble", {}),
    ("200 html", lambda d: answers.body(b"<html>hello", 200, "text/html"), 502, "weir_upstream_malformed", None, {}),
    ("200 empty", lambda d: answers.body(b"", 200), 502, "weir_upstream_malformed", None, {}),
    ("200 null", lambda d: answers.body(b"null"), 502, "weir_upstream_malformed", None, {}),
    ("200 array", lambda d: answers.body(b"[1]"), 502, "weir_upstream_malformed", None, {}),
    ("redirect", lambda d: answers.body(b"", 308, None, headers=[("Location", "http://elsewhere/")]), 502, "weir_upstream_malformed",
     None, {}),
    ("context", lambda d: answers.fail(400, *CONTEXT[d]), 400, "context_length_exceeded", "{context}", {}),
    ("filter", lambda d: answers.fail(400, *FILTER[d]), 400, "content_filter", "{filter}", {}),
    ("secret", lambda d: answers.fail(400, f"your key {KEYS['one']} is odd"), 400, None, "is odd", {}),
    ("secret in a header", lambda d: answers.fail(400, "is odd", headers=[("x-request-id", KEYS["one"]), ("request-id", KEYS["one"])]),
     400, None, "is odd", {}),
    ("broken json 400", lambda d: answers.body(b'{"error": {"message": "cut o', 400), 400, None, None, {}),
    ("other dialect's shape", lambda d: answers.body({"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, 422), 422, None,
     None, {}),
]

ANTHROPIC_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
                   404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
                   529: "overloaded_error"}
GEMINI_NAMES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED",
                413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
                431: "INVALID_ARGUMENT", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}


def check_shape(case, dialect, response):
    """The dialect's members, all of them, and the type that goes with the status."""
    value = response.json()
    error = value["error"]
    case.assertEqual(response.header("content-type"), "application/json")
    case.assertTrue(error["message"])
    case.assertIn(response.header("x-weir-error-origin"), ("gateway", "provider"))
    case.assertTrue(response.header("x-weir-request-id"))
    if dialect in ("openai-chat", "openai-responses"):
        case.assertEqual(set(value), {"error"})
        case.assertEqual(set(error), {"message", "type", "param", "code"})
        case.assertTrue(error["type"])
    elif dialect == "anthropic":
        case.assertEqual(value["type"], "error")
        case.assertEqual(value["request_id"], response.header("x-weir-request-id"))
        expected = ANTHROPIC_TYPES.get(response.status, "api_error" if response.status >= 500 else "invalid_request_error")
        case.assertEqual(error["type"], expected)
    else:
        case.assertEqual(error["code"], response.status)
        case.assertEqual(error["status"], GEMINI_NAMES[response.status])


class UpstreamErrors(Case):
    """F22's table: every row in every dialect, whole and streamed."""

    dialects = DIALECTS
    strict = False

    @classmethod
    def config(cls):
        providers = cls.two_providers(cls.one, cls.two, retries=0)
        return {"providers": {name: row for name, row in providers.items() if name.startswith("one-")}}

    def test_f22_table(self):
        self.assertGreaterEqual(len(ROWS) * len(DIALECTS), 60)
        for dialect in DIALECTS:
            for name, script, status, code, message, headers in ROWS:
                for stream in (False, True):
                    with self.subTest(dialect=dialect, row=name, stream=stream):
                        self.one.clear()
                        self.one.next(script(dialect))
                        self.check(dialect, self.ask(dialect, stream), status, code, message, headers)

    def check(self, dialect, response, status, code, message, headers):
        if status == 529 and dialect != "anthropic":
            status = 429
        self.assertEqual(response.status, status, response.body[:300])
        check_shape(self, dialect, response)
        if code:
            self.assertEqual(response.code, code)
        if message:
            message = {"{context}": CONTEXT[dialect][0], "{filter}": FILTER[dialect][0]}.get(message, message)
            self.assertIn(message, response.message)
        self.assertLessEqual(len(response.message), MESSAGE_MAX)
        self.assertNotIn(b"CANARY", response.body)
        self.assertNotIn("CANARY", str(response.headers))
        for header, value in headers.items():
            self.assertEqual(response.header(header), value, header)
        self.assertNotIn("set-cookie", [key.lower() for key, _ in response.headers])
        self.assertEqual(self.weir.record_of(response)["status"], status)


class OwnErrors(Case):
    """weir's own refusals, in the dialect of the endpoint that was asked."""

    dialects = DIALECTS

    def post(self, path, body=b"{}", headers=(), method="POST"):
        return fetch(self.weir.port, method, path, headers, body)

    def check(self, dialect, response, status, code):
        self.assert_error(response, status, code, "gateway")
        check_shape(self, dialect, response)

    def test_f22_own(self):
        for dialect in DIALECTS:
            speech = SPEECHES[dialect]
            path = speech.path(f"{dialect}-0")
            body = speech.body(f"{dialect}-0")
            rows = [
                ("no json", path, b"{", (), 400, "weir_bad_request"),
                ("no object", path, b"[]", (), 400, "weir_bad_request"),
                ("empty", path, b"", (), 400, "weir_bad_request"),
                ("two values", path, body + b"{}", (), 400, "weir_bad_request"),
                ("bad utf-8", path, body[:-1] + b',"z":"\xff"}', (), 400, "weir_bad_request"),
                ("deep", path, body[:-1] + b',"z":' + b"[" * 100000 + b"]" * 100000 + b"}", (), 400, "weir_bad_request"),
                ("text/plain", path, body, [("Content-Type", "text/plain")], 415, "weir_unsupported_media_type"),
                ("unknown coding", path, body, [("Content-Encoding", "compress")], 415, "weir_unsupported_media_type"),
                ("unknown model", speech.path("no-such-model"), speech.body("no-such-model"), (), 404, "model_not_found"),
                ("unknown control", path, body, [("x-weir-cash", "off")], 400, "weir_bad_request"),
            ]
            for name, target, data, headers, status, code in rows:
                with self.subTest(dialect=dialect, row=name):
                    self.check(dialect, self.post(target, data, headers), status, code)
            with self.subTest(dialect=dialect, row="method"):
                response = fetch(self.weir.port, "PUT", path, body=body)
                self.check(dialect, response, 405, "weir_method_not_allowed")
                self.assertIn("POST", response.header("allow"))
        self.assertEqual((self.one.journal, self.two.journal), ([], []))

    def test_unknown_endpoints_speak_openai(self):
        response = fetch(self.weir.port, "POST", "/v7/nothing", body=b"{}")
        self.check("openai-chat", response, 404, "weir_unknown_endpoint")
        self.assertEqual(response.header("x-should-retry"), "false")

    def test_what_is_not_built_yet(self):
        for dialect, path in (("openai-chat", "/v1/images/generations"),
                              ("anthropic", "/v1/messages/batches"), ("openai-chat", "/v1/usage")):
            with self.subTest(path=path):
                self.check(dialect, self.post(path), 501, "weir_not_implemented")

    def test_needs_translation(self):
        """Chats are translated, embeddings are not: 501 that names what was asked and what is spoken there; nobody is called."""
        for dialect, path, body in (("openai-chat", "/v1/embeddings", {"model": "anthropic-1", "input": "x"}),
                                    ("openai-chat", "/v1/embeddings", {"model": "gemini-1", "input": "x"}),
                                    ("gemini", "/v1beta/models/openai-chat-1:embedContent", {"content": {"parts": [{"text": "x"}]}})):
            with self.subTest(client=dialect, path=path, body=body):
                response = self.post(path, json.dumps(body).encode())
                self.assertIn((response.status, response.code), ((501, "weir_needs_translation"), (400, "weir_bad_request")))
                check_shape(self, dialect, response)
                self.assertIn("embeddings", response.message)
        self.assertEqual((self.one.journal, self.two.journal), ([], []))

    def test_near_names_are_suggested(self):
        response = self.ask("openai-chat", model="openai-cht-1")
        self.assertEqual(response.status, 404)
        self.assertIn("openai-chat-", response.message)

    def test_models_listing(self):
        listed = fetch(self.weir.port, "GET", "/v1/models").json()
        self.assertEqual(listed["object"], "list")
        ids = [row["id"] for row in listed["data"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertIn("anthropic-7", ids)
        anthropic = fetch(self.weir.port, "GET", "/v1/models?limit=1000", [("anthropic-version", "2023-06-01")]).json()
        self.assertEqual(anthropic["data"][0]["type"], "model")
        self.assertIn("has_more", anthropic)
        one = fetch(self.weir.port, "GET", "/v1/models/gemini-3")
        self.assertEqual(one.json()["id"], "gemini-3")
        self.assertEqual(fetch(self.weir.port, "GET", "/v1/models/nope").status, 404)
        head = fetch(self.weir.port, "HEAD", "/v1/models")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_heads_too_large(self):
        response = fetch(self.weir.port, "GET", "/v1/models", [("x-filler", "y" * 70000)])
        self.assertEqual(response.status, 431)
        json.loads(response.body)


class NoCredentials(Case):
    def test_no_key_503_names_the_variables(self):
        weir = self.with_(Weir({"providers": {"openai": {}, "anthropic": {}}}))
        self.assertEqual(fetch(weir.admin_port, "GET", "/readyz").status, 503)
        for dialect, variable in (("openai-chat", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")):
            model = "gpt-5.5" if dialect == "openai-chat" else "claude-opus-4.7"
            response = self.ask(dialect, model=model, weir=weir)
            self.assert_error(response, 503, "weir_no_credentials", "gateway")
            self.assertIn(variable, response.message)
