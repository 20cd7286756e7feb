"""All that is measured of the guard: alone, on a Redis server, in front of an application, and what its signals find."""

import datetime
import json
import shutil
import time

import environment
import guard_http
import guard_signals
import guard_speed
from harness import Unavailable, run_within, say, stolen_share
from report import MET, table


#: Of bench_guard_redis, which measures for about 20.
MOST_REDIS_SECONDS = 120


def measure_redis(build, quick):
    program = build / "bin" / "bench_guard_redis"
    if not program.exists():
        raise Unavailable("bench_guard_redis was not built (WEIGHTSEAL_BUILD_TESTS)")
    if not shutil.which("redis-server"):
        raise Unavailable("redis-server is not installed")
    say("guard: redis-server")
    output = run_within(MOST_REDIS_SECONDS, [program, *(["0.1"] if quick else [])])
    return [json.loads(line) for line in output.splitlines()]


def redis_part(build, quick):
    try:
        found = measure_redis(build, quick)
    except Unavailable as reason:
        return f"## Shared state\n\nnot available: {reason}"
    rows = [
        [f"exact, connections: {line['connections']}", f"{line['exact']:,.0f}", f"{line['ratio']:.2f} of EVALSHA of an empty script"]
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


def report(build, folder, python, binding, quick):
    begin, ticks = time.time(), stolen_share()
    parts = [
        guard_speed.report(build, python, quick),
        redis_part(build, quick),
        guard_http.report(folder, python, binding, quick),
        signals_part(build, quick),
    ]
    facts = [f"* {name}: {value}" for name, value in environment.machine().items()]
    facts.append(f"* processor time taken by the hypervisor: {100 * stolen_share(ticks):.1f} %")
    facts.append(f"* {datetime.date.today().isoformat()}, {(time.time() - begin) / 60:.0f} minutes")
    return "\n\n".join(["# Guard\n\nWritten by `./dev bench`.\n\n" + "\n".join(facts), *parts]) + "\n"
