# SPDX-License-Identifier: Apache-2.0
"""A weir of the test's own: its configuration, its process, its log."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading

from .client import fetch

BINARY = os.environ.get("WEIR_BINARY") or str(pathlib.Path(__file__).resolve().parents[3] / "build/weir")
INHERITED = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH", "TMPDIR")
SANITIZER = re.compile(r"Sanitizer|runtime error:")
START_TIMEOUT = 30


def clean_environment(extra=None):
    """Nothing of the machine's own keys and proxies gets in."""
    return {**{name: os.environ[name] for name in INHERITED if name in os.environ}, **(extra or {})}


def run_weir(*arguments, env=None, stdin=None, timeout=60, cwd=None):
    """A command that ends by itself."""
    return subprocess.run([BINARY, *map(str, arguments)], env=clean_environment(env), stdin=subprocess.DEVNULL, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd or tempfile.gettempdir())


class Weir:
    """`weir serve` with a configuration; a dict is written as JSON, which is YAML. `launcher`: a command that executes the rest of
    its line."""

    def __init__(self, config, env=None, workers=1, launcher=(), pass_fds=()):
        self._folder = tempfile.TemporaryDirectory(prefix="weir-e2e-")
        self.folder = pathlib.Path(self._folder.name)
        self.file = self.folder / "weir.yaml"
        self.base = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "workers": workers}
        arguments = []
        if config is not None:
            self.write(config)
            arguments = ["-c", str(self.file)]
        self.lines, self.errors = [], []
        self._changed = threading.Condition()
        self.process = subprocess.Popen([*launcher, BINARY, "serve", *arguments], env=clean_environment(env), cwd=self.folder,
                                        pass_fds=pass_fds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._readers = [threading.Thread(target=self._read, args=(self.process.stdout, self.lines), daemon=True),
                         threading.Thread(target=self._read, args=(self.process.stderr, self.errors), daemon=True)]
        for reader in self._readers:
            reader.start()
        try:
            first = self.wait_line(r"listens on", START_TIMEOUT)
        except AssertionError:
            self.process.kill()
            raise
        match = re.search(r"listens on \S*?:(\d+), admin on \S*?:(\d+)", first)
        self.port, self.admin_port = int(match.group(1)), int(match.group(2))

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps({**self.base, **config}, indent=1)
        self.file.write_text(text)

    def _read(self, pipe, into):
        for line in pipe:
            with self._changed:
                into.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    # ---- its log ----

    def wait(self, predicate, what, timeout=20):
        with self._changed:
            if not self._changed.wait_for(lambda: predicate() or self.process.poll() is not None, timeout) or not predicate():
                raise AssertionError(f"weir's log never had {what}; status {self.process.poll()}; it ends with:\n" +
                                     "\n".join([*self.lines[-5:], *self.errors[-40:]]))
            return predicate()

    def wait_line(self, pattern, timeout=20, after=0):
        def find():
            return next((line for line in self.lines[after:] if re.search(pattern, line)), None)
        return self.wait(find, pattern, timeout)

    @property
    def records(self):
        """One per finished request, in the order in which they ended."""
        return [json.loads(line) for line in list(self.lines) if line.startswith('{"request_id"')]

    def wait_records(self, count, timeout=20):
        self.wait(lambda: len(self.records) >= count, f"{count} records", timeout)
        return self.records

    def record_of(self, response_or_id, timeout=20):
        """The record of that answer."""
        wanted = response_or_id if isinstance(response_or_id, str) else response_or_id.header("x-weir-request-id")
        return self.wait(lambda: next((r for r in self.records if r["request_id"] == wanted), None), f"a record of {wanted}", timeout)

    # ---- its admin plane ----

    def metrics(self):
        """{'name{labels}': value}"""
        text = fetch(self.admin_port, "GET", "/metrics").body.decode()
        return {match.group(1): float(match.group(2)) for match in re.finditer(r"^([a-z]\S*(?:\{.*\})?) (\S+)$", text, re.M)}

    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    # ---- its life ----

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None):
        """SIGHUP; returns the log line that says how it went."""
        if config is not None:
            self.write(config)
        before = len(self.lines)
        self.signal(signal.SIGHUP)
        return self.wait_line(r"is in force|the running one stays|restart", after=before)

    def wait_end(self, timeout=30):
        status = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return status

    def stop(self):
        """Ends it, and fails when it had anything to complain about."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
        try:
            status = self.wait_end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait_end()
            status = "had to be killed"
        self.process.stdout.close()
        self.process.stderr.close()
        self._folder.cleanup()
        errors = "\n".join(self.errors)
        if SANITIZER.search(errors) or status != 0:
            raise AssertionError(f"weir ended with status {status}:\n{errors[-6000:]}")
