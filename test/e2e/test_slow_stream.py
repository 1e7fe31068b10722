# SPDX-License-Identifier: Apache-2.0
"""The slow-stream guard: who begins slower than the route allows is given up before the client has seen anything of it."""

from harness import Case, SPEECHES
from sim import answers, steps
from sim.reply import Reply

DIALECTS = tuple(SPEECHES)
SLOW = Reply(tokens=["snail ", "so slow that nobody would wait for it"])
FAST = Reply(text="there at once")


def until(word, gate=None):
    """The stream up to the first event that has the word in it, and then nothing, or the rest behind the gate."""
    def edit(events):
        last = next(i for i, event in enumerate(events) if word in event.raw)
        return [*events[:last + 1], gate, *events[last + 1:]] if gate else [*events[:last + 1], steps.SILENCE]
    return edit


class SlowStream(Case):
    dialects = DIALECTS
    strict = False
    config_extra = {"defaults": {"slow_stream": {"below": 400, "within": "400ms"}}}

    def test_a_slow_beginning_is_given_up_for_the_next_target(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                # Content has come, and then so little that the guard's time ends first.
                self.one.next(answers.stream(SLOW, edit=until(b"snail")))
                self.two.next(answers.stream(FAST))
                response = self.ask(dialect, stream=True)
                self.assertEqual((response.status, response.stream.text), (200, FAST.text))
                record = self.weir.record_of(response)
                self.assertEqual([a["outcome"] for a in record["attempts"]], ["timeout_slow_stream", "ok"])
                self.assertTrue(record["fallback_used"])

    def test_an_answer_that_is_complete_is_never_too_slow(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                self.one.next(answers.stream(FAST))
                response = self.ask(dialect, stream=True)
                self.assertEqual((response.status, response.stream.text), (200, FAST.text))
                self.assertEqual(response.header("x-weir-attempts"), "1")

    def test_who_has_shown_its_speed_is_relayed_before_its_end(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                words = Reply(tokens=["word " * 200, "and the rest"])
                self.one.next(answers.stream(words, edit=lambda events, gate=gate: [*events[:-1], gate, events[-1]]))
                client = self.begin(dialect)
                client.read_head()
                client.read_until_text(b"word ")
                gate.open()
                response = self.finish(client, dialect)
                self.assertEqual(response.header("x-weir-attempts"), "1")

    def test_where_nobody_else_is_left_a_slow_answer_is_better_than_none(self):
        for dialect in DIALECTS:
            with self.subTest(dialect=dialect):
                gate = steps.Gate()
                self.one.next(answers.stream(SLOW, edit=until(b"snail")))
                self.two.next(answers.stream(SLOW, edit=until(b"snail", gate)))
                client = self.begin(dialect)
                client.read_head()
                client.read_until_text(b"snail")
                gate.open()
                response = self.finish(client, dialect)
                self.assertEqual(response.stream.text, "".join(SLOW.tokens))
                record = self.weir.record_of(response)
                self.assertEqual([a["outcome"] for a in record["attempts"]], ["timeout_slow_stream", "ok"])
