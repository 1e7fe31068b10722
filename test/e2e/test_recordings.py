# SPDX-License-Identifier: Apache-2.0
"""Recorded traffic of real providers, where it is at hand (../shared/recordings beside the project, or the folder that
WEIR_RECORDINGS names): relayed byte for byte, cut at random places, through one weir that stays."""

import base64
import csv
import json
import os
import pathlib
import re
import unittest

from harness import Case, FULL, ROOT, SPEECHES, Weir, fetch, seeded
from sim import Sim, answers, steps

SAMPLE = 150
WIRES = {
    "openai.chat": ("openai-chat", "/v1/chat/completions"), "openai.completions": ("openai-chat", "/v1/completions"),
    "openai.embeddings": ("openai-chat", "/v1/embeddings"), "openai.responses": ("openai-responses", "/v1/responses"),
    "openai.input_tokens": ("openai-responses", "/v1/responses/input_tokens"), "anthropic.messages": ("anthropic", "/v1/messages"),
    "anthropic.count_tokens": ("anthropic", "/v1/messages/count_tokens"), "gemini.generate": ("gemini", "generateContent"),
    "gemini.stream": ("gemini", "streamGenerateContent"), "gemini.embed": ("gemini", "embedContent"),
    "gemini.count_tokens": ("gemini", "countTokens"),
}
# Answers in which the provider failed although the status is 200.
FAILED = {"groq.chat__groq__052f573579", "openrouter__openrouter__0d09cabc8a", "anthropic.messages__anthropic__e55ceed82b",
          "openai.responses__openai__3fbd4f3030", "openai.responses__openai__a36be3394a"}
# No answers of the endpoint that they are filed under.
STRAY = {"anthropic.messages__anthropic__71905a1fe0", "openai.chat__openai__8d1224aa61", "openai.completions__openai__5c19515cde"}
TERMINATORS = {"openai-chat": (b"", b"data: [DONE]\n\n"), "anthropic": (b"", b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
               "openai-responses": (b"",), "gemini": (b"",)}


def find_folder():
    named = os.environ.get("WEIR_RECORDINGS")
    for folder in [pathlib.Path(named)] if named else [ROOT / "../shared/recordings"]:
        if (folder / "INDEX.tsv").exists():
            return folder
    return None


FOLDER = find_folder()


class Recording:
    def __init__(self, row, number):
        value = json.loads((FOLDER / "open" / f"{row['id']}.json").read_text())
        self.id, self.model = row["id"], f"recorded-{number}"
        self.dialect, self.path = WIRES[row["wire"]]
        self.status, self.framing = int(row["status"]), row["framing"]
        self.body = base64.b64decode(value["response"]["body_base64"])
        self.type = value["response"]["headers"].get("content-type")
        self.is_stream = self.framing == "sse" or row["wire"] == "gemini.stream"
        self.read_request(value["request"])

    def read_request(self, request):
        value = request["body"]
        self.request = dict(value) if isinstance(value, dict) and "base64" not in value else None
        if self.request is None:
            return
        if self.dialect == "gemini":
            self.request.pop("model", None)
            self.request.pop("generateContentRequest", None)
            query = "?alt=sse" if self.framing == "sse" else ""
            self.path = f"/v1beta/models/{self.model}:{self.path}{query}"
            return
        self.request["model"] = self.model
        if self.dialect == "openai-responses":
            # Ids that lead back to where something is stored are weir's own (PRODUCT §2.1); test_stored_responses has them.
            self.request["store"] = False
            for member in ("previous_response_id", "conversation"):
                self.request.pop(member, None)
        if self.is_stream or "stream" in self.request:
            self.request["stream"] = self.is_stream


def load():
    with open(FOLDER / "INDEX.tsv", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["fidelity"] == "wire" and row["wire"] in WIRES
                and not row["partial"] and row["id"] not in STRAY]
    if not FULL:
        rows = seeded("recordings").sample(rows, SAMPLE)
    recordings = [Recording(row, number) for number, row in enumerate(rows)]
    return [recording for recording in recordings if recording.request is not None and recording.body]


@unittest.skipUnless(FOLDER, "no recordings beside the project")
class Recordings(Case):
    strict = False   # recorded requests are judged by who answered them

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recordings = load()
        cls.one = cls.keep(Sim(name="recorded"))
        providers = {dialect: {"dialect": dialect, "base_url": cls.one.url + speech.base, "auth": "none", "retries": 0,
                               "usage_in_stream": "never",
                               "models": [r.model for r in cls.recordings if r.dialect == dialect] or ["none"]}
                     for dialect, speech in SPEECHES.items()}
        cls.weir = cls.keep(Weir({"providers": providers}))

    def play(self, recording, random):
        """The recorded answer in up to nine pieces, each of which (nearly always) arrives by itself."""
        data = recording.body
        cuts = random.sample(range(len(data)), min(random.randrange(9), len(data)))
        framing = random.choice(["chunked", "close"] if recording.is_stream else ["chunked", "close", "length"])
        headers = [("Content-Type", recording.type)] if recording.type else []
        self.one.clear()
        self.one.next(answers.Play(steps.paced(steps.split(data, *cuts)), recording.status, headers, framing))
        body = json.dumps(recording.request, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            body.decode()
        except UnicodeDecodeError:
            body = json.dumps(recording.request).encode()
        response = fetch(self.weir.port, "POST", recording.path, SPEECHES[recording.dialect].headers, body)
        self.assertEqual(len(self.one.journal), 1, response.body[:500])
        self.assertEqual(self.one.journal[0].body, body, "the request did not pass verbatim")
        return response

    def check(self, recording, response):
        if recording.status >= 400:
            self.assertGreaterEqual(response.status, 400)
            if recording.status in (400, 413, 422):
                self.assertIn(response.status, (recording.status, 429, 502, 404))
            self.assertIn("error", response.json())
        elif recording.id in FAILED:
            self.assertTrue(response.status >= 400 or b"error" in response.body)
        else:
            self.assertEqual(response.status, 200, response.body[:500])
            self.assertTrue(response.complete)
            body = self.own_id_again(recording, response.body)
            self.assertEqual(body[:len(recording.body)], recording.body)
            self.assertIn(body[len(recording.body):].replace(b"\r\n", b"\n").lstrip(b"\n"), TERMINATORS[recording.dialect])

    def own_id_again(self, recording, body):
        """Stored responses get an id that knows where they lie: the provider's own is put back, all else must be as it was."""
        if recording.dialect != "openai-responses":
            return body
        first = re.search(rb'"id": ?"([^"]*)"', recording.body)
        return re.sub(rb"resp_w[\w-]{20,}", first.group(1), body) if first else body

    def test_relayed_byte_for_byte(self):
        random = seeded("recordings-splits")
        self.assertTrue(self.recordings)
        for recording in self.recordings:
            with self.subTest(recording=recording.id):
                self.check(recording, self.play(recording, random))


if __name__ == "__main__":
    unittest.main()
