# SPDX-License-Identifier: Apache-2.0
"""Turns the figures of ./dev bench into docs/performance.md: method, machine, tables, and each target met or missed."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

# case, what it is, unit, decimals
ROWS = {
    "CPU, plain HTTP to the provider": [
        ("cpu-2k", "request of 2 KB", "µs", 1),
        ("cpu-60k", "request of 60 KB", "µs", 1),
        ("cpu-5m", "request of 5 MB", "µs", 0),
        ("chunk-paced", "SSE event, 1000 streams at 20 per second", "µs", 2),
        ("chunk-busy", "SSE event, 40 streams at 500 per second", "µs", 2),
        ("rate", "requests of 2 KB per second and core", "/s", 0),
    ],
    "CPU, TLS 1.3 to the provider": [
        ("cpu-2k-tls", "request of 2 KB", "µs", 1),
        ("cpu-60k-tls", "request of 60 KB", "µs", 1),
        ("cpu-5m-tls", "request of 5 MB", "µs", 0),
        ("chunk-paced-tls", "SSE event, 1000 streams at 20 per second", "µs", 2),
        ("chunk-busy-tls", "SSE event, 40 streams at 500 per second", "µs", 2),
        ("rate-tls", "requests of 2 KB per second and core", "/s", 0),
    ],
    "CPU, translated (an Anthropic client on this provider)": [
        ("cpu-2k-translated", "request of 2 KB", "µs", 1),
        ("cpu-60k-translated", "request of 60 KB", "µs", 1),
        ("chunk-paced-translated", "SSE event, 1000 streams at 20 per second", "µs", 2),
        ("chunk-busy-translated", "SSE event, 40 streams at 500 per second", "µs", 2),
        ("rss-1000-translated", "memory, 1000 streams", "MB", 1),
    ],
    "Memory (resident) and start": [
        ("rss-idle", "idle, after one request", "MB", 1),
        ("rss-1000", "1000 streams", "MB", 1),
        ("rss-many", "{many:,} streams", "MB", 1),
        ("rss-1000-tls", "1000 streams, TLS to the provider", "MB", 1),
        ("start", "exec to the first answer", "ms", 1),
    ],
    "Latency at a fixed rate, from the scheduled time": [
        ("p50-500", "p50 at 500 per second", "µs", 0),
        ("p99-500", "p99 at 500 per second", "µs", 0),
        ("p50-1000", "p50 at 1000 per second", "µs", 0),
        ("p99-1000", "p99 at 1000 per second", "µs", 0),
    ],
}

METHOD = """\
Written by `./dev bench`. The figures compare; they are not promises about another machine.

- The proxy runs alone on core 0; the simulated provider (`bench/upstream.c`) and the load generator (`bench/load.c`) share
  core 1. Everything is on loopback.
- CPU is the proxy's own process clock (`clock_getcpuclockid`, nanoseconds), read at the start and the end of the measured part,
  divided by the requests or events that arrived complete at the client in between. Kernel work done in the proxy's name is in it.
- Requests are closed-loop over 32 (2 KB), 16 (60 KB) or 4 (5 MB) kept-alive connections; the answer is 579 bytes. An SSE event
  has about 215 bytes. Every answer must be complete and of the expected length, or the run says so.
- Latency is open-loop: requests leave on a schedule, and time counts from there, not from the moment of sending.
- Every round measures every proxy on fresh processes, in an order that turns. A cell is the median of the rounds, with their
  lowest and highest.
- nginx: one worker, upstream keep-alive, HTTP/1.1, no access log, `proxy_buffering off`, request held in memory. HAProxy: one
  thread, `http-reuse always`, `option http-no-delay`. weir: `workers: 1`, one foreign `openai-chat` provider. The provider's
  certificate is verified by all three. nginx and HAProxy look at no JSON; weir parses each request, each event and each answer,
  counts tokens, and writes one log line per request (to a file). The configurations are in `bench/peers.py`.
"""


def first_line(*command):
    try:
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    except FileNotFoundError:
        return "not there"
    return (result.stdout.strip().splitlines() or [""])[0]


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return (f"{os.cpu_count()} × {cpu.group(1) if cpu else platform.machine()}, {int(memory.group(1)) // 1024 ** 2} GB, {system}, "
            f"Linux {platform.release()}")


def median(figures, case, proxy):
    values = figures.get(case, {}).get(proxy)
    return statistics.median(values) if values else None


def cell(figures, case, proxy, decimals):
    values = figures.get(case, {}).get(proxy)
    if not values:
        return "–"
    return f"{statistics.median(values):,.{decimals}f} ({min(values):,.{decimals}f} to {max(values):,.{decimals}f})"


def tables(options, figures, many):
    for title, rows in ROWS.items():
        latency = title.startswith("Latency")
        names = (["direct"] if latency else []) + options.peers
        yield from ("", f"## {title}", "", "| | unit | " + " | ".join(names) + " |", "| --- | --- |" + " ---: |" * len(names))
        for case, words, unit, decimals in rows:
            yield f"| {words.format(many=many)} | {unit} | " + " | ".join(cell(figures, case, name, decimals) for name in names) + " |"


def ratio_target(figures, case, words, limit, nginx_case=None):
    weir, nginx = median(figures, case, "weir"), median(figures, nginx_case or case, "nginx")
    if weir is None or nginx is None:
        return words, f"≤ {limit:.2f} × nginx", "–", None
    return words, f"≤ {limit:.2f} × nginx", f"{weir / nginx:.2f} ×", weir <= limit * nginx


def value_target(figures, case, words, limit, unit):
    weir = median(figures, case, "weir")
    if weir is None:
        return words, f"≤ {limit} {unit}", "–", None
    return words, f"≤ {limit} {unit}", f"{weir:.1f} {unit}", weir <= limit


def linear_target(figures, suffix, words):
    """From 60 KB to 5 MB there are 83 times the bytes: linear means that the cost grows by no more than that."""
    small, large = median(figures, f"cpu-60k{suffix}", "weir"), median(figures, f"cpu-5m{suffix}", "weir")
    if small is None or large is None:
        return words, "≤ 83 × 60 KB", "–", None
    return words, "≤ 83 × 60 KB", f"{large / small:.0f} ×", large <= 83 * small


def latency_target(figures, case, words):
    """Within nginx's spread: weir's median is no higher than the worst that nginx itself had."""
    weir, nginx = median(figures, case, "weir"), figures.get(case, {}).get("nginx")
    if weir is None or not nginx:
        return words, "within nginx's spread", "–", None
    return words, f"≤ {max(nginx):.0f} µs (nginx's highest)", f"{weir:.0f} µs", weir <= max(nginx)


def targets(figures):
    for suffix, kind in (("", "plain"), ("-tls", "TLS")):
        yield ratio_target(figures, f"cpu-2k{suffix}", f"CPU per request of 2 KB, {kind}", 1.05)
        yield ratio_target(figures, f"chunk-paced{suffix}", f"CPU per SSE event at 1000 streams, {kind}", 1.05)
        yield ratio_target(figures, f"cpu-60k{suffix}", f"CPU per request of 60 KB, {kind}", 1.15)
        yield linear_target(figures, suffix, f"5 MB is linear, {kind}")
    yield ratio_target(figures, "cpu-2k-translated", "CPU per request of 2 KB, translated", 1.5, "cpu-2k")
    yield ratio_target(figures, "chunk-paced-translated", "CPU per SSE event at 1000 streams, translated", 1.3, "chunk-paced")
    yield value_target(figures, "rss-idle", "memory, idle", 6, "MB")
    yield value_target(figures, "rss-1000", "memory, 1000 streams", 12, "MB")
    yield value_target(figures, "rss-many", "memory, 10,000 streams", 80, "MB")
    yield value_target(figures, "start", "exec to first answer", 20, "ms")
    for case, words in (("p50-500", "p50 at 500 per second"), ("p99-500", "p99 at 500 per second"),
                        ("p50-1000", "p50 at 1000 per second"), ("p99-1000", "p99 at 1000 per second")):
        yield latency_target(figures, case, words)


def reasons():
    """Why a target is missed and what would mend it is knowledge, not measurement: it is kept by hand in its own file."""
    file = ROOT / "bench" / "reasons.md"
    return file.read_text().strip() if file.exists() else ""


def write(options, figures, problems, load_before, seconds, many):
    dirty = " with uncommitted changes" if first_line("git", "status", "--porcelain", "--", "src", "bench") else ""
    lines = ["# Performance", "", METHOD,
             f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {first_line('git', 'rev-parse', 'HEAD')}"
             f"{dirty}, {options.rounds} rounds in {seconds / 60:.0f} minutes",
             f"- {machine()}; load average before the run {load_before:.2f}",
             f"- {first_line('nginx', '-v')}; {first_line('haproxy', '-v').split(' 20')[0]}; "
             f"{first_line(str(ROOT / 'build' / 'weir'), 'version')}; {first_line('gcc', '--version')}; {first_line('openssl', 'version')}"]
    lines += tables(options, figures, many)
    lines += ["", "## Targets", "", "| what | target | weir | |", "| --- | --- | ---: | --- |"]
    missed = 0
    for words, target, value, met in targets(figures):
        missed += met is False
        lines.append(f"| {words} | {target} | {value} | {'not measured' if met is None else 'met' if met else '**missed**'} |")
    if many < 10_000:
        lines += ["", f"This machine's limit of open files allows {many:,} streams of the 10,000; the target is taken as it is."]
    if missed and reasons():
        lines += ["", reasons()]
    if problems:
        lines += ["", "## What went wrong in this run", "", *(f"- {problem}" for problem in problems)]
    text = "\n".join(lines) + "\n"
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(text)
    print(text)
    print(f"written to {options.output.relative_to(ROOT)}")
    return 1 if problems else 0
