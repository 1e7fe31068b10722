# SPDX-License-Identifier: Apache-2.0
"""F16: previous_response_id, stored responses and conversations on backends that have none, and ids that lead back to the provider
that has what they name."""

import json
import pathlib
import re
import tempfile

from harness import Case, SPEECHES, Weir, fetch
from sim import Sim, answers, dialects
from sim.dialects import Reply

KEYS = {"alice": "weir-key-of-alice-0123456789", "bob": "weir-key-of-bob-0123456789"}
TOOLS = [{"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}}]


class AskedTwo:
    """As much of a request as an answer is made from."""
    path = "/v1/responses"

    def json(self):
        return {"model": "two-m"}


class Stored(Case):
    def sim(self, name, *dialects):
        return self.with_(Sim(*dialects, key=f"sk-{name}-CANARY-provider-key", name=name))

    def provider(self, sim, priority=1, **extra):
        return {"dialect": sim.speaks[0], "base_url": sim.url + SPEECHES[sim.speaks[0]].base, "keys": [sim.key], "priority": priority,
                "models": {"m": f"{sim.name}-m"}, **extra}

    def weir_for(self, *sims, **extra):
        providers = {sim.name: self.provider(sim, number) for number, sim in enumerate(sims, 1)}
        return Weir({"providers": providers, **extra})

    def call(self, weir, method, path, value=None, key=None):
        headers = [("Authorization", f"Bearer {KEYS[key]}")] if key else []
        body = None if value is None else json.dumps(value).encode()
        dialect = "openai-responses" if value and value.get("stream") else None
        return fetch(weir.port, method, path, headers, body, dialect=dialect)

    def respond(self, weir, key=None, **members):
        response = self.call(weir, "POST", "/v1/responses", {"model": "m", "tools": TOOLS, **members}, key)
        self.assertEqual(response.status, 200, response.body[:500])
        if members.get("stream"):
            lines = [line for line in response.body.decode().split("\n") if line.startswith("data: ")]
            return json.loads(lines[-1][6:])["response"]
        return response.json()

    def calls(self, number):
        return answers.auto(Reply(text=f"Step {number}.", calls=[(f"toolu_{number}", "look_up", {"what": f"thing {number}"})]))

    def result(self, response):
        call = next(item for item in response["output"] if item["type"] == "function_call")
        return [{"type": "function_call_output", "call_id": call["call_id"], "output": "found " + call["arguments"]}]

    # ---- kept by weir ----

    def test_f16_a_tool_loop_on_a_backend_without_storage_over_a_restart(self):
        for stream in (False, True):
            with self.subTest(stream=stream), tempfile.TemporaryDirectory() as folder:
                one = self.sim("one", "anthropic")
                store = f"sqlite:{folder}/weir.db"
                weir = self.weir_for(one, store=store)
                one.next(self.calls(1), self.calls(2), answers.auto(Reply(text="Done.")))
                first = self.respond(weir, input="Find things.", stream=stream)
                self.assertRegex(first["id"], "^resp_[0-9a-f]{48}$")
                second = self.respond(weir, input=self.result(first), previous_response_id=first["id"], stream=stream)
                self.assertEqual(second["previous_response_id"], first["id"])
                weir.stop()
                weir = self.with_(self.weir_for(one, store=store))
                third = self.respond(weir, input=self.result(second), previous_response_id=second["id"], stream=stream)
                self.assertEqual(third["output"][-1]["content"][0]["text"], "Done.")
                self.assertEqual([r.problem for r in one.journal], [None] * 3)
                roles = [message["role"] for message in one.journal[2].json()["messages"]]
                self.assertEqual(roles, ["user", "assistant", "user", "assistant", "user"])
                self.assertIn("thing 1", one.journal[2].body.decode())

                got = self.call(weir, "GET", f"/v1/responses/{third['id']}")
                self.assertEqual((got.status, got.json()), (200, third))
                items = self.call(weir, "GET", f"/v1/responses/{third['id']}/input_items?order=asc&limit=3").json()
                self.assertEqual([item["type"] for item in items["data"]], ["message", "message", "function_call"])
                self.assertTrue(items["has_more"])
                self.assertEqual(items["data"][0]["content"], [{"type": "input_text", "text": "Find things."}])
                rest = self.call(weir, "GET", f"/v1/responses/{third['id']}/input_items?order=asc&after={items['last_id']}").json()
                self.assertEqual([item["type"] for item in rest["data"]],
                                 ["function_call_output", "message", "function_call", "function_call_output"])
                self.assertFalse(rest["has_more"])

    def test_f16_only_its_owner_has_it(self):
        one = self.sim("one", "anthropic")
        weir = self.with_(self.weir_for(one, keys=[{"name": name, "key": key} for name, key in KEYS.items()]))
        first = self.respond(weir, "alice", input="Hello.")
        path = f"/v1/responses/{first['id']}"
        for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
            with self.subTest(method=method, tail=tail):
                refused = self.call(weir, method, path + tail, key="bob")
                self.assert_error(refused, 404)
                self.assertEqual(refused.message, f"Response with id '{first['id']}' not found.")
        refused = self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "And?", "previous_response_id": first["id"]}, "bob")
        self.assert_error(refused, 400, "previous_response_not_found")
        self.assertEqual(refused.json()["error"]["param"], "previous_response_id")
        self.assertEqual(refused.message, f"Previous response with id '{first['id']}' not found.")
        self.assertEqual(self.call(weir, "GET", path, key="alice").status, 200)

    def test_f16_delete_cancel_and_what_is_not_kept(self):
        one = self.sim("one", "anthropic")
        weir = self.with_(self.weir_for(one))
        first = self.respond(weir, input="Hello.")
        path = f"/v1/responses/{first['id']}"
        self.assert_error(self.call(weir, "POST", path + "/cancel"), 400)
        for query, name in (("stream=true", "stream=true"), ("starting_after=3", "starting_after"), ("stream=true&starting_after=3", "stream=true")):
            refused = self.call(weir, "GET", f"{path}?{query}")
            self.assert_error(refused, 400)
            self.assertIn(f"without {name}", refused.message)
        for query in ("stream=false", "include[]=reasoning.encrypted_content", "include_obfuscation=false", ""):
            self.assertEqual(self.call(weir, "GET", f"{path}?{query}").json(), first)
        for query in ("limit=0", "limit=x", "order=up"):
            self.assert_error(self.call(weir, "GET", f"{path}/input_items?{query}"), 400)
        self.assertEqual(self.call(weir, "DELETE", path).json(), {"id": first["id"], "object": "response", "deleted": True})
        self.assert_error(self.call(weir, "GET", path), 404)
        self.assert_error(self.call(weir, "DELETE", path), 404)
        unkept = self.respond(weir, input="Hello.", store=False)
        self.assert_error(self.call(weir, "GET", f"/v1/responses/{unkept['id']}"), 404)
        self.assert_error(self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": unkept["id"]}), 400,
                          "previous_response_not_found")
        self.assert_error(self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": "resp_wforged"}),
                          400, "previous_response_not_found")

    def test_f16_a_kept_response_goes_on_anywhere(self):
        """What weir keeps is no provider's: the next may answer from it, one with a storage of its own too."""
        one, two = self.sim("one", "anthropic"), self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(one, two))
        first = self.respond(weir, input="Hello.")
        one.next(*[answers.fail(529)] * 4)
        second = self.respond(weir, input="And now?", previous_response_id=first["id"])
        sent = two.journal[0].json()
        self.assertNotIn("previous_response_id", sent)
        self.assertEqual([item["role"] for item in sent["input"]], ["user", "assistant", "user"])
        self.assertTrue(second["id"].startswith("resp_w"))
        one.script.clear()

    def test_a_provider_of_this_dialect_without_storage(self):
        """Its answers pass as they are but for their ids, and are kept here."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                one = self.sim("one", "openai-responses")
                weir = self.with_(Weir({"providers": {"one": {**self.provider(one), "quirks": ["no_store"]}}}))
                first = self.respond(weir, input="Hello.", stream=stream)
                self.assertRegex(first["id"], "^resp_[0-9a-f]{48}$")
                second = self.respond(weir, input="And?", previous_response_id=first["id"], stream=stream)
                sent = one.journal[1].json()
                self.assertNotIn("previous_response_id", sent)
                self.assertEqual([item["role"] for item in sent["input"]], ["user", "assistant", "user"])
                self.assertEqual(self.call(weir, "GET", f"/v1/responses/{second['id']}").json(), second)

    def test_a_store_that_does_not_answer(self):
        """503 for what must be known; what would only be useful is done without."""
        one = self.sim("one", "anthropic")
        with tempfile.TemporaryDirectory() as folder:
            weir = self.with_(self.weir_for(one, store=f"sqlite:{folder}/weir.db"))
            for file in pathlib.Path(folder).iterdir():
                file.write_bytes(b"no database " * 4096)
            response = self.call(weir, "GET", "/v1/responses/resp_0")
            self.assert_error(response, 503, "weir_unavailable")
            self.assertIsNotNone(response.header("retry-after"))
            self.assert_error(self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": "resp_0"}), 503)
            self.assertEqual(one.journal, [])
            self.respond(weir, input=[{"role": "user", "content": "Go."},
                                      {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": "{}"},
                                      {"type": "function_call_output", "call_id": "c", "output": "found"}])

    def test_what_is_said_twice_is_refused(self):
        one = self.sim("one", "openai-responses")
        weir = self.with_(self.weir_for(one))
        body = b'{"model":"m","input":"x","previous_response_id":null,"previous\\u005fresponse_id":"resp_sim-0001"}'
        self.assert_error(fetch(weir.port, "POST", "/v1/responses", [], body), 400)
        for wrong in (7, "", {"id": "resp_x"}):
            refused = self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": wrong})
            self.assert_error(refused, 400, "previous_response_not_found")
        self.assertEqual(one.journal, [])

    def test_counting_what_goes_on(self):
        one = self.sim("one", "openai-responses")
        weir = self.with_(self.weir_for(one))
        first = self.respond(weir, input="Hello.")
        counted = self.call(weir, "POST", "/v1/responses/input_tokens", {"model": "m", "input": "x", "previous_response_id": first["id"]})
        self.assertEqual(counted.status, 200)
        self.assertEqual(one.journal[1].json()["previous_response_id"], "resp_sim-0001")

    def test_items_that_are_only_named(self):
        """As the Vercel AI SDK goes on: {"type": "item_reference", "id": …} in place of what was said."""
        one = self.sim("one", "anthropic")
        weir = self.with_(self.weir_for(one, keys=[{"name": name, "key": key} for name, key in KEYS.items()]))
        one.next(self.calls(1))
        first = self.respond(weir, "alice", input="Find things.")
        named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
        going_on = [{"role": "user", "content": "Find things."}, *named, *self.result(first)]
        second = self.respond(weir, "alice", input=[{"id": item["id"]} if item in named else item for item in going_on])
        self.assertEqual([message["role"] for message in one.journal[1].json()["messages"]], ["user", "assistant", "user"])
        self.assertIn("thing 1", one.journal[1].body.decode())
        items = self.call(weir, "GET", f"/v1/responses/{second['id']}/input_items?order=asc", key="alice").json()["data"]
        self.assertEqual([item["type"] for item in items], ["message", "message", "function_call", "function_call_output"])
        self.call(weir, "DELETE", f"/v1/responses/{first['id']}", key="alice")
        for key in KEYS:  # deleted; never hers
            self.call(weir, "POST", "/v1/responses", {"model": "m", "input": [{"role": "user", "content": "Go on."}, *named]}, key)
        self.assertEqual([b"thing 1" in request.body for request in one.journal], [False, True] + [False] * (len(one.journal) - 2))
        self.assert_error(self.call(weir, "GET", f"/v1/responses/item:{first['output'][0]['id']}", key="alice"), 404)

    # ---- conversations ----

    def test_conversations(self):
        one = self.sim("one", "anthropic")
        weir = self.with_(self.weir_for(one, keys=[{"name": name, "key": key} for name, key in KEYS.items()]))
        made = self.call(weir, "POST", "/v1/conversations", {"metadata": {"a": "b"}, "items": [
            {"type": "message", "role": "user", "content": "Call me Al."}]}, "alice").json()
        self.assertEqual((made["object"], made["metadata"]), ("conversation", {"a": "b"}))
        path = f"/v1/conversations/{made['id']}"
        self.assertEqual(self.call(weir, "GET", path, key="alice").json(), made)
        self.assert_error(self.call(weir, "GET", path, key="bob"), 404)
        answer = self.respond(weir, "alice", input="Who am I?", conversation=made["id"])
        self.assertEqual(answer["conversation"], {"id": made["id"]})
        self.respond(weir, "alice", input="Sure?", conversation={"id": made["id"]}, stream=True)
        self.assertEqual(len(one.journal[1].json()["messages"]), 3)
        items = self.call(weir, "GET", path + "/items?order=asc", key="alice").json()
        self.assertEqual([item["role"] for item in items["data"]], ["user", "user", "assistant", "user", "assistant"])
        item = path + "/items/" + items["data"][0]["id"]
        self.assertEqual(self.call(weir, "GET", item, key="alice").json(), items["data"][0])
        self.assertEqual(self.call(weir, "DELETE", item, key="alice").json(), made)
        self.assert_error(self.call(weir, "GET", item, key="alice"), 404)
        added = self.call(weir, "POST", path + "/items", {"items": [{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}]},
                          "alice").json()
        self.assertEqual([item["content"][0]["text"] for item in added["data"]], ["One", "Two"])
        updated = self.call(weir, "POST", path, {"metadata": {"c": "d"}}, "alice").json()
        self.assertEqual(updated, {**made, "metadata": {"c": "d"}})
        both = {"model": "m", "input": "x", "conversation": made["id"], "previous_response_id": answer["id"]}
        self.assert_error(self.call(weir, "POST", "/v1/responses", both, "alice"), 400)
        self.assertEqual(self.call(weir, "DELETE", path, key="alice").json(),
                         {"id": made["id"], "object": "conversation.deleted", "deleted": True})
        self.assert_error(self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "conversation": made["id"]}, "alice"), 404)

    # ---- bound to a provider ----

    def test_nothing_but_the_id_is_changed(self):
        two = self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(two))
        sent = {True: b"".join(event.raw for event in dialects.DIALECTS["openai-responses"].events(Reply(), AskedTwo(), True)),
                False: dialects.DIALECTS["openai-responses"].whole(Reply(), AskedTwo())}
        for stream in (False, True):
            with self.subTest(stream=stream):
                two.next(answers.auto(Reply()))
                response = self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "Hi.", "stream": stream})
                id = re.search(rb'"(resp_w[^"]*)"', response.body).group(1)
                self.assertEqual(response.body.replace(id, b"resp_sim-0001"), sent[stream])

    def test_a_bound_id_goes_to_the_one_that_has_it(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                one, two = self.sim("one", "openai-responses"), self.sim("two", "openai-responses")
                weir = self.with_(self.weir_for(one, two))
                one.next(*[answers.fail(503)] * 2)
                first = self.respond(weir, input="Hello.", stream=stream)
                self.assertTrue(first["id"].startswith("resp_w"), first["id"])
                self.assertEqual(len(two.journal), 1)
                second = self.respond(weir, input="And now?", previous_response_id=first["id"], stream=stream)
                self.assertEqual(len(two.journal), 2)
                self.assertEqual(two.journal[1].json()["previous_response_id"], "resp_sim-0001")
                self.assertTrue(second["id"].startswith("resp_w"))
                self.assertEqual([r.problem for r in two.journal], [None, None])
                # The path of a request and rules know only the first.
                weir.reload({"providers": {"one": self.provider(one), "two": self.provider(two, 2)},
                             "routing": [{"match": {"model": "m"}, "try": ["one"]}]})
                self.respond(weir, input="Still there?", previous_response_id=first["id"], stream=stream)
                self.assertEqual(len(two.journal), 3)

    def test_a_bound_id_is_its_owners_and_no_others(self):
        two = self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(two, keys=[{"name": name, "key": key} for name, key in KEYS.items()]))
        first = self.respond(weir, "alice", input="Hello.")
        for id in (first["id"], first["id"][:-4], first["id"][:-1] + "A", "resp_sim-0001"):
            with self.subTest(id=id):
                refused = self.call(weir, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": id}, "bob")
                self.assert_error(refused, 400, "previous_response_not_found")
                self.assert_error(self.call(weir, "GET", f"/v1/responses/{id}", key="bob"), 404)
        self.assertEqual(len(two.journal), 1)

    def test_a_bound_id_outlives_a_restart(self):
        two = self.sim("two", "openai-responses")
        with tempfile.TemporaryDirectory() as folder:
            store = f"sqlite:{folder}/weir.db"
            weir = self.weir_for(two, store=store)
            first = self.respond(weir, input="Hello.")
            weir.stop()
            weir = self.with_(self.weir_for(two, store=store))
            self.respond(weir, input="And?", previous_response_id=first["id"])
            self.assertEqual(two.journal[1].json()["previous_response_id"], "resp_sim-0001")
        # Elsewhere it is nobody's.
        other = self.with_(self.weir_for(two, store="memory"))
        refused = self.call(other, "POST", "/v1/responses", {"model": "m", "input": "x", "previous_response_id": first["id"]})
        self.assert_error(refused, 400, "previous_response_not_found")

    def test_a_bound_response_as_a_stream(self):
        two = self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(two))
        first = self.respond(weir, input="Hello.")
        events = [event.raw for event in dialects.DIALECTS["openai-responses"].events(Reply(), AskedTwo(), True)]
        two.next(answers.Play(events, headers=[("content-type", "text/event-stream")]))
        got = self.call(weir, "GET", f"/v1/responses/{first['id']}?stream=true&starting_after=0")
        self.assertEqual((got.status, got.complete), (200, True))
        self.assertEqual(got.body.replace(first["id"].encode(), b"resp_sim-0001"), b"".join(events))
        self.assertEqual(two.journal[1].query, "stream=true&starting_after=0")
        self.assertEqual(weir.record_of(got)["output_tokens"], 0)

    def test_a_conversation_on_a_provider_with_storage(self):
        two = self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(two))
        id = self.call(weir, "POST", "/v1/conversations", {}).json()["id"]
        for number, stream in enumerate((False, True)):
            two.next(answers.auto(Reply(text=f"Answer {number}.", id=f"sim-{number}")))
            self.respond(weir, input=f"Question {number}?", conversation=id, stream=stream)
        self.assertNotIn("conversation", two.journal[1].json())
        self.assertEqual([item["role"] for item in two.journal[1].json()["input"]], ["user", "assistant", "user"])
        items = self.call(weir, "GET", f"/v1/conversations/{id}/items?order=asc").json()["data"]
        self.assertEqual([item["content"][0]["text"] for item in items], ["Question 0?", "Answer 0.", "Question 1?", "Answer 1."])

    def test_a_bound_response_is_asked_for_where_it_lies(self):
        two = self.sim("two", "openai-responses")
        weir = self.with_(self.weir_for(two))
        first = self.respond(weir, input="Hello.")
        path = f"/v1/responses/{first['id']}"
        kept = {"id": "resp_sim-0001", "object": "response", "status": "completed", "model": "m", "output": [],
                "previous_response_id": "resp_before", "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
        two.next(answers.body(kept))
        got = self.call(weir, "GET", path)
        self.assertEqual(got.status, 200, got.body)
        self.assertEqual(got.json()["id"], first["id"])
        self.assertTrue(got.json()["previous_response_id"].startswith("resp_w"))
        self.assertEqual((two.journal[1].method, two.journal[1].path), ("GET", "/v1/responses/resp_sim-0001"))
        self.assertEqual(weir.record_of(got)["input_tokens"], 0)
        two.next(answers.body({"id": "resp_sim-0001", "object": "response", "deleted": True}))
        self.assertEqual(self.call(weir, "DELETE", path).json()["id"], first["id"])
        two.next(answers.body({"object": "list", "data": []}))
        self.assertEqual(self.call(weir, "GET", path + "/input_items?limit=2").json()["data"], [])
        self.assertEqual((two.journal[3].path, two.journal[3].query), ("/v1/responses/resp_sim-0001/input_items", "limit=2"))
        two.next(answers.fail(404, "Response with id 'resp_sim-0001' not found."))
        self.assert_error(self.call(weir, "POST", path + "/cancel"), 404)
        self.assertEqual(two.journal[4].method, "POST")
