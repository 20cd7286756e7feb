"""The guard alone: checks a second, beside memory itself and `limits`; the slowest checks; memory; a flood."""

import json
import os
import statistics
import subprocess

import environment
from harness import HERE, Contestant, Unavailable, processors, say
from report import MET, mib, ratio, table

PACKAGES = ["limits"]
WHAT = {
    "memory": "one line of the table's memory after the other (the yardstick)",
    "identify": "identify",
    "check": "check",
    "check_ahead": "check, loaded 16 requests ahead",
    "identify_and_check": "identify, then check at once",
    "two_threads": "check, two threads",
    "two_threads_ahead": "check, loaded ahead, two threads",
}


def run(build, job, one_core=False):
    done = subprocess.run(
        [build / "bin" / "bench_guard", job],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors(one_core)),
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure_peer(python):
    """Seconds of one hit, and the version."""
    missing = environment.install(python, PACKAGES)
    if missing:
        raise Unavailable(missing["limits"])
    worker = Contestant([python, HERE / "peers" / "limits_memory.py"], None).start(one_core=True)
    try:
        return min(worker.run() for _ in range(3)), worker.ask("about")
    finally:
        worker.close()


def measure(build, python):
    results = {}
    for job in ("speed", "latency", "memory", "flood", "shared"):
        say(f"guard: {job}")
        results[job] = run(build, job)
    try:
        say("guard: limits")
        results["peer"], results["peer_version"] = measure_peer(python)
    except Unavailable as reason:
        results["peer"], results["peer_absent"] = None, str(reason)
    return results


def report(build, python):
    return render(measure(build, python))


def per_second(found):
    return [found["operations"] / seconds / 1e6 for seconds in found["seconds"]]


def speed_rows(found):
    windows = sorted({windows for windows, _ in found})
    return [
        [name, *(f"{statistics.median(per_second(found[w, what])):.1f}" for w in windows),
         *(f"{1e3 / statistics.median(per_second(found[w, what])):.0f}" for w in windows)]
        for what, name in WHAT.items()
    ]


def ratios(found, what, base):
    return [b / a for a, b in zip(found[1, what]["seconds"], found[1, base]["seconds"])]


def goals(results, found):
    ahead = statistics.median(per_second(found[1, "check_ahead"]))
    two = statistics.median(ratios(found, "two_threads", "check"))
    (latency,), (flood,), (shared,) = results["latency"], results["flood"], results["shared"]
    memory = [line["reserved"] for line in results["memory"]]
    more = max(b - a for a, b in zip(memory, memory[1:]))
    peer = ahead * 1e6 * results["peer"] if results["peer"] else None
    rows = [
        ["check, one thread, 10⁶ clients, loaded ahead", "≥ 10 M/s", f"{ahead:.1f} M/s", ahead >= 10],
        ["÷ limits in memory", "≥ 20", f"{peer:,.0f}" if peer else "not available", peer and peer >= 20],
        ["two threads ÷ one", "≥ 1.7", f"{two:.2f}", two >= 1.7],
        ["a check under load, p99.9", "≤ 5 µs", f"{latency['p999']:.1f} µs", latency["p999"] <= 5],
        ["memory for 10⁶ clients, one window", "≤ 132 MiB", mib(memory[0]), memory[0] <= 132 * 2**20],
        ["memory for each further window", "≤ 64 MiB", mib(more), more <= 64 * 2**20],
        ["a killed process stalls the others (p99)", "≤ 1 ms", f"{shared['stall_p99'] / 1e3:.2f} ms", shared["stall_p99"] <= 1e3],
        ["a heavy client after 10⁷ clients with one query each", "over its limit",
         "refused" if flood["heavy_refused"] else "admitted", flood["heavy_refused"]],
    ]
    return table(["", "goal", "measured", ""], [[*row[:3], MET[None if row[3] is None else bool(row[3])]] for row in rows])


def render(results):
    found = {(line["windows"], line["what"]): line for line in results["speed"]}
    windows = sorted({windows for windows, _ in found})
    (latency,), (flood,), (shared,) = results["latency"], results["flood"], results["shared"]
    yardstick = ratio(ratios(found, "check", "memory"))
    peer = (
        f"limits {results['peer_version']} needs {results['peer'] * 1e6:.1f} µs for a hit with a tenth of the clients."
        if results["peer"]
        else f"limits: not available, {results['peer_absent']}"
    )
    header = ["10⁶ clients in no order", *(f"M/s, {w} window{'s' * (w > 1)}" for w in windows), *(f"ns, {w}" for w in windows)]
    memory = [
        [str(line["windows"]), mib(line["reserved"]), mib(line["resident"]), str(line["evicted"])] for line in results["memory"]
    ]
    return "\n\n".join([
        "## The guard alone",
        table(header, speed_rows(found)),
        "Every client's counts are a random line of 96 MiB, more than the caches hold. Whoever checks a client out of the blue waits for that line, as "
        f"the yardstick does (speed of a check ÷ the yardstick's: {yardstick}); `identify` and `prefetch` start to load it, so that a check somewhat later "
        f"need not wait. {peer}",
        f"A check under load, between two looks at the clock, with another thread checking all the time: p50 {latency['p50']:.2f} µs, p99 "
        f"{latency['p99']:.2f} µs, p99.9 {latency['p999']:.2f} µs, p99.99 {latency['p9999']:.2f} µs.",
        table(["windows", "reserved", "resident", "clients that lost their place"], memory),
        f"A flood of {flood['clients']:,} clients with one query each: {flood['clients'] / flood['seconds'] / 1e6:.2f} M/s identified and checked, "
        f"{flood['evicted']:,} clients moved to the sketch.",
        f"Shared memory: a check takes {shared['shared_ns']:.0f} ns beside {shared['own_ns']:.0f} ns in the process's own. Of {shared['kills']} processes that "
        "were killed while they did nothing but check one client, the longest check of that client by another process afterwards: p50 "
        f"{shared['stall_p50']:.0f} µs, p99 {shared['stall_p99']:.0f} µs, at most {shared['stall_max']:.0f} µs.",
        goals(results, found),
    ])
