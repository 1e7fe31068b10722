# SPDX-License-Identifier: Apache-2.0
"""The sixteen scenarios of the public failover catalogue, in each client's dialect, whole and streamed, with each way to rescue a
stream. A cell of the matrix has a model of its own; cells run side by side. What the first target speaks, and the second, is
sampled by WEIR_TEST_SEED, and is everything with WEIR_TEST_FULL."""

import collections
import concurrent.futures
import itertools
import re
import unittest

from harness import Case, FULL, SLOW, SPEECHES, Weir, seeded
from sim import answers, dialects, steps
from sim.dialects import Reply, Usage

DIALECTS = tuple(SPEECHES)
RESCUES = ("off", "hold", "replay")
TOKENS = [*(f"tok{n} " for n in range(14)), "end."]
TEXT = "".join(TOKENS)
REPLY = Reply(tokens=TOKENS, usage=Usage(input=20, output=15))
FILTERED = Reply(tokens=TOKENS, usage=Usage(input=20, output=15), finish="content_filter")
SIDE_BY_SIDE = 8
LATE = 30  # seconds: later than any patience here

TOO_LONG = {"openai-chat": ("This model's maximum context length is 128000 tokens.", "context_length_exceeded"),
            "openai-responses": ("Your input exceeds the context window of this model.", "context_length_exceeded"),
            "anthropic": ("prompt is too long: 210000 tokens > 200000 maximum", None),
            "gemini": ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None)}
FINISHES = {"openai-chat": ("stop", "content_filter"), "openai-responses": ("response.completed", "response.incomplete"),
            "anthropic": ("end_turn", "refusal"), "gemini": ("STOP", "SAFETY")}
USAGE = {"openai-chat": ("prompt_tokens", "completion_tokens"), "openai-responses": ("input_tokens", "output_tokens"),
         "anthropic": ("input_tokens", "output_tokens"), "gemini": ("promptTokenCount", "candidatesTokenCount")}


def model_of(request):
    return re.match(r".*/models/(.+):\w+$", request.path).group(1) if "/models/" in request.path else request.json()["model"]


def ends_with_assistant(request):
    value = request.json()
    turns = value.get("messages") or value.get("contents") or value.get("input")
    return isinstance(turns, list) and turns[-1].get("role") in ("assistant", "model")


# ---- what a target does ----

def good(reply=REPLY, **options):
    return answers.auto(reply, **options)


def after_content(tail, count=5):
    """That much of the text, then something else. Whole: half of the body."""
    def begun(events):
        first = next(n for n, event in enumerate(events) if event.kind == "content")
        return [*events[:first + count], *tail]

    def make(sim, request):
        dialect = dialects.of_path(request.path)
        if dialect.wants_stream(request):
            return answers.stream(REPLY, begun).resolve(sim, request)
        data = dialect.whole(REPLY, request)
        half = data[:len(data) // 2]
        if steps.SILENCE not in tail and steps.CLOSE not in tail:
            return answers.body(half)
        return answers.Play([half, *tail], headers=[("Content-Type", "application/json")], framing="length", length=len(data))
    return answers.Deferred(make)


def slow():
    def begun(events):
        first = next(n for n, event in enumerate(events) if event.kind == "content")
        return [*events[:first], steps.Pause(LATE), *events[first:]]
    return answers.Deferred(lambda sim, request: (
        answers.stream(REPLY, begun) if dialects.of_path(request.path).wants_stream(request) else
        answers.whole(REPLY, before=[steps.Pause(LATE)])).resolve(sim, request))


def without_terminator():
    return answers.Deferred(lambda sim, request: (
        answers.stream(REPLY, lambda events: [event for event in events if event.kind != "terminator"])
        if dialects.of_path(request.path).wants_stream(request) else answers.whole(REPLY, framing="close")).resolve(sim, request))


def too_long():
    def make(sim, request):
        message, code = TOO_LONG[dialects.of_path(request.path).name]
        return answers.fail(400, message, code=code).resolve(sim, request)
    return answers.Deferred(make, unconditional=True)


def rejects_prefill():
    def make(sim, request):
        if ends_with_assistant(request):
            return answers.fail(400, "This model does not support assistant message prefill.").resolve(sim, request)
        return good().resolve(sim, request)
    return answers.Deferred(make)


# ---- the scenarios ----

class Scenario:
    """`first(n)`: what the first target does when it is asked for the n-th time. `tries`: how often it may be asked for one request.
    `provider`: how patient weir is with it."""

    breaks_after_content = False
    requests = 1
    finish = 0

    def __init__(self, first, second=good, tries=1, provider="one", heals=False, **members):
        self.first, self.second, self.tries, self.provider, self.heals = first, second, tries, provider, heals
        self.__dict__.update(members)


MALFORMED = b'data: {"id": "x", \n\n'
SCENARIOS = {
    "429 with retry-after": Scenario(lambda n: answers.fail(429, headers=[("Retry-After", "60")])),
    "429 without": Scenario(lambda n: answers.fail(429)),
    "500 once": Scenario(lambda n: good() if n else answers.fail(500), tries=2, heals=True),
    "503": Scenario(lambda n: answers.fail(503), tries=2),
    "reset before headers": Scenario(lambda n: answers.reset(), tries=2),
    "silence": Scenario(lambda n: answers.silence(), provider="quick"),
    "slow first token": Scenario(lambda n: slow(), provider="quick"),
    "cut after content": Scenario(lambda n: after_content([steps.CLOSE]), tries=2, breaks_after_content=True),
    "stalled after content": Scenario(lambda n: after_content([steps.SILENCE]), provider="quick", breaks_after_content=True),
    "malformed after content": Scenario(lambda n: after_content([MALFORMED]), tries=2, breaks_after_content=True),
    "without terminator": Scenario(lambda n: without_terminator(), heals=True, tries=2),
    "context length": Scenario(lambda n: too_long()),
    "content filter": Scenario(lambda n: good(FILTERED), heals=True, finish=1),
    "fallback rejects prefill": Scenario(lambda n: after_content([steps.CLOSE]), rejects_prefill, tries=2, breaks_after_content=True),
    "flapping": Scenario(lambda n: good() if n % 2 else answers.fail(500), provider="flapping", requests=4, heals=True),
}

Cell = collections.namedtuple("Cell", "number scenario client stream rescue first second")


def all_cells():
    cells, random = [], seeded("fault matrix")
    for scenario, client, stream, rescue in itertools.product(SCENARIOS, DIALECTS, (False, True), RESCUES):
        others = [dialect for dialect in DIALECTS if dialect != client]
        ways = [(first, second) for first in (client, random.choice(others)) for second in (client, random.choice(others))]
        for first, second in ways if FULL else [random.choice(ways)]:
            cells.append(Cell(len(cells), scenario, client, stream, rescue, first, second))
    return cells


class FaultMatrix(Case):
    dialects = DIALECTS
    keep_alive = False             # a reset on a kept connection is tried once more below this level (F24)
    cells = all_cells()
    models_max = len(cells)
    patience, twice = f"{300 * SLOW}ms", f"{600 * SLOW}ms"

    @classmethod
    def start(cls):
        cls.asked = collections.Counter()
        super().start()
        cls.one.default = cls.play_first
        cls.two.default = cls.play_second

    @classmethod
    def config(cls):
        quick = {"retries": 0, "timeout": {"first_token": cls.patience, "idle": cls.patience, "total": cls.twice}}
        providers = cls.two_providers(cls.one, cls.two)
        for dialect in DIALECTS:
            providers[f"quick-{dialect}"] = {**providers[f"one-{dialect}"], **quick}
            providers[f"flapping-{dialect}"] = {**providers[f"one-{dialect}"], "retries": 0}
        models = {f"cell-{cell.number}": {"try": [cls.target(cell, 1), cls.target(cell, 2)], "rescue": cell.rescue} for cell in cls.cells}
        return {"providers": providers, "models": models, "defaults": {"retry_budget": "100%"}}

    @classmethod
    def target(cls, cell, place):
        provider, speaks = (SCENARIOS[cell.scenario].provider, cell.first) if place == 1 else ("two", cell.second)
        return f"{provider}-{speaks}/{speaks}-{cell.number}"

    @classmethod
    def play_first(cls, sim, request):
        model = model_of(request)
        number = cls.asked[model]
        cls.asked[model] += 1
        return SCENARIOS[cls.cells[int(model.split("-")[-1])].scenario].first(number)

    @classmethod
    def play_second(cls, sim, request):
        model = model_of(request)
        cls.asked[model] += 1
        return SCENARIOS[cls.cells[int(model.split("-")[-1])].scenario].second()

    # ---- one cell ----

    def breaks(self, cell):
        scenario = SCENARIOS[cell.scenario]
        if cell.scenario == "without terminator" and cell.first == "openai-responses":
            return cell.stream     # there the terminator has the end of the answer in it
        return cell.stream and scenario.breaks_after_content

    def run_cell(self, cell):
        scenario = SCENARIOS[cell.scenario]
        one, two = f"one-{cell.number}", f"two-{cell.number}"
        for number in range(scenario.requests):
            before = self.asked[one], self.asked[two]
            more = {"stream_options": {"include_usage": True}} if cell.stream and cell.client == "openai-chat" else {}
            response = self.ask(cell.client, cell.stream, f"cell-{cell.number}", **more)
            record = self.weir.record_of(response)
            asked = self.asked[one] - before[0], self.asked[two] - before[1]
            self.assertLessEqual(asked[0], scenario.tries, "hammered")
            self.assertLessEqual(asked[1], 1, "hammered")
            self.assertEqual(sum(asked), record["attempt_count"])
            if self.breaks(cell) and cell.rescue == "off":
                self.check_broken(cell, response, record)
            else:
                self.check_whole(cell, response, record, number)

    def check_broken(self, cell, response, record):
        """The default: what came, and then the dialect's error."""
        stream = response.stream
        self.assertIsNotNone(stream.error)
        self.assertFalse(stream.done)
        self.assertTrue(TEXT.startswith(stream.text) and stream.text, stream.text)
        self.assertTrue(record["truncated"])
        self.assertEqual(self.asked[f"two-{cell.number}"], 0)
        self.assertEqual(record["model"], f"{cell.first}-{cell.number}")
        self.assertNotIn("rescue", record)

    def check_whole(self, cell, response, record, number):
        scenario = SCENARIOS[cell.scenario]
        self.assertEqual(response.status, 200, response.body[:300])
        healed = scenario.heals and not self.breaks(cell) and not (cell.scenario == "flapping" and number % 2 == 0)
        speaker = self.target(cell, 1 if healed else 2).split("/")
        self.assertEqual((record["outcome"], record["provider_chosen"], record["model"]), ("ok", *speaker))
        self.assertEqual(record["fallback_used"], not healed)
        self.assertFalse(record["truncated"])
        self.assertEqual((record["input_tokens"], record["output_tokens"], record["usage_estimated"]), (20, 15, False))
        self.assertEqual([attempt["outcome"] for attempt in record["attempts"]][-1], "ok")
        rescued = self.breaks(cell) and cell.rescue == "replay"
        self.assertEqual(record.get("rescue"), "replay" if rescued else None)
        # The head of a stream that is rescued was sent when it began.
        self.assertEqual(response.header("x-weir-model"), f"{cell.first}-{cell.number}" if rescued else record["model"])
        (self.check_stream if cell.stream else self.check_body)(cell, response, FINISHES[cell.client][scenario.finish])

    def check_stream(self, cell, response, finish):
        stream = response.stream
        self.assertIsNone(stream.error)
        self.assertEqual(stream.text, TEXT)
        self.assertEqual(stream.finish, finish)
        self.assertTrue(stream.done or cell.client == "gemini")
        self.assertLessEqual(len(stream.ids), 1)
        self.assertEqual(tuple(stream.usage[name] for name in USAGE[cell.client]), (20, 15))

    def check_body(self, cell, response, finish):
        value = response.json()
        self.assertEqual(self.text_of(cell.client, response), TEXT)
        ends = {"openai-chat": lambda: value["choices"][0]["finish_reason"], "openai-responses": lambda: f"response.{value['status']}",
                "anthropic": lambda: value["stop_reason"], "gemini": lambda: value["candidates"][0]["finishReason"]}
        self.assertEqual(ends[cell.client](), finish)
        usage = value["usageMetadata" if cell.client == "gemini" else "usage"]
        self.assertEqual(tuple(usage[name] for name in USAGE[cell.client]), (20, 15))

    # ---- all of them ----

    def run_scenario(self, name):
        cells = [cell for cell in self.cells if cell.scenario == name]
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            results = [(cell, pool.submit(self.run_cell, cell)) for cell in cells]
        for cell, result in results:
            with self.subTest(**cell._asdict()):
                result.result()


for _name in SCENARIOS:
    setattr(FaultMatrix, "test_" + re.sub(r"\W", "_", _name), lambda self, name=_name: self.run_scenario(name))


class Accounting(Case):
    """The sixteenth: what was begun and broke is paid for, too. Models whose prices are known."""

    dialects = ()
    MODELS = ("claude-opus-4.7", "claude-sonnet-4.6", "claude-haiku-4.5", "claude-opus-4.5", "claude-sonnet-4.5", "claude-opus-4.6")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sim import Sim
        cls.one = cls.keep(Sim("anthropic", key="sk-one", keep_alive=False))
        cls.two = cls.keep(Sim("openai-chat", "openai-responses", key="sk-two", keep_alive=False))
        cls.two.default = lambda sim, request: good()
        providers = {"anthropic": {"base_url": cls.one.url, "keys": ["sk-one"], "retries": 0, "dialect": "anthropic"},
                     "openai": {"base_url": cls.two.url + "/v1", "keys": ["sk-two"], "retries": 0}}
        models = {f"{rescue}-{number}": {"try": [f"anthropic/{model}", "openai/gpt-5.5"], "rescue": rescue}
                  for rescue in RESCUES for number, model in enumerate(cls.MODELS)}
        cls.weir = cls.keep(Weir({"providers": providers, "models": models}))

    def test_both_are_booked(self):
        numbers = itertools.count()
        for client, rescue, stream in itertools.product(DIALECTS, RESCUES, (False, True)):
            with self.subTest(client=client, rescue=rescue, stream=stream):
                model = f"{rescue}-{next(numbers) % len(self.MODELS)}"
                self.one.next(good(), good(), after_content([steps.CLOSE]))
                for _ in range(2):     # or its breaker would open for the faults of several rounds
                    self.ask(client, stream, model)
                response = self.ask(client, stream, model)
                record = self.weir.record_of(response)
                costs = [attempt["cost_usd"] for attempt in record["attempts"]]
                self.assertFalse(record["unpriced"])
                self.assertAlmostEqual(record["cost_usd"], sum(costs), 9)
                if stream:
                    self.assertGreater(costs[0], 0)
                if stream and rescue == "off":
                    self.assertEqual((len(costs), record["model"]), (1, record["attempts"][0]["model"]))
                    continue
                self.assertEqual((len(costs), record["model"], record["provider_chosen"]), (2, "gpt-5.5", "openai"))
                self.assertGreater(costs[1], 0)
                self.assertEqual((record["input_tokens"], record["output_tokens"]), (20, 15))
                self.assertEqual(self.text_of(client, response), TEXT)


if __name__ == "__main__":
    unittest.main()
