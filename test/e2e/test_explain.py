# SPDX-License-Identifier: Apache-2.0
"""Issue 4, §5: the plan for a request is what then happens to it, and what is known shows: POST /api/explain, `weir explain --live`,
GET /api/state."""

import json
import pathlib

from harness import Case, SPEECHES, fetch
from harness.gateway import run_weir
from sim import answers, steps

OPENAPI = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs/openapi-admin.json").read_text())
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None), "object": dict, "array": list}


def check_schema(value, schema, at="$"):
    """The part of JSON Schema that the description uses."""
    if "$ref" in schema:
        return check_schema(value, OPENAPI["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], at)
    if "oneOf" in schema:
        problems = []
        for one in schema["oneOf"]:
            try:
                return check_schema(value, one, at)
            except AssertionError as problem:
                problems.append(str(problem))
        raise AssertionError(f"{at}: {problems}")
    kinds = schema.get("type", list(TYPES))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not any(isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean") for kind in kinds):
        raise AssertionError(f"{at}: {value!r} is no {kinds}")
    if "enum" in schema and value not in schema["enum"]:
        raise AssertionError(f"{at}: {value!r} is none of {schema['enum']}")
    if isinstance(value, dict) and "properties" in schema:
        missing = set(schema["required"]) - set(value)
        unknown = set(value) - set(schema["properties"])
        if missing or unknown:
            raise AssertionError(f"{at}: missing {missing}, unknown {unknown}")
        for name, member in value.items():
            check_schema(member, schema["properties"][name], f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for n, item in enumerate(value):
            check_schema(item, schema["items"], f"{at}[{n}]")


class ExplainCase(Case):
    """Asks the admin plane, and holds each answer against its description."""

    def check_described(self, path, response, method="get"):
        schema = OPENAPI["paths"][path][method]["responses"][str(response.status)]["content"]["application/json"]["schema"]
        value = json.loads(response.body)
        check_schema(value, schema)
        return value

    def explain(self, status=200, **question):
        response = fetch(self.weir.admin_port, "POST", "/api/explain", (), json.dumps(question).encode())
        self.assertEqual(response.status, status, response.body)
        return self.check_described("/api/explain", response, "post")

    def state(self):
        response = fetch(self.weir.admin_port, "GET", "/api/state")
        self.assertEqual(response.status, 200)
        return self.check_described("/api/state", response)

    def candidate_of(self, value, provider):
        return next(c for c in value["candidates"] if c["provider"] == provider)


class Explain(ExplainCase):
    dialects = ("openai-chat", "anthropic")
    providers_extra = {"retries": 0}

    @classmethod
    def config(cls):
        return {**super().config(), "defaults": {"attempts": 4}, "routing": [
            {"match": {"model": "openai-chat-*", "header": {"x-lane": "second"}}, "name": "second lane",
             "try": ["two-openai-chat", "one-openai-chat"], "rescue": "replay", "hedge": {"after": "2s", "share": "1%"}},
            {"match": {"tag": "closed"}, "deny": "closed for today"}]}

    def test_what_is_planned_is_what_happens(self):
        for headers, route, first in (({}, "direct", "one"), ({"x-lane": "second"}, "second lane", "two")):
            with self.subTest(route=route):
                model = self.model("openai-chat")
                value = self.explain_request(model, headers)
                self.assertEqual(value["route"], route)
                chosen = [c["provider"] for c in value["candidates"] if c["chosen"]]
                self.assertEqual(chosen, [f"{first}-openai-chat"])
                record = self.weir.record_of(self.ask("openai-chat", model=model, headers=list(headers.items())))
                self.assertEqual((record["route"], record["provider_chosen"]), (route, chosen[0]))

    def explain_request(self, model, headers, dialect="openai-chat"):
        speech = SPEECHES[dialect]
        return self.explain(endpoint=speech.path(model), headers=headers, body=speech.value(model))

    def test_nothing_is_sent(self):
        self.explain_request(self.model("openai-chat"), {})
        self.assertEqual((self.one.journal, self.two.journal), ([], []))

    def test_the_rule_and_what_it_says(self):
        value = self.explain_request(self.model("openai-chat"), {"x-lane": "second"})
        self.assertEqual(value["rule"], {"name": "second lane", "number": 1})
        self.assertEqual(value["actions"], ["try two-openai-chat, one-openai-chat", "hedge after 2000 ms, at most 1 %", "rescue replay"])
        self.assertEqual((value["hedge"], value["rescue"]), ({"after": "2000ms", "share": 0.01}, ["replay"]))
        self.assertGreater(value["prompt_tokens"], 0)

    def test_the_next_in_order_takes_over(self):
        """The order of the plan is the order of the attempts."""
        model = self.model("openai-chat")
        order = [c["provider"] for c in self.explain_request(model, {})["candidates"] if c["usable"]]
        self.one.next(answers.fail(500))
        record = self.weir.record_of(self.ask("openai-chat", model=model))
        self.assertEqual([a["provider"] for a in record["attempts"]], order[:2])

    def test_latency_and_success_are_known_after_a_request(self):
        model = self.model("openai-chat")
        before = self.candidate_of(self.explain_request(model, {}), "one-openai-chat")
        self.assertEqual((before["first_token_ms"], before["success"]), (None, None))
        self.ask("openai-chat", True, model=model)
        after = self.candidate_of(self.explain_request(model, {}), "one-openai-chat")
        self.assertGreater(after["first_token_ms"], 0)
        self.assertEqual((after["success"], after["in_flight"], after["breaker"]), (1, 0, "closed"))

    def test_an_open_breaker_rests(self):
        """Retry-After opens it: the plan keeps the candidate in its place, and says that the next one would be asked."""
        model = self.model("openai-chat")
        self.one.next(answers.fail(429, headers=[("Retry-After", "60")]))
        self.ask("openai-chat", model=model)
        value = self.explain_request(model, {})
        first = value["candidates"][0]
        self.assertEqual((first["provider"], first["usable"], first["chosen"], first["breaker"]), ("one-openai-chat", True, False, "open"))
        self.assertIn("resting after rate limits for", first["rests"])
        self.assertTrue(50000 < first["open_for_ms"] <= 60000, first)
        self.assertTrue(value["candidates"][1]["chosen"])
        record = self.weir.record_of(self.ask("openai-chat", model=model))
        self.assertEqual([a["provider"] for a in record["attempts"]], ["two-openai-chat"])
        live = [c for c in self.state()["candidates"] if (c["provider"], c["model"]) == ("one-openai-chat", model)]
        self.assertEqual([c["breaker"] for c in live], ["open"])
        self.assertTrue(50000 < live[0]["open_for_ms"] <= 60000)

    def test_refusals(self):
        value = self.explain(404, model="no-such-model")
        self.assertEqual((value["candidates"], value["refusal"]["code"]), ([], "model_not_found"))
        value = self.explain(model="anthropic-1", tags=["closed"])
        self.assertEqual((value["refusal"]["status"], value["refusal"]["message"]), (403, "closed for today"))

    def test_wrong_questions(self):
        for body in (b"", b"{", b"[]", b'{"modle":"x"}', b'{"endpoint":"/v1/messages","body":{"model":"x","stream":"yes"}}'):
            with self.subTest(body=body):
                response = fetch(self.weir.admin_port, "POST", "/api/explain", (), body)
                self.assertEqual(response.status, 400)
                self.check_described("/api/explain", response, "post")
        self.assertEqual(fetch(self.weir.admin_port, "GET", "/api/explain").status, 405)

    def test_live(self):
        """The command shows the same as the page."""
        model = self.model("openai-chat")
        self.ask("openai-chat", True, model=model)
        url = f"http://127.0.0.1:{self.weir.admin_port}"
        result = run_weir("explain", "--live", url, "--model", model, "--header", "X-Lane=second", "--json")
        value = json.loads(result.stdout)
        check_schema(value, {"$ref": "#/components/schemas/Explanation"})
        self.assertEqual((result.returncode, value["route"]), (0, "second lane"))
        self.assertGreater(self.candidate_of(value, "one-openai-chat")["first_token_ms"], 0)
        text = run_weir("explain", "--live", url, "--model", model).stdout
        self.assertRegex(text, r"1  one-openai-chat .* \d+ ms ")
        self.assertIn("unknown", text)
        self.assertEqual(run_weir("explain", "--live", url, "--model", "no-such-model").returncode, 1)
        self.assertEqual(run_weir("explain", "--live", "nonsense", "--model", model).returncode, 2)

    def test_the_state(self):
        before = self.state()
        model = self.model("openai-chat")
        self.ask("openai-chat", True, model=model)
        value = self.state()
        self.assertEqual((value["draining"], value["workers"], value["workers_silent"], value["requests"]["in_flight"]), (False, 1, 0, 0))
        self.assertGreaterEqual(value["uptime_ms"], before["uptime_ms"])
        mine = [c for c in value["candidates"] if c["model"] == model]
        self.assertEqual([(c["provider"], c["requests"], c["faults"], c["in_flight"]) for c in mine], [("one-openai-chat", 1, 0, 0)])

    def test_a_running_request_shows_its_step(self):
        gate = steps.Gate()
        self.one.next(answers.stream(edit=lambda events: [*events[:2], gate, *events[2:]]))
        client = self.begin("openai-chat")
        gate.wait_reached()
        self.wait_until(lambda: self.state()["requests"]["steps"]["relay"] == 1)
        self.assertEqual(sum(c["in_flight"] for c in self.state()["candidates"]), 1)
        gate.open()
        self.finish(client, "openai-chat")

    def test_the_description_is_served(self):
        self.assertEqual(json.loads(fetch(self.weir.admin_port, "GET", "/api/openapi.json").body), OPENAPI)

    def test_metrics(self):
        model = self.model("openai-chat")
        self.ask("openai-chat", model=model)
        metrics = self.weir.metrics()
        self.assertTrue(any(name.startswith("weir_target_in_flight") and f'"{model}"' in name for name in metrics))
        self.assertEqual((metrics["weir_requests_waiting"], metrics["weir_hedges_recent"]), (0, 0))


class Token(ExplainCase):
    """With a token every page of the API needs it."""

    dialects = ("openai-chat",)
    config_extra = {"admin": {"listen": "127.0.0.1:0", "token": "CANARY-admin-token-0123456789"}}

    def test_who_may_ask(self):
        for method, path in (("POST", "/api/explain"), ("GET", "/api/state"), ("GET", "/api/openapi.json")):
            with self.subTest(path=path):
                body = b'{"model":"openai-chat-1"}' if method == "POST" else None
                self.assertEqual(fetch(self.weir.admin_port, method, path, (), body).status, 401)
                token = [("Authorization", "Bearer CANARY-admin-token-0123456789")]
                self.assertEqual(fetch(self.weir.admin_port, method, path, token, body).status, 200)

    def test_live_takes_the_token_from_the_environment_or_the_configuration(self):
        arguments = ("explain", "--live", f"http://127.0.0.1:{self.weir.admin_port}", "--model", "openai-chat-1")
        self.assertEqual(run_weir(*arguments).returncode, 1)
        self.assertEqual(run_weir(*arguments, env={"WEIR_ADMIN_TOKEN": "CANARY-admin-token-0123456789"}).returncode, 0)
        self.assertEqual(run_weir(*arguments, "-c", self.weir.file).returncode, 0)
