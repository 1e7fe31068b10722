# SPDX-License-Identifier: Apache-2.0
"""Under load, with hedges, rescues, retries and lines at work, clients leave at every step: afterwards every slot, hold and place is
given back, and the gateway has all of its room again."""

import json
import threading
import unittest

from harness import Case, Client, SPEECHES, Weir, fetch, seeded
from sim import answers, steps
from sim.dialects import Reply

DIALECTS = tuple(SPEECHES)
CLIENTS, EACH, ROOM = 12, 10, 4
REPLY = Reply(tokens=[f"tok{n} " for n in range(12)])


def awkward(random):
    """What a provider does this time: answers in its own pace, fails, breaks off, or says nothing for a while."""
    def edit(events):
        cut = random.randrange(1, len(events))
        return random.choice((
            events,
            [step for event in events for step in (event, steps.Pause(0.004))],
            [*events[:cut], steps.CLOSE],
            [*events[:cut], steps.Pause(0.3), *events[cut:]],
        ))

    return random.choice((
        answers.stream(REPLY, edit), answers.stream(REPLY, edit), answers.stream(REPLY, edit),
        answers.fail(500), answers.fail(429, headers=[("Retry-After", "1")]), answers.reset(),
        answers.stream(REPLY, before=[steps.Pause(0.2)]),
    ))


class Leaving(Case):
    dialects = DIALECTS
    keep_alive = False
    strict = False
    workers = 2
    models_max = 60

    @classmethod
    def config(cls):
        providers = cls.two_providers(cls.one, cls.two)
        for name, provider in providers.items():
            provider["keys"] = [{"key": provider["keys"][0], "in_flight": ROOM}]
        return {"providers": providers,
                "defaults": {"when_down": "wait", "wait": {"up_to": "1s", "queue": 6}, "hedge": {"after": "60ms", "share": "50%"},
                             "timeout": {"idle": "2s"}},
                "routing": [{"match": {"tag": "replayed"}, "rescue": ["replay"]}, {"match": {"tag": "held"}, "rescue": "hold"}]}

    def visit(self, number, seen):
        random = seeded(f"client {number}")
        for _ in range(EACH):
            dialect = random.choice(DIALECTS)
            speech = SPEECHES[dialect]
            tag = random.choice(((), [("x-weir-tags", "replayed")], [("x-weir-tags", "held")]))
            model = f"{dialect}-{random.randrange(8)}"
            client = Client(self.weir.port)
            try:
                client.request("POST", speech.path(model, True), [*speech.headers, *tag, ("Connection", "close")], speech.body(model, True))
                patience = random.choice((0.0, 0.01, 0.05, 0.1, 0.3, 20))
                client.socket.settimeout(patience or 0.001)
                while client.socket.recv(random.choice((1, 100, 100000))):
                    pass
                seen.append("end")
            except OSError:
                seen.append("left")
            finally:
                (client.reset if random.random() < 0.5 else client.close)()

    def state(self):
        return json.loads(fetch(self.weir.admin_port, "GET", "/api/state").body)

    def left_over(self):
        metrics = self.weir.metrics()
        busy = {name: value for name, value in metrics.items() if value and name.startswith((
            "weir_requests_in_flight", "weir_requests_waiting", "weir_target_in_flight", 'weir_upstream_connections{state="active"',
            'weir_upstream_connections{state="connecting"'))}
        return busy or None

    def test_everything_is_given_back(self):
        random = seeded("providers")
        for sim in (self.one, self.two):
            sim.default = lambda sim, request: awkward(random)
        seen = []
        visitors = [threading.Thread(target=self.visit, args=(number, seen)) for number in range(CLIENTS)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(len(seen), CLIENTS * EACH)
        self.assertIn("left", seen)
        self.wait_until(lambda: not self.left_over(), self.left_over)
        self.assertEqual({step: count for step, count in self.state()["requests"]["steps"].items() if count}, {})
        self.check_room()

    def check_room(self):
        """So many at once as the keys allow are under way at the first provider: no place was lost."""
        for sim in (self.one, self.two):
            sim.default = None
            sim.clear()
        for dialect in DIALECTS:
            gates = [steps.Gate() for _ in range(ROOM)]
            model = f"{dialect}-{self.models_max - 1}"
            self.one.next(*[answers.stream(REPLY, before=[gate]) for gate in gates])
            clients = [self.begin(dialect, model=model) for _ in gates]
            for gate in gates:
                gate.wait_reached()
                gate.open()
            for client in clients:
                self.assertEqual(self.finish(client, dialect).status, 200)
            self.one.clear()
            self.two.clear()


if __name__ == "__main__":
    unittest.main()
