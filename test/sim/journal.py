# SPDX-License-Identifier: Apache-2.0
"""What came in: one entry per request, with exact bytes and times. Entries are filled in by the loop's thread and waited for by
the test's; every change is announced on one condition."""

import hashlib
import json
import threading
import time

BODY_KEPT_MAX = 16 << 20  # of larger bodies only length and hash are kept


class Request:
    """One request. Times are time.monotonic(); None = has not happened."""

    def __init__(self, number, connection):
        self.number = number
        self.connection = connection
        self.method = self.target = self.version = ""
        self.raw_head = b""
        self.headers = []          # (name as sent, value), in order
        self.body = b""            # decoded from chunks
        self.body_length = 0
        self.body_hash = ""
        self.arrived_at = time.monotonic()
        self.complete_at = None
        self.answered_at = None    # the script has sent all it wanted
        self.problem = None        # what strict validation found wrong
        self.script_error = None

    @property
    def path(self):
        return self.target.split("?", 1)[0]

    @property
    def query(self):
        return self.target.split("?", 1)[1] if "?" in self.target else ""

    def header(self, name):
        values = self.headers_named(name)
        return values[0] if values else None

    def headers_named(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def closed_at(self):
        """When the gateway closed this request's connection; None = it is open."""
        return self.connection.closed_at

    def take_body(self, body):
        self.body_length = len(body)
        self.body_hash = hashlib.sha256(body).hexdigest()
        self.body = body if len(body) <= BODY_KEPT_MAX else b""
        self.complete_at = time.monotonic()


class Journal:
    """A list of requests that can be waited on."""

    def __init__(self):
        self.condition = threading.Condition()
        self.requests = []
        self.connections = []      # all that were ever accepted

    def announce(self):
        with self.condition:
            self.condition.notify_all()

    def wait(self, predicate, what, timeout=20):
        """Waits for predicate() to be true and returns its value."""
        with self.condition:
            if not self.condition.wait_for(predicate, timeout):
                raise AssertionError(f"the simulated provider waited {timeout} s for {what}; "
                                     f"{len(self.requests)} requests came: {[r.target for r in self.requests][-5:]}")
            return predicate()
