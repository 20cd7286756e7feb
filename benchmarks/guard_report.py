"""All that is measured of the guard: alone, on a Redis server, in front of an application, and what its signals find."""

import datetime
import json
import subprocess
import time

import environment
import guard_http
import guard_signals
import guard_speed
from harness import say, stolen_share
from report import MET, table


def measure_redis(build):
    program = build / "bin" / "bench_guard_redis"
    if not program.exists():
        return None
    say("guard: redis-server")
    done = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def redis_part(found):
    if not found:
        return "## Shared state\n\nnot available: redis-server is not installed"
    rows = [
        [f"exact, {line['connections']} connections", f"{line['exact']:,.0f}", f"{line['ratio']:.2f} of EVALSHA of an empty script"]
        for line in found
        if line["measurement"] == "exact"
    ]
    exact = {line["connections"]: line["ratio"] for line in found if line["measurement"] == "exact"}
    (lease,) = (line for line in found if line["measurement"] == "lease")
    rows.append(["lease, one thread", f"{lease['lease']:,.0f}", f"{lease['ratio']:.0f} times exact on one connection"])
    goals = [
        ["Redis, exact ÷ EVALSHA of an empty script, one connection", "≥ 0.7", f"{exact[1]:.2f}", exact[1] >= 0.7],
        ["the same, 50 connections", "≥ 0.45", f"{exact[50]:.2f}", exact[50] >= 0.45],
        ["Redis, lease ÷ exact", "≥ 50", f"{lease['ratio']:.0f}", lease["ratio"] >= 50],
    ]
    return (
        "## Shared state\n\nA redis-server on the loopback of the same machine; a raw and an exact measurement take turns.\n\n"
        + table(["", "checks/s", ""], rows)
        + "\n\n"
        + table(["", "goal", "measured", ""], [[*row[:3], MET[row[3]]] for row in goals])
    )


def signals_part(build, quick):
    say("guard: signals")
    first, last = guard_signals.REPORTED_SEEDS
    found = guard_signals.tables(build / "bin" / "bench_guard_signals", first, first if quick else last)
    return f"## Signals\n\n{found}"


def report(build, folder, python, quick):
    begin, ticks = time.time(), stolen_share()
    parts = [
        guard_speed.report(build, python),
        redis_part(measure_redis(build)),
        guard_http.report(build, folder, python, quick),
        signals_part(build, quick),
    ]
    facts = [f"* {name}: {value}" for name, value in environment.machine().items()]
    facts.append(f"* processor time taken by the hypervisor: {100 * stolen_share(ticks):.1f} %")
    facts.append(f"* {datetime.date.today().isoformat()}, {(time.time() - begin) / 60:.0f} minutes")
    return "\n\n".join(["# Guard\n\nWritten by `./dev bench`.\n\n" + "\n".join(facts), *parts]) + "\n"
