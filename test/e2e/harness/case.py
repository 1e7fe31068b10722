# SPDX-License-Identifier: Apache-2.0
"""The base of the test classes: sims and gateways that are made once per class and given back, and the usual request."""

import itertools
import json
import time
import unittest

from . import grammar
from .client import Client, fetch, is_stream
from .gateway import Weir
from .speech import SPEECHES

KEYS = {"one": "sk-one-CANARY-provider-key-1", "two": "sk-two-CANARY-provider-key-2"}


class Case(unittest.TestCase):
    """Subclasses name `dialects` and get, per dialect, two providers called one-DIALECT and two-DIALECT (priorities 1 and 2) on the
    class's two simulated providers. Every test takes models of its own, so that breakers of one do not meet another's."""

    dialects = ()
    providers_extra = {}
    config_extra = {}
    workers = 1
    models_max = 400
    keep_alive = True              # of the simulated providers
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls._models = itertools.count()
        cls._class_cleanup = []
        if cls.dialects:
            cls.start()

    @classmethod
    def start(cls):
        from sim import Sim
        cls.one = cls.keep(Sim(*cls.dialects, key=KEYS["one"], name="one", keep_alive=cls.keep_alive))
        cls.two = cls.keep(Sim(*cls.dialects, key=KEYS["two"], name="two", keep_alive=cls.keep_alive))
        cls.weir = cls.keep(Weir(cls.config(), workers=cls.workers))

    @classmethod
    def config(cls):
        return {"providers": cls.two_providers(cls.one, cls.two), **cls.config_extra}

    @classmethod
    def two_providers(cls, one, two, **extra):
        providers = {}
        for dialect in cls.dialects:
            for priority, (name, sim) in enumerate((("one", one), ("two", two)), 1):
                providers[f"{name}-{dialect}"] = {
                    "dialect": dialect, "base_url": sim.url + SPEECHES[dialect].base, "keys": [KEYS[name]], "priority": priority,
                    "models": {f"{dialect}-{n}": f"{name}-{n}" for n in range(cls.models_max)}, **cls.providers_extra, **extra}
        return providers

    @classmethod
    def keep(cls, thing):
        """Closed or stopped after the class's last test."""
        cls.addClassCleanup(thing.stop if hasattr(thing, "stop") else thing.close)
        return thing

    def with_(self, thing):
        """Closed or stopped after this test."""
        self.addCleanup(thing.stop if hasattr(thing, "stop") else thing.close)
        return thing

    def setUp(self):
        for name in ("one", "two"):
            sim = getattr(type(self), name, None)
            if sim is not None:
                sim.clear()
                self.addCleanup(self.check_sim, sim)

    strict = True

    def check_sim(self, sim):
        """What weir sent must be what a real provider takes, and all that was scripted must have been played."""
        if self.strict:
            self.assertEqual([r.problem for r in sim.journal if r.problem], [], f"{sim.name} refused a request")
        errors = [r.script_error for r in sim.journal if r.script_error]
        self.assertEqual(errors, [], f"a script of {sim.name} failed")
        left = len(sim.script)
        sim.script.clear()
        self.assertEqual(left, 0, f"{sim.name} was not asked for {left} of its scripted answers")

    def model(self, dialect):
        """A public id that no other test uses."""
        return f"{dialect}-{next(self._models)}"

    def ask(self, dialect, stream=False, model=None, body=None, headers=(), weir=None, path=None, **members):
        """The usual request; a stream's grammar is checked on the way."""
        speech = SPEECHES[dialect]
        model = model or self.model(dialect)
        body = speech.body(model, stream, **members) if body is None else body
        weir = weir or self.weir
        return fetch(weir.port, "POST", path or speech.path(model, stream), [*speech.headers, *headers], body, dialect=dialect)

    def begin(self, dialect, stream=True, model=None, headers=(), weir=None, **members):
        """Sends the usual request and leaves the connection to the test."""
        speech = SPEECHES[dialect]
        model = model or self.model(dialect)
        client = Client((weir or self.weir).port)
        self.addCleanup(client.socket.close)
        client.request("POST", speech.path(model, stream), [*speech.headers, *headers], speech.body(model, stream, **members))
        return client

    def finish(self, client, dialect):
        """Reads what is left of the answer, and judges it."""
        response = client.read_body() if client.response else client.read_response()
        if response.status == 200 and is_stream(response):
            response.stream = grammar.judge(dialect, response)
        return response

    def text_of(self, dialect, response):
        """What the answer says."""
        if hasattr(response, "stream"):
            return response.stream.text
        value = json.loads(response.body)
        if dialect == "openai-chat":
            choice = value["choices"][0]
            return choice["message"]["content"] if "message" in choice else choice["text"]
        if dialect == "openai-responses":
            return "".join(part["text"] for item in value["output"] for part in item.get("content", []))
        if dialect == "anthropic":
            return "".join(block.get("text", "") for block in value["content"])
        return "".join(part["text"] for part in value["candidates"][0]["content"]["parts"])

    def wait_until(self, condition, shown=lambda: "", timeout=20):
        """For what shows only by asking again, as a gauge does."""
        deadline = time.monotonic() + timeout
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"never came true: {shown()}")
            time.sleep(0.005)

    def assert_error(self, response, status, code=None, origin=None):
        self.assertEqual(response.status, status, response.body[:500])
        if code:
            self.assertEqual(response.code, code)
        if origin:
            self.assertEqual(response.header("x-weir-error-origin"), origin)
