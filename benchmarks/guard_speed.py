"""The guard alone: checks a second, beside memory itself and `limits`; the slowest checks; memory; a flood."""

import json
import statistics

import environment
from harness import HERE, Contestant, Rounds, Unavailable, run_within, say
from report import MET, mib, ratio, table

PACKAGES = ["limits"]
JOBS = ["speed", "latency", "memory", "flood", "shared"]
QUICK_JOBS = ["latency", "memory"]
MOST_SECONDS = 300  # of a job
WHAT = {
    "memory": "one line of as much memory after the other (the yardstick)",
    "identify": "identify",
    "check": "check",
    "check_ahead": "check, loaded 16 requests ahead",
    "identify_and_check": "identify, then check at once",
    "two_threads": "check, two threads",
    "two_threads_ahead": "check, loaded ahead, two threads",
}


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


def measure(build, python, quick):
    """{job: what it found}, and {job: why it found nothing}; the peer stands among the jobs."""
    results, absent = {}, {}
    for job in JOBS:
        if quick and job not in QUICK_JOBS:
            absent[job] = "left out to be quick"
            continue
        say(f"guard: {job}")
        try:
            output = run_within(MOST_SECONDS, [build / "bin" / "bench_guard", job])
            read = READ.get(job, lambda lines: lines[0])
            results[job] = read([json.loads(line) for line in output.splitlines()])
        except Unavailable as reason:
            absent[job] = str(reason)
    try:
        say("guard: limits")
        results["limits"] = measure_peer(python)
    except Unavailable as reason:
        absent["limits"] = str(reason)
    return results, absent


def report(build, python, quick):
    return render(*measure(build, python, quick))


class Speed:
    """What the job "speed" has measured."""

    def __init__(self, lines):
        self.operations = lines[0]["operations"]
        self.windows = sorted({line["windows"] for line in lines})
        self.rounds = {
            windows: Rounds({line["what"]: line["seconds"] for line in lines if line["windows"] == windows})
            for windows in self.windows
        }

    def seconds(self, what, windows=1):
        """Of one operation."""
        return self.rounds[windows].median(what) / self.operations

    def ratios(self, what, base):
        return self.rounds[1].ratios(what, base)

    def table(self):
        header = ["10⁶ clients in no order", *(f"M/s, {w} window{'s' * (w > 1)}" for w in self.windows)]
        rows = [
            [name, *(f"{1e-6 / self.seconds(what, w):.1f}" for w in self.windows),
             *(f"{1e9 * self.seconds(what, w):.0f}" for w in self.windows)]
            for what, name in WHAT.items()
        ]
        return table([*header, *(f"ns, {w}" for w in self.windows)], rows)


#: What the lines of a job are read as; the others print one.
READ = {"speed": Speed, "memory": list}


def at_least(bound, value, text):
    return text.format(value), value >= bound


def at_most(bound, value, text):
    return text.format(value), value <= bound


#: What is wanted, the jobs that tell, and a function of what they found: what to print, and whether that is met.
GOALS = [
    ("check, one thread, 10⁶ clients, one window", "≥ 10 M/s", ["speed"],
     lambda speed: at_least(10, 1e-6 / speed.seconds("check"), "{:.1f} M/s")),
    ("the same, loaded 16 requests ahead", "≥ 10 M/s", ["speed"],
     lambda speed: at_least(10, 1e-6 / speed.seconds("check_ahead"), "{:.1f} M/s")),
    ("a check ÷ limits in memory", "≥ 20", ["speed", "limits"],
     lambda speed, limits: at_least(20, limits[0] / speed.seconds("check"), "{:,.0f}")),
    ("two threads ÷ one", "≥ 1.7", ["speed"],
     lambda speed: at_least(1.7, statistics.median(speed.ratios("two_threads", "check")), "{:.2f}")),
    ("a check under load, p99.9", "≤ 5 µs", ["latency"], lambda line: at_most(5, line["p999"], "{:.1f} µs")),
    ("memory for 10⁶ clients, one window", "≤ 132 MiB", ["memory"],
     lambda lines: at_most(132, lines[0]["reserved"] / 2**20, "{:.1f} MiB")),
    ("memory for each further window", "≤ 64 MiB", ["memory"],
     lambda lines: at_most(64, max(b["reserved"] - a["reserved"] for a, b in zip(lines, lines[1:])) / 2**20, "{:.1f} MiB")),
    ("a killed process stalls the others (p99)", "≤ 1 ms", ["shared"],
     lambda line: at_most(1, line["stall"][1] / 1e3, "{:.2f} ms")),
    ("a heavy client after 10⁷ clients with one query each", "over its limit", ["flood"],
     lambda line: ("refused" if line["heavy_refused"] else "admitted", line["heavy_refused"])),
]


def goals(results, absent):
    rows = []
    for what, wanted, jobs, found in GOALS:
        reasons = [f"{job}: {absent[job]}" for job in jobs if job in absent]
        text, met = (reasons[0], None) if reasons else found(*(results[job] for job in jobs))
        rows.append([what, wanted, text, MET[met]])
    return table(["", "goal", "measured", ""], rows)


def speed_text(speed):
    return (
        speed.table() + "\n\nEvery client's counts are a random line of memory, of which there is more than the caches hold; whoever checks a client "
        f"out of the blue waits for it, as the yardstick does. Speed of a check ÷ the yardstick's: {ratio(speed.ratios('check', 'memory'))}. `identify` and "
        "`prefetch` start to load the line; speed of a check 16 requests later ÷ that of one out of the blue: "
        f"{ratio(speed.ratios('check_ahead', 'check'))}."
    )


def latency_text(line):
    return (
        f"A check under load, between two looks at the clock, with another thread checking all the time: p50 {line['p50']:.2f} µs, p99 "
        f"{line['p99']:.2f} µs, p99.9 {line['p999']:.2f} µs, p99.99 {line['p9999']:.2f} µs."
    )


def memory_text(lines):
    rows = [[str(line["windows"]), mib(line["reserved"]), mib(line["resident"]), str(line["evicted"])] for line in lines]
    return table(["windows", "reserved", "resident", "clients that lost their place"], rows)


def flood_text(line):
    return (
        f"A flood of {line['clients']:,} clients with one query each: {line['clients'] / line['seconds'] / 1e6:.2f} M/s identified and checked, "
        f"{line['evicted']:,} clients moved to the sketch."
    )


KILLS = (
    ("from the signal until another process has checked that client", "stall"),
    ("the same of a bare lock around a check in memory that is not shared", "bare_lock"),
    ("a check that finds the process gone and repairs its counts", "repair"),
    ("a check that finds a process gone that did nothing", "no_repair"),
)


def shared_text(line):
    return (
        f"Shared memory: a check takes {line['shared_ns']:.0f} ns beside {line['own_ns']:.0f} ns in the process's own. {line['kills']} processes that did "
        "nothing but check one client are killed for each line, in turns:\n\n"
        + table(
            ["", "p50, µs", "p99, µs", "at most, µs"],
            [[what, *(f"{us:,.0f}" for us in line[key])] for what, key in KILLS],
        )
    )


def limits_text(peer):
    return f"{peer[1]} needs {peer[0] * 1e6:.1f} µs for a hit with a tenth of the clients."


TEXTS = {
    "speed": speed_text,
    "limits": limits_text,
    "latency": latency_text,
    "memory": memory_text,
    "flood": flood_text,
    "shared": shared_text,
}


def render(results, absent):
    texts = [TEXTS[job](results[job]) if job in results else f"{job}: not measured, {absent[job]}" for job in TEXTS]
    return "\n\n".join(["## The guard alone", *texts, goals(results, absent)])
