# SPDX-License-Identifier: Apache-2.0
"""The proxies that ./dev bench compares, their configurations, and the processes it starts: always its own, never by name.

The features are the same for all, as far as each has them: one worker, keep-alive on both sides, HTTP/1.1, no access log,
unlimited keep-alive requests, no buffering of answers, TLS 1.3 to the provider with its certificate verified. nginx and weir
hold the whole request before they send it (both can then try another server); nginx gets a buffer that is large enough to
do so in memory. HAProxy passes it on as it comes.
"""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

PROXY_CORE = 0
OTHER_CORE = 1
UPSTREAM_PORT, UPSTREAM_TLS_PORT = 18080, 18443
# Ports of each proxy: plain and TLS to the provider.
PORTS = {"nginx": (18101, 18201), "haproxy": (18102, 18202), "weir": (18103, 18203)}
ADMIN_PORTS = (18303, 18403)
FILES_WANTED = 65536
SPARE_FILES = 128         # besides the two connections of each stream
MOST_STREAMS = 10_000

NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	client_max_body_size 64m;
	client_body_buffer_size 8m;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	upstream provider {{
		server 127.0.0.1:{upstream};
		keepalive 1024;
		keepalive_requests 1000000000;
		keepalive_timeout 600s;
	}}
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location = /healthz {{ return 200 "ok"; }}
		location / {{
			proxy_pass {scheme}://provider;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_read_timeout 600s;
			proxy_ssl_protocols TLSv1.3;
			proxy_ssl_session_reuse on;
			proxy_ssl_verify on;
			proxy_ssl_trusted_certificate {certificate};
			proxy_ssl_name localhost;
		}}
	}}
}}
"""

HAPROXY = """
global
	nbthread 1
	maxconn {streams}
	cpu-map 1 {core}
defaults
	mode http
	timeout connect 5s
	timeout client 600s
	timeout server 600s
	timeout http-keep-alive 600s
	option http-no-delay
	http-reuse always
frontend client
	bind 127.0.0.1:{port} backlog 4096
	http-request return status 200 content-type text/plain string ok if {{ path /healthz }}
	default_backend provider
backend provider
	server provider 127.0.0.1:{upstream} {tls}
"""

WEIR = """
listen: 127.0.0.1:{port}
admin: {{ listen: 127.0.0.1:{admin} }}
workers: 1
store: sqlite:{store}
providers:
  bench:
    dialect: openai-chat
    base_url: {scheme}://localhost:{upstream}/v1
    keys: [sk-upstream-0123456789abcdef0123456789abcdef]
"""


def raise_file_limit():
    """10,000 streams are 20,000 connections for a proxy. Returns how many streams this machine allows, up to that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in ((FILES_WANTED, max(hard, FILES_WANTED)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
            soft = wanted[0]
            break
        except (ValueError, OSError):
            continue
    return min(MOST_STREAMS, (soft - SPARE_FILES) // 2)


def lock_machine():
    """One bench at a time: two would measure each other. The lock goes with the process; it is a name, not a file."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind("\0weir-bench")
    except OSError:
        raise SystemExit("bench: another one is running on this machine") from None
    return lock


def clean_environment(certificate):
    """No proxy between us and the provider; the provider's certificate is the only one that is trusted."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["SSL_CERT_FILE"] = str(certificate)
    return environment


def make_certificate(folder):
    certificate, key = folder / "provider.pem", folder / "provider.key"
    if not certificate.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
    return certificate, key


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_port(port, process, name):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with status {process.returncode}")
        if is_listening(port):
            return
        time.sleep(0.01)
    raise RuntimeError(f"{name} does not listen on port {port}")


class Process:
    """One started program, pinned to a core, ended by its own id."""

    def __init__(self, name, command, core, port, environment, log):
        self.name, self.port = name, port
        if is_listening(port):
            raise RuntimeError(f"port {port} is taken: is another bench running?")
        with open(log, "ab") as output:
            self.process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_for_port(port, self.process, name)

    def measured_pid(self):
        """The process that does the work: nginx's is its master's only child."""
        if self.name != "nginx":
            return self.process.pid
        file = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + 10
        while not (children := file.read_text().split()):  # the port is open before the child is there
            if time.monotonic() > deadline:
                raise RuntimeError("nginx has no worker")
            time.sleep(0.01)
        return int(children[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Peers:
    """Knows how to start each proxy; everything it writes is in one folder below build/."""

    def __init__(self, folder, weir, streams):
        self.folder, self.weir, self.streams = folder, weir, streams
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = make_certificate(folder)
        self.environment = clean_environment(self.certificate)

    def command(self, name, tls):
        port = PORTS[name][tls]
        upstream = UPSTREAM_TLS_PORT if tls else UPSTREAM_PORT
        scheme = "https" if tls else "http"
        own = self.folder / f"{name}-{'tls' if tls else 'plain'}"
        own.mkdir(exist_ok=True)
        if name == "nginx":
            file = own / "nginx.conf"
            # nginx starts to close idle connections when fewer than a sixteenth of its slots are free.
            slots = (2 * self.streams + SPARE_FILES) * 16 // 15 + SPARE_FILES
            file.write_text(NGINX.format(files=2 * self.streams + SPARE_FILES, connections=slots, port=port,
                                         upstream=upstream, scheme=scheme, certificate=self.certificate, folder=own))
            return ["nginx", "-e", "stderr", "-c", file]
        if name == "haproxy":
            file = own / "haproxy.cfg"
            verify = f"ssl verify required ca-file {self.certificate} sni str(localhost) ssl-min-ver TLSv1.3" if tls else ""
            file.write_text(HAPROXY.format(streams=self.streams, core=PROXY_CORE, port=port, upstream=upstream, tls=verify))
            return ["haproxy", "-db", "-f", file]
        file = own / "weir.yaml"
        file.write_text(WEIR.format(port=port, admin=ADMIN_PORTS[tls], upstream=upstream, scheme=scheme, store=own / "weir.db"))
        return [self.weir, "serve", "-c", file]

    def start(self, name, tls=False):
        return Process(name, self.command(name, tls), PROXY_CORE, PORTS[name][tls], self.environment,
                       self.folder / f"{name}.log")

    def start_upstream(self, program):
        return Process("upstream", [program, UPSTREAM_PORT, UPSTREAM_TLS_PORT, self.certificate, self.key], OTHER_CORE,
                       UPSTREAM_PORT, self.environment, self.folder / "upstream.log")
