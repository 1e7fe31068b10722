#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx, HAProxy and weir side by side on one core: CPU, latency, memory, start-up. Called by ./dev bench.

Every round measures every case for every proxy, in an order that turns with the round, on freshly started processes.
bench/peers.py says how they are configured, bench/report.py what is made of the figures.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import peers
import report

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "bench"
PROGRAMS = ROOT / "build" / "release" / "bench"
STREAM_RATE = 20          # events per second of a paced stream
BUSY_STREAMS, BUSY_RATE = 40, 500


def chat_body(model, size, stream):
    """A chat request of about `size` bytes, as an SDK writes it: several turns, so that there is something to parse."""
    turns, text = max(1, min(size // 1500, 40)), "The quick brown fox jumps over the lazy dog. "
    request = {"model": model, "messages": [], "stream": stream, "temperature": 0.2}
    request["messages"] = [{"role": ("user", "assistant")[turn % 2], "content": ""} for turn in range(turns)]
    if turns % 2 == 0:
        request["messages"].append({"role": "user", "content": ""})
    left = size - len(json.dumps(request))
    for message in request["messages"]:
        message["content"] = (text * (left // len(request["messages"]) // len(text) + 1))[:left // len(request["messages"])]
    return json.dumps(request)


def messages_body(body):
    """The same request in Anthropic's dialect, which the simulated provider does not speak."""
    request = json.loads(body)
    turns = [{"role": turn["role"], "content": [{"type": "text", "text": turn["content"]}]} for turn in request["messages"]]
    return json.dumps({"model": request["model"], "max_tokens": 1024, "messages": turns, "stream": request["stream"],
                       "temperature": request["temperature"]})


class Bench:
    def __init__(self, options):
        self.options = options
        self.lock = peers.lock_machine()
        self.many = peers.raise_file_limit()
        self.peers = peers.Peers(FOLDER, ROOT / "build" / "weir", self.many)
        self.figures = {}     # case → proxy → one figure per round
        self.problems = []
        self.scale = 5 if options.quick else 2
        self.bodies = {}
        for name, model, size, stream in (
                ("2k", "answer", 2069, False), ("60k", "answer", 60_000, False), ("5m", "answer", 5_000_000, False),
                ("paced", f"stream-4000-{STREAM_RATE}", 2069, True), ("slow", "stream-4000-1", 2069, True),
                ("busy", f"stream-100000-{BUSY_RATE}", 2069, True)):
            self.bodies[name] = FOLDER / f"{name}.json"
            self.bodies[name].write_text(chat_body(model, size, stream))
        for name in ("2k", "60k", "paced", "busy"):
            self.bodies[f"{name}-translated"] = FOLDER / f"{name}-translated.json"
            self.bodies[f"{name}-translated"].write_text(messages_body(self.bodies[name].read_text()))

    def note(self, case, proxy, value):
        self.figures.setdefault(case, {}).setdefault(proxy, []).append(value)

    def load(self, *arguments):
        command = ["taskset", "-c", str(peers.OTHER_CORE), str(PROGRAMS / "bench-load"), *map(str, arguments)]
        result = subprocess.run(command, stdout=subprocess.PIPE, env=self.peers.environment, text=True, timeout=180)
        if result.returncode != 0:
            raise RuntimeError(f"load {arguments[0]} ended with status {result.returncode}")
        answer = json.loads(result.stdout)
        if answer["errors"]:
            raise RuntimeError(f"load {arguments[0]}: {answer['errors']} errors: {answer['first_error']}")
        return answer

    def attempt(self, case, proxy, measure):
        """A case that fails for one proxy leaves a hole in the table and a sentence below it; it does not end the run."""
        try:
            print(f"   {proxy:8} {case}", flush=True)
            measure()
        except (RuntimeError, ValueError, subprocess.TimeoutExpired, OSError) as trouble:
            self.problems.append(f"{proxy}, {case}: {trouble}")
            print(f"   {proxy:8} {case}: {trouble}", flush=True)

    # ---- what is measured on one process ----

    def requests(self, proxy, process, body, connections, count):
        pid = process.measured_pid()
        answer = self.load("closed", process.port, connections, max(count // self.scale, 20), self.bodies[body], pid)
        return answer["cpu_ns"] / answer["requests"] / 1000, answer["requests"] / answer["elapsed_ns"] * 1e9

    def cpu_cases(self, proxy, process, suffix):
        for body, connections, count in (("2k", 32, 60_000), ("60k", 16, 12_000), ("5m", 4, 150)):
            def measure(body=body, connections=connections, count=count):
                cpu, rate = self.requests(proxy, process, body, connections, count)
                self.note(f"cpu-{body}{suffix}", proxy, cpu)
                if body == "2k":
                    self.note(f"rate{suffix}", proxy, rate)
            self.attempt(f"{body} requests{suffix}", proxy, measure)

        def busy():
            answer = self.load("streams", process.port, BUSY_STREAMS, self.seconds(3), self.bodies["busy"],
                               process.measured_pid())
            self.note(f"chunk-busy{suffix}", proxy, answer["cpu_ns"] / answer["events"] / 1000)
        self.attempt(f"busy streams{suffix}", proxy, busy)

    def translated_cases(self, proxy, process):
        """An Anthropic client on this provider of OpenAI's dialect: only a gateway can do that."""
        pid = process.measured_pid()
        for body, connections, count in (("2k", 32, 60_000), ("60k", 16, 12_000)):
            def measure(body=body, connections=connections, count=count):
                answer = self.load("closed", process.port, connections, max(count // self.scale, 20),
                                   self.bodies[f"{body}-translated"], pid, "/v1/messages")
                self.note(f"cpu-{body}-translated", proxy, answer["cpu_ns"] / answer["requests"] / 1000)
            self.attempt(f"{body} requests, translated", proxy, measure)
        for name, streams in (("busy", BUSY_STREAMS), ("paced", 1000)):
            def chunks(name=name, streams=streams):
                answer = self.load("streams", process.port, streams, self.seconds(3), self.bodies[f"{name}-translated"], pid,
                                   "/v1/messages")
                self.note(f"chunk-{name}-translated", proxy, answer["cpu_ns"] / answer["events"] / 1000)
                if name == "paced":
                    self.note("rss-1000-translated", proxy, answer["rss_kb"] / 1024)
            self.attempt(f"{name} streams, translated", proxy, chunks)

    def seconds(self, full):
        return max(1, full // self.scale)

    def latency_cases(self, proxy, port, pid):
        for rate in (500, 1000):
            def measure(rate=rate):
                answer = self.load("open", port, rate, self.seconds(4), self.bodies["2k"], pid)
                self.note(f"p50-{rate}", proxy, answer["p50_ns"] / 1000)
                self.note(f"p99-{rate}", proxy, answer["p99_ns"] / 1000)
            self.attempt(f"latency at {rate} per second", proxy, measure)

    def paced_streams(self, proxy, process, streams, body, suffix):
        answer = self.load("streams", process.port, streams, self.seconds(4), self.bodies[body], process.measured_pid())
        if body == "paced":
            self.note(f"chunk-paced{suffix}", proxy, answer["cpu_ns"] / answer["events"] / 1000)
        self.note(f"rss-{'1000' if streams == 1000 else 'many'}{suffix}", proxy, answer["rss_kb"] / 1024)

    def start_up(self, proxy):
        command = self.peers.command(proxy, False)
        answer = self.load("start", peers.PORTS[proxy][0], peers.PROXY_CORE, *command)
        self.note("start", proxy, answer["start_ns"] / 1e6)

    # ---- rounds ----

    def measure_plain(self, proxy):
        with self.peers.start(proxy) as process:
            # One request, so that what is set up on first use is counted as idle memory.
            self.load("closed", process.port, 1, 1, self.bodies["2k"], 0)
            status = pathlib.Path(f"/proc/{process.measured_pid()}/status").read_text()
            resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            self.note("rss-idle", proxy, int(resident.split()[1]) / 1024)
            self.attempt("1000 streams", proxy, lambda: self.paced_streams(proxy, process, 1000, "paced", ""))
        with self.peers.start(proxy) as process:
            self.latency_cases(proxy, process.port, process.measured_pid())
            self.cpu_cases(proxy, process, "")
        if proxy == "weir":
            with self.peers.start(proxy) as process:
                self.translated_cases(proxy, process)
        with self.peers.start(proxy) as process:
            self.attempt(f"{self.many} streams", proxy, lambda: self.paced_streams(proxy, process, self.many, "slow", ""))

    def measure_tls(self, proxy):
        with self.peers.start(proxy, True) as process:
            self.attempt("1000 streams, TLS", proxy, lambda: self.paced_streams(proxy, process, 1000, "paced", "-tls"))
        with self.peers.start(proxy, True) as process:
            self.cpu_cases(proxy, process, "-tls")

    def round(self, number):
        print(f"== round {number + 1} of {self.options.rounds}", flush=True)
        with self.peers.start_upstream(PROGRAMS / "bench-upstream") as upstream:
            self.latency_cases("direct", upstream.port, 0)
            names = self.options.peers
            turned = names[number % len(names):] + names[:number % len(names)]
            for proxy in turned:
                self.attempt("start-up", proxy, lambda proxy=proxy: self.start_up(proxy))
                self.attempt("plain", proxy, lambda proxy=proxy: self.measure_plain(proxy))
                self.attempt("TLS", proxy, lambda proxy=proxy: self.measure_tls(proxy))

    def run(self):
        load_before = os.getloadavg()[0]
        started = time.monotonic()
        for number in range(self.options.rounds):
            self.round(number)
        return report.write(self.options, self.figures, self.problems, load_before, time.monotonic() - started, self.many)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round; writes build/bench/performance.md only")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--peers", default="nginx,haproxy,weir", type=lambda names: names.split(","))
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.output = (FOLDER if options.quick else ROOT / "docs") / "performance.md"
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: needs two cores: one for the proxy, one for the load")
    FOLDER.mkdir(parents=True, exist_ok=True)
    return Bench(options).run()


if __name__ == "__main__":
    sys.exit(main())
