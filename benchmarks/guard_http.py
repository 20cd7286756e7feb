"""The middleware under load: uvicorn with and without it, asked by wrk."""

import os
import shutil
import statistics
import subprocess
from pathlib import Path

import environment
from harness import CPUS, HERE, Unavailable, say
from report import MET, ratio, table

PACKAGES = ["uvicorn", "httptools", "uvloop", "fastapi"]
APPLICATIONS = {"asgi": "an ASGI function", "fastapi": "FastAPI"}
CONNECTIONS = 64
ROUNDS = 9
SECONDS = 2

# Latencies of wrk's own report are rounded; those of its script are whole microseconds.
SCRIPT = """\
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer key-7"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"model": "model", "messages": [{"role": "user", "content": "%s"}], "max_tokens": 64, "temperature": 0.7}]]
function done(summary, latency)
    local e = summary.errors
    io.write(string.format("found %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(50),
        e.status + e.connect + e.read + e.write + e.timeout))
end
""" % ("x" * 250)


class Server:
    """A server on one processor; wrk has another, where there is one."""

    def __init__(self, python, binding, application, kind):
        command = [python, HERE / "guard_server.py", application, kind]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **binding},
            preexec_fn=lambda: os.sched_setaffinity(0, CPUS[:1]),
        )
        port = self.process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the server did not start")
        self.url = f"http://127.0.0.1:{port}/v1/chat/completions"

    def ask(self, script, connections):
        """(requests a second, median latency in microseconds)"""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "30s", "-s", script, self.url]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, CPUS[-1:])
        )
        (line,) = (line for line in done.stdout.splitlines() if line.startswith("found "))
        requests, microseconds, median, errors = map(int, line.split()[1:])
        if errors or not requests:
            raise RuntimeError(f"wrk: {requests} requests, {errors} errors")
        return 1e6 * requests / microseconds, median

    def close(self):
        self.process.terminate()
        self.process.wait()


def measure(folder, python, binding, quick):
    """{application: {connections: [((speed, latency) plain, (speed, latency) guarded), ...]}}"""
    missing = [*environment.install(python, PACKAGES).values(), *([] if shutil.which("wrk") else ["wrk is not installed"])]
    if missing:
        raise Unavailable(missing[0])
    script = Path(folder) / "wrk.lua"
    script.write_text(SCRIPT)
    results = {}
    for application, name in APPLICATIONS.items():
        servers = []
        try:
            servers += [Server(python, binding, application, kind) for kind in ("plain", "guarded")]
            results[name] = {}
            for connections in (1, CONNECTIONS):
                say(f"guard: {name}, {connections} connections")
                for server in servers:
                    server.ask(script, connections)  # warm
                results[name][connections] = [
                    tuple(server.ask(script, connections) for server in servers) for _ in range(2 if quick else ROUNDS)
                ]
        finally:
            for server in servers:
                server.close()
    return results


def report(folder, python, binding, quick):
    """The tables, or why there are none."""
    try:
        return render(measure(folder, python, binding, quick))
    except Unavailable as reason:
        return f"## The middleware\n\nnot available: {reason}"


def render(results):
    rows = []
    for name, found in results.items():
        one, many = found[1], found[CONNECTIONS]
        added = [guarded[1] - plain[1] for plain, guarded in one]
        rows.append(
            [
                name,
                f"{statistics.median(plain[1] for plain, _ in one):.0f}",
                f"{statistics.median(guarded[1] for _, guarded in one):.0f}",
                f"{statistics.median(added):.0f} ({min(added)}–{max(added)})",
                f"{statistics.median(plain[0] for plain, _ in many):,.0f}",
                ratio([guarded[0] / plain[0] for plain, guarded in many]),
            ]
        )
    header = [
        "uvicorn and",
        "µs, p50, one connection",
        "with the middleware",
        "added",
        f"requests/s, {CONNECTIONS} connections",
        "with the middleware ÷ without",
    ]
    worst = max(statistics.median(g[1] - p[1] for p, g in found[1]) for found in results.values())
    goals = [["ASGI middleware: added latency, p50, one connection", "≤ 100 µs", f"{worst:.0f} µs", MET[worst <= 100]]]
    return (
        "## The middleware\n\nwrk posts a chat completion of 350 bytes; the server has one processor and wrk another. With and without the "
        f"middleware take turns, {len(next(iter(results.values()))[1])} rounds of {SECONDS} seconds; each column is the median, in brackets the range.\n\n"
        + table(header, rows)
        + "\n\n"
        + table(["", "goal", "measured", ""], goals)
    )
