# SPDX-License-Identifier: Apache-2.0
"""F5 a, F15: a request for the same dialect and model arrives byte for byte, save the declared edits; an answer too."""

import json
import re

from harness import Case, FULL, SPEECHES, Weir, fetch, grammar, seeded
from sim import Sim, answers, dialects, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
OWN_ID = "own-id.v2"
ROUNDS = 200 if FULL else 25


class OddJson:
    """JSON texts as strange as the grammar allows, made from a seed."""

    STRINGS = ['"plain"', '"a\\/b"', '"<script>&amp;</script>"', '"\\u00e9\\u4e2d"', '"\\ud83d\\ude00"', '"😀 𝄞 漢字 ß"', '"tab\\tnl\\n"',
               '"\\u0000"', '"\\"stream\\":true"', '"{\\"model\\":\\"x\\"}"', '"\u2028\u2029"', '"\u007f"', '""']
    NUMBERS = ["1", "1.0", "1.00", "-0", "0.1e-7", "1E5", "12345678901234567890", "9007199254740993", "-1.5e+300", "3.141592653589793238"]
    BLANKS = ["", "", "", " ", "  ", "\n", "\r\n\t", "\t "]

    def __init__(self, random):
        self.random = random

    def blank(self):
        return self.random.choice(self.BLANKS)

    def value(self, depth=0):
        kind = self.random.randrange(8 if depth < 4 else 5)
        if kind < 2:
            return self.random.choice(self.STRINGS)
        if kind < 4:
            return self.random.choice(self.NUMBERS)
        if kind == 4:
            return self.random.choice(["true", "false", "null", "{}", "[]", "[ ]", "{ }"])
        if kind == 5:
            return self.list([self.value(depth + 1) for _ in range(self.random.randrange(4))])
        return self.object([(f'"k{n}"', self.value(depth + 1)) for n in range(self.random.randrange(4))])

    def list(self, values):
        return "[" + ",".join(self.blank() + value + self.blank() for value in values) + "]"

    def object(self, members):
        return "{" + ",".join(f"{self.blank()}{key}{self.blank()}:{self.blank()}{value}{self.blank()}" for key, value in members) + "}"

    def request(self, dialect, model, stream=None, also=()):
        """A valid request of that dialect with unknown members, in any order and spacing."""
        text = self.random.choice(self.STRINGS)
        if dialect == "gemini":
            parts = self.list([self.object([('"text"', text)]), self.object([('"inlineData"', self.value())])])
            members = [('"contents"', self.list([self.object([('"role"', '"user"'), ('"parts"', parts)])]))]
        else:
            members = [('"model"', json.dumps(model))]
            turn = self.object([('"content"', text), ('"role"', '"user"'), ('"x_unknown"', self.value())])
            members += [('"input"', self.list([turn]))] if dialect == "openai-responses" else [('"messages"', self.list([turn]))]
            if dialect == "anthropic":
                members.append(('"max_tokens"', "100"))
            if stream is not None:
                members.append(('"stream"', stream))
        members += [(f'"zz{n}"', self.value()) for n in range(self.random.randrange(6))]
        members += [('"fallbacks"', '["a", "b"]'), ('"metadata"', '{"cache": "off"}'), *also]  # F15: never consumed
        self.random.shuffle(members)
        return (self.blank() + self.object(members) + self.blank()).encode()


class RequestBytes(Case):
    """One provider per dialect; "same" keeps the id, "renamed" has another for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.one = cls.keep(Sim(key="sk-one"))
        providers = {}
        for dialect in DIALECTS:
            providers[dialect] = {"dialect": dialect, "base_url": cls.one.url + SPEECHES[dialect].base, "keys": ["sk-one"],
                                  "models": {f"same-{dialect}": f"same-{dialect}", f"renamed-{dialect}": OWN_ID}}
        providers["silent"] = {**providers["openai-chat"], "models": ["same-silent"], "usage_in_stream": "never"}
        cls.weir = cls.keep(Weir({"providers": providers}))

    def received(self, dialect, body, model, stream=False, path=None):
        self.one.clear()
        response = self.ask(dialect, stream, model=model, body=body, path=path)
        self.assertEqual(response.status, 200, (response.body[:400], body))
        return self.one.journal[0]

    def test_f5a_whole_is_verbatim(self):
        odd = OddJson(seeded("relay-whole"))
        for dialect in DIALECTS:
            for number in range(ROUNDS):
                body = odd.request(dialect, f"same-{dialect}", odd.random.choice([None, "false"]))
                with self.subTest(dialect=dialect, number=number):
                    self.assertEqual(self.received(dialect, body, f"same-{dialect}").body, body)

    def test_f5a_model_id_is_replaced_in_place(self):
        odd = OddJson(seeded("relay-renamed"))
        for dialect in DIALECTS:
            for number in range(ROUNDS):
                asked = f"renamed-{dialect}"
                body = odd.request(dialect, asked)
                with self.subTest(dialect=dialect, number=number):
                    got = self.received(dialect, body, asked)
                    self.assertEqual(got.body, body.replace(f'"{asked}"'.encode(), f'"{OWN_ID}"'.encode()))
                    if dialect == "gemini":
                        self.assertIn("/models/own-id.v2:generateContent", got.target)

    def test_f5a_streams_that_tell_usage_by_themselves_are_verbatim(self):
        odd = OddJson(seeded("relay-stream"))
        for dialect, model in (("openai-responses", "same-openai-responses"), ("anthropic", "same-anthropic"),
                               ("gemini", "same-gemini"), ("openai-chat", "same-silent")):
            for number in range(ROUNDS):
                body = odd.request(dialect, model, "true")
                with self.subTest(dialect=dialect, number=number):
                    self.assertEqual(self.received(dialect, body, model, stream=True).body, body)

    def test_f5a_usage_is_asked_in_place(self):
        """F11 invisible injection: one insertion, nothing else changes."""
        odd = OddJson(seeded("relay-inject"))
        for number in range(ROUNDS):
            body = odd.request("openai-chat", "same-openai-chat", "true")
            with self.subTest(number=number):
                got = self.received("openai-chat", body, "same-openai-chat", stream=True).body
                self.assertEqual(json.loads(got)["stream_options"], {"include_usage": True})
                self.assertIsNotNone(re.search(rb',?"stream_options":\{"include_usage":true\},?', got))
                self.assertEqual(re.sub(rb',?"stream_options":\{"include_usage":true\}', b"", got, 1), body)

    def test_f5a_usage_is_asked_in_the_clients_own_options(self):
        odd = OddJson(seeded("relay-options"))
        for given in ('{"include_usage":false}', '{ "include_usage" : false , "include_obfuscation": false}', "{}", "null",
                      '{"include_obfuscation": false}'):
            body = odd.request("openai-chat", "same-openai-chat", "true", also=[('"stream_options"', given)])
            with self.subTest(given=given):
                got = self.received("openai-chat", body, "same-openai-chat", stream=True).body
                options = json.loads(got)["stream_options"]
                self.assertIs(options.pop("include_usage"), True)
                expected = json.loads(given) or {}
                expected.pop("include_usage", None)
                self.assertEqual(options, expected)
                at = body.index(given.encode(), body.index(b'"stream_options"'))
                self.assertEqual(got[:at], body[:at])
                self.assertTrue(got.endswith(body[at + len(given):]))

    def test_f5a_client_that_asks_for_usage_is_verbatim(self):
        odd = OddJson(seeded("relay-asked"))
        body = odd.request("openai-chat", "same-openai-chat", "true", also=[('"stream_options"', '{ "include_usage" : true }')])
        self.assertEqual(self.received("openai-chat", body, "same-openai-chat", stream=True).body, body)

    def test_other_operations_are_verbatim(self):
        odd = OddJson(seeded("relay-operations"))
        text = '[{"role":"user","content":"x"}]'
        cases = [
            ("openai-chat", "/v1/completions", f'{{"prompt" : "a\\/b","model":"same-openai-chat","zz":{odd.value()}}}'),
            ("openai-chat", "/v1/embeddings", f'{{"input" : ["a\\/b"],"model":"same-openai-chat","zz":{odd.value()}}}'),
            ("openai-responses", "/v1/responses/input_tokens", f'{{"input" : "a\\/b","model":"same-openai-responses","z":{odd.value()}}}'),
            ("openai-responses", "/v1/responses/compact", f'{{"input" : "a\\/b","model":"same-openai-responses","z":{odd.value()}}}'),
            ("anthropic", "/v1/messages/count_tokens", f'{{"messages" : {text},"model":"same-anthropic","zz":{odd.value()}}}'),
            ("gemini", "/v1beta/models/same-gemini:countTokens", f'{{"contents" : [{{"parts":[{odd.value()}]}}]}}'),
            ("gemini", "/v1beta/models/same-gemini:embedContent", f'{{"content" : {{"parts":[{odd.value()}]}}}}'),
            ("gemini", "/v1/models/same-gemini:generateContent", f'{{"contents" : [{{"parts":[{odd.value()}]}}]}}'),
        ]
        for dialect, path, body in cases:
            with self.subTest(path=path):
                got = self.received(dialect, body.encode(), None, path=path)
                self.assertEqual(got.body, body.encode())
                self.assertEqual(got.path, path.replace("/v1/models", "/v1beta/models"))

    def test_f15_query_strings_and_betas_pass(self):
        self.one.clear()
        self.ask("anthropic", model="same-anthropic", path="/v1/messages?beta=true&x=1",
                 headers=[("anthropic-beta", "never-heard-of-2031-01-01,other")])
        self.assertEqual(self.one.journal[0].target, "/v1/messages?beta=true&x=1")
        self.assertEqual(self.one.journal[0].header("anthropic-beta"), "never-heard-of-2031-01-01,other")
        self.one.clear()
        response = self.ask("gemini", stream=True, path="/v1beta/models/same-gemini:streamGenerateContent?key=from-client&alt=sse&$fields=a")
        self.assertEqual(response.status, 200)
        self.assertEqual(self.one.journal[0].query, "alt=sse&$fields=a")

    def test_duplicate_routing_members_are_refused(self):
        for dialect, twice in (("openai-chat", '"model":"same-openai-chat"'), ("openai-chat", '"stream":true'),
                               ("anthropic", '"model":"same-anthropic"'), ("openai-responses", '"stream":false')):
            with self.subTest(dialect=dialect, twice=twice):
                self.one.clear()
                body = SPEECHES[dialect].body(f"same-{dialect}", stream=True)[:-1] + b"," + twice.encode() + b"}"
                response = self.ask(dialect, body=body, model="x")
                self.assertEqual(response.status, 400, response.body)
                self.assertEqual(self.one.journal, [])
        body = SPEECHES["openai-chat"].body("same-openai-chat")[:-1] + b',"mod\\u0065l":"other"}'
        self.assertEqual(self.ask("openai-chat", body=body, model="x").status, 400)


class AnswerBytes(Case):
    """Whatever the provider writes, the client reads, byte for byte."""

    dialects = DIALECTS

    def test_f5a_whole_answers(self):
        odd = OddJson(seeded("answers-whole"))
        shapes = {"openai-chat": '{{"choices":[{{"message":{{"content":"x","role":"assistant"}},"finish_reason":"stop"}}],"zz":{0}}}',
                  "openai-responses": '{{"output":[],"status":"completed","zz":{0}}}',
                  "anthropic": '{{"content":[{{"type":"text","text":"x"}}],"type":"message","stop_reason":"end_turn","zz":{0}}}',
                  "gemini": '{{"candidates":[{{"content":{{"parts":[{{"text":"x"}}]}},"finishReason":"STOP"}}],"zz":{0}}}'}
        for dialect in DIALECTS:
            model = self.model(dialect)
            for number in range(ROUNDS):
                sent = (odd.blank() + shapes[dialect].format(odd.value()) + odd.blank()).encode()
                with self.subTest(dialect=dialect, number=number):
                    self.one.next(answers.body(sent, framing=odd.random.choice(["length", "chunked", "close"])))
                    response = self.ask(dialect, model=model)
                    self.assertEqual(response.body, sent)
                    self.assertEqual(response.header("content-length"), str(len(sent)))

    def sent_and_got(self, dialect, reply=None, edit=lambda events: events, **options):
        sent = []

        def keep(events):
            played = edit(events)
            sent.extend(step.raw if isinstance(step, dialects.Event) else step for step in played)
            return played

        self.one.next(answers.stream(reply, keep, **options))
        body = {"stream_options": {"include_usage": True}} if dialect == "openai-chat" else {}
        response = self.ask(dialect, True, **body)
        self.assertEqual(response.status, 200, response.body[:300])
        data = b"".join(step for step in sent if isinstance(step, bytes))
        return data.replace(b"\n", b"\r\n") if options.get("crlf") else data, response.body

    def test_f5a_streams(self):
        odd_tokens = ["漢字", " 😀", "<b>&", "\u2028", "é", '"quoted"', "\\", "\n\n", "data: [DONE]", "end"]
        for dialect in DIALECTS:
            for spaces in (False, True):
                for usage_style in ("final", "every", "zeros", "absent"):
                    with self.subTest(dialect=dialect, spaces=spaces, usage_style=usage_style):
                        reply = Reply(tokens=odd_tokens, spaces=spaces, usage_style=usage_style)
                        sent, got = self.sent_and_got(dialect, reply)
                        self.assertEqual(got, sent)

    def test_f5a_crlf_comments_and_unknown_events(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect, what="crlf"):
                if dialect != "gemini":  # it writes CRLF by itself
                    sent, got = self.sent_and_got(dialect, crlf=True)
                    self.assertEqual(got, sent)
            with self.subTest(dialect=dialect, what="comments"):
                sent, got = self.sent_and_got(dialect, edit=lambda events: [
                    b": first\n\n", *events[:3], b": OPENROUTER PROCESSING\n\n", b"id: 7\nretry: 100\n\n", *events[3:]])
                self.assertEqual(got, sent)
            unknown = {"openai-chat": b'data: {"id":"x","object":"new.thing","choices":[]}\n\n',
                       "openai-responses": b'event: response.new\ndata: {"type":"response.new"}\n\n',
                       "anthropic": b'event: new_event\ndata: {"type":"new_event"}\n\n',
                       "gemini": b'data: {"newMember": 1}\r\n\r\n'}[dialect]
            with self.subTest(dialect=dialect, what="unknown event"):
                self.one.next(answers.stream(edit=lambda events: [*events[:3], unknown, *events[3:]]))
                client = self.begin(dialect)
                self.assertIn(unknown, client.read_response().body)

    def test_f5a_gemini_array(self):
        sent = []

        def keep(events):
            sent.extend(event.raw for event in events)
            return events

        self.one.next(answers.stream(Reply(tokens=["漢", "字", " 😀."]), keep))
        model = self.model("gemini")
        response = fetch(self.weir.port, "POST", f"/v1beta/models/{model}:streamGenerateContent", body=SPEECHES["gemini"].body(model))
        self.assertEqual(response.body, b"".join(sent))
        self.assertEqual(grammar.judge_array(response.body).text, "漢字 😀.")
        self.assertEqual(response.header("content-type"), "application/json; charset=UTF-8")

    def test_missing_terminator_is_added_and_a_missing_finish_is_not(self):
        for dialect in ("openai-chat", "anthropic"):
            with self.subTest(dialect=dialect):
                sent, got = self.sent_and_got(dialect, edit=lambda events: events[:-1])
                self.assertTrue(got.startswith(sent))
                added = b"data: [DONE]\n\n" if dialect == "openai-chat" else b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
                self.assertEqual(got[len(sent):], added)

    def test_last_event_without_its_blank_line(self):
        for dialect in ("openai-chat", "openai-responses", "anthropic"):
            with self.subTest(dialect=dialect):
                def cut_last_newline(events):
                    return [*events[:-1], events[-1].raw[:-1]]

                sent, got = self.sent_and_got(dialect, edit=cut_last_newline)
                self.assertEqual(got, sent)
                self.assertTrue(grammar.judge_bytes(dialect, got).done)

    def test_events_coalesced_and_one_byte_at_a_time(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect, how="coalesced"):
                sent, got = self.sent_and_got(dialect, edit=lambda events: [b"".join(event.raw for event in events)])
                self.assertEqual(got, sent)
            with self.subTest(dialect=dialect, how="bytes"):
                sent, got = self.sent_and_got(dialect, Reply(tokens=["漢", "😀."]), edit=lambda events: [
                    piece for event in events for piece in steps.one_by_one(event.raw)])
                self.assertEqual(got, sent)


class Signatures(Case):
    """F4 in one dialect: signed reasoning goes out and comes back unaltered, turn after turn, streamed or not."""

    dialects = ("anthropic", "gemini")
    THOUGHTS = ["hm, 漢字 \u2028 <b>", "", "\\ \"quoted\" \n"]

    def test_f4_three_turns(self):
        for stream in (False, True):
            for dialect in self.dialects:
                with self.subTest(dialect=dialect, stream=stream):
                    model, turns = self.model(dialect), []
                    for thought in self.THOUGHTS:
                        role = "content" if dialect == "anthropic" else "parts"
                        turns.append({"role": "user", role: "go on" if dialect == "anthropic" else [{"text": "go on"}]})
                        self.one.next(answers.auto(Reply(reasoning=thought or "x")))
                        name = "messages" if dialect == "anthropic" else "contents"
                        response = self.ask(dialect, stream, model=model, **{name: turns})
                        self.assertEqual(response.status, 200, response.body[:300])
                        turns.append(self.said(dialect, stream, response))

    def said(self, dialect, stream, response):
        """The answer as the next turn's history, built as an SDK would."""
        if dialect == "gemini":
            chunks = [json.loads(event.data) for event in response.stream.events] if stream else [response.json()]
            return {"role": "model", "parts": [part for chunk in chunks for candidate in chunk.get("candidates", [])
                                               for part in candidate["content"]["parts"]]}
        if not stream:
            return {"role": "assistant", "content": response.json()["content"]}
        blocks = []
        for event in response.stream.events:
            value = json.loads(event.data)
            if value["type"] == "content_block_start":
                blocks.append(value["content_block"])
            elif value["type"] == "content_block_delta":
                for key in ("text", "thinking", "signature"):
                    if key in value["delta"]:
                        blocks[-1][key] = blocks[-1].get(key, "") + value["delta"][key]
        return {"role": "assistant", "content": blocks}
