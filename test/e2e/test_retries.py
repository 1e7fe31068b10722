# SPDX-License-Identifier: Apache-2.0
"""F20: one attempt budget and one deadline per request, whoever fails; F21: breakers that open for faults only, and recover."""

import threading
import time

from harness import Case, SLOW, SPEECHES, Weir
from harness.case import KEYS
from sim import Sim, answers, steps

DIALECTS = tuple(SPEECHES)


class Budget(Case):
    dialects = DIALECTS
    keep_alive = False
    strict = False

    def attempts(self, *scripts, stream=False, dialect="openai-chat", **members):
        self.one.clear()
        self.two.clear()
        self.one.next(*scripts)
        response = self.ask(dialect, stream, **members)
        left = len(self.one.script)
        self.one.script.clear()
        self.assertEqual(left, 0)
        return response, len(self.one.journal), len(self.two.journal)

    def test_f20_worst_case_stays_within_the_budget(self):
        for dialect in DIALECTS:
            for stream in (False, True):
                with self.subTest(dialect=dialect, stream=stream):
                    self.one.clear()
                    self.two.clear()
                    for sim in (self.one, self.two):
                        sim.next(answers.fail(500), answers.fail(500))
                    response = self.ask(dialect, stream)
                    self.assert_error(response, 502, "weir_upstream_error")
                    self.assertEqual((len(self.one.journal), len(self.two.journal)), (2, 2))  # retries: 1, attempts: 4
                    self.assertEqual(response.header("x-should-retry"), "false")
                    self.assertEqual(response.header("x-weir-attempts"), "4")

    def test_f20_client_caused_4xx_end_it(self):
        for dialect in DIALECTS:
            for status in (400, 413, 422):
                with self.subTest(dialect=dialect, status=status):
                    response, one, two = self.attempts(answers.fail(status, "your fault"), dialect=dialect)
                    # Anthropic's 413 says request_too_large: another target may take what this one does not.
                    moves_on = dialect == "anthropic" and status == 413
                    self.assertEqual((response.status, one, two), (200, 1, 1) if moves_on else (status, 1, 0))

    def test_f20_our_credential_and_missing_models_are_never_tried_again_there(self):
        for dialect in DIALECTS:
            for status, words in ((401, None), (403, None), (404, "The model `x` does not exist")):
                with self.subTest(dialect=dialect, status=status):
                    response, one, two = self.attempts(answers.fail(status, words), dialect=dialect)
                    self.assertEqual((response.status, one, two), (200, 1, 1))

    def test_f20_transient_faults_once_more_at_the_same_target(self):
        for name, script in (("500", answers.fail(500)), ("reset", answers.reset()), ("close", answers.close()),
                             ("html", answers.body(b"<html>", 502, "text/html"))):
            with self.subTest(fault=name):
                response, one, two = self.attempts(script)
                self.assertEqual((response.status, one, two), (200, 2, 0))

    def test_f20_back_off_is_jittered(self):
        waits = set()
        for _ in range(4):
            response, _, _ = self.attempts(answers.fail(500))
            first, second = self.weir.record_of(response)["attempts"]
            wait = second["start_ms"] - first["start_ms"] - first["total_ms"]
            self.assertGreaterEqual(wait, 49)
            self.assertLessEqual(wait, 101 * SLOW)
            waits.add(round(wait, 1))
        self.assertGreater(len(waits), 1)

    def test_f20_short_retry_after_is_waited_for_once(self):
        started = time.monotonic()
        response, one, two = self.attempts(answers.fail(429, headers=[("Retry-After", "1")]))
        self.assertEqual((response.status, one, two), (200, 2, 0))
        self.assertGreaterEqual(time.monotonic() - started, 1.0)
        response, one, two = self.attempts(*[answers.fail(429, headers=[("retry-after-ms", "50")])] * 2)
        self.assertEqual((response.status, one, two), (200, 2, 1))

    def test_f20_long_retry_after_is_not_waited_for(self):
        started = time.monotonic()
        response, one, two = self.attempts(answers.fail(429, headers=[("Retry-After", "30")]))
        self.assertEqual((response.status, one, two), (200, 1, 1))
        self.assertLess(time.monotonic() - started, 5)

    def test_f20_smallest_retry_after_is_told(self):
        self.one.next(answers.fail(429, headers=[("Retry-After", "90")]))
        self.two.next(answers.fail(429, headers=[("Retry-After", "45")]))
        response = self.ask("openai-chat")
        self.assert_error(response, 429, "weir_upstream_rate_limited")
        self.assertEqual(response.header("retry-after"), "45")

    def test_x_weir_timeout_is_one_deadline(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.one.clear()
                self.one.next(answers.silence())
                started = time.monotonic()
                response = self.ask("openai-chat", stream, headers=[("x-weir-timeout", "300ms")])
                self.assert_error(response, 504, "weir_timeout_request")
                self.assertLess(time.monotonic() - started, 0.3 + 0.5 * SLOW)
                self.assertEqual(len(self.two.journal), 0)
                self.one.wait_closed(self.one.journal[0])

    def test_different_failures_the_most_telling_one_is_heard(self):
        """Its own 4xx, else 429, 504, 503, 502."""
        cases = [(500, 429, 429), (429, 500, 429), (500, 404, 502), (404, 404, 404), (401, 500, 502), (429, 400, 400)]
        for first, second, heard in cases:
            with self.subTest(first=first, second=second):
                self.one.clear()
                self.two.clear()
                words = {404: "The model `x` does not exist"}
                self.one.next(*[answers.fail(first, words.get(first))] * (2 if first == 500 else 1))
                self.two.next(*[answers.fail(second, words.get(second))] * (2 if second == 500 else 1))
                self.assertEqual(self.ask("openai-chat").status, heard)


class Timers(Case):
    """Each timer names itself, and a timeout goes on to the next target, never to the same."""

    dialects = DIALECTS
    keep_alive = False
    providers_extra = {"timeout": {"first_token": "150ms", "idle": "150ms", "total": "400ms"}}

    def test_f20_timeouts_move_on(self):
        for dialect in DIALECTS:
            for stream, what in ((True, "first_token"), (False, "total")):
                with self.subTest(dialect=dialect, timer=what):
                    self.one.clear()
                    self.two.clear()
                    self.one.next(answers.silence())
                    response = self.ask(dialect, stream)
                    self.assertEqual((response.status, len(self.one.journal), len(self.two.journal)), (200, 1, 1))
                    self.assertEqual(self.weir.record_of(response)["attempts"][0]["outcome"], f"timeout_{what}")

    def test_timers_name_themselves(self):
        for dialect in DIALECTS:
            for stream, code in ((True, "weir_timeout_first_token"), (False, "weir_timeout_total")):
                with self.subTest(dialect=dialect, code=code):
                    self.one.clear()
                    self.two.clear()
                    self.one.next(answers.silence())
                    self.two.next(answers.silence())
                    self.assert_error(self.ask(dialect, stream), 504, code, "gateway")


class Breaker(Case):
    """F21. The first opening lasts five seconds."""

    dialects = ("openai-chat", "anthropic")
    keep_alive = False
    strict = False
    providers_extra = {"retries": 0}

    def state(self, model):
        for name, value in self.weir.metrics().items():
            if name.startswith("weir_breaker_state") and f'"{model}"' in name and value:
                return name.split('state="')[1].split('"')[0]
        return None

    def open_breaker(self, model, dialect="openai-chat"):
        for _ in range(5):
            self.one.next(answers.fail(500))
            self.assertEqual(self.ask(dialect, model=model).status, 200)
        self.assertEqual(len(self.one.journal), 5)

    def test_f21_opens_spares_the_target_and_recovers(self):
        model = self.model("openai-chat")
        self.open_breaker(model)
        opened = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.ask("openai-chat", model=model).header("x-weir-provider"), "two-openai-chat")
        self.assertEqual(len(self.one.journal), 5)
        other = self.ask("openai-chat")
        self.assertEqual(other.header("x-weir-provider"), "one-openai-chat")  # per model
        self.wait_until(lambda: self.ask("openai-chat", model=model).header("x-weir-provider") == "one-openai-chat")
        self.assertGreater(time.monotonic() - opened, 4.5)
        self.assertLess(time.monotonic() - opened, 8)
        # One probe was enough: from here on all go there again.
        self.assertEqual(self.ask("openai-chat", model=model).header("x-weir-provider"), "one-openai-chat")

    def test_f20_dead_primary_is_not_hammered(self):
        model = self.model("anthropic")
        self.one.default = lambda sim, request: answers.fail(503).resolve(sim, request)
        self.addCleanup(setattr, self.one, "default", answers.default)
        for number in range(60):
            self.assertEqual(self.ask("anthropic", number % 2 == 0, model=model).status, 200)
        self.assertLessEqual(len(self.one.journal), 6)
        self.assertEqual(len(self.two.journal), 60)

    def test_f21_client_errors_never_count(self):
        model = self.model("openai-chat")
        for status in (400, 413, 422, 400, 400, 404, 400, 422):
            self.one.next(answers.fail(status, "The model `x` does not exist" if status == 404 else "your fault"))
            self.ask("openai-chat", model=model)
        self.assertEqual(self.ask("openai-chat", model=model).header("x-weir-provider"), "one-openai-chat")

    def test_f21_clients_that_leave_do_not_count(self):
        model = self.model("openai-chat")
        for _ in range(6):
            gate = steps.Gate()
            self.one.next(answers.stream(before=[gate]))
            client = self.begin("openai-chat", model=model)
            gate.wait_reached()
            client.reset()
            self.one.wait_closed(self.one.journal[-1])
        self.assertEqual(self.ask("openai-chat", model=model).header("x-weir-provider"), "one-openai-chat")

    def test_f21_retry_after_opens_at_once_and_the_longest_wins(self):
        model = self.model("openai-chat")
        gate = steps.Gate()
        longer = answers.fail(429, headers=[("Retry-After", "8")])
        waiting = threading.Thread(target=lambda: self.ask("openai-chat", model=model))
        script = answers.body({"error": {"message": "later", "code": "rate_limit_exceeded"}}, 429, headers=[("Retry-After", "6")])
        script.before = [gate]
        self.one.next(script, longer)
        waiting.start()
        gate.wait_reached()
        self.assertEqual(self.ask("openai-chat", model=model).header("x-weir-provider"), "two-openai-chat")
        told = time.monotonic()
        gate.open()
        waiting.join()
        self.wait_until(lambda: self.ask("openai-chat", model=model).header("x-weir-provider") == "one-openai-chat")
        self.assertGreater(time.monotonic() - told, 7.5)  # the shorter deadline, told later, did not shorten it

    def test_f21_state_is_visible(self):
        model = self.model("openai-chat")
        self.open_breaker(model)
        self.assertTrue(any("weir_breaker_state" in name and 'state="open"' in name for name in self.weir.metrics()))

    def test_f21_all_open_the_least_bad_is_tried(self):
        """Never an instant 503 by default; but one at a time, and not when the provider itself asked to be left alone."""
        sim = self.with_(Sim("openai-chat", key=KEYS["one"], keep_alive=False))
        weir = self.with_(Weir({"providers": {"box": {"dialect": "openai-chat", "base_url": sim.url + "/v1", "keys": [KEYS["one"]],
                                                      "models": ["m", "n"], "retries": 0}}}))
        sim.next(*[answers.fail(500)] * 5)
        for _ in range(5):
            self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 502)
        gate = steps.Gate()
        sim.next(answers.whole(before=[gate]))
        probe = self.begin("openai-chat", False, model="m", weir=weir)
        gate.wait_reached()
        meanwhile = self.ask("openai-chat", model="m", weir=weir)
        self.assert_error(meanwhile, 503, "weir_unavailable", "gateway")
        self.assertIn(int(meanwhile.header("retry-after")), range(1, 6))
        gate.open()
        self.assertEqual(self.finish(probe, "openai-chat").status, 200)
        self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 200)
        sim.next(answers.fail(429, headers=[("Retry-After", "30")]))
        self.assertEqual(self.ask("openai-chat", model="n", weir=weir).status, 429)
        asked = len(sim.journal)
        resting = self.ask("openai-chat", model="n", weir=weir)
        self.assertEqual(len(sim.journal), asked)
        self.assert_error(resting, 429, "weir_upstream_rate_limited", "gateway")
        self.assertIn(int(resting.header("retry-after")), range(25, 31))

    def test_f20_all_rest_for_their_limits(self):
        """429 with the smallest true retry-after; 503 as soon as one of them rests for more than a limit."""
        sims = [self.with_(Sim("openai-chat", key="k", keep_alive=False)) for _ in range(2)]
        weir = self.with_(Weir({"providers": {f"box-{n}": {"dialect": "openai-chat", "base_url": sim.url + "/v1", "keys": ["k"],
                                                           "models": ["m", "n"], "retries": 0} for n, sim in enumerate(sims)}}))
        for model, second, status in (("m", answers.fail(429, headers=[("Retry-After", "40")]), 429),
                                      ("n", answers.fail(500, headers=[("Retry-After", "40")]), 503)):
            with self.subTest(status=status):
                sims[0].next(answers.fail(429, headers=[("Retry-After", "90")]))
                sims[1].next(second)
                self.assertEqual(self.ask("openai-chat", model=model, weir=weir).status, 429)
                asked = [len(sim.journal) for sim in sims]
                resting = self.ask("openai-chat", model=model, weir=weir)
                self.assertEqual([len(sim.journal) for sim in sims], asked)
                self.assertEqual(resting.status, status)
                self.assertIn(int(resting.header("retry-after")), range(33, 41))


class Keys(Case):
    """Several credentials at one provider: the next one is used when one is limited or refused."""

    def setUp(self):
        super().setUp()
        self.sim = self.with_(Sim("openai-chat", keep_alive=False))

    def start(self, **extra):
        return self.with_(Weir({"providers": {"box": {"dialect": "openai-chat", "base_url": self.sim.url + "/v1",
                                                      "keys": ["sk-a", "sk-b", "sk-c"], "models": ["m"], "retries": 0, **extra}}}))

    def used(self):
        return [request.header("authorization") for request in self.sim.journal]

    def test_next_key_when_limited_or_refused(self):
        weir = self.start()
        self.sim.next(answers.fail(429, headers=[("Retry-After", "30")]), answers.fail(401))
        self.assertEqual(self.ask("openai-chat", model="m", weir=weir).status, 200)
        self.assertEqual(len(set(self.used())), 3)

    def test_a_conversation_keeps_its_key(self):
        weir = self.start()
        for _ in range(5):
            self.ask("openai-chat", model="m", weir=weir, text="the same beginning")
        self.assertEqual(len(set(self.used())), 1)
        for number in range(30):
            self.ask("openai-chat", model="m", weir=weir, headers=[("x-weir-session", f"session-{number}")])
        self.assertEqual(len(set(self.used())), 3)

    def test_spread_rotates(self):
        weir = self.start(spread=True)
        for _ in range(6):
            self.ask("openai-chat", model="m", weir=weir, text="the same beginning")
        self.assertEqual({key: self.used().count(key) for key in self.used()},
                         {"Bearer sk-a": 2, "Bearer sk-b": 2, "Bearer sk-c": 2})
