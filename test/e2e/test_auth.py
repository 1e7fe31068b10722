# SPDX-License-Identifier: Apache-2.0
"""F40: credentials that expire are renewed without anybody noticing, fetched once however many ask, and replaced once when a
provider refuses them. Signatures are checked by a verifier of this test's own. P7: each goes to its own provider only."""

import hashlib
import hmac
import http.server
import itertools
import json
import re
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import Case, SPEECHES, Weir, fetch
from sim import Sim, answers

CHAT = SPEECHES["openai-chat"]
AWS = ("AKIDTEST", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYTESTKEY", "session/token==")


class TokenService:
    """Every cloud's token service: keeps what was asked, answers with `reply(request)`: (status, value)."""

    def __init__(self, reply):
        self.requests, self.changed, self.reply = [], threading.Condition(), reply
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                request = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()),
                           "form": dict(urllib.parse.parse_qsl(body))}
                with service.changed:
                    service.requests.append(request)
                    service.changed.notify_all()
                status, value = service.reply(request)
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:  # weir did not wait for it
                    pass

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def wait(self, count, timeout=20):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} of {count} token requests came")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def numbered(life):
    """token-1, token-2, …"""
    numbers = itertools.count(1)
    return lambda request: (200, {"access_token": f"ya29.token-{next(numbers)}-of-the-test", "expires_in": life, "token_type": "Bearer"})


def sigv4_problem(request, keys, region, service):
    """None, or what is wrong with its signature: AWS's algorithm once more, from what came over the wire."""
    key_id, secret, session = keys
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), "
                         r"Signature=([0-9a-f]{64})", request.header("authorization") or "")
    if not match:
        return f"authorization is {request.header('authorization')}"
    given_id, day, given_region, given_service, names, signature = match.groups()
    if (given_id, given_region, given_service) != (key_id, region, service):
        return f"scope is {match.group(0)}"
    names = names.split(";")
    date = request.header("x-amz-date")
    if names != sorted(names) or not {"host", "x-amz-date"} <= set(names) or not date.startswith(day):
        return f"signed headers are {names}"
    if session and ("x-amz-security-token" not in names or request.header("x-amz-security-token") != session):
        return "the session token is not there or not signed"
    headers = "".join(f"{name}:{request.header(name).strip()}\n" for name in names)
    query = "&".join(sorted("=".join(urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~") for part in pair.split("=", 1))
                            for pair in request.query.split("&") if pair))
    # Every service but S3: the path as it is sent, encoded once more.
    canonical = "\n".join([request.method, urllib.parse.quote(request.path, safe="/-_.~"), query, headers, ";".join(names),
                           hashlib.sha256(request.body).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, f"{day}/{region}/{service}/aws4_request",
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return None if expected == signature else f"signature {signature} instead of {expected} over\n{canonical}"


class Auth(Case):
    def provider(self, sim, auth, dialect="openai-chat", model="m", own="own-m", **more):
        return {"dialect": dialect, "base_url": sim.url + SPEECHES[dialect].base, "auth": auth, "models": {model: own}, **more}

    def start_weir(self, providers, env=None, workers=1):
        self.weir = self.with_(Weir({"providers": providers}, env=env, workers=workers))
        return self.weir

    def get(self, dialect="openai-chat", **options):
        return self.ask(dialect, model="m", weir=self.weir, **options)

    def sim(self, *dialects, name="sim"):
        return self.with_(Sim(*(dialects or ("openai-chat",)), name=name))

    def service(self, reply):
        return self.with_(TokenService(reply))

    def bearers(self, sim):
        return [r.header("authorization") for r in sim.journal]


class Signatures(Auth):
    def check(self, sim, keys, service="bedrock"):
        request = sim.journal[-1]
        self.assertIsNone(sigv4_problem(request, keys, "eu-west-1", service))
        self.assertEqual(len(request.headers_named("authorization")), 1)

    def test_f40_keys_of_the_configuration_sign(self):
        sim = self.sim()
        self.start_weir({"aws": self.provider(sim, "sigv4", keys=[":".join(AWS)], region="eu-west-1")})
        for text in ("plain", "with \u00fcmlauts and \U0001f600"):
            self.assertEqual(self.get(text=text).status, 200)
            self.check(sim, AWS)
        self.assertEqual(self.get(stream=True).status, 200)
        self.check(sim, AWS)

    def test_f40_model_ids_with_colons_and_queries_are_signed(self):
        sim = self.sim("gemini")
        self.start_weir({"aws": self.provider(sim, "sigv4:aws-external-anthropic", "gemini", own="anthropic.claude-x-v1:0",
                                              keys=[":".join(AWS[:2])], region="eu-west-1")})
        for stream in (False, True):
            self.assertEqual(self.get("gemini", stream=stream).status, 200)
            self.check(sim, (*AWS[:2], None), "aws-external-anthropic")
        # As Bedrock's paths are: the provider here knows no such path, but has a signature to check.
        base = sim.url + "/model/anthropic.claude-x-v1%3A0"
        self.start_weir({"aws": {**self.provider(sim, "sigv4", keys=[":".join(AWS[:2])], region="eu-west-1"), "base_url": base}})
        sim.next(answers.fail(400))
        self.assert_error(self.get(), 400)
        self.assertIn("%3A0/", sim.journal[-1].target)
        self.check(sim, (*AWS[:2], None))

    def test_f40_environment_and_container_credentials_sign(self):
        sim = self.sim()
        config = {"aws": self.provider(sim, "sigv4")}
        environment = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": AWS[0], "AWS_SECRET_ACCESS_KEY": AWS[1]}
        self.start_weir(config, environment)
        self.assertEqual(self.get().status, 200)
        self.check(sim, (*AWS[:2], None))

        service = self.service(lambda request: (200, {"AccessKeyId": AWS[0], "SecretAccessKey": AWS[1], "Token": AWS[2],
                                                      "Expiration": "2099-01-01T00:00:00Z"}))
        self.start_weir(config, {"AWS_REGION": "eu-west-1", "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + "/v1/credentials",
                                 "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-the-container"})
        for _ in range(3):
            self.assertEqual(self.get().status, 200)
            self.check(sim, AWS)
        self.assertEqual([(r["path"], r["headers"]["authorization"]) for r in service.requests], [("/v1/credentials", "of-the-container")])

    def test_f40_expired_keys_are_fetched_anew(self):
        """AWS says it with 403 and a type, not with 401."""
        sim, keys = self.sim(), itertools.count(1)
        service = self.service(lambda request: (200, {"AccessKeyId": f"ASIA{next(keys)}", "SecretAccessKey": AWS[1], "Token": AWS[2],
                                                      "Expiration": "2099-01-01T00:00:00Z"}))
        self.start_weir({"aws": self.provider(sim, "sigv4")}, {"AWS_REGION": "eu-west-1",
                                                               "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url})
        sim.next(answers.fail(403, "The security token included in the request is expired"))
        self.assertEqual(self.get().status, 200)
        self.check(sim, ("ASIA2", *AWS[1:]))
        self.assertEqual(len(service.requests), 2)

    def test_f40_a_bedrock_key_is_a_bearer(self):
        sim = self.sim()
        self.start_weir({"aws": self.provider(sim, "sigv4")}, {"AWS_BEARER_TOKEN_BEDROCK": "ABSKtest-key"})
        self.assertEqual(self.get().status, 200)
        self.assertEqual(self.bearers(sim), ["Bearer ABSKtest-key"])
        self.assertIsNone(sim.journal[0].header("x-amz-date"))


class Tokens(Auth):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], check=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def account(self, service, name="me"):
        return json.dumps({"type": "service_account", "client_email": f"{name}@project.iam", "private_key_id": "k1",
                           "private_key": self.pem, "token_uri": service.url + "/token"})

    def google(self, sim, service, **more):
        return self.provider(sim, "google", keys=[self.account(service)], **more)

    def test_f40_tokens_are_refreshed_ahead(self):
        """Each lives two seconds, the provider takes only those that do: no request ever sees one that does not."""
        sim, issued, numbers = self.sim(), {}, itertools.count(1)

        def reply(request):
            token = f"ya29.short-lived-{next(numbers)}"
            issued[token] = time.monotonic() + 2
            return 200, {"access_token": token, "expires_in": 2}
        service = self.service(reply)
        self.start_weir({"vertex": self.google(sim, service)})
        while len(service.requests) < 4:
            self.assertEqual(self.get().status, 200)
        for request in sim.journal:
            token = request.header("authorization").removeprefix("Bearer ")
            self.assertLess(request.arrived_at, issued[token])
        self.assertEqual(service.requests[0]["form"]["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")

    def test_f40_a_token_service_that_is_down_is_not_noticed_while_a_token_lives(self):
        sim, first = self.sim(), threading.Event()

        def reply(request):
            if not first.is_set():
                first.set()
                return 200, {"access_token": "ya29.the-only-one", "expires_in": 4}
            return 503, {"error": "unavailable"}
        service = self.service(reply)
        self.start_weir({"vertex": self.google(sim, service)})
        while len(service.requests) < 2:
            self.assertEqual(self.get().status, 200)
        self.assertEqual(self.get().status, 200)
        self.assertEqual(set(self.bearers(sim)), {"Bearer ya29.the-only-one"})

    def test_f40_a_401_forces_one_refresh_and_one_more_try(self):
        sim, service = self.sim(), self.service(numbered(3600))
        self.start_weir({"vertex": self.google(sim, service)})
        sim.next(answers.fail(401))
        response = self.get()
        self.assertEqual(response.status, 200)
        self.assertEqual(self.bearers(sim), ["Bearer ya29.token-1-of-the-test", "Bearer ya29.token-2-of-the-test"])
        self.assertEqual(len(service.requests), 2)
        self.assertEqual(len(self.weir.record_of(response)["attempts"]), 2)
        # A fresh one that is refused, too, is the provider's last word; nobody asks for tokens without end.
        sim.next(answers.fail(401))
        self.assert_error(self.get(), 502, "weir_upstream_credentials")
        self.assertEqual((len(sim.journal), len(service.requests)), (3, 2))

    def test_f40_fifty_at_once_are_one_token_request(self):
        sim, gate = self.sim(), threading.Event()

        def reply(request):
            gate.wait(20)
            return 200, {"access_token": "ya29.for-all", "expires_in": 3600}
        service = self.service(reply)
        self.start_weir({"vertex": self.google(sim, service, timeout={"connect": "20s"})}, workers=2)
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.get().status)) for _ in range(50)]
        for thread in threads:
            thread.start()
        service.wait(1)
        self.wait_until(lambda: self.weir.metrics()['weir_requests_in_flight{step="await_content"}'] == 50, self.weir.metrics)
        gate.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(results, [200] * 50)
        self.assertEqual(len(service.requests), 1)
        self.assertEqual(set(self.bearers(sim)), {"Bearer ya29.for-all"})

    def test_f40_who_gets_no_token_is_passed_over(self):
        gate, one, two = threading.Event(), self.sim(name="one"), self.sim(name="two")
        self.addCleanup(gate.set)
        refuses = self.service(lambda request: (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}))
        silent = self.service(lambda request: (gate.wait(20), (500, {}))[1])
        for service, words in ((refuses, "it answered 400: invalid_grant: Invalid JWT Signature"), (silent, "within connect")):
            with self.subTest(words=words):
                self.start_weir({"one": self.google(one, service, priority=1, timeout={"connect": "300ms"}),
                                 "two": {**self.provider(two, "bearer", keys=["sk-two"]), "priority": 2}})
                response = self.get()
                self.assertEqual(response.status, 200)
                self.assertEqual(len(one.journal), 0)
                self.assertEqual(two.journal[-1].header("authorization"), "Bearer sk-two")
                attempt = self.weir.record_of(response)["attempts"][0]
                self.assertIn(words, json.dumps(attempt))
        # A client that goes away while it waits leaves nothing behind: stop() would complain.
        self.begin("openai-chat", model="m", weir=self.weir).socket.close()

    def test_p7_tokens_go_to_their_provider_only_and_into_no_log(self):
        one, two, service = self.sim(name="one"), self.sim(name="two"), self.service(numbered(3600))
        self.start_weir({"one": self.google(one, service, priority=1),
                         "two": {**self.provider(two, "bearer", keys=["sk-two"]), "priority": 2}})
        one.next(answers.fail(500, "who sent ya29.token-1-of-the-test?"), answers.fail(500))
        response = self.get(headers=[("authorization", "Bearer CANARY")])
        self.assertEqual(response.status, 200)
        self.weir.record_of(response)
        self.assertEqual(self.bearers(two), ["Bearer sk-two"])
        self.assertNotIn("token-1", "\n".join(self.weir.lines + self.weir.errors))
        one.next(answers.fail(400, "who sent ya29.token-1-of-the-test?"))
        response = self.get()
        self.assertEqual(response.status, 400)
        self.assertNotIn(b"token-1", response.body)

    def test_f40_azure(self):
        sim, service = self.sim(), self.service(numbered(3599))
        self.start_weir({"azure": self.provider(sim, "azure", keys=["tenant-1:client-1:secret-1"])},
                        {"AZURE_AUTHORITY_HOST": service.url})
        self.assertEqual([self.get().status for _ in range(3)], [200] * 3)
        self.assertEqual(set(self.bearers(sim)), {"Bearer ya29.token-1-of-the-test"})
        self.assertEqual([(r["path"], r["form"]) for r in service.requests], [("/tenant-1/oauth2/v2.0/token", {
            "grant_type": "client_credentials", "client_id": "client-1", "client_secret": "secret-1",
            "scope": "https://cognitiveservices.azure.com/.default"})])
        self.start_weir({"azure": self.provider(sim, "azure", keys=["0123456789abcdef"])})
        self.assertEqual(self.get().status, 200)
        self.assertEqual(sim.journal[-1].header("api-key"), "0123456789abcdef")
        self.assertIsNone(sim.journal[-1].header("authorization"))

    def test_f40_managed_identity_and_metadata_server(self):
        sim = self.sim()
        service = self.service(lambda request: (200, {"access_token": "ya29.of-the-machine", "expires_on": "4102444800",
                                                      "expires_in": 3600}))
        self.start_weir({"azure": self.provider(sim, "azure:https://ai.azure.com/.default")},
                        {"IDENTITY_ENDPOINT": service.url + "/msi/token", "IDENTITY_HEADER": "identity"})
        self.assertEqual(self.get().status, 200)
        self.assertEqual(service.requests[0]["path"], "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fai.azure.com")
        self.start_weir({"vertex": self.provider(sim, "google")}, {"GCE_METADATA_HOST": service.url.removeprefix("http://")})
        self.assertEqual(self.get().status, 200)
        self.assertEqual(service.requests[1]["headers"]["metadata-flavor"], "Google")
        self.assertEqual(set(self.bearers(sim)), {"Bearer ya29.of-the-machine"})

    def test_f40_a_reload_keeps_tokens(self):
        sim, service = self.sim(), self.service(numbered(3600))
        config = {"vertex": self.google(sim, service)}
        self.start_weir(config)
        self.assertEqual(self.get().status, 200)
        self.weir.reload({"providers": {"vertex": {**config["vertex"], "retries": 2}}})
        self.assertEqual(self.get().status, 200)
        self.assertEqual(len(service.requests), 1)


if __name__ == "__main__":
    unittest.main()
