# SPDX-License-Identifier: Apache-2.0
"""F39: allow-lists both ways. What is not named does not pass, and a fallback's set is made anew."""

import unittest

from harness import Case, SPEECHES, Weir, seeded
from harness.case import KEYS
from sim import Sim, answers

DIALECTS = tuple(SPEECHES)
CLIENT_KEY = "ck-CANARY-client-key"
FRAMING = {"host", "content-type", "content-length", "accept-encoding"}
CREDENTIAL = {"openai-chat": "authorization", "openai-responses": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}
OPENAI_REQUEST = ["user-agent", "openai-beta", "idempotency-key", "x-client-request-id", "http-referer", "x-title", "x-openrouter-x"]
REQUEST_PASSES = {
    "openai-chat": OPENAI_REQUEST, "openai-responses": OPENAI_REQUEST,
    "anthropic": ["anthropic-version", "anthropic-beta", "idempotency-key", "user-agent", "x-app", "x-claude-code-session-id"],
    "gemini": ["user-agent", "x-goog-api-client", "x-goog-request-params", "x-server-timeout", "x-vertex-ai-llm-request-type"],
}
REQUEST_STAYS = [
    "authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "cookie2", "proxy-authorization", "proxy-connection",
    "x-forwarded-for",
    "x-forwarded-proto", "x-forwarded-user", "forwarded", "via", "x-real-ip", "referer", "te", "accept", "accept-language", "traceparent",
    "tracestate", "baggage", "x-request-id", "openai-organization", "openai-project", "x-stainless-os", "x-stainless-retry-count",
    "anthropic-dangerous-direct-browser-access", "anthropic-organization-id", "x-goog-user-project", "x-goog-iam-authorization-token",
    "x-amz-security-token", "x-ms-client-principal", "x-portkey-api-key", "helicone-auth", "x-litellm-api-key", "sec-fetch-mode", "dnt",
    "if-none-match", "range", "x-http-method-override", "x-original-url", "authentication", "x-auth-token", "x-csrf-token", "x-custom",
]
OPENAI_ANSWER = ["x-request-id", "openai-processing-ms", "openai-version", "openai-model", "retry-after-ms", "x-ratelimit-limit-tokens",
                 "x-ratelimit-remaining-requests", "apim-request-id"]
ANSWER_PASSES = {
    "openai-chat": OPENAI_ANSWER, "openai-responses": OPENAI_ANSWER,
    "anthropic": ["request-id", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-tokens-reset",
                  "anthropic-priority-input-tokens-limit"],
    "gemini": ["x-request-id", "x-gemini-service-tier"],
}
ANSWER_STAYS = [
    "set-cookie", "set-cookie2", "server", "via", "alt-svc", "strict-transport-security", "access-control-allow-origin", "x-powered-by",
    "location", "www-authenticate", "authorization", "x-api-key", "content-security-policy", "cf-ray", "cf-cache-status", "etag", "age",
    "openai-organization", "openai-project", "anthropic-organization-id", "x-should-retry", "link", "refresh", "report-to", "nel",
    "x-weir-provider", "x-weir-model", "x-weir-cost-usd", "x-weir-error-origin", "x-weir-dropped", "x-weir-anything", "proxy-authenticate",
    "clear-site-data", "x-envoy-upstream-service-time", "x-custom", "trailer", "last-modified", "content-disposition",
]


def canary(name):
    return f"CANARY-{name}"


class Forwarding(Case):
    dialects = DIALECTS
    config_extra = {"keys": [{"name": "app", "key": CLIENT_KEY}]}

    def authorized(self, dialect):
        return [(SPEECHES[dialect].key_header, SPEECHES[dialect].key_format.format(CLIENT_KEY))]

    def sent(self, dialect):
        """All of both lists, in any order; the client's key is where its dialect has it."""
        speech = SPEECHES[dialect]
        place = speech.key_header.lower()
        fixed = {name.lower() for name, _ in speech.headers}
        headers = [(name, canary(name)) for name in [*REQUEST_PASSES[dialect], *REQUEST_STAYS] if name != place and name not in fixed]
        seeded(f"headers-{dialect}").shuffle(headers)
        return [*headers[:20], *self.authorized(dialect), *headers[20:]]

    def assert_only_allowed(self, request, dialect, key):
        names = [name.lower() for name, _ in request.headers]
        self.assertEqual(len(names), len(set(names)), "a header stands twice")
        allowed = FRAMING | {CREDENTIAL[dialect]} | set(REQUEST_PASSES[dialect])
        self.assertEqual(set(names) - allowed, set())
        for name in REQUEST_PASSES[dialect]:
            if name != "anthropic-version":
                self.assertEqual(request.header(name), canary(name))
        for name in set(REQUEST_STAYS) - {CREDENTIAL[dialect]}:
            self.assertNotIn(canary(name).encode() + b"\r", request.raw_head)
        self.assertNotIn(CLIENT_KEY.encode(), request.raw_head + request.body)
        self.assertIn(key, request.header(CREDENTIAL[dialect]))

    def test_f39_requests(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.clear()
                    response = self.ask(dialect, stream, headers=self.sent(dialect))
                    self.assertEqual(response.status, 200, response.body)
                    self.assert_only_allowed(self.one.journal[0], dialect, KEYS["one"])

    def test_f39_the_set_is_made_anew_on_fallback(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.clear()
                self.two.clear()
                self.one.next(answers.fail(500), answers.fail(500))
                self.assertEqual(self.ask(dialect, headers=self.sent(dialect)).status, 200)
                self.assertEqual((len(self.one.journal), len(self.two.journal)), (2, 1))
                for request in self.one.journal:
                    self.assert_only_allowed(request, dialect, KEYS["one"])
                self.assert_only_allowed(self.two.journal[0], dialect, KEYS["two"])

    def test_f39_what_connection_names_is_of_the_connection(self):
        response = self.ask("openai-chat", headers=[("Authorization", f"Bearer {CLIENT_KEY}"), ("Connection", "keep-alive, x-title"),
                                                    ("X-Title", canary("x-title")), ("Keep-Alive", "timeout=5"), ("TE", "trailers")])
        self.assertEqual(response.status, 200)
        names = {name.lower() for name, _ in self.one.journal[0].headers}
        self.assertFalse(names & {"connection", "keep-alive", "te", "upgrade"})

    def test_f39_answers(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    headers = [(name, canary(name)) for name in [*ANSWER_PASSES[dialect], *ANSWER_STAYS]]
                    self.one.next((answers.stream if stream else answers.whole)(headers=headers))
                    response = self.ask(dialect, stream, headers=self.authorized(dialect))
                    self.assertEqual(response.status, 200, response.body)
                    self.assertEqual(response.header("x-weir-provider"), f"one-{dialect}")
                    for name in ANSWER_PASSES[dialect]:
                        self.assertIn(canary(name), response.all(name), name)
                    everything = "\n".join(value for _, value in response.headers)
                    for name in set(ANSWER_STAYS) - set(ANSWER_PASSES[dialect]):
                        self.assertNotIn(canary(name), everything.split("\n"))

    def test_f39_error_answers(self):
        for dialect in DIALECTS:
            for status in (400, 500, 429):
                with self.subTest(dialect=dialect, status=status):
                    for sim in (self.one, self.two):
                        sim.script.clear()
                        names = [*ANSWER_STAYS, *ANSWER_PASSES[dialect]]
                        sim.next(*[answers.fail(status, headers=[(name, canary(name)) for name in names])] * 2)
                    response = self.ask(dialect, headers=self.authorized(dialect))
                    self.one.script.clear()
                    self.two.script.clear()
                    self.assertGreaterEqual(response.status, 400)
                    # How long to wait is said by weir alone.
                    passes = {canary(name) for name in ANSWER_PASSES[dialect] if not name.startswith("retry-after")}
                    self.assertEqual({value for _, value in response.headers if "CANARY" in value}, passes)

    def test_f39_values_that_could_split_an_answer(self):
        """A provider's header with a control character never becomes two of ours."""
        for value in (b"a\x01b", b"a\x0bb", b"a\x7fb", b"a\0b", b"a\rb", b"a\nx-evil: b"):
            with self.subTest(value=value):
                body = b'{"choices":[{"message":{"content":"x","role":"assistant"},"finish_reason":"stop"}]}'
                script = answers.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: " + value +
                                     b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                self.one.script.clear()
                self.one.next(script, script)
                response = self.ask("openai-chat", headers=[("Authorization", f"Bearer {CLIENT_KEY}")])
                self.one.script.clear()
                self.assertEqual(response.status, 200)
                self.assertIsNone(response.header("x-evil"))
                for _, told in response.headers:
                    self.assertTrue(all(char == "\t" or 0x20 <= ord(char) != 0x7f for char in told))


class ForeignAuth(Case):
    """Each target has its own way of taking a credential; nothing of the first one's stays when the second is asked."""

    def test_f39_ways_of_paying_do_not_mix(self):
        one, two, three = (self.with_(Sim("openai-chat", name=name)) for name in ("one", "two", "three"))
        base = {"dialect": "openai-chat", "models": ["m"], "retries": 0}
        weir = self.with_(Weir({"providers": {
            "one": {**base, "base_url": one.url + "/v1", "keys": ["sk-first"]},
            "two": {**base, "base_url": two.url + "/v1", "keys": ["sk-second"], "auth": "header:X-Own-Key"},
            "three": {**base, "base_url": three.url + "/v1", "auth": "none"}}}))
        one.next(answers.fail(500))
        two.next(answers.fail(500))
        self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 200)
        heads = [sim.journal[0] for sim in (one, two, three)]
        self.assertEqual([h.header("authorization") for h in heads], ["Bearer sk-first", None, None])
        self.assertEqual([h.header("x-own-key") for h in heads], [None, "sk-second", None])


if __name__ == "__main__":
    unittest.main()
